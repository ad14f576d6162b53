//! Values in Redis: an `int` in digits, so that Redis can count; everything else pickled (Django 5.2
//! `core/cache/backends/redis.py`, `RedisSerializer`).

use bytes::Bytes;
use num_bigint::BigInt;

use crate::cache::error::CacheError;
use crate::cache::key::CacheKey;
use crate::cache::pickled;
use crate::serialize::value::Value;

/// Python reads no longer number from text, and neither does anybody write one.
const MOST_DIGITS: usize = 4300;

pub(super) fn pack(alias: &str, key: &CacheKey, value: &Value) -> Result<Bytes, CacheError> {
    Ok(match value {
        Value::Int(number) => number.to_string().into(),
        Value::BigInt(number) => number.to_string().into(),
        other => pickled::dumps(alias, key, other)?.into(),
    })
}

pub(super) fn unpack(alias: &str, key: &CacheKey, data: &[u8]) -> Result<Value, CacheError> {
    match number(data) {
        Some(number) => Ok(Value::from(number)),
        None => pickled::loads(alias, key, data),
    }
}

/// What Python's `int()` makes of it, if anything.
fn number(data: &[u8]) -> Option<BigInt> {
    let text = std::str::from_utf8(data).ok()?.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        for (data, value) in [
            (&b"0"[..], Some("0")),
            (b"-5", Some("-5")),
            (b"+7", Some("7")),
            (b" 12\n", Some("12")),
            (b"1180591620717411303424", Some("1180591620717411303424")),
            (b"", None),
            (b"-", None),
            (b"+-1", None),
            (b"1.0", None),
            (b"I1\n.", None),
            (b"\x80\x05K\x01.", None),
            (&[b'9'; 4301], None),
        ] {
            assert_eq!(number(data).map(|number| number.to_string()).as_deref(), value, "{data:?}");
        }
    }
}
