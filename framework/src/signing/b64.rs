//! URL-safe base64 without padding (Django 5.2 core/signing.py `b64_encode`, `b64_decode`).
//!
//! Decoding is as lenient as Python's `urlsafe_b64decode`: both alphabets are read, characters of neither are skipped,
//! spare bits are ignored, and a complete padding ends the text.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Why a text is no base64 even to Python: its `binascii.Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum B64Error {
    /// One character is left over, which is less than a byte.
    #[error("a base64 text of {0} characters: one too many")]
    Length(usize),
    /// The last group is not complete. Skipped characters count for the padding that Django adds.
    #[error("a base64 text whose last group is incomplete")]
    Padding,
}

/// The text of bytes, of `A-Za-z0-9-_`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// Appends the text of bytes.
pub fn encode_into(bytes: &[u8], out: &mut String) {
    ENGINE.encode_string(bytes, out);
}

/// The bytes of a text.
///
/// # Errors
///
/// Where Python raises `binascii.Error`.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, B64Error> {
    // What nuages and Django write themselves is read at once; anything else goes the long way.
    match ENGINE.decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) => decode_leniently(text),
    }
}

/// As CPython's `binascii.a2b_base64` in its default mode, with `=` added up to a multiple of 4 beforehand.
fn decode_leniently(text: &[u8]) -> Result<Vec<u8>, B64Error> {
    let padding = std::iter::repeat_n(b'=', text.len().wrapping_neg() % 4);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    // The characters of the open group, six bits each, and the `=` met since its last one.
    let (mut bits, mut group, mut pads, mut characters) = (0_u32, 0, 0, 0);
    for byte in text.iter().copied().chain(padding) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            b'=' if group >= 2 => {
                pads += 1;
                if group + pads >= 4 {
                    return Ok(bytes);
                }
                continue;
            }
            _ => continue,
        };
        characters += 1;
        pads = 0;
        bits = bits << 6 | u32::from(six);
        group = (group + 1) % 4;
        // Each character but a group's first completes a byte; what is not needed yet stays in the low bits.
        match group {
            2 => bytes.push((bits >> 4) as u8),
            3 => bytes.push((bits >> 2) as u8),
            0 => bytes.push(bits as u8),
            _ => {}
        }
    }
    match group {
        0 => Ok(bytes),
        1 => Err(B64Error::Length(characters)),
        _ => Err(B64Error::Padding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Python 3.11 answers.
    #[test]
    fn pythons_leniency() {
        let check = |text: &str, expected: Result<&str, B64Error>| {
            let expected = expected.map(|text| text.as_bytes().to_vec());
            assert_eq!(decode(text.as_bytes()), expected, "{text:?}");
            assert_eq!(decode_leniently(text.as_bytes()), expected, "{text:?}");
        };
        check("", Ok(""));
        check("aGk", Ok("hi"));
        check("aGk=", Ok("hi"));
        check("aGl", Ok("hi"));
        check("aGk==", Ok("hi"));
        check("aGk=aGk=", Ok("hi"));
        check("=aGk=", Ok("hi"));
        check("aG k!", Ok("hi"));
        check("a", Err(B64Error::Length(1)));
        check("aaaaa", Err(B64Error::Length(5)));
        check("aGk!", Err(B64Error::Padding));
        check("a=", Err(B64Error::Length(1)));
        check("!!!", Ok(""));
        check("Pz8/Pz8_", Ok("??????"));
        check("é", Ok(""));
    }

    proptest! {
        #[test]
        fn round_trip(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert_eq!(decode(text.as_bytes()), Ok(bytes.clone()));
            prop_assert_eq!(decode_leniently(text.as_bytes()), Ok(bytes));
        }

        #[test]
        fn both_ways_agree(text in "[A-Za-z0-9_=+/ -]{0,24}") {
            prop_assert_eq!(decode(text.as_bytes()), decode_leniently(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            prop_assert!(decode(&text).map_or(true, |bytes| bytes.len() <= text.len()));
        }
    }
}
