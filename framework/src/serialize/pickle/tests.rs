use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigInt;
use sha1::{Digest, Sha1};
use time::macros::{date, datetime, time};

use super::*;
use crate::serialize::value::{DateTime, Key, UnhashableError};
use crate::serialize::vectors;

/// Whether two values are the same, with sets in any order and NaN equal to itself: Python's sets have the order of hashes.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    let all = |left: &[Value], right: &[Value]| {
        left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
    };
    match (left, right) {
        (Value::Set(left), Value::Set(right)) | (Value::FrozenSet(left), Value::FrozenSet(right)) => {
            left.len() == right.len() && left.iter().all(|item| right.iter().any(|other| same(item, other)))
        }
        (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
            all(left, right)
        }
        (Value::Dict(left), Value::Dict(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|((key, value), (other_key, other_value))| {
                    same(key.value(), other_key.value()) && same(value, other_value)
                })
        }
        (Value::Float(left), Value::Float(right)) => {
            left.to_bits() == right.to_bits() || left.is_nan() && right.is_nan()
        }
        (Value::Complex(re, im), Value::Complex(other_re, other_im)) => {
            same(&Value::Float(*re), &Value::Float(*other_re))
                && same(&Value::Float(*im), &Value::Float(*other_im))
        }
        _ => left == right,
    }
}

/// Reads every pickle of a file, and writes those of protocol 5 again; how many of those are not equal to the byte.
fn read_vectors(name: &str) -> usize {
    let mut other = 0;
    for entry in vectors::load(name, "vectors") {
        let bytes = STANDARD.decode(vectors::text(&entry, "pickle")).unwrap();
        let tagged = entry.get("decoded").or_else(|| entry.get("dict")).unwrap();
        let expected = vectors::untag(tagged).unwrap();
        let loaded =
            loads(&bytes).unwrap_or_else(|error| panic!("{error}: {tagged:?} {}", bytes.escape_ascii()));
        assert!(same(&loaded, &expected), "{loaded:?} is not {expected:?}");
        let dumped = dumps(&loaded).unwrap();
        assert!(same(&loads(&dumped).unwrap(), &expected), "{expected:?}");
        if entry.get("protocol") == Some(&Value::Int(5)) && dumped != bytes {
            other += 1;
            // One list under three keys: a value does not know that it was one.
            assert!(tagged.as_dict().unwrap().contains_key("z"), "{tagged:?}\n{}", dumped.escape_ascii());
        }
    }
    other
}

#[test]
fn golden_pickles() {
    assert_eq!(read_vectors("session_pickle"), 2);
    assert_eq!(read_vectors("session_pickle42"), 1);
}

