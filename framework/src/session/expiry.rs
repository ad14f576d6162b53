//! How long a session lives: `_session_expiry`, `SESSION_COOKIE_AGE` and the clock.
//!
//! Everything here is a pure function of the dict, the settings and a time, and follows Python's rules to the letter:
//! an integer is a sliding age, a text is a point in time, naive and aware times do not mix (Django 5.2
//! `contrib/sessions/backends/base.py`, `get_expiry_age` to `get_expire_at_browser_close`).

use std::time::Duration as StdDuration;

use num_bigint::Sign;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::conf::time_zone::TimeZone;
use crate::serialize::datetime::DateTime;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Dict, Value};

/// The key in the dict under which a custom expiry is kept: an ordinary key, which `clear` removes.
pub const EXPIRY_KEY: &str = "_session_expiry";

/// The key in the dict under which `SESSION_ABSOLUTE_AGE` keeps when the session began: whole seconds since 1970. Like
/// [`EXPIRY_KEY`] an ordinary key, which Django passes on; it is there only where that setting is.
pub const BEGAN_KEY: &str = "_session_began";

/// What the settings say about the life of sessions.
#[derive(Debug, Clone)]
pub struct ExpiryPolicy {
    /// `SESSION_COOKIE_AGE`, seconds.
    pub cookie_age: i64,
    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`
    pub expire_at_browser_close: bool,
    /// The zone of naive times when `USE_TZ` is off; `None` when it is on and every time is aware.
    pub naive_zone: Option<TimeZone>,
    /// `SESSION_ABSOLUTE_AGE`, seconds.
    pub absolute_age: Option<i64>,
    /// `SESSION_ENFORCE_EXPIRY`
    pub enforce: bool,
}

/// Why no expiry can be worked out, by the Python exception that says the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpiryError {
    /// `_session_expiry` is of a kind that has no place here, or one time is naive and the other aware (`TypeError`).
    #[error("session expiry: {0}")]
    Type(String),
    /// `_session_expiry` is a text that is no date and time (`ValueError`).
    #[error("session expiry {0:?} is no ISO 8601 date and time")]
    Iso(String),
    /// An aware time for a database that keeps naive ones, as `USE_TZ = false` asks (`ValueError`).
    #[error(
        "session expiry: the database holds times without a zone while USE_TZ is off: give set_expiry a naive one"
    )]
    Aware,
    /// `_session_expiry` is NaN, or bytes that are no number (`ValueError`).
    #[error("session expiry {0} is no number")]
    NoNumber(String),
    /// The time is beyond the years 1 to 9999 (`OverflowError`).
    #[error("session expiry {0} is out of range")]
    Overflow(String),
}

/// What [`set_expiry`](crate::session::handle::Session::set_expiry) takes.
///
/// ```
/// use nuages::session::expiry::Expiry;
///
/// let _: Expiry = 300.into(); // seconds without a visit
/// let _: Expiry = time::Duration::days(3).into(); // that long from now
/// let _: Expiry = time::macros::datetime!(2027-01-01 00:00 UTC).into();
/// let _ = Expiry::AtBrowserClose;
/// let _ = Expiry::Default; // what the settings say
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Expiry {
    /// What the settings say (`None`).
    Default,
    /// The cookie lasts until the browser closes; the server keeps the session for `SESSION_COOKIE_AGE` (`0`).
    AtBrowserClose,
    /// So many seconds after the last change (an `int`).
    Seconds(i64),
    /// So long from now (a `timedelta`).
    After(Duration),
    /// At that time (a `datetime`).
    At(DateTime),
    /// Whatever else Python would take, as it is: a `float`, a text in ISO 8601 form.
    Other(Value),
}

macro_rules! expiry_from {
    ($($from:ty => |$it:ident| $to:expr;)*) => {$(
        impl From<$from> for Expiry {
            fn from($it: $from) -> Self {
                $to
            }
        }
    )*};
}

expiry_from! {
    i64 => |seconds| if seconds == 0 { Self::AtBrowserClose } else { Self::Seconds(seconds) };
    i32 => |seconds| Self::from(i64::from(seconds));
    u32 => |seconds| Self::from(i64::from(seconds));
    Duration => |after| Self::After(after);
    StdDuration => |after| Self::After(Duration::try_from(after).unwrap_or(Duration::MAX));
    OffsetDateTime => |at| Self::At(DateTime::Aware(at));
    PrimitiveDateTime => |at| Self::At(DateTime::Naive(at));
    DateTime => |at| Self::At(at);
}

impl<T: Into<Self>> From<Option<T>> for Expiry {
    fn from(expiry: Option<T>) -> Self {
        expiry.map_or(Self::Default, Into::into)
    }
}

impl Expiry {
    /// What goes under [`EXPIRY_KEY`]; `None` takes it away.
    ///
    /// # Errors
    /// [`ExpiryError::Overflow`] for a span that ends beyond the year 9999.
    pub fn to_value(&self, now: DateTime) -> Result<Option<Value>, ExpiryError> {
        Ok(match self {
            Self::Default => None,
            Self::AtBrowserClose => Some(Value::Int(0)),
            Self::Seconds(seconds) => Some(Value::Int(*seconds)),
            Self::After(after) => {
                let at = TimeDelta::from_microseconds(after.whole_microseconds())
                    .and_then(|span| now.checked_add(span));
                Some(Value::Str(at.ok_or_else(|| ExpiryError::Overflow(after.to_string()))?.isoformat()))
            }
            Self::At(at) => Some(Value::Str(at.isoformat())),
            Self::Other(Value::None) => None,
            Self::Other(Value::DateTime(at)) => Some(Value::Str(at.isoformat())),
            Self::Other(Value::TimeDelta(span)) => {
                let at = now.checked_add(*span).ok_or_else(|| ExpiryError::Overflow(format!("{span:?}")))?;
                Some(Value::Str(at.isoformat()))
            }
            Self::Other(value) => Some(value.clone()),
        })
    }
}

impl ExpiryPolicy {
    /// The current time, as Django's `timezone.now()`: aware in UTC, or naive in `TIME_ZONE`. Whole microseconds.
    #[must_use]
    pub fn now(&self) -> DateTime {
        self.at(OffsetDateTime::now_utc())
    }

