//! The signatures of signed cookies (Django 5.2 core/signing.py `get_cookie_signer`, `_cookie_signer_salt`).

use crate::signing::keys::SigningKeys;
use crate::signing::signature_error::SignatureError;
use crate::signing::timestamp_signer::TimestampSigner;

/// What stands before every key that signs a cookie.
const KEY_PREFIX: &[u8] = b"django.http.cookies";

/// A signer of cookies under a salt of one's own (`get_cookie_signer`): the messages cookie's, for instance.
#[must_use]
pub fn cookie_signer(keys: &SigningKeys, salt: &str) -> TimestampSigner {
    TimestampSigner::new(&keys.prefixed(KEY_PREFIX), salt)
}

/// A cookie's value, signed for that name and salt: what `set_signed_cookie` sends.
#[must_use]
pub fn sign_cookie(keys: &SigningKeys, name: &str, salt: &str, value: &str) -> String {
    cookie_signer(keys, &cookie_salt(name, salt)).sign(value)
}

/// As [`sign_cookie`], at a given time: seconds since 1970.
#[must_use]
pub fn sign_cookie_at(keys: &SigningKeys, name: &str, salt: &str, value: &str, now: f64) -> String {
    cookie_signer(keys, &cookie_salt(name, salt)).sign_at(value, now)
}

/// How a signed cookie is read.
#[derive(Debug, Clone, Copy)]
pub struct CookieCheck<'a> {
    /// The cookie's name.
    pub name: &'a str,
    /// The salt it was signed with.
    pub salt: &'a str,
    /// The most seconds since the signing.
    pub max_age: Option<f64>,
    /// `SIGNED_COOKIE_LEGACY_SALT_FALLBACK`: whether what Django signed before 5.2.15 is taken, too.
    pub legacy_salt: bool,
}

impl CookieCheck<'_> {
    /// The value of a signed cookie, at a given time: seconds since 1970.
    ///
    /// # Errors
    ///
    /// As [`TimestampSigner::unsign`]. A cookie that has expired is not tried with the older salt.
    pub fn unsign_at<'a>(
        &self,
        keys: &SigningKeys,
        signed: &'a str,
        now: f64,
    ) -> Result<&'a str, SignatureError> {
        let unsign = |salt: &str| cookie_signer(keys, salt).unsign_at(signed, self.max_age, now);
        match unsign(&cookie_salt(self.name, self.salt)) {
            Err(SignatureError::NoSeparator { .. } | SignatureError::Mismatch { .. }) if self.legacy_salt => {
                unsign(&format!("{}{}", self.name, self.salt))
            }
            outcome => outcome,
        }
    }

    /// As [`unsign_at`](Self::unsign_at), now.
    ///
    /// # Errors
    ///
    /// As [`unsign_at`](Self::unsign_at).
    pub fn unsign<'a>(&self, keys: &SigningKeys, signed: &'a str) -> Result<&'a str, SignatureError> {
        self.unsign_at(keys, signed, crate::signing::timestamp_signer::now())
    }
}

/// The salt for a cookie's name and salt; the length, in characters, keeps two such pairs from being one.
fn cookie_salt(name: &str, salt: &str) -> String {
    format!("{KEY_SALT}:{}:{salt}{name}", salt.chars().count())
}

const KEY_SALT: &str = "django.http.cookies.v2";
