//! Keyed hashes, comparison and random text (Django 5.2 utils/crypto.py).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// Letters and digits: Django's `RANDOM_STRING_CHARS`.
pub const LETTERS_AND_DIGITS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A hash function, by the name that Python's `hashlib` gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// `sha1`: what Django's `salted_hmac` uses when nothing is said.
    Sha1,
    /// `sha224`
    Sha224,
    /// `sha256`: what Django's signers use when nothing is said.
    #[default]
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

/// A name that is no [`Algorithm`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hash algorithm known here; choose sha1, sha224, sha256, sha384 or sha512")]
pub struct UnknownAlgorithmError(pub String);

impl std::str::FromStr for Algorithm {
    type Err = UnknownAlgorithmError;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithmError> {
        Ok(match name {
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            other => return Err(UnknownAlgorithmError(other.to_owned())),
        })
    }
}

/// The HMAC of a value, under a key made of a salt and a secret: `HMAC(H(key_salt + secret), value)`.
///
/// ```
/// use nuages::signing::crypto::{Algorithm, salted_hmac};
///
/// let mac = salted_hmac(b"", b"", b"secret", Algorithm::Sha1);
/// assert_eq!(mac[..4], [0x6f, 0x4d, 0x24, 0xde]);
/// ```
#[must_use]
pub fn salted_hmac(key_salt: &[u8], value: &[u8], secret: &[u8], algorithm: Algorithm) -> Vec<u8> {
    MacKey::new(key_salt, secret, algorithm).mac(value, <[u8]>::to_vec)
}

/// A [`salted_hmac`]'s key, made once and used often.
#[derive(Clone)]
pub struct MacKey(Inner);

#[derive(Clone)]
enum Inner {
    Sha1(Hmac<Sha1>),
    Sha224(Hmac<Sha224>),
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl MacKey {
    /// The key of a salt and a secret.
    #[must_use]
    pub fn new(key_salt: &[u8], secret: &[u8], algorithm: Algorithm) -> Self {
        macro_rules! keyed {
            ($variant:ident) => {{
                let key = sha(key_salt, secret, $variant::new());
                // A digest is never longer than its function's block: it is the key as it is, padded with zeros.
                let mut block = hmac::digest::Key::<Hmac<$variant>>::default();
                block[..key.len()].copy_from_slice(&key);
                Inner::$variant(Hmac::new(&block))
            }};
        }
        Self(match algorithm {
            Algorithm::Sha1 => keyed!(Sha1),
            Algorithm::Sha224 => keyed!(Sha224),
            Algorithm::Sha256 => keyed!(Sha256),
            Algorithm::Sha384 => keyed!(Sha384),
            Algorithm::Sha512 => keyed!(Sha512),
        })
    }

    /// Hands the HMAC of a value on.
    pub(super) fn mac<T>(&self, value: &[u8], then: impl FnOnce(&[u8]) -> T) -> T {
        macro_rules! finish {
            ($key:ident) => {{
                let mut mac = $key.clone();
                mac.update(value);
                then(&mac.finalize().into_bytes())
            }};
        }
        match &self.0 {
            Inner::Sha1(key) => finish!(key),
            Inner::Sha224(key) => finish!(key),
            Inner::Sha256(key) => finish!(key),
            Inner::Sha384(key) => finish!(key),
            Inner::Sha512(key) => finish!(key),
        }
    }
}

fn sha<D: Digest>(key_salt: &[u8], secret: &[u8], hasher: D) -> hmac::digest::Output<D> {
    hasher.chain_update(key_salt).chain_update(secret).finalize()
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(********************)")
    }
}

/// Whether two texts are equal, in a time that tells nothing of where they differ (it tells their lengths).
#[must_use]
pub fn constant_time_compare(left: impl AsRef<[u8]>, right: impl AsRef<[u8]>) -> bool {
    left.as_ref().ct_eq(right.as_ref()).into()
}

