//! A template's text as a point in time.

use tera::Value;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::FilterSettings;
use crate::conf::time_zone::TimeZone;
use crate::serialize::datetime::DateTime;

/// What Python would have: a `date`, a `time`, a naive or an aware `datetime`.
#[derive(Debug, Clone)]
pub(super) enum Moment {
    Date(Date),
    Time(Time),
    Naive(PrimitiveDateTime),
    Aware(OffsetDateTime, Zone),
}

/// Whose offset an aware point in time has.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    Named(TimeZone),
    /// Its own, and nothing more is known.
    Fixed,
}

impl Moment {
    /// ISO 8601 as `Serialize` writes it, and what the `time` crate's own forms are: lists of numbers.
    pub(super) fn read(value: &Value) -> Option<Self> {
        if let Some(numbers) = value.as_array() {
            return from_numbers(numbers);
        }
        // `2026-11-22T13:26:01+01:00[Europe/Brussels]`
        let text = value.as_str()?.split('[').next()?;
        let bytes = text.as_bytes();
        let is_date = bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-';
        if is_date && bytes.len() == 10 {
            return parse_date(text).map(Self::Date);
        }
        if is_date {
            return match DateTime::fromisoformat(text).ok()? {
                DateTime::Naive(moment) => Some(Self::Naive(moment)),
                DateTime::Aware(moment) => Some(Self::Aware(moment, Zone::Fixed)),
            };
        }
        if bytes.len() >= 5 && bytes[2] == b':' {
            return match DateTime::fromisoformat(&format!("2000-01-01T{text}")).ok()? {
                DateTime::Naive(moment) => Some(Self::Time(moment.time())),
                DateTime::Aware(_) => None,
            };
        }
        None
    }

    /// As it is shown: an aware point in time in the site's zone, with `USE_TZ`.
    pub(super) fn localized(self, settings: &FilterSettings) -> Self {
        match self {
            Self::Aware(moment, _) if settings.use_tz => {
                let offset = settings.zone.offset_at(moment);
                Self::Aware(moment.to_offset(offset), Zone::Named(settings.zone.clone()))
            }
            other => other,
        }
    }

    pub(super) const fn date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            Self::Naive(moment) => Some(moment.date()),
            Self::Aware(moment, _) => Some(moment.date()),
            Self::Time(_) => None,
        }
    }

    pub(super) const fn time(&self) -> Option<Time> {
        match self {
            Self::Date(_) => None,
            Self::Naive(moment) => Some(moment.time()),
            Self::Aware(moment, _) => Some(moment.time()),
            Self::Time(time) => Some(*time),
        }
    }
}

fn parse_date(text: &str) -> Option<Date> {
    fn number(part: Option<&str>) -> Option<&str> {
        part.filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    }
    let year = number(text.get(..4))?.parse().ok()?;
    let month: u8 = number(text.get(5..7))?.parse().ok()?;
    let day = number(text.get(8..10))?.parse().ok()?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

/// Year and day of the year; then hour, minute, second, nanosecond; then the offset's hours, minutes, seconds.
fn from_numbers(numbers: &[Value]) -> Option<Moment> {
    let number = |at: usize| numbers.get(at).and_then(Value::as_i64);
    let small = |at: usize| number(at).and_then(|number| u8::try_from(number).ok());
    let date =
        Date::from_ordinal_date(i32::try_from(number(0)?).ok()?, u16::try_from(number(1)?).ok()?).ok()?;
    if numbers.len() == 2 {
        return Some(Moment::Date(date));
    }
    let nanosecond = u32::try_from(number(5)?).ok()?;
    let time = Time::from_hms_nano(small(2)?, small(3)?, small(4)?, nanosecond).ok()?;
    let moment = PrimitiveDateTime::new(date, time);
    match numbers.len() {
        6 => Some(Moment::Naive(moment)),
        9 => {
            let part = |at: usize| number(at).and_then(|number| i8::try_from(number).ok());
            let offset = UtcOffset::from_hms(part(6)?, part(7)?, part(8)?).ok()?;
            Some(Moment::Aware(moment.assume_offset(offset), Zone::Fixed))
        }
        _ => None,
    }
}
