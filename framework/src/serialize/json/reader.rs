//! Reads JSON as Python's decoder does.

use crate::serialize::encode_error::{MAX_DEPTH, MAX_DIGITS};
use crate::serialize::json::fault::DecodeError;
use crate::serialize::json::writer::is_plain;
use crate::serialize::value::{Dict, Key, Value};

/// Reads one text.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// A container that is still open.
enum Container {
    List(Vec<Value>),
    /// With the name of the value that comes next.
    Dict(Dict, Key),
}

impl<'a> Reader<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Reads one value, and nothing but space around it.
    pub(super) fn document(mut self) -> Result<Value, DecodeError> {
        self.skip_space();
        let value = self.value()?;
        self.skip_space();
        if self.at < self.data.len() {
            return Err(self.expected("Extra data"));
        }
        Ok(value)
    }

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
