//! The path of a request line as text.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::http::quote::unquote_to_bytes;

/// Unescapes a path once; bytes that are not UTF-8 stay escapes, in upper case (Django 5.2 `utils/encoding.py`,
/// `repercent_broken_unicode`).
#[must_use]
pub fn decode_path(raw: &str) -> Cow<'_, str> {
    match unquote_to_bytes(raw.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(raw),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(path) => path,
            Err(broken) => repercent(broken.as_bytes()),
        }),
    }
}

fn repercent(bytes: &[u8]) -> String {
    let mut path = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        path.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing into a String cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::uri::escape_uri_path;
    use crate::http::vectors;

    #[test]
    fn paths_are_read_as_django_reads_them() {
        for case in vectors::load("paths") {
            // What is beyond ASCII comes unescaped in some: as latin-1 text of bytes, which is no UTF-8 to us.
            let Ok(raw) = String::from_utf8(vectors::bytes(&case["bytes"])) else { continue };
            let path = decode_path(&raw);
            assert_eq!(path, case["path_info"].as_str().unwrap(), "{case}");
            assert_eq!(escape_uri_path(&path), case["full_path"].as_str().unwrap(), "{case}");
        }
    }
}
