//! HTML taken apart into tags and text, as Python's `html.parser` does it.

/// A piece of HTML, each with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// What is between tags.
    Text(&'a str),
    /// `<p class="x">`, with its name; `<br/>` when it ends itself.
    Start { name: &'a str, source: &'a str, ends_itself: bool },
    /// `</p>`: its name.
    End(&'a str),
    /// A comment, a declaration, a processing instruction.
    Other,
}

/// The tokens of the text. What is begun and not ended at the end of the text is text if `whole`, and left out otherwise (the
/// parser would wait for more).
pub(super) fn tokens(text: &str, whole: bool) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    // Where the text that is not in `found` yet begins.
    let mut begun = 0;
    // Within `<script>` and `<style>` only their end is markup.
    let mut raw: Option<&str> = None;
    let mut ends = Ends::of(text);
    while let Some(offset) = text[at..].find('<') {
        at += offset;
        let rest = &text[at..];
        let token = match raw {
            Some(name) if !ends_raw(rest, name) => None,
            _ => ends.markup(text, at),
        };
        let Some((token, length)) = token else {
            let is_cut = raw.is_none() && (is_markup(rest) || rest.len() == 1);
            if is_cut && !whole {
                push_text(text, begun, at, &mut found);
                return found;
            }
            if is_cut {
                // Up to the next tag that may be one.
                at += 1 + rest[1..].find('<').unwrap_or(rest.len() - 1);
            } else if raw.is_none() {
                // A `<` that begins nothing is a text of its own.
                push_text(text, begun, at, &mut found);
                push_text(text, at, at + 1, &mut found);
                at += 1;
                begun = at;
            } else {
                at += 1;
            }
            continue;
        };
        push_text(text, begun, at, &mut found);
        match token {
            Token::Start { name, ends_itself: false, .. } if is_raw(name) => raw = Some(name),
            Token::End(_) => raw = None,
            _ => {}
        }
        found.push(token);
        at += length;
        begun = at;
    }
    push_text(text, begun, text.len(), &mut found);
    found
}

fn push_text<'a>(text: &'a str, from: usize, to: usize, found: &mut Vec<Token<'a>>) {
    if from < to {
        found.push(Token::Text(&text[from..to]));
    }
}

fn is_raw(name: &str) -> bool {
    name.eq_ignore_ascii_case("script") || name.eq_ignore_ascii_case("style")
}

fn ends_raw(rest: &str, name: &str) -> bool {
    rest.strip_prefix("</")
        .is_some_and(|rest| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)))
}

/// Whether a `<` begins markup, ended or not.
fn is_markup(rest: &str) -> bool {
    let mut next = rest.chars().skip(1);
    match next.next() {
        Some('/') => next.next().is_some_and(|c| c.is_ascii_alphabetic()),
        Some('!' | '?') => true,
        Some(c) => c.is_ascii_alphabetic(),
        None => false,
    }
}

/// Where markup can end at all. Without it each `<` that nothing ends would be followed to the end of the text, which takes
/// quadratic time (Django's CVE-2025-32873).
struct Ends {
    /// The last `>`.
    last: Option<usize>,
    /// The last `-->`.
    last_comment: Option<usize>,
    /// From which bytes on a tag ends, in which state of [`TagState`]: worked out once the first tag is found that does not.
    tags: Option<Vec<u8>>,
}

impl Ends {
    fn of(text: &str) -> Self {
        Self { last: text.rfind('>'), last_comment: text.rfind("-->"), tags: None }
    }

    /// The markup that begins there, as [`markup`].
    fn markup<'a>(&mut self, text: &'a str, at: usize) -> Option<(Token<'a>, usize)> {
        let rest = &text[at..];
        let last = if rest.starts_with("<!--") { self.last_comment } else { self.last };
        if last.is_none_or(|last| last < at) {
            return None;
        }
        let is_tag = rest.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
        if is_tag && self.tags.as_ref().is_some_and(|ends| ends[at] & TagState::Name.bit() == 0) {
            return None;
        }
        let found = markup(rest);
        if is_tag && found.is_none() && self.tags.is_none() {
            self.tags = Some(tag_ends(text));
        }
        found
    }
}

