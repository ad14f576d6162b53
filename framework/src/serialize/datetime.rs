//! Python's `datetime.datetime`: its ISO texts and its arithmetic.

use std::fmt;

use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::serialize::timedelta::TimeDelta;

const MICROSECONDS_PER_DAY: i128 = 86_400_000_000;
/// The years Python knows.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;

/// A `datetime`: naive, or aware with a fixed offset from UTC. Whole microseconds, years 1 to 9999.
///
/// Aware ones are equal when they are the same moment; a naive one never equals an aware one.
///
/// ```
/// use nuages::serialize::datetime::DateTime;
///
/// let moment: DateTime = "2026-01-02T03:04:05.678901+00:00".parse().unwrap();
/// assert!(moment.is_aware());
/// assert_eq!(moment.isoformat(), "2026-01-02T03:04:05.678901+00:00");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateTime {
    /// Without a zone.
    Naive(PrimitiveDateTime),
    /// With an offset.
    Aware(OffsetDateTime),
}

/// Why a text is no date and time to Python's `datetime.fromisoformat`: a `ValueError` there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IsoFormatError {
    /// Not of any form that is read.
    #[error("{0:?} is no ISO 8601 date and time, such as 2026-01-02T03:04:05+00:00")]
    Form(String),
    /// Of a right form, but no such day, time or offset exists.
    #[error("{0:?} is of the right form, but there is no such date, time or offset")]
    Range(String),
    /// Python can hold an offset with a fraction of a second; [`DateTime`] cannot.
    #[error("{0:?} has an offset that is not a whole number of seconds")]
    OffsetFraction(String),
}

/// A naive and an aware time cannot be compared or subtracted: a `TypeError` in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("can't subtract offset-naive and offset-aware datetimes; give both an offset or neither")]
pub struct MixedAwarenessError;

impl DateTime {
    /// Whether it has an offset.
    #[must_use]
    pub const fn is_aware(&self) -> bool {
        matches!(self, Self::Aware(_))
    }

    /// As `datetime.isoformat()`: microseconds left out when 0, the offset (`+00:00`, never `Z`) when naive.
    #[must_use]
    pub fn isoformat(&self) -> String {
        self.to_string()
    }

    /// Reads what `datetime.fromisoformat` of Python 3.11 reads: most of ISO 8601 (basic and extended forms, week dates,
    /// any separator, decimal comma, `Z`), digits beyond microseconds cut off.
    ///
    /// # Errors
    ///
    /// When Python raises `ValueError`, and for an offset with a fraction of a second.
    pub fn fromisoformat(text: &str) -> Result<Self, IsoFormatError> {
        reader::read(text.as_bytes()).map_err(|fault| match fault {
            reader::Fault::Form => IsoFormatError::Form(text.to_owned()),
            reader::Fault::Range => IsoFormatError::Range(text.to_owned()),
            reader::Fault::OffsetFraction => IsoFormatError::OffsetFraction(text.to_owned()),
        })
    }

    /// Later by a span; `None` beyond Python's years (an `OverflowError` there).
    #[must_use]
    pub fn checked_add(self, span: TimeDelta) -> Option<Self> {
        let moved = local_from_microseconds(microseconds(self.local()) + span.as_microseconds())?;
        Some(match self {
            Self::Naive(_) => Self::Naive(moved),
            Self::Aware(aware) => Self::Aware(moved.assume_offset(aware.offset())),
        })
    }

    /// Earlier by a span; `None` beyond Python's years.
    #[must_use]
    pub fn checked_sub(self, span: TimeDelta) -> Option<Self> {
        self.checked_add(-span)
    }

    /// How long after another it is: Python's `self - other`.
    ///
    /// # Errors
    ///
    /// When one is naive and the other aware.
    pub fn since(self, other: Self) -> Result<TimeDelta, MixedAwarenessError> {
        if self.is_aware() != other.is_aware() {
            return Err(MixedAwarenessError);
        }
        let difference = self.utc_microseconds() - other.utc_microseconds();
        // Python's years span fewer days than a TimeDelta can hold.
        TimeDelta::from_microseconds(difference).ok_or(MixedAwarenessError)
    }

