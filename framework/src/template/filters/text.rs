//! Filters from text to text.

use tera::{Error, TeraResult, Value};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Call, python};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode_byte, utf8_percent_encode};

pub(super) fn addslashes(call: &Call<'_>) -> TeraResult<Value> {
    Ok(call.text().replace('\\', "\\\\").replace('"', "\\\"").replace('\'', "\\'").into())
}

pub(super) fn capfirst(call: &Call<'_>) -> TeraResult<Value> {
    let mut rest = call.text().chars();
    let Some(first) = rest.next() else { return Ok("".into()) };
    Ok(first.to_uppercase().chain(rest).collect::<String>().into())
}

pub(super) fn upper(call: &Call<'_>) -> TeraResult<Value> {
    Ok(call.text().to_uppercase().into())
}

pub(super) fn lower(call: &Call<'_>) -> TeraResult<Value> {
    Ok(call.text().to_lowercase().into())
}

/// Python's `title()`, but for a letter behind an apostrophe or a digit.
pub(super) fn title(call: &Call<'_>) -> TeraResult<Value> {
    let is_cased = |c: char| c.is_lowercase() || c.is_uppercase() || is_titlecase(c);
    let mut titled = String::with_capacity(call.text().len());
    let mut rest = call.text();
    while let Some(first) = rest.chars().next() {
        if !is_cased(first) {
            titled.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, behind) = rest.split_at(rest.find(|c| !is_cased(c)).unwrap_or(rest.len()));
        push_titlecase(first, &mut titled);
        // The letter before it tells a sigma at the end of a word that it is one.
        let lower = format!("a{}", &word[first.len_utf8()..]).to_lowercase();
        titled.push_str(&lower[1..]);
        rest = behind;
    }
    let characters: Vec<char> = titled.chars().collect();
    let lowered = |at: usize| {
        let before = |back: usize| at.checked_sub(back).map(|at| characters[at]);
        let behind_apostrophe =
            before(1) == Some('\'') && before(2).is_some_and(|letter| letter.is_ascii_lowercase());
        characters[at].is_ascii_uppercase()
            && (behind_apostrophe || before(1).is_some_and(|digit| digit.is_ascii_digit()))
    };
    let lowered = (0..characters.len()).map(|at| match lowered(at) {
        true => characters[at].to_ascii_lowercase(),
        false => characters[at],
    });
    Ok(lowered.collect::<String>().into())
}

const fn is_titlecase(character: char) -> bool {
    matches!(character, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ' | '\u{1f88}'..='\u{1f8f}' | '\u{1f98}'..='\u{1f9f}' | '\u{1fa8}'..='\u{1faf}' | 'ᾼ' | 'ῌ' | 'ῼ')
}

/// The title case of a letter: its capital, but for letters that are two in one.
fn push_titlecase(character: char, out: &mut String) {
    let special = match character {
        'Ǆ' | 'ǆ' => 'ǅ',
        'Ǉ' | 'ǉ' => 'ǈ',
        'Ǌ' | 'ǌ' => 'ǋ',
        'Ǳ' | 'ǳ' => 'ǲ',
        'ᾳ' => 'ᾼ',
        'ῃ' => 'ῌ',
        'ῳ' => 'ῼ',
        // Georgian has capitals, and uses none in titles.
        'ა'..='ჿ' => character,
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(character) + 8).unwrap_or(character)
        }
        'ŉ' => return out.push_str("ʼN"),
        other if is_titlecase(other) => other,
        other => {
            let mut capital = other.to_uppercase();
            out.extend(capital.next());
            out.extend(capital.flat_map(char::to_lowercase));
            return;
        }
    };
    out.push(special);
}

pub(super) fn cut(call: &Call<'_>) -> TeraResult<Value> {
    let unwanted = python::text(call.arg()?);
    let rest = if unwanted.is_empty() { call.text().to_owned() } else { call.text().replace(&unwanted, "") };
    // Without its semicolons an entity is none.
    Ok(if call.value.is_safe() && unwanted != ";" { Value::safe_string(&rest) } else { rest.into() })
}

