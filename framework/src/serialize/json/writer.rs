//! Writes JSON as Python's encoder does.

use std::io::Write;

use num_bigint::BigInt;

use crate::serialize::encode_error::{EncodeError, MAX_DEPTH, MAX_DIGITS};
use crate::serialize::float::write_repr;
use crate::serialize::value::{Dict, Key, Value};

pub(super) fn write_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
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

pub(super) fn write_dict(dict: &Dict, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
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
pub(super) const fn is_plain(byte: u8) -> bool {
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