    /// The date and time as they are written, without the offset.
    #[must_use]
    pub const fn local(self) -> PrimitiveDateTime {
        match self {
            Self::Naive(naive) => naive,
            Self::Aware(aware) => PrimitiveDateTime::new(aware.date(), aware.time()),
        }
    }

    /// Since the start of the Julian day count; a naive one as if in UTC.
    fn utc_microseconds(self) -> i128 {
        let offset = match self {
            Self::Naive(_) => 0,
            Self::Aware(aware) => i128::from(aware.offset().whole_seconds()) * 1_000_000,
        };
        microseconds(self.local()) - offset
    }
}

fn microseconds(local: PrimitiveDateTime) -> i128 {
    let (hour, minute, second, microsecond) = local.as_hms_micro();
    let seconds = i128::from(hour) * 3600 + i128::from(minute) * 60 + i128::from(second);
    i128::from(local.to_julian_day()) * MICROSECONDS_PER_DAY + seconds * 1_000_000 + i128::from(microsecond)
}

fn local_from_microseconds(microseconds: i128) -> Option<PrimitiveDateTime> {
    let day = i32::try_from(microseconds.div_euclid(MICROSECONDS_PER_DAY)).ok()?;
    let date = Date::from_julian_day(day).ok().filter(|date| YEARS.contains(&date.year()))?;
    let rest = microseconds.rem_euclid(MICROSECONDS_PER_DAY) as u64;
    let seconds = rest / 1_000_000;
    let [hour, minute, second] = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(|part| part as u8);
    let time = Time::from_hms_micro(hour, minute, second, (rest % 1_000_000) as u32).ok()?;
    Some(PrimitiveDateTime::new(date, time))
}

/// As `isoformat()`.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local();
        write!(f, "{}T{}", iso_date(local.date()), iso_time(local.time()))?;
        let Self::Aware(aware) = self else { return Ok(()) };
        let offset = aware.offset();
        let (hours, minutes, seconds) = offset.as_hms();
        let sign = if offset.is_negative() { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", hours.abs(), minutes.abs())?;
        if seconds == 0 { Ok(()) } else { write!(f, ":{:02}", seconds.abs()) }
    }
}

/// `date.isoformat()`.
#[must_use]
pub fn iso_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// `time.isoformat()`: microseconds left out when 0.
#[must_use]
pub fn iso_time(time: Time) -> String {
    let (hour, minute, second, microsecond) = time.as_hms_micro();
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    if microsecond != 0 {
        text.push_str(&format!(".{microsecond:06}"));
    }
    text
}

impl std::str::FromStr for DateTime {
    type Err = IsoFormatError;

    fn from_str(text: &str) -> Result<Self, IsoFormatError> {
        Self::fromisoformat(text)
    }
}

/// Nanoseconds are cut off.
impl From<OffsetDateTime> for DateTime {
    fn from(moment: OffsetDateTime) -> Self {
        Self::Aware(moment.truncate_to_microsecond())
    }
}

/// Nanoseconds are cut off.
impl From<PrimitiveDateTime> for DateTime {
    fn from(moment: PrimitiveDateTime) -> Self {
        Self::Naive(moment.truncate_to_microsecond())
    }
}

/// The grammar of `datetime.fromisoformat` in Python 3.11, oddities included.
mod reader {
    use super::{Date, DateTime, PrimitiveDateTime, Time, UtcOffset, YEARS};

    pub(super) enum Fault {
        Form,
        Range,
        OffsetFraction,
    }

    pub(super) fn read(text: &[u8]) -> Result<DateTime, Fault> {
        // The shortest date is YYYYDDD or YYYYWww.
        if text.len() < 7 {
            return Err(Fault::Form);
        }
        let split = date_length(text).ok_or(Fault::Form)?;
        let (date, rest) = text.split_at_checked(split).ok_or(Fault::Form)?;
        let date = read_date(date)?;
        if rest.is_empty() {
            return Ok(DateTime::Naive(PrimitiveDateTime::new(date, Time::MIDNIGHT)));
        }
        // Any one character separates.
        let separator = match rest[0] {
            0..0x80 => 1,
            0x80..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0.. => 4,
        };
        let (time, offset) = read_time(rest.get(separator..).ok_or(Fault::Form)?)?;
        let local = PrimitiveDateTime::new(date, time);
        Ok(match offset {
            None => DateTime::Naive(local),
            Some(offset) => DateTime::Aware(local.assume_offset(offset)),
        })
    }

