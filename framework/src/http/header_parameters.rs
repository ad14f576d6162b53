//! Headers of the form `value; name=value`, as Python's `email` package reads them.

use indexmap::IndexMap;

use crate::http::charset::Charset;
use crate::http::quote::unquote_to_bytes;

/// A header's value and its parameters, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderParameters {
    /// What stands before the first `;`, in lower case.
    pub value: String,
    /// The parameters, their names in lower case; the last of equal names wins.
    pub parameters: IndexMap<String, String>,
}

/// A parameter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderParametersError {
    /// An RFC 2231 value in a charset that is unknown.
    #[error("parameter {name:?} is in the unknown charset {charset:?}")]
    Charset {
        /// The parameter.
        name: String,
        /// The charset that it names.
        charset: String,
    },
    /// Some pieces of an RFC 2231 value have numbers, and others none.
    #[error("parameter {0:?} comes in pieces with and without numbers")]
    Pieces(String),
}

impl HeaderParameters {
    /// Reads a header, in linear time (Django 5.2 `utils/http.py`, Python 3.11 `email.message` and `email.utils`).
    ///
    /// ```
    /// use nuages::http::header_parameters::HeaderParameters;
    ///
    /// let header = HeaderParameters::parse("Text/HTML; Charset=\"utf-8\"; name*=utf-8''caf%C3%A9")?;
    /// assert_eq!(header.value, "text/html");
    /// assert_eq!(header.parameters["charset"], "utf-8");
    /// assert_eq!(header.parameters["name"], "café");
    /// # Ok::<(), nuages::http::header_parameters::HeaderParametersError>(())
    /// ```
    ///
    /// # Errors
    /// [`HeaderParametersError`].
    pub fn parse(line: &str) -> Result<Self, HeaderParametersError> {
        if !line.contains(';') {
            return Ok(Self { value: line.trim().to_lowercase(), parameters: IndexMap::new() });
        }
        let mut pieces = split(line).into_iter();
        let value = pieces.next().map(|(name, _)| name.to_lowercase()).unwrap_or_default();
        let mut parameters = IndexMap::new();
        // RFC 2231: the pieces of each extended parameter.
        let mut extended: IndexMap<String, Vec<Piece>> = IndexMap::new();
        for (name, value) in pieces {
            let value = unquote(&value);
            match continuation(&name) {
                Some((base, number)) => {
                    let piece = Piece { number, value, encoded: name.ends_with('*') };
                    extended.entry(base.to_owned()).or_default().push(piece);
                }
                None if name.is_empty() => {}
                None => {
                    parameters.insert(name, value);
                }
            }
        }
        for (name, pieces) in extended {
            let value = join(&name, pieces)?;
            parameters.insert(name, value);
        }
        Ok(Self { value, parameters })
    }
}

struct Piece {
    number: Option<String>,
    value: String,
    encoded: bool,
}

/// Splits at every `;` that is not within quotes; names in lower case, both sides without the space around them.
fn split(line: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut before = 0;
    let bytes = line.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' if before != b'\\' => quoted = !quoted,
            b';' if !quoted || at == start => {
                out.push(pair(&line[start..at]));
                start = at + 1;
                quoted = false;
            }
            _ => {}
        }
        before = byte;
    }
    // Quotes that never close: the rest is one piece, as it is.
    out.push(pair(&line[start..]));
    out
}

fn pair(piece: &str) -> (String, String) {
    match piece.split_once('=') {
        Some((name, value)) => (name.trim().to_lowercase(), value.trim().to_owned()),
        None => (piece.trim().to_owned(), String::new()),
    }
}

/// Python's `email.utils.unquote`.
fn unquote(value: &str) -> String {
    if value.len() > 1 {
        if let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            return inner.replace("\\\\", "\\").replace("\\\"", "\"");
        }
        if let Some(inner) = value.strip_prefix('<').and_then(|value| value.strip_suffix('>')) {
            return inner.to_owned();
        }
    }
    value.to_owned()
}