    /// That instant in the form of [`ExpiryPolicy::now`].
    #[must_use]
    pub fn at(&self, instant: OffsetDateTime) -> DateTime {
        let micros = instant.microsecond() * 1_000;
        let instant = instant.replace_nanosecond(micros).unwrap_or(instant);
        match &self.naive_zone {
            None => DateTime::Aware(instant),
            Some(zone) => DateTime::Naive(zone.local(instant)),
        }
    }

    /// The value of [`EXPIRY_KEY`] in a dict.
    #[must_use]
    pub fn custom(data: &Dict) -> Option<&Value> {
        data.get(EXPIRY_KEY)
    }

    /// When a session of that dict expires, if it was changed last at `modification`: [`ExpiryPolicy::date`] of its custom
    /// expiry, or [`ExpiryPolicy::end`] if that is earlier.
    ///
    /// # Errors
    /// As [`ExpiryPolicy::date`].
    pub fn expires(&self, data: &Dict, modification: DateTime) -> Result<DateTime, ExpiryError> {
        Ok(self.capped(data, self.date(Self::custom(data), modification)?))
    }

    /// That date, or [`ExpiryPolicy::end`] if that is earlier.
    #[must_use]
    pub fn capped(&self, data: &Dict, date: DateTime) -> DateTime {
        match self.end(data) {
            Some(end) if end.since(date).is_ok_and(|left| left.as_microseconds() < 0) => end,
            _ => date,
        }
    }

    /// When the session ends however busy it is; `None` if it need not, or nobody knows when it began.
    #[must_use]
    pub fn end(&self, data: &Dict) -> Option<DateTime> {
        let began = data.get(BEGAN_KEY).and_then(Value::as_i64)?;
        let end = OffsetDateTime::from_unix_timestamp(began.checked_add(self.absolute_age?)?).ok()?;
        Some(self.at(end))
    }

