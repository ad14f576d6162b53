use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;
use crate::serialize::encode_error::{MAX_DEPTH, MAX_DIGITS};
use crate::serialize::value::Key;
use crate::serialize::vectors;

/// Equal, NaN to NaN and -0.0 not to 0.0, and in the same order.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => {
            left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
        }
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Dict(left), Value::Dict(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|((left_key, left), (right_key, right))| {
                    same(left_key.value(), right_key.value()) && same(left, right)
                })
        }
        _ => left == right,
    }
}

#[test]
fn golden_texts() {
    for entry in vectors::load("json_text", "vectors") {
        let expected = entry.get("json").unwrap();
        let Some(value) = vectors::untag(entry.get("value").unwrap()) else { continue };
        match vectors::error(expected) {
            Some(error) => {
                let fault = dumps(&value).unwrap_err();
                assert_eq!(fault.python_name(), error, "{value:?}");
                let message = expected.as_dict().unwrap().get("message").and_then(Value::as_str).unwrap();
                assert!(fault.to_string().starts_with(message), "{fault} for {message}");
            }
            None => {
                let text = expected.as_str().unwrap();
                assert_eq!(dumps(&value).map(String::from_utf8), Ok(Ok(text.to_owned())), "{value:?}");
                let loaded = vectors::untag(entry.get("loaded").unwrap()).unwrap();
                let read = loads(text.as_bytes()).unwrap();
                assert!(same(&read, &loaded), "{text}: {read:?} is not {loaded:?}");
            }
        }
    }
}

