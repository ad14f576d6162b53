//! Character references (`&eacute;`, `&#233;`) as the characters they stand for (Python's `html.unescape`).

use std::borrow::Cow;

/// The text with every reference replaced.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    html_escape::decode_html_entities(text)
}
