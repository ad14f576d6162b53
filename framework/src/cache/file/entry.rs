//! The bytes of a cache file: a pickled time of expiry, and behind it the zlib-compressed pickle of the value (Django 5.2
//! `core/cache/backends/filebased.py`).

use std::io::{Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::cache::backend::Ttl;
use crate::cache::pickled;
use crate::error::BoxError;
use crate::serialize::pickle;
use crate::serialize::value::Value;

/// No value is unpacked to more bytes: a damaged or planted file must not fill the memory.
const LARGEST_VALUE: u64 = 256 << 20;

/// When an entry expires: seconds since 1970, or never.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Expiry(Option<f64>);

impl Expiry {
    /// That long from now on.
    pub(super) fn of(ttl: Ttl) -> Self {
        Self(ttl.duration().map(|time| unix_time() + time.as_secs_f64()))
    }

    pub(super) fn is_past(self) -> bool {
        self.0.is_some_and(|at| at < unix_time())
    }
}

fn unix_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A file's contents, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) expiry: Expiry,
    /// The value, packed.
    pub(super) packed: &'a [u8],
}

impl<'a> Entry<'a> {
    /// # Errors
    /// When the contents do not begin with a time of expiry. An empty file counts as expired, as in Django.
    pub(super) fn read(contents: &'a [u8]) -> Result<Self, BoxError> {
        if contents.is_empty() {
            return Ok(Self { expiry: Expiry(Some(0.0)), packed: contents });
        }
        let (expiry, packed) = pickled::first(contents)?;
        let expiry = match expiry {
            Value::None => Expiry(None),
            other => Expiry(Some(other.as_f64().ok_or("the time of expiry is no number")?)),
        };
        Ok(Self { expiry, packed })
    }

    /// The contents of a file.
    ///
    /// # Errors
    /// None that the codec has for a number.
    pub(super) fn write(&self) -> Result<Vec<u8>, BoxError> {
        let mut contents = pickle::dumps(&self.expiry.0.map_or(Value::None, Value::Float))?;
        contents.extend_from_slice(self.packed);
        Ok(contents)
    }
}

/// Compresses a pickle.
pub(super) fn pack(pickled: &[u8]) -> Result<Vec<u8>, BoxError> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(pickled.len() / 2 + 64), Compression::default());
    encoder.write_all(pickled)?;
    Ok(encoder.finish()?)
}

/// The pickle that was compressed.
pub(super) fn unpack(packed: &[u8]) -> Result<Vec<u8>, BoxError> {
    let mut pickled = Vec::new();
    ZlibDecoder::new(packed).take(LARGEST_VALUE + 1).read_to_end(&mut pickled)?;
    match pickled.len() as u64 > LARGEST_VALUE {
        true => Err(format!("the value is larger than {LARGEST_VALUE} bytes").into()),
        false => Ok(pickled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_python_writes() {
        // pickle.dumps(1767322800.25, 5) + zlib.compress(pickle.dumps("text", 5)); the same with None.
        let python = b"\x80\x05\x95\x0a\x00\x00\x00\x00\x00\x00\x00GA\xda\x55\xd7\x2c\x10\x00\x00.rest";
        let entry = Entry::read(python).unwrap();
        assert_eq!(entry.packed, b"rest");
        assert_eq!(entry.write().unwrap(), python);
        assert!(Entry::read(b"\x80\x05N.").unwrap().expiry == Expiry(None));
        assert!(Entry::read(b"").unwrap().expiry.is_past());
        // A `.` among the bytes of the number does not end it.
        let dotted = Entry { expiry: Expiry(Some(f64::from_be_bytes(*b"A......."))), packed: b"." };
        let contents = dotted.write().unwrap();
        assert_eq!(Entry::read(&contents).unwrap().expiry, dotted.expiry);
        assert_eq!(Entry::read(&contents).unwrap().packed, b".");
    }

    #[test]
    fn what_is_no_entry_is_an_error() {
        for contents in [&b"x"[..], b"\x80\x05", b"....", b"\x80\x05\x8c\x01a.", &[0xff; 300]] {
            assert!(Entry::read(contents).is_err(), "{contents:?}");
        }
        assert!(unpack(b"no zlib").is_err());
        let packed = pack(b"value").unwrap();
        assert!(unpack(&packed[..packed.len() - 5]).is_err());
        assert_eq!(unpack(&packed).unwrap(), b"value");
    }
}
