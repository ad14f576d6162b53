//! Python's JSON, to the byte: what `django.core.signing.JSONSerializer` writes and reads (Django 5.2 core/signing.py).
//!
//! [`dumps`] is `json.dumps(value, separators=(",", ":")).encode("latin-1")`, [`loads`] is
//! `json.loads(data.decode("latin-1"))`. So, unlike most JSON:
//!
//! * the text is pure ASCII (`é` is `\u00e9`, `😀` is `\ud83d\ude00`, DEL is `\u007f`), and lone surrogates pass;
//! * `NaN`, `Infinity` and `-Infinity` are written and read;
//! * integers have any size up to [`MAX_DIGITS`], `1` and `1.0` stay different, floats are `repr()`;
//! * keys that are `int`, `float`, `bool` or `None` become text, tuples become lists;
//! * bytes beyond ASCII are latin-1, one character each;
//! * a name that comes twice has its last value at its first place.
//!
//! ```
//! use nuages::serialize::json;
//! use nuages::serialize::value::{Dict, Value};
//!
//! let dict = Dict::from([("name", Value::from("Zoë")), ("visits", Value::from(1))]);
//! let text = json::dumps_dict(&dict).unwrap();
//! assert_eq!(text, br#"{"name":"Zo\u00eb","visits":1}"#);
//! assert_eq!(json::loads(&text), Ok(Value::Dict(dict)));
//! ```

use std::io::Write;

use num_bigint::BigInt;

use crate::serialize::float::write_repr;
use crate::serialize::value::{Dict, Key, Value};

/// How deep lists and dicts may be nested, either way.
///
/// Python stops with a `RecursionError` when containers and the frames of its callers together pass 1000: a bare
/// interpreter reads and writes 994 levels, a view under Django some dozens less.
pub const MAX_DEPTH: usize = 994;

/// How many digits an integer may have, either way: Python's `sys.int_info.default_max_str_digits`.
pub const MAX_DIGITS: usize = 4300;

/// Why a value has no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value of a kind that JSON does not have: Python's `TypeError`.
    #[error("Object of type {0} is not JSON serializable; make it text, a number, a list or a dict first")]
    Type(&'static str),
    /// A key of a kind that JSON does not have: Python's `TypeError`.
    #[error("keys must be str, int, float, bool or None, not {0}")]
    KeyType(&'static str),
    /// An integer of too many digits: Python's `ValueError`.
    #[error("Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion")]
    Digits,
    /// Nested too deep: Python's `RecursionError`.
    #[error("lists and dicts are nested more than {MAX_DEPTH} deep")]
    Depth,
}

impl EncodeError {
    /// The name of the exception that Python raises: `TypeError`, `ValueError` or `RecursionError`.
    #[must_use]
    pub const fn python_name(&self) -> &'static str {
        match self {
            Self::Type(_) | Self::KeyType(_) => "TypeError",
            Self::Digits => "ValueError",
            Self::Depth => "RecursionError",
        }
    }
}

/// Why bytes are no JSON to Python.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Something else was expected at that byte: Python's `json.JSONDecodeError`.
    #[error("{expected} (char {offset})")]
    Syntax {
        /// What is wrong, in Python's words.
        expected: &'static str,
        /// Bytes from the start.
        offset: usize,
    },
    /// An integer of too many digits: Python's `ValueError`.
    #[error("Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion: value has {0} digits")]
    Digits(usize),
    /// Nested too deep: Python's `RecursionError`.
    #[error("lists and dicts are nested more than {MAX_DEPTH} deep")]
    Depth,
}

/// The JSON of a value: `json.dumps(value, separators=(",", ":")).encode("latin-1")`.
///
/// # Errors
///
/// For what Python's encoder refuses; [`EncodeError::python_name`] says how.
pub fn dumps(value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(128);
    write_value(value, 0, &mut out)?;
    Ok(out)
}

/// The JSON of a dict; see [`dumps`].
///
/// # Errors
///
/// As [`dumps`].
pub fn dumps_dict(dict: &Dict) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(32 + 32 * dict.len());
    write_dict(dict, 0, &mut out)?;
    Ok(out)
}

