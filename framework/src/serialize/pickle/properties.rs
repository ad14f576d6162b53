//! What holds for any value and any bytes.

use num_bigint::BigInt;
use proptest::prelude::*;

use crate::serialize::pickle::tests::same;
use crate::serialize::pickle::{dumps, loads};
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{DateTime, Dict, Key, Value};

fn hashable() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(Value::from);
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        any::<i128>().prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300)
            .prop_map(|bytes| BigInt::from_signed_bytes_le(&bytes).into()),
        any::<f64>().prop_map(Value::from),
        text.clone(),
        text,
        prop::collection::vec(0xD7FE_u32..0xE002, 0..4)
            .prop_filter_map("beyond Unicode", Value::from_code_points),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        (1..3_652_059_i32).prop_filter_map("no such day", |day| {
            time::Date::from_julian_day(1_721_425 + day).ok().map(Value::Date)
        }),
        (0..86_400_000_000_i64)
            .prop_map(|micros| { Value::Time(time::Time::MIDNIGHT + time::Duration::microseconds(micros)) }),
        (-62_000_000_000_i64..253_000_000_000, prop::option::of(-86_399..86_400_i32)).prop_map(
            |(seconds, offset)| {
                let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
                Value::DateTime(match offset {
                    None => DateTime::Naive(time::PrimitiveDateTime::new(moment.date(), moment.time())),
                    Some(offset) => DateTime::Aware(
                        moment.to_offset(time::UtcOffset::from_whole_seconds(offset).unwrap()),
                    ),
                })
            }
        ),
        any::<i64>()
            .prop_map(|micros| Value::TimeDelta(TimeDelta::from_microseconds(micros.into()).unwrap())),
        "-?[0-9]{1,9}(\\.[0-9]{1,9})?(E[+-][0-9]{1,9})?".prop_map(Value::Decimal),
        any::<u128>().prop_map(|number| Value::Uuid(uuid::Uuid::from_u128(number))),
        any::<(f64, f64)>().prop_map(|(re, im)| Value::Complex(re, im)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Tuple),
            prop::collection::vec(inner, 0..5).prop_map(|items| Value::FrozenSet(distinct(items))),
        ]
    })
}

fn distinct(items: Vec<Value>) -> Vec<Value> {
    let keys: Dict = items.into_iter().map(|item| (Key::try_from(item).unwrap(), Value::None)).collect();
    keys.into_iter().map(|(key, _)| key.into_value()).collect()
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => hashable(),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::ByteArray),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            prop::collection::vec(hashable(), 0..6).prop_map(|items| Value::Set(distinct(items))),
            prop::collection::vec((hashable(), inner), 0..6).prop_map(|entries| {
                let entries = entries.into_iter().map(|(key, value)| (Key::try_from(key).unwrap(), value));
                Value::Dict(entries.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let bytes = dumps(&value).unwrap();
        let loaded = loads(&bytes).unwrap();
        prop_assert!(same(&loaded, &value), "{loaded:?} is not {value:?}");
        prop_assert_eq!(dumps(&loaded).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = loads(&bytes);
    }

    #[test]
    fn any_opcodes_are_survived(parts in prop::collection::vec(prop::sample::select(PARTS), 0..60)) {
        let _ = loads(&[&parts.concat()[..], b"."].concat());
    }

    #[test]
    fn damaged_pickles_are_survived(
        value in value(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        length in any::<prop::sample::Index>(),
    ) {
        let whole = dumps(&value).unwrap();
        prop_assert!(loads(&whole[..length.index(whole.len())]).is_err());
        let mut bytes = whole;
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(loaded) = loads(&bytes) {
            // Whatever was read can be written.
            prop_assert!(dumps(&loaded).is_ok(), "{loaded:?}");
        }
    }
}

/// Opcodes with arguments that fit: what random bytes hardly ever are.
const PARTS: &[&[u8]] = &[
    b"(",
    b"0",
    b"1",
    b"2",
    b"N",
    b"K\x01",
    b"I5\n",
    b"L7L\n",
    b"F1.5\n",
    b"X\x01\0\0\0a",
    b"V\\u0041\n",
    b"S'a'\n",
    b"C\x01a",
    b"C\x0a\x07\xea\x01\x02\x03\x04\x05\0\0\x06",
    b"\x96\x01\0\0\0\0\0\0\0a",
    b"]",
    b"}",
    b")",
    b"\x8f",
    b"a",
    b"e",
    b"s",
    b"u",
    b"\x90",
    b"\x91",
    b"t",
    b"l",
    b"d",
    b"\x85",
    b"\x86",
    b"\x87",
    b"R",
    b"\x81",
    b"\x92",
    b"b",
    b"o",
    b"\x94",
    b"h\0",
    b"h\x01",
    b"h\x02",
    b"q\0",
    b"g0\n",
    b"p1\n",
    b"cuuid\nUUID\n",
    b"cdatetime\ndatetime\n",
    b"cdatetime\ntimedelta\n",
    b"cdatetime\ntimezone\n",
    b"c__builtin__\nset\n",
    b"c__builtin__\nbytearray\n",
    b"ccopyreg\n_reconstructor\n",
    b"cbuiltins\nobject\n",
    b"X\x03\0\0\0int",
    b"i__builtin__\nset\n",
    b"\x80\x05",
];