    /// Whether [`ExpiryPolicy::end`] has come.
    #[must_use]
    pub fn has_ended(&self, data: &Dict) -> bool {
        self.end(data).is_some_and(|end| end.since(self.now()).is_ok_and(|left| left.as_microseconds() <= 0))
    }

    /// The seconds until the session expires, a number as Django gives it: an `int` or `float` unchanged, the whole
    /// seconds (rounded down) that are left of a date, `SESSION_COOKIE_AGE` for none.
    ///
    /// # Errors
    /// When `expiry` is a text that is no date, or naive where `modification` is aware.
    pub fn age(&self, expiry: Option<&Value>, modification: DateTime) -> Result<Value, ExpiryError> {
        let at = match expiry {
            Some(value) if value.is_truthy() => match value {
                Value::Str(text) => parse_iso(text)?,
                Value::Surrogates(_) => return Err(ExpiryError::Iso("�".to_owned())),
                Value::DateTime(at) => *at,
                other => return Ok(other.clone()),
            },
            _ => return Ok(Value::Int(self.cookie_age)),
        };
        let left = at.since(modification).map_err(|_| mixed())?;
        Ok(Value::Int(left.as_seconds_floor()))
    }

    /// The seconds until a session of that dict expires, if it is saved now: Python's `int` of [`ExpiryPolicy::age`], or
    /// what is left until [`ExpiryPolicy::end`]. What is beyond 64 bits is their end.
    ///
    /// # Errors
    /// As [`ExpiryPolicy::age`], and when `int` refuses the age.
    pub fn seconds(&self, data: &Dict) -> Result<i64, ExpiryError> {
        let seconds = whole(&self.age(Self::custom(data), self.now())?)?;
        let left = self.end(data).and_then(|end| end.since(self.now()).ok());
        Ok(left.map_or(seconds, |left| seconds.min(left.as_seconds_floor())))
    }

    /// When the session expires.
    ///
    /// # Errors
    /// When `expiry` is a text that is no date, no number, or leads beyond the year 9999.
    pub fn date(&self, expiry: Option<&Value>, modification: DateTime) -> Result<DateTime, ExpiryError> {
        let seconds = match expiry {
            Some(Value::DateTime(at)) => return Ok(*at),
            Some(Value::Str(text)) => return parse_iso(text),
            Some(Value::Surrogates(_)) => return Err(ExpiryError::Iso("�".to_owned())),
            Some(value) if value.is_truthy() => value,
            _ => &Value::Int(self.cookie_age),
        };
        let overflow = || match seconds {
            Value::Float(number) if number.is_nan() => ExpiryError::NoNumber("NaN".to_owned()),
            _ => ExpiryError::Overflow(format!("{seconds:?} seconds")),
        };
        let span = match seconds {
            Value::Int(seconds) => TimeDelta::from_seconds(*seconds),
            Value::Bool(one) => TimeDelta::from_seconds(i64::from(*one)),
            Value::Float(seconds) => fractional(*seconds),
            Value::BigInt(_) => None,
            other => {
                return Err(ExpiryError::Type(format!(
                    "a number, a date or None is expected, not {}",
                    other.type_name()
                )));
            }
        };
        span.and_then(|span| modification.checked_add(span)).ok_or_else(overflow)
    }