/// A field is at most so wide: a template must not be able to ask for all memory.
const WIDEST: usize = 1 << 20;

fn padding(call: &Call<'_>) -> TeraResult<(usize, usize)> {
    let width = usize::try_from(call.int_arg()?.max(0)).unwrap_or(usize::MAX);
    if width > WIDEST {
        return Err(Error::message(format!(
            "a field of {width} characters is too wide; {WIDEST} are allowed"
        )));
    }
    Ok((width, width.saturating_sub(call.text().chars().count())))
}

pub(super) fn ljust(call: &Call<'_>) -> TeraResult<Value> {
    let (_, missing) = padding(call)?;
    Ok(format!("{}{}", call.text(), " ".repeat(missing)).into())
}

pub(super) fn rjust(call: &Call<'_>) -> TeraResult<Value> {
    let (_, missing) = padding(call)?;
    Ok(format!("{}{}", " ".repeat(missing), call.text()).into())
}

/// Python's `center()`: an odd space goes to the left when the width is odd.
pub(super) fn center(call: &Call<'_>) -> TeraResult<Value> {
    let (width, missing) = padding(call)?;
    let left = missing / 2 + (missing & width & 1);
    Ok(format!("{}{}{}", " ".repeat(left), call.text(), " ".repeat(missing - left)).into())
}

pub(super) fn make_list(call: &Call<'_>) -> TeraResult<Value> {
    Ok(call.text().chars().map(|character| Value::from(character.to_string())).collect::<Vec<_>>().into())
}

pub(super) fn phone2numeric(call: &Call<'_>) -> TeraResult<Value> {
    let key = |character: char| match character {
        'a'..='c' => '2',
        'd'..='f' => '3',
        'g'..='i' => '4',
        'j'..='l' => '5',
        'm'..='o' => '6',
        'p'..='s' => '7',
        't'..='v' => '8',
        'w'..='z' => '9',
        other => other,
    };
    Ok(call.text().to_lowercase().chars().map(key).collect::<String>().into())
}

pub(super) fn pprint(call: &Call<'_>) -> TeraResult<Value> {
    Ok(python::repr_of(call.value).into())
}

pub(super) fn slugify_filter(call: &Call<'_>) -> TeraResult<Value> {
    Ok(slugify(call.text()).into())
}