/// The pickles that CPython 3.11.7 writes: `hashlib.sha1(pickle.dumps(value, 5)).hexdigest()`.
#[test]
fn batches_and_frames_are_pythons() {
    let check = |name: &str, value: Value, sha1: &str| {
        let bytes = dumps(&value).unwrap();
        let digest: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, sha1, "{name}: {} bytes", bytes.len());
        assert!(same(&loads(&bytes).unwrap(), &value), "{name}");
    };
    let numbers = |count: i64| (0..count).map(Value::from).collect::<Vec<_>>();
    let dict = |count: i64| Value::Dict((0..count).map(|number| (number, Value::None)).collect());
    let named = |count: i64| (0..count).map(|number| (format!("name{number}"), 1)).collect();
    let names = |count: i64| Value::List((0..3).map(|_| Value::Dict(named(count))).collect());
    let texts =
        |count: usize| Value::List((0..count).map(|number| Value::from(format!("{number:0100}"))).collect());
    check("list 0", Value::List(numbers(0)), "5459624f763d863cfcc4b5333c42e4d7c5ae08a9");
    check("list 1", Value::List(numbers(1)), "68bb0b6f65e16a640fbf7f4be7bc62f404006eb9");
    check("list 2", Value::List(numbers(2)), "54dd003e559426fc99e9b1403fb89766a6899303");
    check("list 999", Value::List(numbers(999)), "02c52b5b3dc471bbf21c0123f4de261698c722b4");
    check("list 1000", Value::List(numbers(1000)), "0c084fa45e8d41cde817b0df183487f06356f6d6");
    check("list 1001", Value::List(numbers(1001)), "6cb68c9748d361d6ce0f0eb1d52ceda1d9e6a2aa");
    check("list 2000", Value::List(numbers(2000)), "6755d2d4356365d5748849df91d77430772714e2");
    check("dict 0", dict(0), "805b90c7881d5ee6b710cba5e633edfbb46ac3c1");
    check("dict 1", dict(1), "c060aad774c2e5ea2fc525d1fec1ae4ae9c53b85");
    check("dict 2", dict(2), "a36816c96fe6577bd1319aacce4f2760e78a6466");
    check("dict 999", dict(999), "9006a430957c657c3594fe498f00687b7a389acf");
    check("dict 1000", dict(1000), "ad593e1304340ec35696cd45321f3b096795d91e");
    check("dict 1001", dict(1001), "08a0e4d7a247be75379d4eb7e5bfc1ce9079b4a7");
    check("dict 2000", dict(2000), "d053bd66b3769ce19527909efb0327934717cffd");
    check("names 6", names(6), "9b4bbf786d9b7a10abc12f6f6eb40df491c35ad7");
    check("names 7", names(7), "cb844f8f69bb214e9fdd572bcd809752f6664cbc");
    check("names 20", names(20), "313360642a6b47e1034524b3b3ac5f837170ebbd");
    check("set 0", Value::Set(numbers(0)), "842ba2ab50fc2c199bd840293eb72d16b6986930");
    check("set 1", Value::Set(numbers(1)), "4798a8ea529ded830f6bf1ebb55b112cd317d4fb");
    check("set 999", Value::Set(numbers(999)), "b8fb5f6d6676e49c316a8c51d6b7784dfb292dc3");
    check("set 1000", Value::Set(numbers(1000)), "a103f52711eb12370a0e8a11fb1274566d0b437d");
    check("set 1001", Value::Set(numbers(1001)), "fae281ee7d4e5187076273109c502bf7b296d1c4");
    check("frozenset 1001", Value::FrozenSet(numbers(1001)), "62da08f7a5c28323c4182a3fd64aad818a3f03d4");
    check("tuple 3", Value::Tuple(numbers(3)), "90e16a0af1fd94b5a300f5a2cb3c0424a14fe2f9");
    check("tuple 4", Value::Tuple(numbers(4)), "eb6e800112cc0fc3ead5604151f15d0f6ee8afde");
    check("texts 600", texts(600), "83f778668dc348ad2be0aa96744cf611628651f2");
    check("texts 626", texts(626), "48041fda5baa7d43b0b960a0681170b4f864654e");
    check("texts 700", texts(700), "d5eeb19847a134d7bc9696543c1d0cf5550f5fde");
    check("texts 1500", texts(1500), "1391b7e18ff0c2d0147de5c1e216d8404532a359");
    check("text 255", Value::from("x".repeat(255)), "e170188fcd28705a6327167e6c51dfec0e9aeb82");
    check("bytes 255", Value::Bytes(vec![7; 255]), "d941227431edca781fa182121f7194bd0ded67ef");
    check("bytearray 255", Value::ByteArray(vec![7; 255]), "b5ea9197f3f03821ec89a6fb6206714c6da64097");
    check("text 256", Value::from("x".repeat(256)), "5ca167aa2c14680c93ebf3e9571f0ac22f64f53e");
    check("bytes 256", Value::Bytes(vec![7; 256]), "968e782c34c74884d0ffd050417752bee8857f5d");
    check("bytearray 256", Value::ByteArray(vec![7; 256]), "ec147f3e967fe900bb646ea1ca189737227d1428");
    check("text 65534", Value::from("x".repeat(65534)), "3ea79f59895f1343cebb3c648bedb6482fec7635");
    check("bytes 65534", Value::Bytes(vec![7; 65534]), "103b46b776b0a6b962840682f600da9636a46fee");
    check("bytearray 65534", Value::ByteArray(vec![7; 65534]), "360eac5910a088f6bc1ef77b16549ecf04c51797");
    check("text 65535", Value::from("x".repeat(65535)), "e9c6919bccbcef3af7e22e22acaa53828ed0223c");
    check("bytes 65535", Value::Bytes(vec![7; 65535]), "0b2cbe70936cfef259bce9c2ce50cafb335e3626");
    check("bytearray 65535", Value::ByteArray(vec![7; 65535]), "dd66720d3a6f317ee560919e4ab0691849de0eb7");
    check("text 65536", Value::from("x".repeat(65536)), "3f029e459a542a8acc0d604704041be2e5626dda");
    check("bytes 65536", Value::Bytes(vec![7; 65536]), "3ba3eb73163134b13f604f4d79d15eb99a90136a");
    check("bytearray 65536", Value::ByteArray(vec![7; 65536]), "fe249a68a891369f929435ee439b0e5972636529");
    check("text 70000", Value::from("x".repeat(70000)), "c43c3aab325013a7cbf770bb67a05e0b29f3ae09");
    check("bytes 70000", Value::Bytes(vec![7; 70000]), "d352d6c460812af78b09dd269cf610d5cbe3e77d");
    check("bytearray 70000", Value::ByteArray(vec![7; 70000]), "d3e50021f46dff30de4e6a2e30ada38a9418b6d0");
    check(
        "between",
        Value::List(vec![Value::from("a"), Value::from("x".repeat(65536)), Value::from("b"), Value::None]),
        "f900091669ced1e5de7e733332c6a356acf78af0",
    );
    check("int 2**2039", Value::from(BigInt::from(2).pow(2039)), "db6c98f085dac1c7776176324fa6e1f35564443b");
    check(
        "int 2**2039-1",
        Value::from(BigInt::from(2).pow(2039) - 1),
        "e01e2f651b245af9739cc4044c971c5e0e37f8b2",
    );
    check(
        "int -2**2039",
        Value::from(-BigInt::from(2).pow(2039)),
        "a054df62043530b02b663799a353d1ee21f62303",
    );
}