#[test]
fn golden_mutants() {
    for entry in vectors::load("json_loads", "vectors") {
        let text = vectors::text(&entry, "text");
        let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
        match (loads(&bytes), entry.get("dumps")) {
            (Ok(value), Some(expected)) => {
                let again = String::from_utf8(dumps(&value).unwrap()).unwrap();
                assert_eq!(Some(again.as_str()), expected.as_str(), "{text:?}");
            }
            (Err(DecodeError::Syntax { expected, offset }), None) => {
                assert_eq!(expected, vectors::text(&entry, "message"), "{text:?}");
                let offset = i64::try_from(offset).unwrap();
                assert_eq!(entry.get("offset").and_then(Value::as_i64), Some(offset), "{text:?}: {expected}");
            }
            (outcome, expected) => panic!("{text:?}: {outcome:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn what_python_reads() {
    let check = |text: &[u8], expected: Value| {
        let value = loads(text).unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()));
        assert!(same(&value, &expected), "{}: {value:?} is not {expected:?}", text.escape_ascii());
    };
    check(b" \t\n\r1 \t\n\r", Value::Int(1));
    check(b"-0", Value::Int(0));
    check(b"-0.0", Value::Float(-0.0));
    check(b"1E5", Value::Float(1e5));
    check(b"1e+5", Value::Float(1e5));
    check(b"1e999", Value::Float(f64::INFINITY));
    check(b"-1e-999", Value::Float(-0.0));
    check(b"9223372036854775807", Value::Int(i64::MAX));
    check(b"-9223372036854775808", Value::Int(i64::MIN));
    check(b"9223372036854775808", Value::BigInt(BigInt::from(1_u64 << 63)));
    check(b"-9223372036854775809", Value::BigInt(BigInt::from(i64::MIN) - 1));
    check(b"[ ]", Value::List(vec![]));
    check(b"{ }", Value::Dict(Dict::new()));
    check(br#""\u00E9\/""#, Value::from("é/"));
    check(b"\"\xc3\xa9\x7f\"", Value::from("Ã©\u{7f}"));
    check(br#""\ud83d\ude00""#, Value::from("😀"));
    check(br#""\ud83d\ud83d\ude00""#, Value::Surrogates(Box::new([0xD83D, 0x1F600])));
    check(br#""\ude00\ud83dx""#, Value::Surrogates(Box::new([0xDE00, 0xD83D, 0x78])));
    check(br#""\ud83d\u0041\n""#, Value::Surrogates(Box::new([0xD83D, 0x41, 0x0A])));
    check(br#"{"a":1,"b":2,"a":3}"#, Value::Dict(Dict::from([("a", 3), ("b", 2)])));
}

#[test]
fn what_python_refuses() {
    let check = |text: &[u8], expected: &'static str, offset: usize| {
        let fault = DecodeError::Syntax { expected, offset };
        assert_eq!(loads(text), Err(fault), "{}", text.escape_ascii());
    };
    check(b"", "Expecting value", 0);
    check(b" ", "Expecting value", 1);
    check(b"\xef\xbb\xbf{}", "Expecting value", 0);
    check(b"nul", "Expecting value", 0);
    check(b"True", "Expecting value", 0);
    check(b"nan", "Expecting value", 0);
    check(b"-", "Expecting value", 0);
    check(b"-NaN", "Expecting value", 0);
    check(b"+1", "Expecting value", 0);
    check(b".5", "Expecting value", 0);
    check(b"1.", "Extra data", 1);
    check(b"1.e5", "Extra data", 1);
    check(b"1e", "Extra data", 1);
    check(b"01", "Extra data", 1);
    check(b"-01", "Extra data", 2);
    check(b"1 2", "Extra data", 2);
    check(b"1\x0b", "Extra data", 1);
    check(b"1\xa0", "Extra data", 1);
    check(b"[1,]", "Expecting value", 3);
    check(b"[1", "Expecting ',' delimiter", 2);
    check(b"[1 2]", "Expecting ',' delimiter", 3);
    check(b"[", "Expecting value", 1);
    check(b"{", "Expecting property name enclosed in double quotes", 1);
    check(b"{1:2}", "Expecting property name enclosed in double quotes", 1);
    check(br#"{"a":1,}"#, "Expecting property name enclosed in double quotes", 7);
    check(br#"{"a" 1}"#, "Expecting ':' delimiter", 5);
    check(br#"{"a":}"#, "Expecting value", 5);
    check(br#"{"a":1"#, "Expecting ',' delimiter", 6);
    check(b"\"a", "Unterminated string starting at", 0);
    check(b"\"a\\", "Unterminated string starting at", 0);
    check(b"\"\n\"", "Invalid control character at", 1);
    check(b"\"\\x\"", "Invalid \\escape", 1);
    check(b"\"\\u12\"", "Invalid \\uXXXX escape", 2);
    check(b"\"\\u+123\"", "Invalid \\uXXXX escape", 2);
}

#[test]
fn digits_have_a_limit() {
    let most = "9".repeat(MAX_DIGITS);
    for sign in ["", "-"] {
        let text = format!("{sign}{most}");
        let value = loads(text.as_bytes()).unwrap();
        assert_eq!(dumps(&value).unwrap(), text.as_bytes());
        let over = BigInt::parse_bytes(format!("{sign}{most}0").as_bytes(), 10).unwrap();
        assert_eq!(dumps(&Value::BigInt(over)), Err(EncodeError::Digits));
        assert_eq!(loads(format!("[{sign}{most}1]").as_bytes()), Err(DecodeError::Digits(MAX_DIGITS + 1)));
    }
    assert_eq!(dumps(&Value::BigInt(BigInt::from(1) << 1_000_000)), Err(EncodeError::Digits));
    // A float is not limited.
    assert_eq!(loads(format!("{most}{most}.0").as_bytes()), Ok(Value::Float(f64::INFINITY)));
}

#[test]
fn depth_has_a_limit() {
    let nested = |open: &str, close: &str, depth: usize| open.repeat(depth) + "0" + &close.repeat(depth);
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deepest = nested(open, close, MAX_DEPTH);
        let mut value = loads(deepest.as_bytes()).unwrap();
        assert_eq!(dumps(&value).unwrap(), deepest.as_bytes());
        value = Value::from(vec![value]);
        assert_eq!(dumps(&value), Err(EncodeError::Depth));
        assert_eq!(loads(nested(open, close, MAX_DEPTH + 1).as_bytes()), Err(DecodeError::Depth));
    }
    assert_eq!(loads("[".repeat(1_000_000).as_bytes()), Err(DecodeError::Depth));
    // Siblings are no depth.
    assert!(loads(format!("[{}[]]", "[],".repeat(5000)).as_bytes()).is_ok());
}

#[test]
fn what_has_no_json() {
    let check = |value: Value, error: &EncodeError| {
        assert_eq!(dumps(&value).as_ref(), Err(error));
        assert_eq!(dumps(&Value::from(vec![value])).as_ref(), Err(error));
    };
    check(Value::Uuid(uuid::Uuid::nil()), &EncodeError::Type("UUID"));
    check(Value::Decimal("1".to_owned()), &EncodeError::Type("Decimal"));
    check(Value::Complex(1.0, 2.0), &EncodeError::Type("complex"));
    let mut dict = Dict::new();
    dict.insert(Key::try_from(Value::Bytes(vec![])).unwrap(), 1);
    check(Value::Dict(dict), &EncodeError::KeyType("bytes"));
}

/// Values that JSON gives back as they were.
fn json_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".*".prop_map(Value::from),
        proptest::collection::vec(
            prop_oneof![0_u32..0x110, 0xD7FE..0xE002_u32, 0x1_0000..0x11_0000_u32],
            0..8
        )
        .prop_map(|points| {
            // Adjacent halves come back as one character, so they are joined beforehand.
            let joined = char::decode_utf16(points.iter().flat_map(|&point| {
                let mut units = [0; 2];
                match char::from_u32(point) {
                    Some(letter) => letter.encode_utf16(&mut units).to_vec(),
                    None => vec![point as u16],
                }
            }))
            .map(|unit| unit.map_or_else(|lone| lone.unpaired_surrogate().into(), u32::from))
            .collect::<Vec<u32>>();
            Value::from_code_points(joined).unwrap()
        }),
    ];
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i128>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        text,
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            proptest::collection::vec((".*", inner), 0..6)
                .prop_map(|entries| Value::Dict(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn round_trip(value in json_value()) {
        let text = dumps(&value).unwrap();
        prop_assert!(text.iter().all(|byte| matches!(byte, b' '..=b'~')));
        let back = loads(&text).unwrap();
        prop_assert!(same(&back, &value), "{value:?} came back as {back:?}");
        prop_assert_eq!(dumps(&back).unwrap(), text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(data: Vec<u8>) {
        if let Ok(value) = loads(&data) {
            let text = dumps(&value).unwrap();
            prop_assert!(same(&loads(&text).unwrap(), &value));
        }
    }

    #[test]
    fn any_text_like_json_is_read_or_refused(text in r#"[\[\]{}":,0-9eE.\-+\\ud8c0trufalsn NIy]{0,40}"#) {
        if let Ok(value) = loads(text.as_bytes()) {
            prop_assert!(same(&loads(&dumps(&value).unwrap()).unwrap(), &value));
        }
    }
}