/// The markup that the text begins with, and its length; `None` when it is none, or does not end.
fn markup(rest: &str) -> Option<(Token<'_>, usize)> {
    let second = *rest.as_bytes().get(1)?;
    match second {
        b'!' if rest.starts_with("<!--") => rest[4..].find("-->").map(|end| (Token::Other, 4 + end + 3)),
        b'!' | b'?' => rest.find('>').map(|end| (Token::Other, end + 1)),
        b'/' => {
            if !rest.as_bytes().get(2)?.is_ascii_alphabetic() {
                // `</>` is nothing, `</ x>` a comment.
                return rest.find('>').map(|end| (Token::Other, end + 1));
            }
            let end = rest.find('>')?;
            let name = &rest[2..end];
            let length = name.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(name.len());
            Some((Token::End(&name[..length]), end + 1))
        }
        letter if letter.is_ascii_alphabetic() => {
            let end = tag_end(rest)?;
            let source = &rest[..end];
            let inner = &rest[1..end - 1];
            let length = inner.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(inner.len());
            let ends_itself = inner.ends_with('/');
            Some((Token::Start { name: &inner[..length], source, ends_itself }, end))
        }
        _ => None,
    }
}

/// Where a tag ends: at the first `>` that is in no quotes of an attribute's value.
fn tag_end(rest: &str) -> Option<usize> {
    let mut state = TagState::Name;
    for (at, byte) in rest.bytes().enumerate() {
        match state.after(byte) {
            Some(next) => state = next,
            None => return Some(at + 1),
        }
    }
    None
}

/// What a byte within a tag belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagState {
    Name,
    /// Behind a `=`, where a quote opens a value.
    ValueBegins,
    /// In `"`.
    Double,
    /// In `'`.
    Single,
}

impl TagState {
    const ALL: [Self; 4] = [Self::Name, Self::ValueBegins, Self::Double, Self::Single];

    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The state behind that byte; `None` when it ends the tag.
    const fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Double, b'"') | (Self::Single, b'\'') => Self::ValueBegins,
            (Self::Double | Self::Single, _) => self,
            (_, b'>') => return None,
            (_, b'=') => Self::ValueBegins,
            (Self::ValueBegins, b'"') => Self::Double,
            (Self::ValueBegins, b'\'') => Self::Single,
            (_, byte) if byte.is_ascii_whitespace() => self,
            _ => Self::Name,
        })
    }
}

/// For each byte of the text the states in which a tag that goes on there ends, in one pass from the end.
fn tag_ends(text: &str) -> Vec<u8> {
    let mut ends = vec![0; text.len() + 1];
    for (at, byte) in text.bytes().enumerate().rev() {
        for state in TagState::ALL {
            if state.after(byte).is_none_or(|next| ends[at + 1] & next.bit() != 0) {
                ends[at] |= state.bit();
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn tags_end_where_they_ended_before() {
        for (text, end) in [
            ("<a>", Some(3)),
            ("<a b='>'>", Some(9)),
            ("<a b = \">\" c>x>", Some(13)),
            ("<a 'b>", Some(6)),
            ("<a b=c'>", Some(8)),
            ("<a b='x'\"y>\">", Some(13)),
            ("<a b='=\">", None),
            ("<a", None),
        ] {
            assert_eq!(tag_end(text), end, "{text}");
            assert_eq!(tag_ends(text)[0] & TagState::Name.bit() != 0, end.is_some(), "{text}");
        }
    }

    /// Each of these took minutes while every `<` was followed to the end of the text.
    #[test]
    fn what_nothing_ends_takes_linear_time() {
        let start = Instant::now();
        for (piece, end) in [
            ("<a", ""),
            ("<a ", ">"),
            ("<!--", ">"),
            ("<a b='", ">"),
            ("<a b='>\"", ""),
            ("</a", ""),
            ("<?", ""),
        ] {
            let text = piece.repeat(2_000_000 / piece.len()) + end;
            for whole in [true, false] {
                assert!(tokens(&text, whole).len() < 2_000_000, "{piece}");
            }
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
