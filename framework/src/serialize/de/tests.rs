use std::collections::{BTreeMap, HashMap};
use std::fmt;

use proptest::prelude::*;
use serde::Serialize;

use super::*;
use crate::serialize::datetime::DateTime;
use crate::serialize::ser::to_value;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::vectors;

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
enum Shape {
    Empty,
    Point(f64),
    Line(i8, i8),
    Box { width: u64, name: Option<String> },
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Everything {
    unit: (),
    truth: bool,
    small: i8,
    big: u64,
    bigger: u128,
    negative: i128,
    half: f32,
    letter: char,
    text: String,
    absent: Option<u8>,
    list: Vec<(u8, String)>,
    shapes: Vec<Shape>,
    map: BTreeMap<String, i32>,
    numbered: BTreeMap<u16, bool>,
    moment: DateTime,
    span: TimeDelta,
    value: Value,
}

fn everything() -> Everything {
    Everything {
        unit: (),
        truth: true,
        small: -128,
        big: u64::MAX,
        bigger: u128::MAX,
        negative: i128::MIN,
        half: 0.1,
        letter: 'é',
        text: "Django".to_owned(),
        absent: None,
        list: vec![(1, "one".to_owned())],
        shapes: vec![
            Shape::Empty,
            Shape::Point(1.0),
            Shape::Line(-1, 2),
            Shape::Box { width: 3, name: Some(String::new()) },
        ],
        map: BTreeMap::from([("a".to_owned(), 1)]),
        numbered: BTreeMap::from([(7, false)]),
        moment: DateTime::fromisoformat("2026-01-02T03:04:05.678901+05:30").unwrap(),
        span: TimeDelta::MIN,
        value: Value::Tuple(vec![Value::Set(vec![Value::Int(1)])]),
    }
}

#[test]
fn there_and_back() {
    let value = to_value(&everything()).unwrap();
    let dict = value.as_dict().unwrap();
    assert_eq!(dict.get("big"), Some(&Value::from(u64::MAX)));
    assert_eq!(dict.get("half"), Some(&Value::Float(0.1)));
    assert_eq!(dict.get("list"), Some(&Value::List(vec![Value::from([Value::Int(1), Value::from("one")])])));
    assert_eq!(dict.get("value"), Some(&Value::Tuple(vec![Value::Set(vec![Value::Int(1)])])));
    assert!(matches!(dict.get("moment"), Some(Value::DateTime(_))));
    let shapes = dict.get("shapes").and_then(Value::as_list).unwrap();
    assert_eq!(shapes[0], Value::from("Empty"));
    assert_eq!(shapes[1], Value::Dict(Dict::from([("Point", 1.0)])));
    let width =
        Value::from([("width", Value::Int(3)), ("name", Value::from(""))].into_iter().collect::<Dict>());
    assert_eq!(shapes[3], Value::Dict(Dict::from([("Box", width)])));
    assert_eq!(from_value::<Everything>(value), Ok(everything()));
}

#[test]
fn every_golden_value_survives() {
    let mut exotic = 0;
    for file in ["json_text", "session_pickle"] {
        for entry in vectors::load(file, "vectors") {
            let tagged = entry.get("value").or_else(|| entry.get("dict")).unwrap();
            let Some(value) = vectors::untag(tagged) else { continue };
            let copy = to_value(&value).unwrap();
            // NaN is not equal to itself: text is.
            assert_eq!(format!("{copy:?}"), format!("{value:?}"));
            assert_eq!(format!("{:?}", from_value::<Value>(copy).unwrap()), format!("{value:?}"));
            exotic += usize::from(format!("{value:?}").contains("Tuple("));
        }
    }
    assert!(exotic > 3, "the vectors hold tuples");
}

#[test]
fn what_other_formats_see() {
    let check = |value: Value, json: &str| {
        assert_eq!(serde_json::to_string(&value).unwrap(), json, "{value:?}");
        assert!(tera::Value::try_from_serializable(&value).is_ok(), "{value:?}");
    };
    let moment = DateTime::fromisoformat("2026-01-02T03:04:05Z").unwrap();
    check(Value::DateTime(moment), r#""2026-01-02T03:04:05+00:00""#);
    check(Value::Date(moment.local().date()), r#""2026-01-02""#);
    check(Value::Time(moment.local().time()), r#""03:04:05""#);
    check(Value::TimeDelta(TimeDelta::from_seconds(90).unwrap()), r#""0:01:30""#);
    check(Value::Decimal("1.10".to_owned()), r#""1.10""#);
    check(Value::Uuid(uuid::Uuid::nil()), r#""00000000-0000-0000-0000-000000000000""#);
    check(Value::Complex(1.0, -2.5), r#""(1-2.5j)""#);
    check(Value::Complex(0.0, 2.0), r#""2j""#);
    check(Value::Tuple(vec![Value::Int(1), Value::Set(vec![])]), "[1,[]]");
    check(Value::ByteArray(vec![1, 2]), "[1,2]");
    check(Value::from(u64::MAX), "18446744073709551615");
    check(Value::from(u128::MAX), "340282366920938463463374607431768211455");
    check(Value::from(i128::MIN), "-170141183460469231731687303715884105728");
    let beyond = num_bigint::BigInt::from(u128::MAX) + 1;
    check(Value::BigInt(beyond), r#""340282366920938463463374607431768211456""#);
    check(Value::Surrogates(Box::new([0x61, 0xD800])), "\"a\u{fffd}\"");
    let mut dict = Dict::new();
    dict.insert(1, "int");
    dict.insert(1.5, "float");
    dict.insert(Key::try_from(Value::None).unwrap(), "none");
    dict.insert(Key::try_from(Value::Tuple(vec![Value::Bool(true), Value::from("a")])).unwrap(), "tuple");
    check(Value::Dict(dict), r#"{"1":"int","1.5":"float","None":"none","(True, a)":"tuple"}"#);
}

#[test]
fn other_formats_make_values() {
    let value: Value = serde_json::from_str(r#"{"a":[1,1.5,null,true,"x",18446744073709551615]}"#).unwrap();
    let items = vec![
        Value::Int(1),
        Value::Float(1.5),
        Value::None,
        Value::Bool(true),
        Value::from("x"),
        Value::from(u64::MAX),
    ];
    assert_eq!(value, Value::Dict(Dict::from([("a", items)])));
    let dict: Dict = serde_json::from_str("{}").unwrap();
    assert!(dict.is_empty());
}

#[test]
fn forgiving_where_json_forgets() {
    let numbers = HashMap::from([(1, "a".to_owned())]);
    assert_eq!(from_value(Value::Dict(Dict::from([("1", "a")]))), Ok(numbers.clone()));
    assert_eq!(from_value(Value::Dict(Dict::from([(1, "a")]))), Ok(numbers));
    let texts = HashMap::from([("1".to_owned(), 2)]);
    assert_eq!(from_value(Value::Dict(Dict::from([(1, 2)]))), Ok(texts));
    assert_eq!(
        from_value(Value::from([("true", 1)].into_iter().collect::<Dict>())),
        Ok(HashMap::from([(true, 1)]))
    );
    assert_eq!(from_value::<f64>(Value::Int(3)), Ok(3.0));
    assert_eq!(from_value::<Vec<u8>>(Value::FrozenSet(vec![Value::Int(3)])), Ok(vec![3]));
    assert_eq!(from_value::<Option<Option<u8>>>(Value::None), Ok(None));
    let moment = "2026-01-02T03:04:05+00:00";
    assert_eq!(
        from_value::<DateTime>(Value::from(moment)).map(|moment| moment.isoformat()),
        Ok(moment.to_owned())
    );
    assert_eq!(from_value::<String>(from_value(Value::from(moment)).unwrap()), Ok(moment.to_owned()));
    assert_eq!(from_value_ref::<&str>(&Value::from("borrowed")), Ok("borrowed"));
}

#[derive(Debug)]
struct Picky;

impl<'de> serde::Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(format!("no password: {}", String::deserialize(deserializer)?)))
    }
}

/// Every kind of value in place of every type: none of the texts shows what was there.
#[test]
fn errors_show_no_values() {
    fn check<T: DeserializeOwned + fmt::Debug>() {
        let secrets = [
            Value::from("hunter2"),
            Value::from(727_272),
            Value::Float(7272.72),
            Value::from(u128::MAX - 727_272),
            Value::BigInt("72727272727272727272727272727272727272727272727272".parse().unwrap()),
            Value::Bytes(b"hunter2".to_vec()),
            Value::Decimal("72.72".to_owned()),
            Value::Uuid(uuid::Uuid::from_u128(0x7272_7272)),
            Value::from([Value::from("hunter2")]),
            Value::Tuple(vec![Value::from("hunter2"), Value::from("72")]),
            Value::Dict(Dict::from([("key", "hunter2")])),
            Value::DateTime(DateTime::fromisoformat("1972-07-27T07:27:27Z").unwrap()),
            Value::Complex(72.0, 72.0),
            Value::Bool(true),
        ];
        for secret in secrets {
            let Err(error) = from_value::<T>(secret.clone()) else { continue };
            for text in [error.to_string(), format!("{error:?}")] {
                for part in ["hunter2", "72", "true", "104, 117"] {
                    assert!(!text.contains(part), "{secret:?}: {text}");
                }
            }
        }
    }
    check::<()>();
    check::<bool>();
    check::<u8>();
    check::<i64>();
    check::<u128>();
    check::<f64>();
    check::<char>();
    check::<String>();
    check::<Vec<u8>>();
    check::<(u8, u8)>();
    check::<HashMap<String, u8>>();
    check::<HashMap<u8, String>>();
    check::<Shape>();
    check::<Everything>();
    check::<DateTime>();
    check::<TimeDelta>();
    check::<Dict>();
    check::<std::net::IpAddr>();
    check::<Picky>();
}

#[test]
fn errors_say_what_and_where() {
    fn check<T: DeserializeOwned + fmt::Debug>(value: Value, message: &str) {
        assert_eq!(from_value::<T>(value).unwrap_err().to_string(), message);
    }
    check::<u8>(Value::Int(300), "invalid value: integer, expected u8");
    check::<u64>(Value::Int(-1), "invalid value: integer, expected u64");
    check::<u32>(Value::Float(3.0), "invalid type: floating point number, expected u32");
    check::<i64>(Value::from(u128::from(u64::MAX) + 1), "invalid type: integer, expected i64");
    check::<String>(Value::None, "invalid type: unit value, expected a string");
    check::<String>(
        Value::Surrogates(Box::new([0xD800])),
        "invalid type: text with lone surrogates, expected a string",
    );
    check::<Vec<(u8, bool)>>(
        Value::from([Value::from([Value::Int(1), Value::Int(1)])]),
        "0.1: invalid type: integer, expected a boolean",
    );
    check::<(u8, u8)>(Value::from([1, 2, 3]), "invalid length 3, expected fewer items");
    check::<HashMap<String, Shape>>(
        Value::Dict(Dict::from([("s", Dict::from([("Line", [1, 999])]))])),
        "s.Line.1: invalid value: integer, expected i8",
    );
    check::<Shape>(Value::Int(1), "invalid type: integer, expected a variant's name, or a dict of one");
    check::<Shape>(
        Value::from("Point"),
        "Point: invalid type: unit variant, expected a variant with a value",
    );
    check::<TimeDelta>(Value::Int(1), "invalid type: integer, expected a timedelta");
    check::<Dict>(Value::Uuid(uuid::Uuid::nil()), "invalid type: UUID, expected a dict");
    // A type of the site's own may quote what it refuses.
    let error = from_value::<Picky>(Value::from("hunter2")).unwrap_err();
    assert_eq!(error.to_string(), "the type refuses what is there");
    assert_eq!(error.detail(), Some("no password: hunter2"));
    assert!(!format!("{error:?}").contains("hunter2"));
    let unhashable = BTreeMap::from([(vec![1], 1)]);
    let error = to_value(&unhashable).unwrap_err().to_string();
    assert!(error.starts_with("unhashable type: 'list'"), "{error}");
}

proptest! {
    #[test]
    fn numbers_survive(int: i128, unsigned: u128, float: f64, single: f32, text: String, list: Vec<Option<i16>>) {
        let all = (int, unsigned, float, single, text, list);
        let back: (i128, u128, f64, f32, String, Vec<Option<i16>>) = from_value(to_value(&all).unwrap()).unwrap();
        prop_assert_eq!(back, all);
    }
}
