//! Python's `datetime.timedelta`.

use std::fmt;
use std::ops::Neg;

const MICROSECONDS_PER_SECOND: i128 = 1_000_000;
const MICROSECONDS_PER_DAY: i128 = 86_400 * MICROSECONDS_PER_SECOND;

/// A `timedelta`: a span of time in whole microseconds, at most 999,999,999 days to either side.
///
/// ```
/// use nuages::serialize::timedelta::TimeDelta;
///
/// let span = TimeDelta::from_seconds(-90).unwrap();
/// assert_eq!((span.days(), span.seconds()), (-1, 86_310));
/// assert_eq!(span.to_string(), "-1 day, 23:58:30");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeDelta(i128);

impl TimeDelta {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest: `timedelta.max`.
    pub const MAX: Self = Self(1_000_000_000 * MICROSECONDS_PER_DAY - 1);
    /// The most negative: `timedelta.min`.
    pub const MIN: Self = Self(-999_999_999 * MICROSECONDS_PER_DAY);

    /// So many microseconds; `None` beyond Python's range (an `OverflowError` there).
    #[must_use]
    pub const fn from_microseconds(microseconds: i128) -> Option<Self> {
        if microseconds < Self::MIN.0 || microseconds > Self::MAX.0 { None } else { Some(Self(microseconds)) }
    }

    /// So many seconds; `None` beyond Python's range.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        Self::from_microseconds(seconds as i128 * MICROSECONDS_PER_SECOND)
    }

    /// `timedelta(days, seconds, microseconds)`; `None` beyond Python's range.
    #[must_use]
    pub const fn new(days: i64, seconds: i64, microseconds: i64) -> Option<Self> {
        Self::from_microseconds(
            days as i128 * MICROSECONDS_PER_DAY
                + seconds as i128 * MICROSECONDS_PER_SECOND
                + microseconds as i128,
        )
    }

    /// The whole span in microseconds.
    #[must_use]
    pub const fn as_microseconds(self) -> i128 {
        self.0
    }

    /// The whole span in seconds, rounded down: Python's `days * 86400 + seconds`.
    #[must_use]
    pub const fn as_seconds_floor(self) -> i64 {
        // The range in seconds fits easily.
        self.0.div_euclid(MICROSECONDS_PER_SECOND) as i64
    }

    /// The whole span in seconds: Python's `total_seconds()`.
    #[must_use]
    pub fn total_seconds(self) -> f64 {
        self.0 as f64 / MICROSECONDS_PER_SECOND as f64
    }

    /// Python's attribute `days`: rounded down, so negative for any negative span.
    #[must_use]
    pub const fn days(self) -> i32 {
        self.0.div_euclid(MICROSECONDS_PER_DAY) as i32
    }

    /// Python's attribute `seconds`: of the last day, 0 to 86,399.
    #[must_use]
    pub const fn seconds(self) -> i32 {
        (self.0.rem_euclid(MICROSECONDS_PER_DAY) / MICROSECONDS_PER_SECOND) as i32
    }

    /// Python's attribute `microseconds`: of the last second, 0 to 999,999.
    #[must_use]
    pub const fn microseconds(self) -> i32 {
        self.0.rem_euclid(MICROSECONDS_PER_SECOND) as i32
    }

    /// The sum; `None` beyond Python's range.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_microseconds(self.0 + other.0)
    }

    /// The difference; `None` beyond Python's range.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_microseconds(self.0 - other.0)
    }
}

impl Neg for TimeDelta {
    type Output = Self;

    /// The same span backwards; the few microseconds by which the range is lopsided are cut off.
    fn neg(self) -> Self {
        Self((-self.0).clamp(Self::MIN.0, Self::MAX.0))
    }
}

/// A span of the `time` crate, its nanoseconds cut off; held at [`TimeDelta::MIN`] and [`TimeDelta::MAX`].
impl From<time::Duration> for TimeDelta {
    fn from(span: time::Duration) -> Self {
        Self(span.whole_microseconds().clamp(Self::MIN.0, Self::MAX.0))
    }
}

/// Without loss.
impl From<TimeDelta> for time::Duration {
    fn from(span: TimeDelta) -> Self {
        Self::new(span.as_seconds_floor(), span.microseconds() * 1000)
    }
}

/// As Python's `str()`: `1 day, 2:03:04.000005`.
impl fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.days(), self.seconds());
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match self.microseconds() {
            0 => Ok(()),
            rest => write!(f, ".{rest:06}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_pythons() {
        let check = |days, seconds, microseconds, text: &str| {
            let delta = TimeDelta::new(days, seconds, microseconds).unwrap();
            assert_eq!(delta.to_string(), text);
            assert_eq!(TimeDelta::from(time::Duration::from(delta)), delta);
        };
        check(0, 0, 0, "0:00:00");
        check(1, 2 * 3600 + 3 * 60 + 4, 5, "1 day, 2:03:04.000005");
        check(-1, 0, 0, "-1 day, 0:00:00");
        check(0, 0, -1, "-1 day, 23:59:59.999999");
        check(999_999_999, 86_399, 999_999, "999999999 days, 23:59:59.999999");
        check(-999_999_999, 0, 0, "-999999999 days, 0:00:00");
    }

    #[test]
    fn the_range_is_pythons() {
        assert_eq!(TimeDelta::new(1_000_000_000, 0, 0), None);
        assert_eq!(TimeDelta::new(-999_999_999, 0, -1), None);
        assert_eq!(TimeDelta::new(i64::MAX, i64::MAX, i64::MAX), None);
        assert_eq!(TimeDelta::MAX.checked_add(TimeDelta::from_microseconds(1).unwrap()), None);
        assert_eq!(TimeDelta::MIN.checked_sub(TimeDelta::from_microseconds(1).unwrap()), None);
        assert_eq!(-TimeDelta::MIN, TimeDelta::new(999_999_999, 0, 0).unwrap());
        assert_eq!(
            -TimeDelta::MAX,
            TimeDelta::new(-999_999_999, -86_399, -999_999).unwrap_or(TimeDelta::MIN)
        );
        assert_eq!(TimeDelta::from(time::Duration::MAX), TimeDelta::MAX);
        assert_eq!(TimeDelta::from(time::Duration::MIN), TimeDelta::MIN);
    }

    #[test]
    fn seconds_are_rounded_down() {
        assert_eq!(TimeDelta::from_microseconds(-1).unwrap().as_seconds_floor(), -1);
        assert_eq!(TimeDelta::from_microseconds(9_999_999).unwrap().as_seconds_floor(), 9);
        assert!(
            (TimeDelta::from_microseconds(-1_500_000).unwrap().total_seconds() + 1.5).abs() < f64::EPSILON
        );
    }
}