    /// Where the date ends. With week dates the text is ambiguous, and Python has its own ways of guessing.
    fn date_length(text: &[u8]) -> Option<usize> {
        let digit_at = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
        if text.len() == 7 {
            return Some(7);
        }
        match (text[4], text[5]) {
            // YYYY-Www-D, unless more digits follow: then it is YYYY-Www, a hyphen as separator, and a time.
            (b'-', b'W') if text.get(8) == Some(&b'-') => match text.len() {
                9 => None,
                _ if digit_at(10) => Some(8),
                _ => Some(10),
            },
            (b'-', b'W') => Some(8),
            (b'-', _) => Some(10),
            // YYYYWww or YYYYWwwD: the digits of a time come in pairs.
            (b'W', _) => {
                let digits_end = (7..text.len()).find(|&at| !digit_at(at)).unwrap_or(text.len());
                Some(if digits_end < 9 {
                    digits_end
                } else if digits_end % 2 == 0 {
                    7
                } else {
                    8
                })
            }
            _ => Some(8),
        }
    }

    fn read_date(text: &[u8]) -> Result<Date, Fault> {
        let (year, rest) = number(text, 4)?;
        let year = i32::from(year);
        let hyphen = |text: &mut &[u8]| match text.split_first() {
            Some((b'-', rest)) => {
                *text = rest;
                true
            }
            _ => false,
        };
        let mut rest = rest;
        let hyphenated = hyphen(&mut rest);
        let date = if let Some((b'W', rest)) = rest.split_first() {
            let (week, mut rest) = number(rest, 2)?;
            let day = if rest.is_empty() {
                1
            } else {
                if hyphenated && !hyphen(&mut rest) {
                    return Err(Fault::Form);
                }
                number(rest, 1)?.0
            };
            let weekday = match day {
                1..=7 => time::Weekday::Monday.nth_next(day as u8 - 1),
                _ => return Err(Fault::Range),
            };
            Date::from_iso_week_date(year, week as u8, weekday)
        } else {
            let (month, mut rest) = number(rest, 2)?;
            if hyphenated && !hyphen(&mut rest) {
                return Err(Fault::Form);
            }
            let (day, rest) = number(rest, 2)?;
            if !rest.is_empty() {
                return Err(Fault::Form);
            }
            time::Month::try_from(month as u8)
                .and_then(|month| Date::from_calendar_date(year, month, day as u8))
        };
        date.ok().filter(|date| YEARS.contains(&year) && YEARS.contains(&date.year())).ok_or(Fault::Range)
    }

    fn read_time(text: &[u8]) -> Result<(Time, Option<UtcOffset>), Fault> {
        let zone = text.iter().position(|byte| matches!(byte, b'+' | b'-' | b'Z')).unwrap_or(text.len());
        let (clock, zone) = text.split_at(zone);
        let (hour, minute, second, microsecond) = read_clock(clock, !zone.is_empty())?;
        let time = Time::from_hms_micro(hour as u8, minute as u8, second as u8, microsecond)
            .map_err(|_| Fault::Range)?;
        let offset = match zone {
            [] => return Ok((time, None)),
            b"Z" => UtcOffset::UTC,
            [b'Z', ..] => return Err(Fault::Form),
            [sign, zone @ ..] => {
                let (hours, minutes, seconds, fraction) = read_clock(zone, false)?;
                let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60 + i32::from(seconds);
                if seconds >= 86_400 {
                    return Err(Fault::Range);
                }
                if fraction != 0 && seconds != 0 {
                    return Err(Fault::OffsetFraction);
                }
                UtcOffset::from_whole_seconds(if *sign == b'-' { -seconds } else { seconds })
                    .map_err(|_| Fault::Range)?
            }
        };
        Ok((time, Some(offset)))
    }

