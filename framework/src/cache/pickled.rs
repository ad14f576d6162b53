//! Values as Django's caches write them: pickles of the highest protocol.

use std::error::Error as StdError;

use crate::cache::error::CacheError;
use crate::cache::key::CacheKey;
use crate::error::BoxError;
use crate::serialize::pickle;
use crate::serialize::value::Value;

/// The pickle of a value.
pub(super) fn dumps(alias: &str, key: &CacheKey, value: &Value) -> Result<Vec<u8>, CacheError> {
    pickle::dumps(value).map_err(|source| CacheError::Encode {
        alias: alias.to_owned(),
        key: key.as_str().to_owned(),
        source: source.into(),
    })
}

/// The value of a pickle.
pub(super) fn loads(alias: &str, key: &CacheKey, data: &[u8]) -> Result<Value, CacheError> {
    pickle::loads(data).map_err(|source| unreadable(alias, key, source))
}

/// The error of a key under which something else than a value is.
pub(super) fn unreadable(alias: &str, key: &CacheKey, source: impl Into<BoxError>) -> CacheError {
    CacheError::Decode { alias: alias.to_owned(), key: key.as_str().to_owned(), source: source.into() }
}

/// The sum of the `int` under a key and a number; `None` for what is no `int` of 64 bits, or would become none.
pub(super) fn sum(value: &Value, delta: i64) -> Option<i64> {
    value.as_i64()?.checked_add(delta)
}

/// The error of [`sum`].
pub(super) fn not_a_number(alias: &str, key: &CacheKey, delta: i64) -> CacheError {
    CacheError::NotANumber { alias: alias.to_owned(), key: key.as_str().to_owned(), delta }
}

/// Where the first pickle in `data` ends; the rest is something else.
///
/// A pickle ends at the first `.` that is an opcode. A `.` in a number's bytes is none: then what is before it is no pickle.
pub(super) fn first(data: &[u8]) -> Result<(Value, &[u8]), Box<dyn StdError + Send + Sync>> {
    /// The pickles that are read this way, times of expiry, are shorter.
    const LONGEST: usize = 128;
    let mut ends =
        data.iter().take(LONGEST).enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at + 1);
    let found = ends.find_map(|end| pickle::loads(&data[..end]).ok().map(|value| (value, &data[end..])));
    found.ok_or_else(|| "there is no time of expiry".into())
}
