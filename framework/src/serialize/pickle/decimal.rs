//! Whether a text is one that `str()` of a Python `Decimal` writes.

/// The largest power of ten, to either side, of a `Decimal` (`decimal.MAX_EMAX` and the digits below `MIN_ETINY`).
const MAX_EXPONENT: u64 = 1_999_999_999_999_999_997;

/// `[-]digits[.digits][E(+|-)digits]`, `[-]Infinity`, `[-][s]NaN[digits]`.
pub(super) fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned == "Infinity" {
        return true;
    }
    if let Some(payload) = unsigned.strip_prefix('s').unwrap_or(unsigned).strip_prefix("NaN") {
        return payload.bytes().all(|byte| byte.is_ascii_digit());
    }
    let (digits, exponent) = match unsigned.split_once('E') {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    are_digits(whole)
        && fraction.is_none_or(are_digits)
        && exponent.is_none_or(|exponent| {
            exponent
                .strip_prefix(['+', '-'])
                .filter(|size| are_digits(size))
                .and_then(|size| size.parse::<u64>().ok())
                .is_some_and(|size| size <= MAX_EXPONENT)
        })
}

fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for text in [
            "0",
            "-0.00",
            "1.10",
            "1E+2",
            "1E-7",
            "-1.5E+1000",
            "Infinity",
            "-Infinity",
            "NaN",
            "-NaN123",
            "sNaN",
        ] {
            assert!(is_decimal(text), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "+1",
            "1e5",
            "1E5",
            "1E+",
            "inf",
            "nan",
            "sInfinity",
            "1_0",
            " 1",
            "1\n",
            "1E+9999999999999999999",
            "٣",
            "NaNx",
        ] {
            assert!(!is_decimal(text), "{text}");
        }
    }
}
