//! `urlize`: addresses in text become links (Django 5.2 `utils/html.py`, `Urlizer`).

use tera::{TeraResult, Value};

use super::entities::unescape;
use super::text::quote;
use super::{Call, python};
use crate::template::escape::escape;

pub(super) fn urlize(call: &Call<'_>) -> TeraResult<Value> {
    Ok(Value::safe_string(&linked(call, None)))
}

pub(super) fn urlizetrunc(call: &Call<'_>) -> TeraResult<Value> {
    let limit = call.int_arg()?;
    Ok(Value::safe_string(&linked(call, Some(limit))))
}

fn linked(call: &Call<'_>, limit: Option<i128>) -> String {
    let text = call.text();
    let style = Style { limit, safe: call.value.is_safe(), escape: call.autoescape };
    let is_between = |c: char| python::is_space(c) || matches!(c, '<' | '>' | '"' | '\'');
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let between = is_between(first);
        let end = rest.find(|c| is_between(c) != between).unwrap_or(rest.len());
        style.push_word(&rest[..end], &mut out);
        rest = &rest[end..];
    }
    out
}

struct Style {
    limit: Option<i128>,
    /// The text is HTML already.
    safe: bool,
    escape: bool,
}

/// A longer one is no link (Django's `MAX_URL_LENGTH`).
const MAX_URL: usize = 2048;

impl Style {
    fn push_word(&self, word: &str, out: &mut String) {
        let escaped = self.escape && !self.safe;
        let shown = |text: &str| if escaped { escape(text) } else { text.to_owned() };
        if !word.contains(['.', '@', ':']) {
            return out.push_str(&shown(word));
        }
        let (lead, middle, trail) = trim_punctuation(word);
        let Some((url, attributes)) = address(&middle) else { return out.push_str(&shown(word)) };
        let label = match self.limit {
            Some(limit) if i128::try_from(middle.chars().count()).is_ok_and(|length| length > limit) => {
                let kept = usize::try_from(limit - 1).unwrap_or(0);
                format!("{}…", middle.chars().take(kept).collect::<String>())
            }
            _ => middle,
        };
        out.push_str(&shown(lead));
        out.push_str(&format!("<a href=\"{}\"{attributes}>{}</a>", escape(&url), shown(&label)));
        out.push_str(&shown(&trail));
    }
}

/// Where a word leads, and the link's other attributes.
fn address(word: &str) -> Option<(String, &'static str)> {
    const NOFOLLOW: &str = " rel=\"nofollow\"";
    let short = word.chars().count() <= MAX_URL;
    if short && has_scheme(word) {
        return Some((smart_quote(&unescape(word)), NOFOLLOW));
    }
    let begins = |start: &str| word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    if short && (begins("www.") || (!begins("http") && is_site(word))) {
        return Some((smart_quote(&format!("http://{}", unescape(word))), NOFOLLOW));
    }
    if !word.contains(':') && is_email(word) {
        let (local, domain) = word.rsplit_once('@')?;
        return Some((format!("mailto:{}@{}", quote(local, ""), quote(domain, "")), ""));
    }
    None
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// `https://` or `http://`, and something behind it.
fn has_scheme(word: &str) -> bool {
    let begins = |start: &str| word.get(..start.len()).filter(|head| head.eq_ignore_ascii_case(start));
    let Some(scheme) = begins("https://").or_else(|| begins("http://")) else { return false };
    let rest = &word[scheme.len()..];
    let rest = rest.strip_prefix('[').unwrap_or(rest);
    rest.chars().next().is_some_and(is_word)
}

/// `example.com`, `example.org/tune`: a name of an old top-level domain.
fn is_site(word: &str) -> bool {
    const DOMAINS: [&str; 7] = [".com", ".edu", ".gov", ".int", ".mil", ".net", ".org"];
    let begins_well = word.chars().next().is_some_and(is_word);
    let lower = word.to_ascii_lowercase();
    begins_well
        && DOMAINS.iter().any(|domain| {
            lower.match_indices(domain).any(|(at, _)| {
                let before = &lower[..at];
                let behind = &lower[at + domain.len()..];
                before.chars().nth(1).is_some()
                    && !before.contains('@')
                    && (behind.is_empty() || behind.starts_with('/'))
            })
        })
}

fn is_user(user: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-!#$%&'*+/=?^_`{}|~".contains(c);
    user.split('.').all(|part| !part.is_empty() && part.chars().all(fits))
}

/// A name of at least two parts, each of letters, digits and hyphens within.
fn is_domain(domain: &str) -> bool {
    let fits = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let Some((site, top)) = domain.rsplit_once('.') else { return false };
    let sound = |label: &str| {
        (1..=63).contains(&label.len()) && fits(label) && !label.starts_with('-') && !label.ends_with('-')
    };
    (2..=63).contains(&top.len()) && fits(top) && !top.ends_with('-') && site.split('.').all(sound)
}

/// Django 5.2 `core/validators.py`, `EmailValidator`, but for names in quotes, which no word of a text has.
fn is_email(word: &str) -> bool {
    let Some((user, domain)) = word.rsplit_once('@') else { return false };
    word.chars().count() <= 320 && is_user(user) && (is_domain(domain) || is_literal(domain))
}

/// `[127.0.0.1]`
fn is_literal(domain: &str) -> bool {
    domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok())
}

