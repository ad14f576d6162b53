//! Secrets and tokens: the pure part.
//!
//! A visitor has one *secret* of 32 letters and digits, in a cookie or in the session. A page shows it as a *token*: a mask of
//! 32 random letters, then the secret, each letter moved on in the alphabet by the mask's letter at that place. So the token
//! differs from page to page, and what an attacker learns of a compressed page (BREACH) is of no use with the next.

use crate::signing::crypto::{LETTERS_AND_DIGITS, RandomError, constant_time_compare, get_random_string};

/// How long a secret is.
pub const SECRET_LENGTH: usize = 32;
/// How long a token is: mask and masked secret.
pub const TOKEN_LENGTH: usize = 2 * SECRET_LENGTH;

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// What is wrong with a text that should be a secret or a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Neither 32 nor 64 characters.
    #[error("has incorrect length")]
    Length,
    /// A character that is neither an ASCII letter nor a digit.
    #[error("has invalid characters")]
    Characters,
}

/// A new secret.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_secret() -> Result<String, RandomError> {
    get_random_string(SECRET_LENGTH, LETTERS_AND_DIGITS)
}

/// Whether the text may be a secret or a token (Django 5.2 `middleware/csrf.py`, `_check_token_format`).
///
/// # Errors
/// [`TokenError`]
pub fn check_format(text: &str) -> Result<(), TokenError> {
    let length = text.chars().count();
    if length != SECRET_LENGTH && length != TOKEN_LENGTH {
        Err(TokenError::Length)
    } else if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(TokenError::Characters)
    }
}

/// The secret as a token under a new mask.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn mask(secret: &str) -> Result<String, RandomError> {
    Ok(mask_with(secret, new_secret()?))
}

fn mask_with(secret: &str, mask: String) -> String {
    let mut token = mask;
    token.reserve(SECRET_LENGTH);
    for (at, letter) in secret.bytes().enumerate().take(SECRET_LENGTH) {
        let by = token.as_bytes().get(at).copied().map_or(0, place);
        token.push(char::from(ALPHABET[(place(letter) + by) % ALPHABET.len()]));
    }
    token
}

/// The secret inside a token; a text of any other length is the secret itself.
#[must_use]
pub fn unmask(text: &str) -> String {
    if text.len() != TOKEN_LENGTH || !text.is_ascii() {
        return text.to_owned();
    }
    let (mask, masked) = text.as_bytes().split_at(SECRET_LENGTH);
    let letters = mask.iter().zip(masked);
    letters
        .map(|(&by, &letter)| {
            char::from(ALPHABET[(place(letter) + ALPHABET.len() - place(by)) % ALPHABET.len()])
        })
        .collect()
}

/// Whether that text of the right format, masked or not, is that secret; in constant time.
#[must_use]
pub fn matches(text: &str, secret: &str) -> bool {
    constant_time_compare(unmask(text), secret)
}

/// Where a letter stands in the alphabet; what is no letter of it, at the beginning.
const fn place(letter: u8) -> usize {
    (match letter {
        b'a'..=b'z' => letter - b'a',
        b'A'..=b'Z' => letter - b'A' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        _ => 0,
    }) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::http::vectors;

    fn text<'a>(case: &'a Value, name: &str) -> &'a str {
        case[name].as_str().unwrap()
    }

    #[test]
    fn tokens_are_djangos() {
        assert_eq!(std::str::from_utf8(ALPHABET), Ok(LETTERS_AND_DIGITS));
        for case in vectors::of("csrf", "_mask_cipher_secret") {
            let (secret, token) = (text(&case, "secret"), text(&case, "token"));
            assert_eq!(mask_with(secret, text(&case, "mask").to_owned()), token);
            assert_eq!(unmask(token), secret);
        }
    }

    #[test]
    fn a_token_is_new_each_time_and_means_the_same() {
        let secret = new_secret().unwrap();
        assert_eq!(check_format(&secret), Ok(()));
        let (one, other) = (mask(&secret).unwrap(), mask(&secret).unwrap());
        assert_ne!(one, other);
        assert!(matches(&one, &secret) && matches(&other, &secret) && matches(&secret, &secret));
        assert!(!matches(&one, &new_secret().unwrap()));
        for at in 0..TOKEN_LENGTH {
            let mut torn = one.clone().into_bytes();
            torn[at] = if torn[at] == b'x' { b'y' } else { b'x' };
            assert!(!matches(std::str::from_utf8(&torn).unwrap(), &secret), "letter {at}");
        }
    }

    #[test]
    fn formats() {
        for (text, expected) in [
            ("a".repeat(32), Ok(())),
            ("a".repeat(64), Ok(())),
            (String::new(), Err(TokenError::Length)),
            ("a".repeat(31), Err(TokenError::Length)),
            ("a".repeat(63), Err(TokenError::Length)),
            ("a".repeat(65), Err(TokenError::Length)),
            (format!("{}-", "a".repeat(31)), Err(TokenError::Characters)),
            // Characters count, not bytes: this is Django's "invalid characters", too.
            (format!("{}é", "a".repeat(31)), Err(TokenError::Characters)),
            ("é".repeat(32), Err(TokenError::Characters)),
            ("é".repeat(16), Err(TokenError::Length)),
            (format!("{}\n", "a".repeat(32)), Err(TokenError::Length)),
        ] {
            assert_eq!(check_format(&text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn masking_and_back(secret in "[a-zA-Z0-9]{32}", mask in "[a-zA-Z0-9]{32}") {
            prop_assert_eq!(unmask(&mask_with(&secret, mask)), secret);
        }

        #[test]
        fn no_text_panics(one: String, other: String) {
            let _ = check_format(&one);
            let _ = matches(&one, &other);
            let _ = mask_with(&one, other);
        }
    }
}
