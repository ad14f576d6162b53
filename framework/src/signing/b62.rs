//! Whole numbers in base 62, digits `0-9A-Za-z`: Django's signed timestamps (Django 5.2 core/signing.py `b62_encode`).

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why a text is no number in base 62.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum B62Error {
    /// There is nothing.
    #[error("an empty text is no number in base 62")]
    Empty,
    /// A character is no digit.
    #[error("{0:?} is no digit of base 62; the digits are 0-9, A-Z and a-z")]
    Digit(char),
    /// Beyond 127 bits: nothing that was ever a timestamp.
    #[error("the number in base 62 is beyond 127 bits")]
    TooBig,
}

/// The number's text; a negative one begins with `-`.
///
/// ```
/// use nuages::signing::b62;
///
/// assert_eq!(b62::encode(1_767_322_800), "1vbVOS");
/// assert_eq!(b62::decode("1vbVOS"), Ok(1_767_322_800));
/// ```
#[must_use]
pub fn encode(number: i128) -> String {
    // 22 digits hold 2^127; one more place for the sign.
    let mut buffer = [0_u8; 23];
    let mut at = buffer.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = ALPHABET[(rest % 62) as usize];
        rest /= 62;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    buffer[at..].iter().map(|&digit| char::from(digit)).collect()
}

/// The number that a text stands for. As in Django leading zeros are skipped, and a lone `-` is 0.
///
/// # Errors
///
/// Where Django raises `ValueError` or `IndexError`, and for a number beyond 127 bits.
pub fn decode(text: &str) -> Result<i128, B62Error> {
    if text.is_empty() {
        return Err(B62Error::Empty);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let mut number: i128 = 0;
    for letter in digits.chars() {
        let digit = match letter {
            '0'..='9' => letter as u8 - b'0',
            'A'..='Z' => letter as u8 - b'A' + 10,
            'a'..='z' => letter as u8 - b'a' + 36,
            _ => return Err(B62Error::Digit(letter)),
        };
        number = number
            .checked_mul(62)
            .and_then(|number| number.checked_add(digit.into()))
            .ok_or(B62Error::TooBig)?;
    }
    Ok(sign * number)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use proptest::prelude::*;

    use super::*;
    use crate::serialize::value::Value;
    use crate::serialize::vectors;

    #[test]
    fn golden_numbers() {
        let number = |value: &Value| match vectors::untag(value) {
            Some(Value::Int(number)) => i128::from(number),
            Some(Value::BigInt(number)) => i128::try_from(&number).unwrap(),
            other => panic!("{other:?}"),
        };
        for entry in vectors::load("b62", "vectors") {
            let (given, out) = (entry.get("in").unwrap(), entry.get("out").unwrap());
            match (vectors::text(&entry, "fn"), vectors::error(out)) {
                ("b62_encode", None) => assert_eq!(Some(encode(number(given)).as_str()), out.as_str()),
                ("b62_decode", None) => assert_eq!(decode(given.as_str().unwrap()), Ok(number(out))),
                ("b62_decode", Some(error)) => {
                    let fault = decode(given.as_str().unwrap()).unwrap_err();
                    assert_eq!(if fault == B62Error::Empty { "IndexError" } else { "ValueError" }, error);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_limits() {
        assert_eq!(decode(&encode(i128::MAX)), Ok(i128::MAX));
        assert_eq!(encode(i128::MIN).len(), 23);
        assert_eq!(decode(&"z".repeat(100)), Err(B62Error::TooBig));
        assert!(BigInt::from(decode("-zzzzzzzzzz").unwrap()) < BigInt::from(0));
    }

    proptest! {
        #[test]
        fn round_trip(number in -i128::MAX..=i128::MAX) {
            prop_assert_eq!(decode(&encode(number)), Ok(number));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Ok(number) = decode(&text) {
                prop_assert_eq!(decode(&encode(number)), Ok(number));
            }
        }
    }
}