/// The word without the punctuation around it.
fn trim_punctuation(word: &str) -> (&str, String, String) {
    const TRAILING: [char; 5] = ['.', ',', ':', ';', '!'];
    const TRAILING_BUT_SEMICOLON: [char; 4] = ['.', ',', ':', '!'];
    let trimmed = word.trim_start_matches(['(', '[']);
    let lead = &word[..word.len() - trimmed.len()];
    let (mut middle, mut trail) = (trimmed.to_owned(), String::new());
    let count = |bracket: char| trimmed.matches(bracket).count();
    let mut brackets = [('(', ')'), ('[', ']')].map(|(open, close)| (close, count(open), count(close)));
    let mut changed = true;
    while changed && !middle.is_empty() {
        changed = false;
        for (close, opened, closed) in &mut brackets {
            if *opened < *closed && middle.ends_with(*close) {
                let strip = *closed - *opened;
                let at = middle.char_indices().rev().nth(strip - 1).map_or(0, |(at, _)| at);
                trail = middle.split_off(at);
                *closed -= strip;
                changed = true;
            }
        }
        let amp = middle.rfind('&');
        let rstripped = match amp {
            None => middle.trim_end_matches(TRAILING).len(),
            Some(_) => middle.trim_end_matches(TRAILING_BUT_SEMICOLON).len(),
        };
        if rstripped < middle.len() {
            trail = format!("{}{trail}", middle.split_off(rstripped));
            changed = true;
        }
        if !middle.ends_with(';') {
            continue;
        }
        // The semicolon of an entity belongs to the word; another one does not.
        let potential = amp.and_then(|amp| middle.get(amp..)).unwrap_or_else(|| &middle[middle.len() - 1..]);
        let decoded = unescape(potential);
        if decoded != potential && !decoded.ends_with(';') {
            continue;
        }
        let stripped = middle.trim_end_matches(TRAILING).len();
        let semicolons = middle.len() - middle.trim_end_matches(';').len();
        let cut = match amp {
            Some(_) if semicolons > 1 => {
                let first = middle[stripped..].find(';').unwrap_or(0);
                stripped + first + 1
            }
            _ => stripped,
        };
        if cut >= middle.len() {
            break;
        }
        trail = format!("{}{trail}", middle.split_off(cut));
        changed = true;
    }
    (lead, middle, trail)
}

/// A URL as a browser takes it: what may stay stays (Django's `smart_urlquote`).
fn smart_quote(url: &str) -> String {
    const RESERVED: &str = "!*'();:@&=+$,/?#[]~";
    let requote = |segment: &str| quote(&unquote(segment), RESERVED);
    let (rest, fragment) = match url.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (url, None),
    };
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, query),
        None => (rest, ""),
    };
    let (scheme, rest) = rest.split_once("://").unwrap_or(("", rest));
    let (netloc, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut out = format!("{}://{}{}", scheme.to_ascii_lowercase(), requote(netloc), requote(path));
    let pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plus = |text: &str| quote(&unquote(&unquote(&text.replace('+', " "))), " ").replace(' ', "+");
            format!("{}={}", plus(name), plus(value))
        })
        .collect();
    if !pairs.is_empty() {
        out.push('?');
        out.push_str(&pairs.join("&"));
    }
    if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
        out.push('#');
        out.push_str(&requote(fragment));
    }
    out
}

fn unquote(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
