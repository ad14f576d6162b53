use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::serialize::vectors;

/// Whether two values are the same, with sets in any order and NaN equal to itself: Python's sets have the order of hashes.
fn same(left: &Value, right: &Value) -> bool {
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