#[test]
fn what_python_cannot_hold_is_refused() {
    let check = |value: Value, message: &str| {
        let error = dumps(&value).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.python_name(), "ValueError");
    };
    check(Value::Date(date!(-1 - 01 - 01)), "no date of Python can hold -001-01-01");
    check(Value::Decimal("1,5".to_owned()), "no Decimal of Python can hold \"1,5\"");
    check(Value::Surrogates(Box::new([0x11_0000])), "no str of Python can hold the code point 0x110000");
    let far = DateTime::Aware(datetime!(2026-01-02 03:04:05 +25:00));
    check(Value::DateTime(far), "no datetime of Python can hold 2026-01-02T03:04:05+25:00");
}

#[test]
fn nesting_ends_where_pythons_does() {
    let nest =
        |levels: usize, wrap: fn(Value) -> Value| (0..levels).fold(Value::None, |inner, _| wrap(inner));
    let check = |deepest: usize, wrap: fn(Value) -> Value| {
        let bytes = dumps(&nest(deepest, wrap)).unwrap();
        assert_eq!(loads(&bytes), Ok(nest(deepest, wrap)));
        assert_eq!(dumps(&nest(deepest + 1, wrap)), Err(EncodeError::Depth));
    };
    check(499, |inner| Value::List(vec![inner]));
    check(499, |inner| Value::Dict(Dict::from([("a", inner)])));
    check(499, |inner| Value::Tuple(vec![inner]));
    check(499, |inner| Value::FrozenSet(vec![inner]));
    assert_eq!(EncodeError::Depth.python_name(), "RecursionError");

    let deep = |count: usize| [&b"]".repeat(count)[..], &b"a".repeat(count - 1), b"."].concat();
    assert!(loads(&deep(499)).is_ok());
    assert_eq!(loads(&deep(500)), Err(DecodeError::Depth));
    assert_eq!(loads(&deep(1_000_000)), Err(DecodeError::Depth));
}

