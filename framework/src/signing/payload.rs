//! Bytes as URL-safe text, compressed when that is shorter: what stands before the first `:` of a signed object.

use std::sync::Arc;

use crate::signing::b64::{self, B64Error};
use crate::signing::compression::{Zlib, ZlibError};

/// The most bytes that a payload may hold, decompressed, unless said otherwise: 16 MiB.
pub const DEFAULT_LIMIT: usize = 16 << 20;

/// Why a text is no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// Not base64, even to Python.
    #[error("not base64")]
    Base64(#[source] B64Error),
    /// Said to be compressed, but is not.
    #[error("not zlib")]
    Zlib(#[source] ZlibError),
}

/// Makes payloads and reads them; keeps what compression needs between uses, shared with its clones.
#[derive(Debug, Clone)]
pub struct PayloadCodec {
    zlib: Arc<Zlib>,
    limit: usize,
}

impl Default for PayloadCodec {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl PayloadCodec {
    /// A codec that reads compressed payloads of at most `limit` bytes, decompressed.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { zlib: Arc::new(Zlib::new()), limit }
    }

    /// The text of bytes: base64, or `.` and base64 of zlib's text if that was asked for and is shorter.
    #[must_use]
    pub fn encode(&self, data: &[u8], compress: bool) -> String {
        let compressed = if compress { self.zlib.compress_if_shorter(data) } else { None };
        // Room for a timestamp and a signature, which follow as a rule.
        let mut text = String::with_capacity(data.len() * 4 / 3 + 64);
        match compressed {
            Some(compressed) => {
                text.push('.');
                b64::encode_into(&compressed, &mut text);
            }
            None => b64::encode_into(data, &mut text),
        }
        text
    }

    /// The bytes of a text.
    ///
    /// # Errors
    ///
    /// Where Python raises `binascii.Error` or `zlib.error`, and for more than the limit.
    pub fn decode(&self, text: &str) -> Result<Vec<u8>, PayloadError> {
        match text.strip_prefix('.') {
            Some(text) => {
                let compressed = b64::decode(text.as_bytes()).map_err(PayloadError::Base64)?;
                self.zlib.decompress(&compressed, self.limit).map_err(PayloadError::Zlib)
            }
            None => b64::decode(text.as_bytes()).map_err(PayloadError::Base64),
        }
    }
}