    /// Whether the cookie lasts only until the browser closes.
    #[must_use]
    pub fn at_browser_close(&self, expiry: Option<&Value>) -> bool {
        match expiry {
            None | Some(Value::None) => self.expire_at_browser_close,
            // Python's `expiry == 0`: only numbers that are false equal it.
            Some(number) => is_number(number) && !number.is_truthy(),
        }
    }
}

const fn is_number(value: &Value) -> bool {
    use Value::{BigInt, Bool, Complex, Decimal, Float, Int};
    matches!(value, Bool(_) | Int(_) | BigInt(_) | Float(_) | Decimal(_) | Complex(..))
}

fn parse_iso(text: &str) -> Result<DateTime, ExpiryError> {
    DateTime::fromisoformat(text).map_err(|_| ExpiryError::Iso(text.to_owned()))
}

/// Python's `int(age)`; what is beyond 64 bits is their end.
fn whole(age: &Value) -> Result<i64, ExpiryError> {
    let number = match age {
        Value::Int(seconds) => return Ok(*seconds),
        Value::Bool(one) => return Ok(i64::from(*one)),
        Value::BigInt(seconds) if seconds.sign() == Sign::Minus => return Ok(i64::MIN),
        Value::BigInt(_) | Value::Uuid(_) => return Ok(i64::MAX),
        Value::Float(seconds) => Some(*seconds),
        Value::Decimal(text) => text.parse().ok(),
        Value::Bytes(text) | Value::ByteArray(text) => {
            let digits = str::from_utf8(text).ok().and_then(|text| text.trim().parse::<i64>().ok());
            return digits.ok_or_else(|| ExpiryError::NoNumber(format!("{age:?}")));
        }
        _ => None,
    };
    match number {
        #[expect(clippy::cast_possible_truncation, reason = "towards zero, as int(); saturates")]
        Some(seconds) if seconds.is_finite() => Ok(seconds as i64),
        Some(seconds) if seconds.is_nan() => Err(ExpiryError::NoNumber("NaN".to_owned())),
        Some(_) => Err(ExpiryError::Overflow(format!("{age:?} seconds"))),
        None => Err(ExpiryError::Type(format!("an age is a number, not {}", age.type_name()))),
    }
}

/// Seconds with a fraction, to the microsecond, half of one going to the even side as in Python.
#[expect(clippy::cast_possible_truncation, reason = "what is beyond the range saturates, and is refused")]
fn fractional(seconds: f64) -> Option<TimeDelta> {
    if !seconds.is_finite() {
        return None;
    }
    let whole = (seconds.trunc() as i128).checked_mul(1_000_000)?;
    TimeDelta::from_microseconds(whole + (seconds.fract() * 1e6).round_ties_even() as i128)
}

fn mixed() -> ExpiryError {
    ExpiryError::Type(
        "a naive and an aware time cannot be compared: does USE_TZ fit the time given to set_expiry?"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::serialize::vectors;

    const NOW: DateTime = DateTime::Aware(datetime!(2026-11-22 12:00:00.25 UTC));

    fn policy() -> ExpiryPolicy {
        ExpiryPolicy {
            cookie_age: 1_209_600,
            expire_at_browser_close: false,
            naive_zone: None,
            absolute_age: None,
            enforce: true,
        }
    }

    fn text(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    #[test]
    fn ages() {
        let check = |expiry: Option<Value>, age: Value| {
            assert_eq!(policy().age(expiry.as_ref(), NOW), Ok(age), "{expiry:?}");
        };
        check(None, Value::Int(1_209_600));
        check(Some(Value::None), Value::Int(1_209_600));
        check(Some(Value::Int(0)), Value::Int(1_209_600));
        check(Some(text("")), Value::Int(1_209_600));
        check(Some(Value::Int(10)), Value::Int(10));
        check(Some(Value::Int(-10)), Value::Int(-10));
        check(Some(Value::Float(1.5)), Value::Float(1.5));
        check(Some(Value::Bool(true)), Value::Bool(true));
        // A difference is rounded down, so what was just set loses a second.
        check(Some(text("2026-11-22T12:00:10+00:00")), Value::Int(9));
        check(Some(text("2026-11-22T12:00:10.25+00:00")), Value::Int(10));
        check(Some(text("2026-11-22T11:59:59+00:00")), Value::Int(-2));
        check(Some(text("2026-11-22T13:00:10+01:00")), Value::Int(9));
    }

    #[test]
    fn whole_seconds_are_pythons_int() {
        let check = |expiry: Value, seconds: Result<i64, &str>| {
            let data = Dict::from([(EXPIRY_KEY, expiry)]);
            let found = policy().seconds(&data);
            assert_eq!(
                found.as_ref().map_err(python_name),
                seconds.as_ref().map_err(|name| *name),
                "{data:?}"
            );
        };
        check(Value::Int(300), Ok(300));
        check(Value::Float(-1.9), Ok(-1));
        check(Value::Float(1e300), Ok(i64::MAX));
        check(Value::from(num_bigint::BigInt::from(-1) << 100), Ok(i64::MIN));
        check(Value::Uuid(uuid::Uuid::max()), Ok(i64::MAX));
        check(Value::Decimal("1E+5".to_owned()), Ok(100_000));
        check(Value::Decimal("NaN".to_owned()), Err("ValueError"));
        check(Value::Float(f64::NAN), Err("ValueError"));
        check(Value::Float(f64::NEG_INFINITY), Err("OverflowError"));
        check(Value::Bytes(b" 60 ".to_vec()), Ok(60));
        check(Value::Bytes(b"\xff".to_vec()), Err("ValueError"));
        check(Value::List(vec![Value::None]), Err("TypeError"));
    }

    fn time_of(value: &Value) -> DateTime {
        match vectors::untag(value) {
            Some(Value::DateTime(at)) => at,
            other => panic!("{other:?} is no time"),
        }
    }

    /// The name of the Python exception that says the same.
    fn python_name(error: &ExpiryError) -> &'static str {
        match error {
            ExpiryError::Type(_) => "TypeError",
            ExpiryError::Iso(_) | ExpiryError::Aware | ExpiryError::NoNumber(_) => "ValueError",
            ExpiryError::Overflow(_) => "OverflowError",
        }
    }

    #[test]
    fn ages_and_dates_are_djangos() {
        for entry in vectors::load("session_expiry", "vectors") {
            let member = |name: &str| entry.get(name).unwrap_or_else(|| panic!("{name} in {entry:?}"));
            let modification = time_of(member("modification"));
            let Some(expiry) = vectors::untag(member("expiry")) else { continue };
            let (age, date) =
                (policy().age(Some(&expiry), modification), policy().date(Some(&expiry), modification));
            match vectors::error(member("age")) {
                Some(error) => assert_eq!(age.as_ref().map_err(python_name), Err(error), "{entry:?}"),
                None => assert_eq!(age.ok(), vectors::untag(member("age")), "{entry:?}"),
            }
            match vectors::error(member("date")) {
                Some(error) => assert_eq!(date.as_ref().map_err(python_name), Err(error), "{entry:?}"),
                None => assert_eq!(date, Ok(time_of(member("date"))), "{entry:?}"),
            }
        }
    }

    #[test]
    fn what_set_expiry_keeps_is_djangos() {
        for entry in vectors::load("session_expiry", "set_expiry") {
            let now = DateTime::fromisoformat(vectors::text(&entry, "now")).unwrap();
            let value = entry.get("value").and_then(vectors::untag).unwrap();
            let kept =
                entry.get("session").and_then(Value::as_dict).and_then(|session| session.get(EXPIRY_KEY));
            assert_eq!(Expiry::Other(value).to_value(now).as_ref(), Ok(&kept.cloned()), "{entry:?}");
        }
    }

    #[test]
    fn browser_close_is_djangos() {
        for entry in vectors::load("session_expiry", "browser_close") {
            let flag = |name: &str| entry.get(name).and_then(Value::as_bool).unwrap();
            let policy =
                ExpiryPolicy { expire_at_browser_close: flag("SESSION_EXPIRE_AT_BROWSER_CLOSE"), ..policy() };
            let expiry = entry.get("expiry").and_then(vectors::untag);
            assert_eq!(
                policy.at_browser_close(expiry.as_ref()),
                flag("get_expire_at_browser_close"),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn naive_and_aware_do_not_mix() {
        let naive = text("2026-11-22T12:00:10");
        assert!(matches!(policy().age(Some(&naive), NOW), Err(ExpiryError::Type(_))));
        let local = ExpiryPolicy { naive_zone: Some(TimeZone::UTC), ..policy() };
        assert_eq!(local.age(Some(&naive), local.at(datetime!(2026-11-22 12:00 UTC))), Ok(Value::Int(10)));
        assert!(matches!(
            local.age(Some(&text("2026-11-22T12:00:10+00:00")), local.now()),
            Err(ExpiryError::Type(_))
        ));
    }

    #[test]
    fn dates() {
        let check = |expiry: Value, date: DateTime| {
            assert_eq!(policy().date(Some(&expiry), NOW), Ok(date), "{expiry:?}");
        };
        check(Value::Int(10), DateTime::Aware(datetime!(2026-11-22 12:00:10.25 UTC)));
        check(Value::Int(0), DateTime::Aware(datetime!(2026-12-06 12:00:00.25 UTC)));
        check(Value::Float(0.5), DateTime::Aware(datetime!(2026-11-22 12:00:00.75 UTC)));
        check(text("2030-01-01T00:00:00+00:00"), DateTime::Aware(datetime!(2030-01-01 00:00 UTC)));
        check(text("2030-01-01"), DateTime::Naive(datetime!(2030-01-01 00:00)));
        let fails = |expiry: Value| policy().date(Some(&expiry), NOW).unwrap_err();
        assert!(matches!(fails(text("soon")), ExpiryError::Iso(_)));
        assert!(matches!(fails(text("")), ExpiryError::Iso(_)));
        assert!(matches!(fails(Value::Int(i64::MAX)), ExpiryError::Overflow(_)));
        assert!(matches!(fails(Value::Int(-99_999_999_999)), ExpiryError::Overflow(_)));
        assert!(matches!(fails(Value::Float(f64::INFINITY)), ExpiryError::Overflow(_)));
        assert!(matches!(fails(Value::Float(f64::NAN)), ExpiryError::NoNumber(_)));
        assert!(matches!(fails(Value::List(vec![Value::None])), ExpiryError::Type(_)));
    }

    #[test]
    fn browser_close() {
        let check = |expiry: Option<Value>, setting: bool, closes: bool| {
            let policy = ExpiryPolicy { expire_at_browser_close: setting, ..policy() };
            assert_eq!(policy.at_browser_close(expiry.as_ref()), closes, "{expiry:?} {setting}");
        };
        check(None, true, true);
        check(None, false, false);
        check(Some(Value::None), true, true);
        check(Some(Value::Int(0)), false, true);
        check(Some(Value::Bool(false)), false, true);
        check(Some(Value::Float(-0.0)), false, true);
        check(Some(Value::Decimal("-0".to_owned())), false, true);
        check(Some(Value::Decimal("0E+5".to_owned())), false, true);
        check(Some(Value::Complex(0.0, -0.0)), false, true);
        check(Some(Value::TimeDelta(TimeDelta::from_seconds(0).unwrap())), true, false);
        check(Some(text("")), true, false);
        check(Some(Value::Int(60)), true, false);
        check(Some(text("2030-01-01T00:00:00+00:00")), true, false);
    }

    #[test]
    fn what_is_kept() {
        let check = |expiry: Expiry, kept: Option<Value>| assert_eq!(expiry.to_value(NOW), Ok(kept));
        check(Expiry::Default, None);
        check(0.into(), Some(Value::Int(0)));
        check(None::<i64>.into(), None);
        check(Some(60).into(), Some(Value::Int(60)));
        check(Duration::seconds(90).into(), Some(text("2026-11-22T12:01:30.250000+00:00")));
        check(datetime!(2027-01-01 00:00 UTC).into(), Some(text("2027-01-01T00:00:00+00:00")));
        check(datetime!(2027-01-01 00:00).into(), Some(text("2027-01-01T00:00:00")));
        assert!(Expiry::After(Duration::weeks(1_000_000)).to_value(NOW).is_err());
    }
}
