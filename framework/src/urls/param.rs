//! The parameters of a view: what is captured from the path, as a Rust type.

use std::any::type_name;

use uuid::Uuid;

use crate::routes::converter::Kind;
use crate::routes::table::Check;
use crate::serialize::value::Value;

/// A type that a view may take from its route.
///
/// Integers of every size take `int`, `String` takes `str`, `slug` and `path`, `Uuid` takes `uuid`, [`Value`] takes
/// anything, and `Option<P>` takes what `P` does or nothing. A type of your own says what it holds:
///
/// ```
/// use nuages::routes::converter::Kind;
/// use nuages::serialize::value::Value;
/// use nuages::urls::param::Param;
///
/// /// A month, from `<int:month>`: `/13/` is no match, and the next route is tried.
/// struct Month(u8);
///
/// impl Param for Month {
///     fn holds(kind: Kind) -> bool {
///         u8::holds(kind)
///     }
///     fn from_value(value: Value) -> Option<Self> {
///         u8::from_value(value).filter(|month| (1..=12).contains(month)).map(Self)
///     }
/// }
/// assert!(Month::from_value(Value::Int(13)).is_none());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a view",
    label = "not a `Param`",
    note = "a view takes what its route captures: an integer for `<int:…>`, `String` for `<str:…>`, `<slug:…>` and \
            `<path:…>`, `uuid::Uuid` for `<uuid:…>`",
    note = "for a type of your own implement `nuages::urls::param::Param`"
)]
pub trait Param: Sized + Send + 'static {
    /// Does the type hold every text? Then matching need not ask it.
    const TOTAL: bool = false;

    /// May a value of that kind be one? Asked when the URLconf is built.
    fn holds(kind: Kind) -> bool;

    /// The value, if it is one: `None` makes the route no match, as a converter's `ValueError` does in Django.
    fn from_value(value: Value) -> Option<Self>;
}

/// What the URLconf must know of one parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub(crate) type_name: &'static str,
    pub(crate) holds: fn(Kind) -> bool,
    pub(crate) check: Check,
    pub(crate) total: bool,
}

impl Parameter {
    /// That type as a parameter.
    #[must_use]
    pub fn of<P: Param>() -> Self {
        Self {
            type_name: type_name::<P>(),
            holds: P::holds,
            check: |value| P::from_value(value).is_some(),
            total: P::TOTAL,
        }
    }

    /// The type without its modules: `Option<String>`.
    pub(crate) fn short_name(&self) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for c in self.type_name.chars() {
            match c {
                ':' => word.clear(),
                c if c.is_alphanumeric() || c == '_' => word.push(c),
                c => {
                    out.push_str(&std::mem::take(&mut word));
                    out.push(c);
                }
            }
        }
        out + &word
    }

    /// May the route leave it out?
    pub(crate) fn is_optional(&self) -> bool {
        (self.holds)(Kind::None)
    }
}

impl Param for String {
    const TOTAL: bool = true;

    fn holds(kind: Kind) -> bool {
        kind == Kind::Str
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }
}

impl Param for Uuid {
    fn holds(kind: Kind) -> bool {
        kind == Kind::Uuid
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Uuid(id) => Some(id),
            _ => None,
        }
    }
}

impl Param for bool {
    fn holds(kind: Kind) -> bool {
        kind == Kind::Bool
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }
}

impl Param for Value {
    fn holds(_: Kind) -> bool {
        true
    }

    fn from_value(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl<P: Param> Param for Option<P> {
    fn holds(kind: Kind) -> bool {
        kind == Kind::None || P::holds(kind)
    }

    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::None => Some(None),
            value => P::from_value(value).map(Some),
        }
    }
}

/// An `int` has no limit, so one beyond the type is no match: Django's `ValueError` of a converter.
macro_rules! integer_params {
    ($($integer:ty),*) => {$(
        impl Param for $integer {
            fn holds(kind: Kind) -> bool {
                kind == Kind::Int
            }

            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Int(number) => Self::try_from(number).ok(),
                    Value::BigInt(number) => Self::try_from(number).ok(),
                    _ => None,
                }
            }
        }
    )*};
}

integer_params!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_what_they_can_hold() {
        assert_eq!(u8::from_value(Value::Int(255)), Some(255));
        assert_eq!(u8::from_value(Value::Int(256)), None);
        assert_eq!(u64::from_value(Value::BigInt(u64::MAX.into())), Some(u64::MAX));
        assert_eq!(i64::from_value(Value::BigInt(u64::MAX.into())), None);
        assert_eq!(i128::from_value(Value::Int(-1)), Some(-1));
        assert_eq!(u32::from_value(Value::Str("1".to_owned())), None);
    }

    #[test]
    fn an_option_takes_nothing_too() {
        assert_eq!(Option::<u8>::from_value(Value::None), Some(None));
        assert_eq!(Option::<u8>::from_value(Value::Int(1)), Some(Some(1)));
        assert_eq!(Option::<u8>::from_value(Value::Int(256)), None);
        assert!(Parameter::of::<Option<u8>>().is_optional());
        assert!(!Parameter::of::<u8>().is_optional());
    }

    #[test]
    fn types_are_named_without_their_modules() {
        assert_eq!(Parameter::of::<Option<String>>().short_name(), "Option<String>");
        assert_eq!(Parameter::of::<u8>().short_name(), "u8");
        assert_eq!(Parameter::of::<Uuid>().short_name(), "Uuid");
    }
}