/// Why there is no random text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RandomError {
    /// There are no characters to choose from.
    #[error("a random text needs characters to choose from")]
    NoAlphabet,
    /// The system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    System(#[source] getrandom::Error),
}

/// A text of so many characters, each drawn from the alphabet by the system's random generator, all equally likely.
///
/// 32 characters of `[a-z0-9]` are 165 bits.
///
/// # Errors
///
/// When the alphabet is empty, or the system has no random bytes to give.
pub fn get_random_string(length: usize, alphabet: &str) -> Result<String, RandomError> {
    let letters: Vec<char> = alphabet.chars().collect();
    let choices = u32::try_from(letters.len()).unwrap_or(u32::MAX);
    if choices == 0 {
        return if length == 0 { Ok(String::new()) } else { Err(RandomError::NoAlphabet) };
    }
    // Numbers above the last whole multiple of the choices would favour the first letters: they are drawn again.
    let fair = u32::MAX - (u32::MAX % choices + 1) % choices;
    let mut text = String::with_capacity(length);
    let mut missing = length;
    let mut random = [0_u8; 256];
    while missing > 0 {
        let wanted = &mut random[..(missing * 4).min(256)];
        getrandom::fill(wanted).map_err(RandomError::System)?;
        for word in wanted.as_chunks::<4>().0 {
            let number = u32::from_ne_bytes(*word);
            if number <= fair {
                text.push(letters[(number % choices) as usize]);
                missing -= 1;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serialize::value::Value;
    use crate::serialize::vectors;

    #[test]
    fn golden_macs() {
        for entry in vectors::load("salted_hmac", "vectors") {
            let text = |name| vectors::text(&entry, name).as_bytes();
            let algorithm = vectors::text(&entry, "algorithm").parse::<Algorithm>();
            match entry.get("error") {
                Some(_) => assert!(algorithm.is_err(), "{entry:?}"),
                None => {
                    let mac =
                        salted_hmac(text("key_salt"), text("value"), text("secret"), algorithm.unwrap());
                    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
                    assert_eq!(hex, vectors::text(&entry, "hex"), "{entry:?}");
                }
            }
        }
    }

    #[test]
    fn golden_random_texts() {
        for entry in vectors::load("random_string", "vectors") {
            let length = usize::try_from(entry.get("length").and_then(Value::as_i64).unwrap()).unwrap();
            let alphabet = vectors::text(&entry, "allowed_chars");
            let text = get_random_string(length, alphabet).unwrap();
            assert_eq!(text.chars().count(), length);
            assert!(text.chars().all(|letter| alphabet.contains(letter)), "{text}");
        }
    }

    #[test]
    fn every_letter_is_as_likely() {
        let text = get_random_string(36_000, "abcdefghijklmnopqrstuvwxyz0123456789").unwrap();
        let mut counts = std::collections::BTreeMap::new();
        text.chars().for_each(|letter| *counts.entry(letter).or_insert(0_i32) += 1);
        assert_eq!(counts.len(), 36);
        // 1000 expected, standard deviation 31: eight of them are no accident.
        assert!(counts.values().all(|count| (count - 1000).abs() < 250), "{counts:?}");
    }

    #[test]
    fn odd_alphabets() {
        assert_eq!(get_random_string(3, "é").unwrap(), "ééé");
        assert_eq!(get_random_string(0, "").unwrap(), "");
        assert!(matches!(get_random_string(1, ""), Err(RandomError::NoAlphabet)));
    }

    #[test]
    fn comparison() {
        assert!(constant_time_compare("", ""));
        assert!(constant_time_compare("abc", b"abc"));
        assert!(!constant_time_compare("abc", "abd"));
        assert!(!constant_time_compare("abc", "abcd"));
    }

    #[test]
    fn keys_are_not_shown() {
        let key = MacKey::new(b"salt", b"hush", Algorithm::Sha256);
        assert_eq!(format!("{key:?}"), "MacKey(********************)");
    }
}
