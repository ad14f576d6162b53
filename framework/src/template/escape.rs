//! HTML escaping with Django's entities (Django 5.2 `utils/html.py` `escape`, which is Python's `html.escape`).

use std::io::{Result, Write};

/// The text with `&`, `<`, `>`, `"` and `'` as entities.
///
/// ```
/// assert_eq!(nuages::template::escape::escape("<b>'"), "&lt;b&gt;&#x27;");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            other => out.push(other),
        }
    }
    out
}

/// Writes the text with `&`, `<`, `>`, `"` and `'` as entities.
pub(super) fn escape_html(text: &str, out: &mut dyn Write) -> Result<()> {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let entity: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            b'\'' => b"&#x27;",
            _ => continue,
        };
        out.write_all(&bytes[written..at])?;
        out.write_all(entity)?;
        written = at + 1;
    }
    out.write_all(&bytes[written..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_pythons_html_escape() {
        let check = |text: &str, expected: &str| {
            let mut out = Vec::new();
            escape_html(text, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        };
        check("", "");
        check("plain ä€𝄞", "plain ä€𝄞");
        check(r#"<a href="x">&'</a>"#, "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;&lt;/a&gt;");
        check("&amp;", "&amp;amp;");
    }
}
