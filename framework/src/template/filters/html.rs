//! Filters to HTML and away from it.

use tera::{Error, TeraResult, Value};

use super::tokens::{Token, tokens};
use super::{Call, python};
use crate::serialize::ser::to_value;
use crate::template::escape::escape;
use crate::template::rendering::suspicious;

/// What is HTML already as it is, anything else escaped.
pub(super) fn conditional_escape(value: &Value) -> String {
    match value.is_safe() {
        true => python::text(value),
        false => escape(&python::text(value)),
    }
}

/// `\r\n` and `\r` as `\n`.
fn normalize_newlines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

pub(super) fn escape_filter(call: &Call<'_>) -> TeraResult<Value> {
    Ok(Value::safe_string(&conditional_escape(call.value)))
}

pub(super) fn force_escape(call: &Call<'_>) -> TeraResult<Value> {
    Ok(Value::safe_string(&escape(call.text())))
}

pub(super) fn safe(call: &Call<'_>) -> TeraResult<Value> {
    Ok(Value::safe_string(call.text()))
}

fn each(call: &Call<'_>, name: &str, change: impl Fn(&Value) -> Value) -> TeraResult<Value> {
    match call.value.as_array() {
        Some(items) => Ok(items.iter().map(change).collect::<Vec<_>>().into()),
        None => Err(Error::message(format!("{name}: {} is no list", call.value.name()))),
    }
}

pub(super) fn safeseq(call: &Call<'_>) -> TeraResult<Value> {
    each(call, "safeseq", |item| Value::safe_string(&python::text(item)))
}

pub(super) fn escapeseq(call: &Call<'_>) -> TeraResult<Value> {
    each(call, "escapeseq", |item| Value::safe_string(&conditional_escape(item)))
}

pub(super) fn escapejs(call: &Call<'_>) -> TeraResult<Value> {
    let mut out = String::with_capacity(call.text().len());
    for character in call.text().chars() {
        match character {
            '\\'
            | '\''
            | '"'
            | '>'
            | '<'
            | '&'
            | '='
            | '-'
            | ';'
            | '`'
            | '\u{2028}'
            | '\u{2029}'
            | '\0'..='\x1f' => {
                out.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    Ok(Value::safe_string(&out))
}

pub(super) fn json_script(call: &Call<'_>) -> TeraResult<Value> {
    let value = to_value(call.value).map_err(|error| Error::message(format!("json_script: {error}")))?;
    let mut json = String::new();
    push_json(&value, &mut json);
    let json = json.replace('>', "\\u003E").replace('<', "\\u003C").replace('&', "\\u0026");
    let id = call.arg.filter(|id| python::truth(id)).map(|id| format!(" id=\"{}\"", conditional_escape(id)));
    Ok(Value::safe_string(&format!(
        "<script{} type=\"application/json\">{json}</script>",
        id.unwrap_or_default()
    )))
}

/// As Python's `json.dumps` writes it: a space behind commas and colons.
fn push_json(value: &crate::serialize::value::Value, out: &mut String) {
    use crate::serialize::value::Value;
    match value {
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_json(item, out);
            }
            out.push(']');
        }
        Value::Dict(dict) => {
            out.push('{');
            for (index, (key, item)) in dict.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                match key.value() {
                    Value::Str(text) => push_scalar(&Value::Str(text.clone()), out),
                    other => {
                        out.push('"');
                        push_scalar(other, out);
                        out.push('"');
                    }
                }
                out.push_str(": ");
                push_json(item, out);
            }
            out.push('}');
        }
        scalar => push_scalar(scalar, out),
    }
}

fn push_scalar(value: &crate::serialize::value::Value, out: &mut String) {
    // What JSON does not know has been turned into text on its way into the template.
    let json = crate::serialize::json::dumps(value).unwrap_or_else(|_| b"null".to_vec());
    out.push_str(&String::from_utf8_lossy(&json));
}

pub(super) fn linebreaks(call: &Call<'_>) -> TeraResult<Value> {
    let escaped = call.autoescape && !call.value.is_safe();
    let text = normalize_newlines(call.text());
    let mut paragraphs: Vec<&str> = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\n\n") {
        paragraphs.push(&rest[..at]);
        rest = rest[at..].trim_start_matches('\n');
    }
    paragraphs.push(rest);
    let paragraphs: Vec<String> = paragraphs
        .into_iter()
        .map(|text| {
            let text = if escaped { escape(text) } else { text.to_owned() };
            format!("<p>{}</p>", text.replace('\n', "<br>"))
        })
        .collect();
    Ok(Value::safe_string(&paragraphs.join("\n\n")))
}

pub(super) fn linebreaksbr(call: &Call<'_>) -> TeraResult<Value> {
    let text = normalize_newlines(call.text());
    let text = if call.autoescape && !call.value.is_safe() { escape(&text) } else { text };
    Ok(Value::safe_string(&text.replace('\n', "<br>")))
}

pub(super) fn linenumbers(call: &Call<'_>) -> TeraResult<Value> {
    let escaped = call.autoescape && !call.value.is_safe();
    let lines: Vec<&str> = call.text().split('\n').collect();
    let width = lines.len().to_string().len();
    let lines: Vec<String> = lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let line = if escaped { escape(line) } else { line.to_owned() };
            format!("{:0width$}. {line}", index + 1)
        })
        .collect();
    Ok(Value::safe_string(&lines.join("\n")))
}

/// Without the white space between tags and around all (Django's `{% spaceless %}`).
pub(super) fn spaceless(call: &Call<'_>) -> TeraResult<Value> {
    let mut out = String::with_capacity(call.text().len());
    let mut rest = call.text().trim_matches(python::is_space);
    while let Some(end) = rest.find('>') {
        out.push_str(&rest[..=end]);
        rest = &rest[end + 1..];
        let next = rest.trim_start_matches(python::is_space);
        if next.starts_with('<') {
            rest = next;
        }
    }
    out.push_str(rest);
    Ok(out.into())
}

/// Stripping what is left may make new tags (`<<b>b>`): so often it is tried again, and with so many `<` a tag that never
/// ends is no text that anybody wrote (Django's CVE-2024-53907, CVE-2025-32873).
const MOST_ROUNDS: usize = 50;

/// From so many characters behind its first letter on a tag without `>` is a long one.
const LONG_TAG: usize = 1000;

pub(super) fn striptags(call: &Call<'_>) -> TeraResult<Value> {
    if has_nested_long_tag(call.text()) {
        return Err(suspicious("striptags: a tag that begins again and again and does not end"));
    }
    let mut text = call.text().to_owned();
    for _ in 0..MOST_ROUNDS {
        if !(text.contains('<') && text.contains('>')) {
            return Ok(text.into());
        }
        let stripped: String = tokens(&text, true)
            .into_iter()
            .filter_map(|token| match token {
                Token::Text(text) => Some(text),
                _ => None,
            })
            .collect();
        if stripped.matches('<').count() == text.matches('<').count() {
            return Ok(text.into());
        }
        text = stripped;
    }
    Err(suspicious("striptags: tags within tags within tags"))
}

fn has_nested_long_tag(text: &str) -> bool {
    let mut rest = text;
    while let Some(begin) = rest.find('<') {
        rest = &rest[begin..];
        if !rest.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic) {
            rest = &rest[1..];
            continue;
        }
        // A tag that begins within this one has even fewer characters before the same `>`.
        let tag = &rest[..rest.find('>').unwrap_or(rest.len())];
        if tag[2..].chars().count() >= LONG_TAG && tag.matches('<').count() >= MOST_ROUNDS {
            return true;
        }
        rest = &rest[tag.len()..];
    }
    false
}
