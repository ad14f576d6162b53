//! How a [`Key`] is hashed and compared: as Python does.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use num_bigint::BigInt;

use crate::serialize::value::{Key, UnhashableError, Value};

/// Beyond so many digits or powers of ten a `Decimal` is compared with other decimals only, not with `int` and `float`:
/// the arithmetic would cost more than such a key is worth.
const DECIMAL_LIMIT: i64 = 2_000;

impl Key {
    /// The text of a key that is a `str` without lone surrogates.
    #[must_use]
    pub const fn as_str(&self) -> Option<&str> {
        self.0.as_str()
    }

    /// The key as a value.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.0
    }

    /// The key as a value of one's own.
    #[must_use]
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl TryFrom<Value> for Key {
    type Error = UnhashableError;

    fn try_from(value: Value) -> Result<Self, UnhashableError> {
        check_hashable(&value)?;
        Ok(Self(value))
    }
}

fn check_hashable(value: &Value) -> Result<(), UnhashableError> {
    match value {
        Value::List(_) | Value::Set(_) | Value::Dict(_) | Value::ByteArray(_) => {
            Err(UnhashableError { type_name: value.type_name() })
        }
        Value::Tuple(items) | Value::FrozenSet(items) => items.iter().try_for_each(check_hashable),
        _ => Ok(()),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        equal(&self.0, &other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash(&self.0, state);
    }
}

/// Feeds a text key to a hasher; a lookup by `&str` has to do the same as the stored key.
pub(super) fn hash_text<H: Hasher>(text: &str, state: &mut H) {
    state.write(text.as_bytes());
    state.write_u8(0xFF);
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    if let Value::Str(text) = value {
        return hash_text(text, state);
    }
    if let Some(number) = Number::of(value) {
        return number.hash(state);
    }
    std::mem::discriminant(value).hash(state);
    match value {
        Value::Surrogates(points) => points.hash(state),
        Value::Bytes(bytes) => bytes.hash(state),
        Value::Tuple(items) => {
            items.len().hash(state);
            items.iter().for_each(|item| hash(item, state));
        }
        // Equal sets may be in any order: a sum does not depend on it.
        Value::FrozenSet(items) => {
            let sum = items.iter().fold(0_u64, |sum, item| sum.wrapping_add(digest(item)));
            (items.len(), sum).hash(state);
        }
        Value::DateTime(moment) => moment.hash(state),
        Value::Date(date) => date.hash(state),
        Value::Time(time) => time.hash(state),
        Value::TimeDelta(delta) => delta.hash(state),
        Value::Uuid(uuid) => uuid.hash(state),
        // `None` has nothing to hash; the rest are numbers and text, done above, or cannot be in a key.
        _ => {}
    }
}

/// A hash that does not depend on the map it is for.
fn digest(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(value, &mut hasher);
    hasher.finish()
}

/// Whether two sets hold the same items, with work in proportion to their size.
fn same_items(left: &[Value], right: &[Value]) -> bool {
    let mut by_digest: HashMap<u64, Vec<&Value>> = HashMap::with_capacity(right.len());
    for item in right {
        by_digest.entry(digest(item)).or_default().push(item);
    }
    left.len() == right.len()
        && left.iter().all(|item| {
            by_digest.get(&digest(item)).is_some_and(|others| others.iter().any(|other| equal(item, other)))
        })
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Str(left), Value::Str(right)) => left == right,
        (Value::Tuple(left), Value::Tuple(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::FrozenSet(left), Value::FrozenSet(right)) => same_items(left, right),
        _ => match (Number::of(left), Number::of(right)) {
            (Some(left), Some(right)) => left == right,
            (None, None) => left == right,
            _ => false,
        },
    }
}

/// A number in the one form that all equal numbers share, whatever their Python types.
#[derive(PartialEq, Eq, Hash)]
enum Number<'a> {
    Small(i64),
    Big(Cow<'a, BigInt>),
    /// Not whole, infinite or NaN: the bits.
    Float(u64),
    /// With an imaginary part: the bits.
    Complex(u64, u64),
    /// A `Decimal` that is no `int` and no `float`: sign, digits without zeros at either end, power of ten.
    Decimal(bool, Cow<'a, str>, i64),
}

impl<'a> Number<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(Self::Small(i64::from(*truth))),
            Value::Int(number) => Some(Self::Small(*number)),
            Value::BigInt(number) => Some(Self::Big(Cow::Borrowed(number))),
            Value::Float(number) => Some(Self::of_float(*number)),
            Value::Complex(re, im) if *im == 0.0 => Some(Self::of_float(*re)),
            Value::Complex(re, im) => Some(Self::Complex(float_bits(*re), float_bits(*im))),
            Value::Decimal(text) => Some(Self::of_decimal(text)),
            _ => None,
        }
    }

    fn of_float(number: f64) -> Self {
        // The largest power of two below which every whole f64 is an i64.
        const LIMIT: f64 = 9_223_372_036_854_775_808.0;
        if !number.is_finite() || number.fract() != 0.0 {
            Self::Float(float_bits(number))
        } else if number.abs() < LIMIT {
            Self::Small(number as i64)
        } else {
            let (mantissa, exponent) = float_parts(number);
            Self::of_integer(BigInt::from(mantissa) << exponent.unsigned_abs())
        }
    }

    fn of_integer(number: BigInt) -> Self {
        match i64::try_from(&number) {
            Ok(small) => Self::Small(small),
            Err(_) => Self::Big(Cow::Owned(number)),
        }
    }

    /// Of the text of a `Decimal`: `[-]digits[.digits][E[+-]digits]`, `[-]Infinity` or some NaN.
    fn of_decimal(text: &'a str) -> Self {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (digits, exponent) = unsigned.split_once(['E', 'e']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let Ok(exponent) = exponent.parse::<i64>() else {
            return Self::Decimal(negative, Cow::Borrowed(unsigned), 0);
        };
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return if unsigned == "Infinity" {
                Self::of_float(if negative { f64::NEG_INFINITY } else { f64::INFINITY })
            } else {
                Self::Decimal(negative, Cow::Borrowed(unsigned), 0)
            };
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_end_matches('0');
        let power = exponent
            .saturating_sub(fraction.len() as i64)
            .saturating_add((all.len() - significant.len()) as i64);
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Self::Small(0);
        }
        if significant.len() as i64 <= DECIMAL_LIMIT
            && power.abs() <= DECIMAL_LIMIT
            && let Ok(mut number) = significant.parse::<BigInt>()
        {
            if negative {
                number = -number;
            }
            let scale = BigInt::from(10).pow(power.unsigned_abs() as u32);
            if power >= 0 {
                return Self::of_integer(number * scale);
            }
            // A fraction equals a float if the float nearest to it does, exactly.
            if let Ok(float) = text.parse::<f64>() {
                let (mantissa, exponent) = float_parts(float);
                if exponent < 0 && number << exponent.unsigned_abs() == BigInt::from(mantissa) * scale {
                    return Self::Float(float_bits(float));
                }
            }
        }
        Self::Decimal(negative, Cow::Owned(significant.to_owned()), power)
    }
}

