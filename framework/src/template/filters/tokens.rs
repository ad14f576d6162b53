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
    while let Some(offset) = text[at..].find('<') {
        at += offset;
        let rest = &text[at..];
        let token = match raw {
            Some(name) => ends_raw(rest, name).then(|| markup(rest)).flatten(),
            None => markup(rest),
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
    let mut quote = None;
    let mut value_begins = false;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') if value_begins => quote = Some(byte),
            (None, b'=') => value_begins = true,
            (None, byte) if byte.is_ascii_whitespace() => {}
            (None, _) => value_begins = false,
        }
    }
    None
}
