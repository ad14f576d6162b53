//! Django's signatures, to the byte: what keeps a visitor from changing what we handed out.
//!
//! # Grammar
//!
//! ```text
//! signed      = payload ":" timestamp ":" signature
//! payload     = base64(data)  |  "." base64(zlib(data))      ; "." if len(zlib(data)) < len(data) - 1
//! timestamp   = base62(whole seconds since 1970)             ; digits 0-9A-Za-z
//! signature   = base64(HMAC-SHA256(mac-key, payload ":" timestamp))
//! mac-key     = SHA256(salt "signer" secret-key)             ; the three one after another, as UTF-8
//! ```
//!
//! base64 is the URL-safe one without `=`. The last `:` splits off the signature, the one before it the timestamp: a
//! signed *text* (no payload) may hold as many more as it likes. The `.` is inside the signature, so nobody without the
//! key can have bytes decompressed; with the key, they are limited.
//!
//! The salt names the purpose: `django.contrib.sessions.SessionStore` for a session in a database. `SECRET_KEY` signs;
//! each of `SECRET_KEY_FALLBACKS` verifies, too.
//!
//! # Worked example
//!
//! The empty session `{}`, signed 2026-01-02 at 03:00 UTC with the key `vectors-secret-key`:
//!
//! ```
//! use nuages::conf::secret::Secret;
//! use nuages::signing::{b62, b64};
//! use nuages::signing::codec::SignedCodec;
//! use nuages::signing::crypto::{Algorithm, salted_hmac};
//! use nuages::signing::keys::SigningKeys;
//!
//! let payload = b64::encode(b"{}");
//! assert_eq!(payload, "e30");
//! let timestamp = b62::encode(1_767_322_800);
//! assert_eq!(timestamp, "1vbVOS");
//! let salt = "django.contrib.sessions.SessionStore";
//! let mac = salted_hmac(
//!     format!("{salt}signer").as_bytes(),
//!     b"e30:1vbVOS",
//!     b"vectors-secret-key",
//!     Algorithm::Sha256,
//! );
//! assert_eq!(b64::encode(&mac), "ZDesydLQUGWQCC4LaCOTB70zysko7_bOQF7C9Z_dUZs");
//!
//! let keys = SigningKeys::new(&Secret::new("vectors-secret-key"), &[]);
//! let signed = SignedCodec::new(&keys, salt).dumps_at(b"{}", true, 1_767_322_800.25);
//! assert_eq!(signed, "e30:1vbVOS:ZDesydLQUGWQCC4LaCOTB70zysko7_bOQF7C9Z_dUZs");
//! ```
//!
//! # Rooms
//!
//! * [`codec`]: bytes to signed text and back (`django.core.signing.dumps`, `loads`)
//! * [`signer`], [`timestamp_signer`]: text with a signature, and with the time of signing
//! * [`cookies`]: how cookies are signed
//! * [`keys`]: `SECRET_KEY` and its fallbacks
//! * [`payload`], [`compression`], [`b64`], [`b62`]: the parts of the grammar
//! * [`crypto`]: keyed hashes, comparison in constant time, random text
//! * [`signature_error`]: why a signed text is refused

pub mod b62;
pub mod b64;
pub mod codec;
pub mod compression;
pub mod cookies;
pub mod crypto;
pub mod keys;
pub mod payload;
pub mod signature_error;
pub mod signer;
pub mod timestamp_signer;

#[cfg(test)]
mod tests;