/// The value of a JSON text: `json.loads(data.decode("latin-1"))`.
///
/// # Errors
///
/// Where Python raises `JSONDecodeError`, `ValueError` or `RecursionError`.
pub fn loads(data: &[u8]) -> Result<Value, DecodeError> {
    let mut reader = Reader { data, at: 0 };
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    if reader.at < data.len() {
        return Err(reader.expected("Extra data"));
    }
    Ok(value)
}

fn write_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(literal(*truth)),
        Value::Int(number) => write_int(*number, out),
        Value::BigInt(number) => write_big_int(number, out)?,
        Value::Float(number) => write_float(*number, out),
        Value::Str(text) => write_quoted(text, out),
        Value::Surrogates(points) => write_points(points, out),
        Value::List(items) | Value::Tuple(items) => {
            if depth >= MAX_DEPTH {
                return Err(EncodeError::Depth);
            }
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Dict(dict) => write_dict(dict, depth, out)?,
        other => return Err(EncodeError::Type(other.type_name())),
    }
    Ok(())
}

fn write_dict(dict: &Dict, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if depth >= MAX_DEPTH {
        return Err(EncodeError::Depth);
    }
    out.push(b'{');
    for (index, (key, value)) in dict.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_key(key, out)?;
        out.push(b':');
        write_value(value, depth + 1, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_key(key: &Key, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match key.value() {
        Value::Str(text) => {
            write_quoted(text, out);
            return Ok(());
        }
        Value::Surrogates(points) => {
            write_points(points, out);
            return Ok(());
        }
        _ => {}
    }
    out.push(b'"');
    match key.value() {
        Value::None => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(literal(*truth)),
        Value::Int(number) => write_int(*number, out),
        Value::BigInt(number) => write_big_int(number, out)?,
        Value::Float(number) => write_float(*number, out),
        other => return Err(EncodeError::KeyType(other.type_name())),
    }
    out.push(b'"');
    Ok(())
}

const fn literal(truth: bool) -> &'static [u8] {
    if truth { b"true" } else { b"false" }
}

fn write_int(number: i64, out: &mut Vec<u8>) {
    // 19 digits and a sign, filled from the end.
    let mut buffer = [0_u8; 20];
    let mut at = buffer.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    out.extend_from_slice(&buffer[at..]);
}

fn write_big_int(number: &BigInt, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    // A decimal digit is more than 3.3 bits: the text of a giant, which takes long to make, is not needed to refuse it.
    if number.bits() > 4 * MAX_DIGITS as u64 {
        return Err(EncodeError::Digits);
    }
    let start = out.len();
    let written = write!(out, "{number}");
    debug_assert!(written.is_ok(), "a vector takes every byte");
    let digits = out[start..].iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits > MAX_DIGITS { Err(EncodeError::Digits) } else { Ok(()) }
}

fn write_float(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        write_repr(number, out);
    } else {
        let text: &[u8] = if number.is_nan() {
            b"NaN"
        } else if number > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        };
        out.extend_from_slice(text);
    }
}

/// Whether a byte stands for itself inside quotes, in what Python writes.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    loop {
        let plain = rest.bytes().position(|byte| !is_plain(byte)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(plain);
        out.extend_from_slice(run.as_bytes());
        let mut letters = tail.chars();
        let Some(letter) = letters.next() else { break };
        write_escape(letter.into(), out);
        rest = letters.as_str();
    }
    out.push(b'"');
}

fn write_points(points: &[u32], out: &mut Vec<u8>) {
    out.push(b'"');
    for &point in points {
        match u8::try_from(point) {
            Ok(byte) if is_plain(byte) => out.push(byte),
            _ => write_escape(point, out),
        }
    }
    out.push(b'"');
}

