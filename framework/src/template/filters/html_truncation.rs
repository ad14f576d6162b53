//! `truncatechars_html`, `truncatewords_html`: what is cut off loses no closing tag (Django 5.2 `utils/text.py`).

use tera::{TeraResult, Value};
use unicode_normalization::UnicodeNormalization;

use super::entities::unescape;
use super::tokens::{Token, tokens};
use super::{Call, python};
use crate::template::escape::escape;

pub(super) fn truncatechars_html(call: &Call<'_>) -> TeraResult<Value> {
    truncate(call, |length, text| {
        let text: String = text.nfc().collect();
        // One place is the ellipsis's.
        Truncation { unit: Unit::Characters { length, seen: 0 }, left: length - 1, replacement: "…" }
            .run(&text)
    })
}

pub(super) fn truncatewords_html(call: &Call<'_>) -> TeraResult<Value> {
    truncate(call, |length, text| Truncation { unit: Unit::Words, left: length, replacement: " …" }.run(text))
}

fn truncate(call: &Call<'_>, run: impl FnOnce(usize, &str) -> String) -> TeraResult<Value> {
    let Ok(length) = python::int(call.arg()?) else { return Ok(call.value.clone()) };
    match usize::try_from(length) {
        Ok(0) | Err(_) => Ok("".into()),
        Ok(length) => Ok(run(length, call.text()).into()),
    }
}

enum Unit {
    Characters { length: usize, seen: usize },
    Words,
}

struct Truncation {
    unit: Unit,
    left: usize,
    replacement: &'static str,
}

/// Elements that have no end.
const VOID: [&str; 16] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr", "frame", "spacer",
];

impl Truncation {
    fn run(mut self, text: &str) -> String {
        let mut out = String::new();
        let mut open: Vec<String> = Vec::new();
        let whole = text.chars().count();
        for token in tokens(text, false) {
            match token {
                Token::Text(text) if self.push_text(text, whole, &mut out) => {}
                Token::Text(_) => {
                    open.iter().rev().for_each(|name| out.push_str(&format!("</{name}>")));
                    return out;
                }
                Token::Start { name, source, ends_itself } => {
                    out.push_str(source);
                    let name = name.to_ascii_lowercase();
                    match (VOID.contains(&name.as_str()), ends_itself) {
                        (true, _) => {}
                        (false, true) => out.push_str(&format!("</{name}>")),
                        (false, false) => open.push(name),
                    }
                }
                Token::End(name) => {
                    let name = name.to_ascii_lowercase();
                    if !VOID.contains(&name.as_str()) {
                        out.push_str(&format!("</{name}>"));
                        open.pop_if(|last| *last == name);
                    }
                }
                Token::Other => {}
            }
        }
        out
    }

    /// Adds text; `false` when that was all there is place for.
    fn push_text(&mut self, text: &str, whole: usize, out: &mut String) -> bool {
        let text = unescape(text);
        let (count, shown) = match &mut self.unit {
            Unit::Characters { length, seen } => {
                let count = text.chars().count();
                *seen += count;
                if *seen == *length && out.chars().count() + count == whole {
                    out.push_str(&text);
                    return false;
                }
                (count, text.chars().take(self.left).collect::<String>())
            }
            Unit::Words => {
                let words = split_words(&text);
                (words.len(), words.iter().take(self.left).copied().collect::<Vec<_>>().join(" "))
            }
        };
        out.push_str(&escape(&shown));
        if self.left < count {
            self.left = 0;
            if !shown.ends_with(self.replacement) {
                out.push_str(self.replacement);
            }
            return false;
        }
        self.left -= count;
        true
    }
}

/// Split at spaces that have something on both sides.
fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let start = text.len() - text.trim_start_matches(python::is_space).len();
    let end = text.trim_end_matches(python::is_space).len();
    let (mut begun, mut at) = (0, start);
    while at < end {
        let Some(space) = text[at..end].find(python::is_space) else { break };
        words.push(&text[begun..at + space]);
        let rest = &text[at + space..];
        begun = at + space + (rest.len() - rest.trim_start_matches(python::is_space).len());
        at = begun;
    }
    words.push(&text[begun..]);
    words
}