fn quote(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// `name*`, `name*1` or `name*1*`: the name and the number.
fn continuation(name: &str) -> Option<(&str, Option<String>)> {
    let (base, rest) = name.split_once('*')?;
    if base.is_empty() || !base.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    if rest.is_empty() {
        return Some((base, None));
    }
    let digits = rest.strip_suffix('*').unwrap_or(rest);
    let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    number.then(|| (base, Some(digits.trim_start_matches('0').to_owned())))
}

fn join(name: &str, mut pieces: Vec<Piece>) -> Result<String, HeaderParametersError> {
    if pieces.iter().any(|piece| piece.number.is_some() != pieces[0].number.is_some()) {
        return Err(HeaderParametersError::Pieces(name.to_owned()));
    }
    // Numbers of any length, without their leading zeros: the longer is the larger. Python compares whole tuples.
    pieces.sort_by(|a, b| {
        let key = |piece: &Piece| piece.number.as_ref().map_or(0, String::len);
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.number, &a.value, a.encoded).cmp(&(&b.number, &b.value, b.encoded)))
    });
    let is_extended = pieces.iter().any(|piece| piece.encoded);
    let mut value = String::new();
    for piece in &pieces {
        if piece.encoded {
            push_latin1_unquoted(&mut value, &piece.value);
        } else {
            value.push_str(&piece.value);
        }
    }
    if !is_extended {
        return Ok(value);
    }
    let quoted = quote(&value);
    let mut parts = quoted.splitn(3, '\'');
    let (charset, text) = match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(_), Some(text)) => (Some(charset), text),
        _ => (None, quoted.as_str()),
    };
    let text = unquote(&format!("\"{text}\""));
    let charset = match charset {
        None => Charset::Ascii,
        // An empty charset is none that Python knows, and the text is taken as it is.
        Some("") => return Ok(unquote(&text)),
        Some(charset) => Charset::lookup(charset).ok_or_else(|| HeaderParametersError::Charset {
            name: name.to_owned(),
            charset: charset.to_owned(),
        })?,
    };
    Ok(charset.decode_lossy(&raw_unicode_escape(&text)).into_owned())
}

/// Unescapes, each byte as the code point of its number.
fn push_latin1_unquoted(out: &mut String, text: &str) {
    for run in text.split_inclusive(|c: char| !c.is_ascii()) {
        let end =
            run.char_indices().next_back().filter(|(_, c)| !c.is_ascii()).map_or(run.len(), |(at, _)| at);
        out.extend(unquote_to_bytes(&run.as_bytes()[..end]).iter().copied().map(char::from));
        out.push_str(&run[end..]);
    }
}

/// Python's codec of that name: bytes up to U+00FF, `\uXXXX` beyond.
fn raw_unicode_escape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(c) {
            Ok(byte) => out.push(byte),
            Err(_) if u32::from(c) < 0x10000 => out.extend(format!("\\u{:04x}", u32::from(c)).bytes()),
            Err(_) => out.extend(format!("\\U{:08x}", u32::from(c)).bytes()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::vectors;

    #[test]
    fn headers_are_read_as_python_reads_them() {
        for case in vectors::load("header_parameters") {
            match HeaderParameters::parse(case["in"].as_str().unwrap()) {
                Ok(read) => {
                    let parameters: Value =
                        read.parameters.iter().map(|(name, value)| json!([name, value])).collect();
                    assert_eq!(
                        (json!(read.value), &parameters),
                        (case["value"].clone(), &case["params"]),
                        "{case}"
                    );
                }
                Err(_) => assert_eq!(case["error"], "ValueError", "{case}"),
            }
        }
        for case in vectors::of("headers", "parse_header_parameters") {
            match HeaderParameters::parse(case["in"].as_str().unwrap()) {
                Ok(read) => {
                    let parameters: std::collections::BTreeMap<_, _> = read.parameters.into_iter().collect();
                    let both = json!({"$tuple": [read.value, parameters]});
                    assert_eq!(both, case["out"], "{case}");
                }
                Err(_) => assert_eq!(case["out"]["error"], "ValueError", "{case}"),
            }
        }
    }

    #[test]
    fn many_parameters_take_linear_time() {
        let start = Instant::now();
        for evil in [
            ";".repeat(200_000),
            "a;\"".repeat(200_000),
            ";a*1=x".repeat(100_000),
            format!("a;{}", "\"".repeat(200_000)),
        ] {
            let _ = HeaderParameters::parse(&evil);
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "[a-c;=\"'*%0-9\\\\<> é€]{0,40}") {
            let _ = HeaderParameters::parse(&header);
        }
    }
}