fn write_escape(point: u32, out: &mut Vec<u8>) {
    let short = match point {
        0x22 => b'"',
        0x5C => b'\\',
        0x08 => b'b',
        0x0C => b'f',
        0x0A => b'n',
        0x0D => b'r',
        0x09 => b't',
        0x1_0000.. => {
            let astral = point - 0x1_0000;
            write_unit(0xD800 + (astral >> 10), out);
            return write_unit(0xDC00 + (astral & 0x3FF), out);
        }
        _ => return write_unit(point, out),
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// One UTF-16 unit as `\uxxxx`, in lower case.
fn write_unit(unit: u32, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u32| DIGITS[(unit >> shift & 0xF) as usize];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// A container that is still open.
enum Container {
    List(Vec<Value>),
    /// With the name of the value that comes next.
    Dict(Dict, Key),
}

impl Reader<'_> {
    fn expected(&self, expected: &'static str) -> DecodeError {
        DecodeError::Syntax { expected, offset: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Steps over a word, if it is what comes next.
    fn take(&mut self, word: &[u8]) -> bool {
        let found = self.data[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Reads one value. Containers that are still open wait on a stack of their own: the thread's could be too small.
    fn value(&mut self) -> Result<Value, DecodeError> {
        let mut open: Vec<Container> = Vec::new();
        loop {
            let mut value = match self.peek() {
                Some(bracket @ (b'[' | b'{')) => {
                    if open.len() == MAX_DEPTH {
                        return Err(DecodeError::Depth);
                    }
                    self.at += 1;
                    self.skip_space();
                    match bracket {
                        b'[' if self.take(b"]") => Value::List(Vec::new()),
                        b'{' if self.take(b"}") => Value::Dict(Dict::new()),
                        b'[' => {
                            open.push(Container::List(Vec::new()));
                            continue;
                        }
                        _ => {
                            let name = self.name()?;
                            open.push(Container::Dict(Dict::new(), name));
                            continue;
                        }
                    }
                }
                _ => self.scalar()?,
            };
            // The value goes into the innermost container, which may end with it and so be the next value.
            loop {
                let Some(container) = open.last_mut() else { return Ok(value) };
                let end = match container {
                    Container::List(items) => {
                        items.push(value);
                        b']'
                    }
                    Container::Dict(dict, name) => {
                        dict.insert(std::mem::replace(name, Key(Value::None)), value);
                        b'}'
                    }
                };
                self.skip_space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.skip_space();
                        if let Container::Dict(_, name) = container {
                            *name = self.name()?;
                        }
                        break;
                    }
                    Some(byte) if byte == end => self.at += 1,
                    _ => return Err(self.expected("Expecting ',' delimiter")),
                }
                value = match open.pop() {
                    Some(Container::List(items)) => Value::List(items),
                    Some(Container::Dict(dict, _)) => Value::Dict(dict),
                    None => return Err(self.expected("Expecting value")),
                };
            }
        }
    }

    /// Reads a name and its colon, up to the value.
    fn name(&mut self) -> Result<Key, DecodeError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("Expecting property name enclosed in double quotes"));
        }
        let name = Key(self.text()?);
        self.skip_space();
        if !self.take(b":") {
            return Err(self.expected("Expecting ':' delimiter"));
        }
        self.skip_space();
        Ok(name)
    }

    fn scalar(&mut self) -> Result<Value, DecodeError> {
        match self.peek() {
            Some(b'"') => self.text(),
            Some(b'0'..=b'9') => self.number(),
            Some(b'-') if self.take(b"-Infinity") => Ok(Value::Float(f64::NEG_INFINITY)),
            Some(b'-') => self.number(),
            Some(b'n') if self.take(b"null") => Ok(Value::None),
            Some(b't') if self.take(b"true") => Ok(Value::Bool(true)),
            Some(b'f') if self.take(b"false") => Ok(Value::Bool(false)),
            Some(b'N') if self.take(b"NaN") => Ok(Value::Float(f64::NAN)),
            Some(b'I') if self.take(b"Infinity") => Ok(Value::Float(f64::INFINITY)),
            _ => Err(self.expected("Expecting value")),
        }
    }

    fn skip_digits(&mut self) -> usize {
        let digits = self.data[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }

    fn number(&mut self) -> Result<Value, DecodeError> {
        let start = self.at;
        let negative = self.take(b"-");
        let whole = self.at;
        // A zero ends the whole part; what follows then is not part of the number.
        if !self.take(b"0") && self.skip_digits() == 0 {
            self.at = start;
            return Err(self.expected("Expecting value"));
        }
        let digits = self.at - whole;
        let mut is_float = false;
        let mut end = self.at;
        if self.take(b".") && self.skip_digits() > 0 {
            is_float = true;
            end = self.at;
        }
        self.at = end;
        if self.take(b"e") || self.take(b"E") {
            let _sign = self.take(b"+") || self.take(b"-");
            if self.skip_digits() > 0 {
                is_float = true;
                end = self.at;
            }
        }
        self.at = end;
        let text = &self.data[start..end];
        // At most 18 digits are an i64 whatever they are.
        if !is_float && digits <= 18 {
            let number =
                text[usize::from(negative)..].iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
            return Ok(Value::Int(if negative { -number } else { number }));
        }
        if !is_float && digits > MAX_DIGITS {
            return Err(DecodeError::Digits(digits));
        }
        // Digits, signs, a point and an `e`: ASCII, and of a form that both parsers take.
        let text = std::str::from_utf8(text).unwrap_or_default();
        let number = if is_float {
            text.parse().ok().map(Value::Float)
        } else {
            text.parse().ok().map(Value::Int).or_else(|| text.parse().ok().map(Value::BigInt))
        };
        number.ok_or_else(|| self.expected("Expecting value"))
    }

    /// Reads a text whose opening quote is next.
    fn text(&mut self) -> Result<Value, DecodeError> {
        let quote = self.at;
        let unterminated = DecodeError::Syntax { expected: "Unterminated string starting at", offset: quote };
        self.at += 1;
        let mut text = Text::Whole(String::new());
        loop {
            let plain = self.data[self.at..].iter().take_while(|&&byte| is_plain(byte)).count();
            let run = &self.data[self.at..self.at + plain];
            self.at += plain;
            text.push_ascii(run);
            match self.peek() {
                None => return Err(unterminated),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text.into());
                }
                Some(b'\\') => {
                    let point = self.escape().map_err(|fault| fault.unwrap_or(unterminated.clone()))?;
                    text.push(point);
                }
                Some(0..=0x1F) => return Err(self.expected("Invalid control character at")),
                Some(latin) => {
                    self.at += 1;
                    text.push(latin.into());
                }
            }
        }
    }

    /// Reads an escape whose backslash is next; an error of `None` is the end of the data.
    fn escape(&mut self) -> Result<u32, Option<DecodeError>> {
        let point = match self.data.get(self.at + 1) {
            None => return Err(None),
            Some(byte @ (b'"' | b'\\' | b'/')) => (*byte).into(),
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => 0x0A,
            Some(b'r') => 0x0D,
            Some(b't') => 0x09,
            Some(b'u') => {
                let Some(unit) = self.unit() else {
                    self.at += 1;
                    return Err(Some(self.expected("Invalid \\uXXXX escape")));
                };
                self.at += 6;
                // Two halves that stand together are one character; a half without the other stays what it is.
                if let 0xD800..=0xDBFF = unit
                    && let Some(low @ 0xDC00..=0xDFFF) = self.unit()
                {
                    self.at += 6;
                    return Ok(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
                }
                return Ok(unit);
            }
            Some(_) => return Err(Some(self.expected("Invalid \\escape"))),
        };
        self.at += 2;
        Ok(point)
    }

    /// The UTF-16 unit of the `\uXXXX` that is next, if one is, and something after it (as Python wants).
    fn unit(&self) -> Option<u32> {
        let (digits, _quote) = self.data[self.at..].strip_prefix(b"\\u")?.get(..5)?.split_at(4);
        digits.iter().try_fold(0, |sum, &digit| Some(sum << 4 | char::from(digit).to_digit(16)?))
    }
}

/// A text while it is read: code points from the first lone surrogate on.
enum Text {
    Whole(String),
    Broken(Vec<u32>),
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        match text {
            Text::Whole(text) => Self::Str(text),
            Text::Broken(points) => Self::Surrogates(points.into_boxed_slice()),
        }
    }
}

impl Text {
    fn push_ascii(&mut self, run: &[u8]) {
        match self {
            Self::Whole(text) => text.push_str(std::str::from_utf8(run).unwrap_or_default()),
            Self::Broken(points) => points.extend(run.iter().map(|&byte| u32::from(byte))),
        }
    }

    fn push(&mut self, point: u32) {
        match (&mut *self, char::from_u32(point)) {
            (Self::Whole(text), Some(letter)) => text.push(letter),
            (Self::Whole(text), None) => {
                let mut points: Vec<u32> = text.chars().map(u32::from).collect();
                points.push(point);
                *self = Self::Broken(points);
            }
            (Self::Broken(points), _) => points.push(point),
        }
    }
}

#[cfg(test)]
mod tests;