/// The bits of a float, one NaN for all, no negative zero.
const fn float_bits(number: f64) -> u64 {
    if number.is_nan() {
        f64::NAN.to_bits()
    } else if number == 0.0 {
        0
    } else {
        number.to_bits()
    }
}

/// A finite float as `mantissa * 2^exponent`.
const fn float_parts(number: f64) -> (i64, i32) {
    let bits = number.to_bits();
    let biased = ((bits >> 52) & 0x7FF) as i32;
    let fraction = (bits & ((1 << 52) - 1)) as i64;
    let mantissa = if biased == 0 { fraction } else { fraction | 1 << 52 };
    let exponent = if biased == 0 { -1074 } else { biased - 1075 };
    (if number.is_sign_negative() { -mantissa } else { mantissa }, exponent)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    fn key(value: impl Into<Value>) -> Key {
        Key::try_from(value.into()).unwrap()
    }

    fn decimal(text: &str) -> Key {
        key(Value::Decimal(text.to_owned()))
    }

    #[test]
    fn equal_keys_have_equal_hashes() {
        let big = BigInt::from(u64::MAX) + 1;
        let groups: Vec<Vec<Key>> = vec![
            vec![
                key(1),
                key(true),
                key(1.0),
                key(Value::Complex(1.0, -0.0)),
                decimal("1"),
                decimal("1.00"),
                decimal("0.1E+1"),
            ],
            vec![key(0), key(false), key(-0.0), decimal("-0"), decimal("0E-9999999999")],
            vec![key(big), key(18_446_744_073_709_551_616.0), decimal("18446744073709551616")],
            vec![key(i64::MIN), key(i64::MIN as f64)],
            vec![key(0.5), decimal("0.5"), decimal("5E-1")],
            vec![key(-2.25), decimal("-2.2500")],
            vec![key(0.1)],
            vec![decimal("0.1"), decimal("1E-1")],
            vec![decimal("1E+999999"), decimal("10E+999998")],
            vec![key(f64::INFINITY), decimal("Infinity")],
            vec![key(f64::NAN), key(-f64::NAN)],
            vec![decimal("NaN")],
            vec![key(Value::Complex(1.0, 2.0))],
            vec![key("1")],
            vec![key("")],
            vec![key(Value::Bytes(b"1".to_vec()))],
            vec![key(Value::None)],
            vec![
                key(Value::Tuple(vec![Value::Int(1), Value::from("a")])),
                key(Value::Tuple(vec![Value::Bool(true), Value::from("a")])),
            ],
            vec![
                key(Value::FrozenSet(vec![Value::Int(1), Value::Int(2)])),
                key(Value::FrozenSet(vec![Value::Float(2.0), Value::Int(1)])),
            ],
            vec![key(Value::Tuple(vec![]))],
        ];
        let state = RandomState::new();
        for (left_group, left) in
            groups.iter().enumerate().flat_map(|(i, keys)| keys.iter().map(move |key| (i, key)))
        {
            for (right_group, right) in
                groups.iter().enumerate().flat_map(|(i, keys)| keys.iter().map(move |key| (i, key)))
            {
                assert_eq!(left == right, left_group == right_group, "{left:?} and {right:?}");
                if left == right {
                    assert_eq!(state.hash_one(left), state.hash_one(right), "{left:?} and {right:?}");
                }
            }
        }
    }

    #[test]
    fn what_can_change_is_no_key() {
        let check =
            |value: Value, type_name| assert_eq!(Key::try_from(value), Err(UnhashableError { type_name }));
        check(Value::List(vec![]), "list");
        check(Value::Dict(crate::serialize::value::Dict::new()), "dict");
        check(Value::Tuple(vec![Value::Tuple(vec![Value::Set(vec![])])]), "set");
        check(Value::ByteArray(vec![]), "bytearray");
    }
}
