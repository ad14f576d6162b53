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
    // Rust's `{:e}` gives the same digits: d[.ddd]e[-]x, at most 24 bytes.
    let mut buffer = [0_u8; 32];
    let mut rest = &mut buffer[..];
    let written = match write!(rest, "{:e}", number.abs()) {
        Ok(()) => 32 - rest.len(),
        Err(_) => 0,
    };
    let text = &buffer[..written];
    let e = text.iter().position(|&byte| byte == b'e').unwrap_or(written);
    let exponent = std::str::from_utf8(text.get(e + 1..).unwrap_or_default())
        .ok()
        .and_then(|exponent| exponent.parse::<i32>().ok())
        .unwrap_or_default();
    let (first, others) = (&text[..e.min(1)], text.get(2..e).unwrap_or_default());

    if number.is_sign_negative() {
        out.push(b'-');
    }
    match exponent {
        -4..=-1 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + (-1 - exponent) as usize, b'0');
            out.extend_from_slice(first);
            out.extend_from_slice(others);
        }
        0..=15 => {
            let whole = (exponent as usize).min(others.len());
            out.extend_from_slice(first);
            out.extend_from_slice(&others[..whole]);
            out.resize(out.len() + (exponent as usize - whole), b'0');
            out.push(b'.');
            out.extend_from_slice(if whole < others.len() { &others[whole..] } else { b"0" });
        }
        _ => {
            out.extend_from_slice(first);
            if !others.is_empty() {
                out.push(b'.');
                out.extend_from_slice(others);
            }
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            write_infallibly(out, format_args!("{:02}", exponent.unsigned_abs()));
        }
    }
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