    /// `HH[:?MM[:?SS[{.,}f+]]]`, hours to microseconds, of any size.
    ///
    /// Python looks at the end of the text less closely when a zone follows: one character after the last number, and
    /// anything after six digits of a fraction, is skipped. After `HH`, `HHMM` and `SS` it takes any separator that the
    /// form allows for a fraction's.
    fn read_clock(text: &[u8], zone_follows: bool) -> Result<(u16, u16, u16, u32), Fault> {
        let complete = |leftover: &[u8]| {
            if leftover.is_empty() || zone_follows { Ok(()) } else { Err(Fault::Form) }
        };
        let mut parts = [0; 3];
        let mut rest = text;
        let mut separated = true;
        for (index, part) in parts.iter_mut().enumerate() {
            (*part, rest) = number(rest, 2)?;
            let (separator, tail) = match rest {
                [] => break,
                [separator, tail @ ..] => (*separator, tail),
            };
            if index == 0 {
                separated = separator == b':';
            }
            if tail.is_empty() {
                complete(rest)?;
                rest = tail;
                break;
            }
            match separator {
                b':' if separated => rest = tail,
                b'.' | b',' => {
                    rest = tail;
                    break;
                }
                _ if !separated => {}
                _ => return Err(Fault::Form),
            }
        }
        let (fraction, leftover) = rest.split_at(rest.len().min(6));
        if !fraction.iter().all(u8::is_ascii_digit) {
            return Err(Fault::Form);
        }
        let leftover = &leftover[leftover.iter().take_while(|byte| byte.is_ascii_digit()).count()..];
        complete(leftover)?;
        let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        let microsecond = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        let [hour, minute, second] = parts;
        Ok((hour, minute, second, microsecond))
    }

    /// A number of exactly so many digits, and what follows.
    fn number(text: &[u8], digits: usize) -> Result<(u16, &[u8]), Fault> {
        let (number, rest) = text.split_at_checked(digits).ok_or(Fault::Form)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return Err(Fault::Form);
        }
        Ok((number.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')), rest))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::serialize::value::Value;
    use crate::serialize::vectors;

    #[test]
    fn golden_texts() {
        for entry in vectors::load("datetime_iso", "vectors") {
            let text = vectors::text(&entry, "text");
            let read = DateTime::fromisoformat(text);
            match entry.get("isoformat").unwrap() {
                Value::Str(expected) => {
                    assert_eq!(read.map(|moment| moment.isoformat()).as_ref(), Ok(expected), "{text:?}");
                }
                Value::Dict(error) if error.get("error") == Some(&Value::from("offset")) => {
                    assert_eq!(read, Err(IsoFormatError::OffsetFraction(text.to_owned())));
                }
                _ => assert!(
                    matches!(read, Err(IsoFormatError::Form(_) | IsoFormatError::Range(_))),
                    "{text:?}: {read:?}"
                ),
            }
        }
    }

    #[test]
    fn golden_arithmetic() {
        for entry in vectors::load("datetime_iso", "arithmetic") {
            let moment = |name| DateTime::fromisoformat(vectors::text(&entry, name)).unwrap();
            let span = entry.get("microseconds").and_then(Value::as_i64).unwrap();
            let span = TimeDelta::from_microseconds(span.into()).unwrap();
            let sum = moment("a").checked_add(span).map(|sum| sum.isoformat());
            assert_eq!(sum.as_deref(), entry.get("sum").and_then(Value::as_str), "{entry:?}");
            assert_eq!(moment("a").checked_sub(-span).map(|sum| sum.isoformat()), sum);
            let difference = moment("a").since(moment("b")).map(|span| span.as_microseconds().to_string());
            assert_eq!(
                difference.ok().as_deref(),
                entry.get("a_minus_b").and_then(Value::as_str),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn equal_moments() {
        let moment = |text| DateTime::fromisoformat(text).unwrap();
        assert_eq!(moment("2026-01-02T03:04:05+01:00"), moment("2026-01-02T02:04:05Z"));
        assert_ne!(moment("2026-01-02T03:04:05"), moment("2026-01-02T03:04:05Z"));
        let whole = DateTime::from(time::OffsetDateTime::UNIX_EPOCH + time::Duration::nanoseconds(1_999));
        assert_eq!(whole.isoformat(), "1970-01-01T00:00:00.000001+00:00");
        assert_eq!(whole, moment(&whole.isoformat()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([0-9]{4}-?(W?[0-9]{2}-?[0-9]{0,2}).?)?[-0-9:.,+ZWTé]{0,20}") {
            if let Ok(moment) = DateTime::fromisoformat(&text) {
                prop_assert_eq!(DateTime::fromisoformat(&moment.isoformat()), Ok(moment));
            }
        }
    }
}