/// Django 5.2 `utils/text.py`, `slugify`.
fn slugify(text: &str) -> String {
    let plain: String = text.nfkd().filter(char::is_ascii).collect::<String>().to_ascii_lowercase();
    let kept =
        plain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || python::is_space(*c));
    let mut slug = String::new();
    for character in kept {
        match character == '-' || python::is_space(character) {
            true if slug.ends_with('-') => {}
            true => slug.push('-'),
            false => slug.push(character),
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

pub(super) fn truncatechars(call: &Call<'_>) -> TeraResult<Value> {
    let Ok(length) = python::int(call.arg()?) else { return Ok(call.value.clone()) };
    let Ok(length) = usize::try_from(length) else { return Ok("".into()) };
    if length == 0 {
        return Ok("".into());
    }
    let text: String = call.text().nfc().collect();
    let (mut count, mut end) = (0, None);
    for (at, character) in text.char_indices() {
        if is_combining_mark(character) {
            continue;
        }
        count += 1;
        if end.is_none() && count > length - 1 {
            end = Some(at);
        }
        if count > length {
            let kept = &text[..end.unwrap_or(0)];
            return Ok(match kept.ends_with('…') {
                true => kept.into(),
                false => format!("{kept}…").into(),
            });
        }
    }
    Ok(text.into())
}

pub(super) fn truncatewords(call: &Call<'_>) -> TeraResult<Value> {
    let Ok(length) = python::int(call.arg()?) else { return Ok(call.value.clone()) };
    let Ok(length) = usize::try_from(length) else { return Ok("".into()) };
    if length == 0 {
        return Ok("".into());
    }
    let mut words = python::words(call.text());
    let kept = words.by_ref().take(length).collect::<Vec<_>>().join(" ");
    Ok(match words.next() {
        Some(_) if !kept.ends_with(" …") => format!("{kept} …").into(),
        _ => kept.into(),
    })
}

pub(super) fn urlencode(call: &Call<'_>) -> TeraResult<Value> {
    let safe = call.arg.map_or_else(|| "/".to_owned(), python::text);
    Ok(quote(call.text(), &safe).into())
}

/// Python's `urllib.parse.quote`.
pub(super) fn quote(text: &str, safe: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric()
            || (byte.is_ascii() && ("_.-~".contains(character) || safe.contains(character)))
        {
            quoted.push(character);
        } else {
            quoted.push_str(percent_encode_byte(byte));
        }
    }
    quoted
}

pub(super) fn iriencode(call: &Call<'_>) -> TeraResult<Value> {
    /// What Django's `iri_to_uri` escapes besides what is not ASCII.
    const IRI: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    Ok(utf8_percent_encode(call.text(), IRI).to_string().into())
}

pub(super) fn wordcount(call: &Call<'_>) -> TeraResult<Value> {
    Ok(python::words(call.text()).count().into())
}

/// Lines of at most so many characters, broken at spaces (Python's `textwrap`, with Django's options).
pub(super) fn wordwrap(call: &Call<'_>) -> TeraResult<Value> {
    let width = call.int_arg()?;
    let Ok(width @ 1..) = usize::try_from(width) else {
        return Err(Error::message(format!("wordwrap: invalid width {width} (must be > 0)")));
    };
    let mut wrapped: Vec<String> = Vec::new();
    for line in lines(call.text()) {
        let expanded = expand_tabs(line);
        let before = wrapped.len();
        wrap(&expanded, width, &mut wrapped);
        if wrapped.len() == before {
            wrapped.push(line.to_owned());
        }
    }
    if call.text().ends_with('\n') {
        wrapped.push(String::new());
    }
    Ok(wrapped.join("\n").into())
}

/// Python's `splitlines()`.
fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if !matches!(
            character,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        ) {
            continue;
        }
        lines.push(&text[start..at]);
        start = at + character.len_utf8();
        if character == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n') {
            characters.next();
            start += 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// Tabs become spaces up to the next eighth column.
fn expand_tabs(line: &str) -> String {
    let mut expanded = String::with_capacity(line.len());
    let mut column = 0;
    for character in line.chars() {
        if character == '\t' {
            let spaces = 8 - column % 8;
            expanded.push_str(&" ".repeat(spaces));
            column += spaces;
        } else {
            expanded.push(character);
            column += 1;
        }
    }
    expanded
}

/// One line's words and the spaces between them, put into lines. Spaces at an end are dropped.
fn wrap(line: &str, width: usize, out: &mut Vec<String>) {
    const SPACES: [char; 6] = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' '];
    let mut chunks: Vec<&str> = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_space = SPACES.contains(&first);
        let end = rest.find(|c| SPACES.contains(&c) != is_space).unwrap_or(rest.len());
        chunks.push(&rest[..end]);
        rest = &rest[end..];
    }
    let is_blank = |chunk: &str| chunk.trim_matches(python::is_space).is_empty();
    let mut chunks = chunks.into_iter().peekable();
    let begun = out.len();
    while chunks.peek().is_some() {
        let mut current: Vec<&str> = Vec::new();
        let mut length = 0;
        if out.len() > begun {
            chunks.next_if(|chunk| is_blank(chunk));
        }
        while let Some(chunk) = chunks.next_if(|chunk| length + chunk.chars().count() <= width) {
            length += chunk.chars().count();
            current.push(chunk);
        }
        // A word that is longer than a line has one of its own.
        if current.is_empty()
            && let Some(long) = chunks.next()
        {
            current.push(long);
        }
        if current.last().is_some_and(|chunk| is_blank(chunk)) {
            current.pop();
        }
        if !current.is_empty() {
            out.push(current.concat());
        }
    }
}
