//! Values in memcached: bytes and flags, as pymemcache's `pickle_serde` writes them (pymemcache 4.0 `serde.py`).

use bytes::{BufMut, Bytes, BytesMut};
use num_bigint::BigInt;

use crate::cache::backend::Version;
use crate::cache::error::CacheError;
use crate::cache::key::CacheKey;
use crate::cache::pickled;
use crate::serialize::value::Value;

const PICKLE: u32 = 1;
const INTEGER: u32 = 1 << 1;
const LONG: u32 = 1 << 2;
const TEXT: u32 = 1 << 4;

/// A value as memcached holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) flags: u32,
    pub(super) data: Bytes,
}

impl Packed {
    pub(super) fn pack(alias: &str, key: &CacheKey, value: &Value) -> Result<Self, CacheError> {
        let (flags, data) = match value {
            Value::Bytes(bytes) => (0, bytes.clone()),
            Value::Str(text) => (TEXT, text.clone().into_bytes()),
            Value::Int(number) => (INTEGER, number.to_string().into_bytes()),
            Value::BigInt(number) => (INTEGER, number.to_string().into_bytes()),
            Value::Surrogates(_) => {
                return Err(CacheError::Encode {
                    alias: alias.to_owned(),
                    key: key.as_str().to_owned(),
                    source: "memcached holds text as UTF-8, which has no lone surrogates".into(),
                });
            }
            other => (PICKLE, pickled::dumps(alias, key, other)?),
        };
        Ok(Self { flags, data: data.into() })
    }

    pub(super) fn unpack(&self, alias: &str, key: &CacheKey) -> Result<Value, CacheError> {
        let text =
            || std::str::from_utf8(&self.data).map_err(|source| pickled::unreadable(alias, key, source));
        match self.flags {
            flags if flags & TEXT != 0 => Ok(Value::Str(text()?.to_owned())),
            // Memcached leaves spaces behind a number that has become shorter.
            flags if flags & (INTEGER | LONG) != 0 => match text()?.trim().parse::<BigInt>() {
                Ok(number) => Ok(Value::from(number)),
                Err(source) => Err(pickled::unreadable(alias, key, source)),
            },
            flags if flags & PICKLE != 0 => pickled::loads(alias, key, &self.data),
            _ => Ok(Value::Bytes(self.data.to_vec())),
        }
    }

    pub(super) fn version(&self) -> Version {
        let mut version = BytesMut::with_capacity(4 + self.data.len());
        version.put_u32(self.flags);
        version.put_slice(&self.data);
        Version(version.freeze())
    }

    pub(super) fn is(&self, version: &Version) -> bool {
        version
            .0
            .split_at_checked(4)
            .is_some_and(|(flags, data)| flags == self.flags.to_be_bytes() && data == self.data)
    }
}
