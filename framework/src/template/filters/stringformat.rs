//! `stringformat`: Python's `%` operator with one value.

use tera::{Number, TeraResult, Value};

use super::numbers::as_number;
use super::{Call, python};

pub(super) fn stringformat(call: &Call<'_>) -> TeraResult<Value> {
    let pattern = format!("%{}", python::text(call.arg()?));
    // What does not fit is nothing, as in Django.
    Ok(format(&pattern, call.value).unwrap_or_default().into())
}

/// No field and no precision is larger: a template must not be able to ask for all memory.
const LARGEST: usize = 10_000;

#[derive(Default)]
struct Spec {
    left: bool,
    sign: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

fn format(pattern: &str, value: &Value) -> Option<String> {
    let mut out = String::new();
    let mut used = false;
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut taken = value.clone();
        let mut named = false;
        if let Some(behind) = rest.strip_prefix('(') {
            let (name, behind) = behind.split_once(')')?;
            taken = value.as_map()?.get(&tera::value::Key::from(name.to_owned()))?.clone();
            (rest, named) = (behind, true);
        }
        let spec = spec(&mut rest)?;
        let kind = rest.chars().next()?;
        rest = &rest[kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            continue;
        }
        // There is one value, and it is used once; a map's members are as many as it has.
        if used && !named {
            return None;
        }
        used = true;
        out.push_str(&convert(&spec, kind, &taken)?);
    }
    out.push_str(rest);
    // Python asks whether the value could be a map; a list could.
    (used || value.is_map() || value.is_array()).then_some(out)
}

fn spec(rest: &mut &str) -> Option<Spec> {
    let mut spec = Spec::default();
    loop {
        match rest.bytes().next()? {
            b'-' => spec.left = true,
            b'+' => spec.sign = true,
            b' ' => spec.space = true,
            b'0' => spec.zero = true,
            b'#' => spec.alternate = true,
            _ => break,
        }
        *rest = &rest[1..];
    }
    let number = |rest: &mut &str| -> Option<usize> {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, behind) = rest.split_at(end);
        *rest = behind;
        if digits.is_empty() { Some(0) } else { digits.parse().ok().filter(|number| *number <= LARGEST) }
    };
    spec.width = number(rest)?;
    if let Some(behind) = rest.strip_prefix('.') {
        *rest = behind;
        spec.precision = Some(number(rest)?);
    }
    // C's lengths mean nothing.
    *rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
    Some(spec)
}

fn convert(spec: &Spec, kind: char, value: &Value) -> Option<String> {
    match kind {
        's' | 'r' | 'a' => {
            let mut text = if kind == 's' { python::text(value) } else { python::repr_of(value) };
            if kind == 'a' {
                text = ascii(&text);
            }
            if let Some(precision) = spec.precision {
                text = text.chars().take(precision).collect();
            }
            Some(pad(spec, "", &text, false))
        }
        'c' => {
            let character = match as_number(value) {
                Some(Number::Integer(code)) => char::from_u32(u32::try_from(code).ok()?)?,
                Some(_) => return None,
                None => {
                    let mut characters = value.as_str()?.chars();
                    characters.next().filter(|_| characters.next().is_none())?
                }
            };
            Some(pad(spec, "", &character.to_string(), false))
        }
        'd' | 'i' | 'u' => {
            let number = match as_number(value)? {
                Number::Integer(number) => number,
                #[expect(clippy::cast_possible_truncation, reason = "%d truncates")]
                Number::Float(number) if number.is_finite() => number.trunc() as i128,
                _ => return None,
            };
            Some(integer(spec, number < 0, &number.unsigned_abs().to_string(), ""))
        }
        'x' | 'X' | 'o' => {
            let Number::Integer(number) = as_number(value)? else { return None };
            let size = number.unsigned_abs();
            let (digits, prefix) = match kind {
                'x' => (format!("{size:x}"), "0x"),
                'X' => (format!("{size:X}"), "0X"),
                _ => (format!("{size:o}"), "0o"),
            };
            Some(integer(spec, number < 0, &digits, if spec.alternate { prefix } else { "" }))
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let number = as_number(value)?.as_float();
            let text = float_text(kind.to_ascii_lowercase(), spec, number.abs());
            let text = if kind.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text };
            let sign = sign(spec, number.is_sign_negative() && !number.is_nan());
            Some(pad(spec, sign, &text, true))
        }
        _ => None,
    }
}

const fn sign(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.sign, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
}

fn integer(spec: &Spec, negative: bool, digits: &str, prefix: &str) -> String {
    let digits = format!("{digits:0>width$}", width = spec.precision.unwrap_or(0));
    pad(spec, &format!("{}{prefix}", sign(spec, negative)), &digits, true)
}

fn pad(spec: &Spec, sign: &str, text: &str, number: bool) -> String {
    let missing = spec.width.saturating_sub(sign.chars().count() + text.chars().count());
    match (spec.left, spec.zero && number) {
        (true, _) => format!("{sign}{text}{}", " ".repeat(missing)),
        (false, true) => format!("{sign}{}{text}", "0".repeat(missing)),
        (false, false) => format!("{}{sign}{text}", " ".repeat(missing)),
    }
}

/// A float without its sign, as C's `printf` writes it.
fn float_text(kind: char, spec: &Spec, number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return "inf".to_owned();
    }
    let precision = spec.precision.unwrap_or(6);
    let with_point =
        |text: String| if spec.alternate && !text.contains('.') { format!("{text}.") } else { text };
    match kind {
        'f' => with_point(format!("{number:.precision$}")),
        'e' => {
            let (mantissa, exponent) = scientific(number, precision);
            format!("{}e{}", with_point(mantissa), signed(exponent))
        }
        _ => {
            let precision = precision.max(1);
            let (mantissa, exponent) = scientific(number, precision - 1);
            let fixed = exponent >= -4
                && usize::try_from(exponent).is_ok_and(|exponent| exponent < precision)
                || (-4..0).contains(&exponent);
            let text = if fixed {
                let places = i64::try_from(precision).unwrap_or(i64::MAX) - 1 - i64::from(exponent);
                format!("{number:.places$}", places = usize::try_from(places).unwrap_or(0))
            } else {
                mantissa
            };
            let text = match text.contains('.') && !spec.alternate {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => with_point(text),
            };
            if fixed { text } else { format!("{text}e{}", signed(exponent)) }
        }
    }
}

fn scientific(number: f64, precision: usize) -> (String, i32) {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.to_owned(), exponent.parse().unwrap_or(0))
}

fn signed(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.unsigned_abs())
}

/// What is not ASCII, as Python's escapes.
fn ascii(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let code = u32::from(character);
        match code {
            0..=0x7f => out.push(character),
            0x80..=0xff => out.push_str(&format!("\\x{code:02x}")),
            0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            _ => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out
}