/// What asks for more than data, in all the ways in which a pickle can.
#[test]
fn nothing_is_executed() {
    let refused = |bytes: &[u8], module: &str, name: &str| {
        let error = DecodeError::Refused { module: module.to_owned(), name: name.to_owned() };
        assert_eq!(loads(bytes), Err(error), "{}", bytes.escape_ascii());
    };
    refused(b"cos\nsystem\n(S'id'\ntR.", "os", "system");
    refused(b"cposix\nsystem\n(S'id'\ntR.", "posix", "system");
    refused(b"(S'id'\nios\nsystem\n.", "os", "system");
    refused(b"(cos\nsystem\nS'id'\no.", "os", "system");
    refused(b"\x80\x02cbuiltins\neval\nX\x04\0\0\0exit\x85R.", "builtins", "eval");
    refused(b"\x80\x02c__builtin__\neval\nX\x04\0\0\0exit\x85R.", "__builtin__", "eval");
    refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.", "os", "system");
    refused(b"\x80\x04\x8c\nsubprocess\x8c\x05Popen\x93)\x81.", "subprocess", "Popen");
    refused(b"\x80\x04\x8c\x08datetime\x8c\x0cdatetime.now\x93)R.", "datetime", "datetime.now");
    // Named and thrown away, or only kept: it is not even looked up.
    refused(b"cos\nsystem\n0N.", "os", "system");
    refused(b"czoneinfo\nZoneInfo\n.", "zoneinfo", "ZoneInfo");

    let outside = |bytes: &[u8], what: &'static str| {
        assert!(
            matches!(loads(bytes), Err(DecodeError::Outside { what: of, .. }) if of == what),
            "{bytes:?}"
        );
    };
    outside(b"Pid\n.", "persistent ids");
    outside(b"NQ.", "persistent ids");
    outside(b"\x82\x01.", "extension codes");
    outside(b"\x83\x01\0.", "extension codes");
    outside(b"\x84\x01\0\0\0.", "extension codes");
    outside(b"\x97.", "out-of-band buffers");
    outside(b"N\x98.", "out-of-band buffers");
}

