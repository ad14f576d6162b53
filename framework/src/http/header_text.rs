//! A request's header as one text.

use std::borrow::Cow;

use http::HeaderMap;

use crate::http::charset::latin1;

/// The header of that name as Django has it: a character for each byte, several lines joined with `,`; `None` when there is
/// none. The name is in lower case.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).iter();
    let first = latin1(lines.next()?.as_bytes());
    let mut whole = first;
    for line in lines {
        let text = whole.to_mut();
        text.push(',');
        text.push_str(&latin1(line.as_bytes()));
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn bytes_are_characters_and_lines_are_joined() {
        let mut headers = HeaderMap::new();
        assert_eq!(header_text(&headers, "origin"), None);
        headers.append("origin", HeaderValue::from_bytes(b"\xe9").unwrap());
        assert_eq!(header_text(&headers, "origin").as_deref(), Some("é"));
        headers.append("origin", HeaderValue::from_static("b"));
        assert_eq!(header_text(&headers, "origin").as_deref(), Some("é,b"));
    }
}
