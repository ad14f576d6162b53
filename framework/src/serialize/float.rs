//! Python's `repr()` of a float.

use std::io::Write;

/// Appends the shortest text that reads back as the same float, in Python's notation: always with a fraction or an
/// exponent, the exponent from `1e+16` up and `1e-05` down, of two digits at least; `nan`, `inf` and `-inf`.
pub fn write_repr(number: f64, out: &mut Vec<u8>) {
    if !number.is_finite() {
        let text: &[u8] = if number.is_nan() {
            b"nan"
        } else if number > 0.0 {
            b"inf"
        } else {
            b"-inf"
        };
        out.extend_from_slice(text);
        return;
    }
    // Whole numbers below 2^53 are the commonest and need no shortest-digits search.
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        if number.is_sign_negative() {
            out.push(b'-');
        }
        write_infallibly(out, format_args!("{}.0", number.abs() as u64));
        return;
    }
    if number.is_sign_negative() {
        out.push(b'-');
    }
    // The same digits as CPython's: the fewest, of those the nearest, of two as near the even one. (Rust's own
    // formatting takes the greater of two.) The notation is another.
    let mut buffer = zmij::Buffer::new();
    let (digits, length, point) = digits(buffer.format_finite(number.abs()).as_bytes());
    let digits = &digits[..length];
    match point {
        -3..=0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs(), b'0');
            out.extend_from_slice(digits);
        }
        1..=16 => {
            let whole = point.unsigned_abs().min(length);
            out.extend_from_slice(&digits[..whole]);
            out.resize(out.len() + (point.unsigned_abs() - whole), b'0');
            out.push(b'.');
            out.extend_from_slice(if whole < length { &digits[whole..] } else { b"0" });
        }
        _ => {
            out.extend_from_slice(&digits[..1]);
            if length > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            let exponent = point - 1;
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            write_infallibly(out, format_args!("{:02}", exponent.unsigned_abs()));
        }
    }
}

/// The digits of a positive number's text, without zeros at either end; how many; and where the point stands, counted
/// from the first of them.
fn digits(text: &[u8]) -> ([u8; 24], usize, isize) {
    let mut digits = [b'0'; 24];
    let (mut length, mut point, mut fraction, mut significant) = (0, 0, false, 0);
    let mut rest = text.iter();
    for &byte in rest.by_ref() {
        match byte {
            b'.' => fraction = true,
            b'0'..=b'9' => {
                if byte != b'0' || length > 0 {
                    if let Some(place) = digits.get_mut(length) {
                        *place = byte;
                    }
                    length += 1;
                    if byte != b'0' {
                        significant = length;
                    }
                    point += isize::from(!fraction);
                } else {
                    point -= isize::from(fraction);
                }
            }
            _ => break,
        }
    }
    let exponent = std::str::from_utf8(rest.as_slice()).ok().and_then(|text| text.parse::<isize>().ok());
    (digits, significant.min(24), point + exponent.unwrap_or_default())
}

/// `repr()` as text.
#[must_use]
pub fn repr(number: f64) -> String {
    let mut out = Vec::with_capacity(24);
    write_repr(number, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Formats into a vector, which cannot fail.
fn write_infallibly(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(text);
    debug_assert!(written.is_ok(), "a vector takes every byte");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn notation_is_pythons() {
        let check = |number: f64, text: &str| assert_eq!(repr(number), text);
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(100.0, "100.0");
        check(0.0001, "0.0001");
        check(0.000_123_45, "0.00012345");
        check(1e-5, "1e-05");
        check(1.5e-7, "1.5e-07");
        check(123_456.789, "123456.789");
        check(999_999_999_999_999.9, "999999999999999.9");
        check(9_007_199_254_740_993.0, "9007199254740992.0");
        check(9_999_999_999_999_998.0, "9999999999999998.0");
        check(1e16, "1e+16");
        check(-1.234_567_890_123_456_8e17, "-1.2345678901234568e+17");
        check(1e22, "1e+22");
        check(1e100, "1e+100");
        // Halfway between .2 and .3.
        check(3_375_277_342_696_397.0 / 4.0, "843819335674099.2");
        check(5e-324, "5e-324");
        check(f64::MAX, "1.7976931348623157e+308");
        check(2.0_f64.powi(-44), "5.684341886080802e-14");
        check(f64::NAN, "nan");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
    }

    proptest! {
        #[test]
        fn reads_back(bits: u64) {
            let number = f64::from_bits(bits);
            let text = repr(number);
            prop_assert!(number.is_nan() || text.parse::<f64>().unwrap().to_bits() == bits, "{text}");
        }
    }
}