#[test]
fn classes_are_made_as_their_own_pickles_make_them_only() {
    let check = |bytes: &[u8], expected: Result<Value, DecodeError>| {
        assert_eq!(loads(bytes), expected, "{}", bytes.escape_ascii());
    };
    let made = DecodeError::Construction;
    let state = b"C\x0a\x07\xea\x01\x02\x03\x04\x05\0\0\x06";
    let moment = |rest: &[u8]| [b"cdatetime\ndatetime\n", &state[..], rest].concat();
    let naive = datetime!(2026-01-02 03:04:05.000_006);
    check(&moment(b"\x85R."), Ok(Value::DateTime(DateTime::Naive(naive))));
    check(&moment(b"\x85\x81."), Ok(Value::DateTime(DateTime::Naive(naive))));
    check(&moment(b"N\x86R."), Ok(Value::DateTime(DateTime::Naive(naive))));
    // A zone with a name is the same offset; a zone with a fraction of a second has no value, and a zone is none itself.
    let zone = b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0M\x10\x0eK\0\x87RX\x03\0\0\0CET\x86R";
    let aware = DateTime::Aware(naive.assume_offset(time::UtcOffset::from_hms(1, 0, 0).unwrap()));
    check(&moment(&[&zone[..], b"\x86R."].concat()), Ok(Value::DateTime(aware)));
    check(&[&zone[..], b"."].concat(), Err(DecodeError::NoData("timezone")));
    check(b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\0K\0K\x01\x87R\x85R.", Err(made("timezone")));
    check(b"cdatetime\ntimezone\ncdatetime\ntimedelta\nK\x01K\0K\0\x87R\x85R.", Err(made("timezone")));
    // The second of two equal wall-clock times is taken for the first.
    check(b"cdatetime\ntime\nC\x06\x81\x02\x03\0\0\x04\x85R.", Ok(Value::Time(time!(01:02:03.000_004))));
    check(b"cdatetime\ntime\nC\x06\x01\x02\x03\0\0\x04N\x86R.", Err(made("time")));
    check(b"cdatetime\ntime\nC\x06\x18\x02\x03\0\0\x04\x85R.", Err(made("time")));
    check(b"cdatetime\ndate\nC\x04\x07\xea\x02\x1e\x85R.", Err(made("date")));
    check(b"cdatetime\ndate\nC\x04\0\0\x01\x01\x85R.", Err(made("date")));
    check(b"cdatetime\ndate\nK\x01K\x01K\x01\x87R.", Err(made("date")));
    check(b"cdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\0K\0\x87R.", Err(made("timedelta")));
    check(b"cdecimal\nDecimal\nX\x01\0\0\0x\x85R.", Err(made("Decimal")));
    check(b"cdecimal\nDecimal\nK\x01\x85R.", Err(made("Decimal")));
    check(b"cuuid\nUUID\n)\x81.", Err(DecodeError::NoData("UUID without its number")));
    check(b"cuuid\nUUID\n)\x81}X\x03\0\0\0intJ\xff\xff\xff\xffsb.", Err(made("object's state")));
    check(b"cuuid\nUUID\n)\x81}X\x05\0\0\0bytesK\x01sb.", Err(made("object's state")));
    check(
        b"cuuid\nUUID\n)\x81}(X\x03\0\0\0intK\x05X\x07\0\0\0is_safeK\0ub.",
        Ok(Value::Uuid(uuid::Uuid::from_u128(5))),
    );
    check(b"]}b.", Err(made("object's state")));
    check(
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nset\nc__builtin__\nobject\nNtR.",
        Err(made("_reconstructor")),
    );
    check(b"c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R.", Err(made("encode")));
    check(b"c__builtin__\nset\n.", Err(DecodeError::NoData("class")));
    check(b"(c__builtin__\nset\n(lK\x01ao.", Ok(Value::Set(vec![Value::Int(1)])));
    check(b"(l(K\x01ai__builtin__\nset\n.", Err(DecodeError::Stack { opcode: b'a', offset: 5 }));
    check(b"N)R.", Err(DecodeError::Stack { opcode: b'R', offset: 2 }));
}

#[test]
fn the_machine_is_pythons() {
    let check = |bytes: &[u8], expected: Result<Value, DecodeError>| {
        assert_eq!(loads(bytes), expected, "{}", bytes.escape_ascii());
    };
    let stack = |opcode: u8, offset: usize| Err(DecodeError::Stack { opcode, offset });
    check(b"N.rest", Ok(Value::None));
    check(b"I01\n.", Ok(Value::Bool(true)));
    check(b"I00\n.", Ok(Value::Bool(false)));
    check(b"I-7\n.", Ok(Value::Int(-7)));
    check(b"L9223372036854775808L\n.", Ok(Value::from(1_u64 << 63)));
    check(b"F-inf\n.", Ok(Value::Float(f64::NEG_INFINITY)));
    check(b"F1e5\n.", Ok(Value::Float(1e5)));
    check(b"\x8a\0.", Ok(Value::Int(0)));
    check(b"\x8a\x01\xff.", Ok(Value::Int(-1)));
    check(b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0.", Ok(Value::from(u64::MAX)));
    check(b"\x8b\x01\0\0\0\x80.", Ok(Value::Int(-128)));
    check(b"U\x02hi.", Ok(Value::from("hi")));
    check(b"T\x02\0\0\0hi.", Ok(Value::from("hi")));
    check(b"S'hi'\n.", Ok(Value::from("hi")));
    check(b"U\x01\xe9.", Err(DecodeError::Argument { expected: "ASCII text", offset: 0 }));
    check(b"(N0NN1K\x05.", Ok(Value::Int(5)));
    check(b"N(0.", Ok(Value::None));
    check(b"K\x012\x86.", Ok(Value::Tuple(vec![Value::Int(1), Value::Int(1)])));
    check(b"]q\x05K\x01ah\x05.", Ok(Value::List(vec![Value::Int(1)])));
    check(b"]p5\nK\x01ag5\n.", Ok(Value::List(vec![Value::Int(1)])));
    check(b"\x8f(K\x01\x88K\x02\x90.", Ok(Value::Set(vec![Value::Int(1), Value::Int(2)])));
    // A key that comes again keeps its place and its first form.
    check(
        b"}(K\x01NK\x02N\x88K\x07u.",
        Ok(Value::Dict([(Key::from(1), Value::Int(7)), (Key::from(2), Value::None)].into_iter().collect())),
    );
    // A shared list becomes two, changed while it was one.
    check(
        b"(]\x94h\0K\x01at.",
        Ok(Value::Tuple(vec![Value::List(vec![Value::Int(1)]), Value::List(vec![Value::Int(1)])])),
    );

    check(b"", Err(DecodeError::Truncated { offset: 0 }));
    check(b"N", Err(DecodeError::Truncated { offset: 1 }));
    check(b"\x80\x06N.", Err(DecodeError::Protocol(6)));
    check(b"\xff.", Err(DecodeError::Opcode { opcode: 0xFF, offset: 0 }));
    check(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffx.", Err(DecodeError::Truncated { offset: 9 }));
    check(b"\x96\0\0\0\0\0\x01\0\0x.", Err(DecodeError::Truncated { offset: 9 }));
    check(b"B\xff\xff\xff\xffx.", Err(DecodeError::Truncated { offset: 5 }));
    check(b"\x95\x64\0\0\0\0\0\0\0N.", Err(DecodeError::Truncated { offset: 0 }));
    check(b"\x8b\xff\xff\xff\xff.", Err(DecodeError::Argument { expected: "a length", offset: 0 }));
    check(b"h\x01.", Err(DecodeError::Memo { index: 1, offset: 0 }));
    check(b"Nr\xff\xff\xff\xff.", Err(DecodeError::Memo { index: 0xFFFF_FFFF, offset: 1 }));
    check(b"I1_0\n.", Err(DecodeError::Argument { expected: "an integer", offset: 0 }));
    check(b".", stack(b'.', 0));
    check(b"K\x01(.", stack(b'.', 3));
    check(b"e.", stack(b'e', 0));
    check(b"K\x01(\x85.", stack(0x85, 3));
    check(b"}K\x01(NNu.", stack(b'u', 6));
    check(b"}(Nu.", stack(b'u', 3));
    check(b"]K\x01K\x02s.", stack(b's', 5));
    check(b"}]Ns.", Err(DecodeError::Unhashable(UnhashableError { type_name: "list" })));
    check(b"\x8f(}\x90.", Err(DecodeError::Unhashable(UnhashableError { type_name: "dict" })));
    let digits = [b"L", &b"9".repeat(4301)[..], b"L\n."].concat();
    assert!(matches!(loads(&digits), Err(DecodeError::Argument { .. })));
}

#[test]
fn cycles_and_bombs_end_soon() {
    let begun = Instant::now();
    assert_eq!(loads(b"]\x94h\0a."), Err(DecodeError::Cycle));
    assert_eq!(loads(b"}\x94K\x01h\0s."), Err(DecodeError::Cycle));
    assert_eq!(loads(b"]\x94(h\0h\0h\0e."), Err(DecodeError::Cycle));
    assert_eq!(loads(b"]\x94h\0\x85a."), Err(DecodeError::Cycle));
    // Ten of ten of ten …: 10^40 items in some hundred bytes.
    let mut laughs = b"]".to_vec();
    for level in 0..40_u8 {
        laughs.extend([&[0x94, b']', b'('][..], &[b'h', level].repeat(10), b"e"].concat());
    }
    laughs.push(b'.');
    assert_eq!(loads(&laughs), Err(DecodeError::Size));
    // One text of a megabyte, a thousand times.
    let megabyte =
        [b"]X\0\0\x10\0", &b"x".repeat(1 << 20)[..], b"\x940(", &b"h\0".repeat(1000), b"e."].concat();
    assert_eq!(loads(&megabyte), Err(DecodeError::Size));
    // A list of many items, made a set again and again.
    let list = [b"c__builtin__\nset\n\x940](", &b"K\x01".repeat(50_000)[..], b"e\x85\x940"].concat();
    let sets = [&list[..], &b"h\0h\x01R0".repeat(50_000), b"N."].concat();
    assert_eq!(loads(&sets), Err(DecodeError::Size));
    // Frozen sets whose equality would take ever more comparisons.
    let mut frozen = b"(K\x01K\x02\x91".to_vec();
    for _ in 0..300 {
        frozen.extend(b"\x94(h\0K\x03\x91");
        frozen = [&frozen[..], b""].concat();
    }
    let twice = [b"}(", &frozen[..], b"N", &frozen[..], b"Nu."].concat();
    assert!(loads(&twice).is_ok());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
