//! `Content-Disposition`: what a browser is to do with a response, and under which name (RFC 6266).

use crate::http::quote::{Safe, quote};

/// The header's value, or `None` where there is nothing to say (Django 5.2 `utils/http.py`,
/// `content_disposition_header`).
///
/// ```
/// use nuages::http::content_disposition::content_disposition;
///
/// assert_eq!(content_disposition(true, "tune.mp3").unwrap(), "attachment; filename=\"tune.mp3\"");
/// assert_eq!(content_disposition(false, "été.txt").unwrap(), "inline; filename*=utf-8''%C3%A9t%C3%A9.txt");
/// assert_eq!(content_disposition(false, ""), None);
/// ```
#[must_use]
pub fn content_disposition(as_attachment: bool, filename: &str) -> Option<String> {
    if filename.is_empty() {
        return as_attachment.then(|| "attachment".to_owned());
    }
    let disposition = if as_attachment { "attachment" } else { "inline" };
    if filename.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        let escaped = filename.replace('\\', "\\\\").replace('"', "\\\"");
        return Some(format!("{disposition}; filename=\"{escaped}\""));
    }
    Some(format!("{disposition}; filename*=utf-8''{}", quote(filename, Safe::PATH)))
}

#[cfg(test)]
mod tests {
    use super::content_disposition;

    /// Against Django's own answers.
    #[test]
    fn headers_are_djangos() {
        let path = format!("{}/../tests/vectors/content_dispositions.json", env!("CARGO_MANIFEST_DIR"));
        let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let attached = case["as_attachment"].as_bool().unwrap();
            let name = case["filename"].as_str().unwrap_or_default();
            assert_eq!(content_disposition(attached, name).as_deref(), case["out"].as_str(), "{case}");
        }
    }
}
