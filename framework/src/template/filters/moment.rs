//! A template's text as a point in time.

use std::borrow::Cow;

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
        let mut parts = value.as_str()?.split('[');
        let text = parts.next()?;
        let chosen =
            parts.next().and_then(|name| TimeZone::named(name.strip_prefix('!')?.strip_suffix(']')?));
        let bytes = text.as_bytes();
        let is_date = bytes.len() >= 10 && bytes[4] == b'-' && bytes[7] == b'-';
        if is_date && bytes.len() == 10 {
            return parse_date(text).map(Self::Date);
        }
        if is_date {
            // The `time` crate has a space before the offset: `2026-11-22 13:26:01.0 +00:00:00`.
            let joined = match text.rsplit_once(' ') {
                Some((moment, offset)) if offset.starts_with(['+', '-']) => {
                    format!("{moment}{offset}").into()
                }
                _ => Cow::Borrowed(text),
            };
            return match DateTime::fromisoformat(&joined).ok()? {
                DateTime::Naive(moment) => Some(Self::Naive(moment)),
                DateTime::Aware(moment) => Some(Self::Aware(moment, chosen.map_or(Zone::Fixed, Zone::Named))),
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

    /// That instant in the zone, as a text which says that the zone is chosen and stays: RFC 9557 has `[!Europe/Brussels]` for
    /// what must not be ignored. A naive one is one of the site's zone.
    pub(super) fn in_zone(self, zone: &TimeZone, name: &str, settings: &FilterSettings) -> Option<String> {
        let instant = match self {
            Self::Naive(local) => settings.zone.instant(local),
            Self::Aware(instant, _) => instant,
            Self::Date(_) | Self::Time(_) => return None,
        };
        let there = DateTime::Aware(instant.to_offset(zone.offset_at(instant)));
        Some(format!("{}[!{name}]", there.isoformat()))
    }

    /// As it is shown: an aware point in time in the site's zone, with `USE_TZ`, unless a filter chose another one.
    pub(super) fn localized(self, settings: &FilterSettings) -> Self {
        match self {
            Self::Aware(moment, Zone::Fixed) if settings.use_tz => {
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

/// Hour, minute, second, nanosecond alone; or year and day of the year, then hour, minute, second, nanosecond; then the offset's hours, minutes, seconds.
fn from_numbers(numbers: &[Value]) -> Option<Moment> {
    let number = |at: usize| numbers.get(at).and_then(Value::as_i64);
    let small = |at: usize| number(at).and_then(|number| u8::try_from(number).ok());
    if numbers.len() == 4 {
        let nanosecond = u32::try_from(number(3)?).ok()?;
        return Time::from_hms_nano(small(0)?, small(1)?, small(2)?, nanosecond).ok().map(Moment::Time);
    }
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

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::template::filters::dates;
    use crate::template::filters::{Call, TimeZone};

    fn shown(value: &Value, arg: &str, settings: &FilterSettings) -> String {
        let arg = Value::from(arg);
        let call = Call { value, arg: Some(&arg), autoescape: true, settings };
        dates::date(&call).unwrap().as_str().unwrap().to_owned()
    }

    fn list<const N: usize>(numbers: [i64; N]) -> Value {
        numbers.into_iter().map(Value::from).collect::<Vec<_>>().into()
    }

    /// The forms of that crate's `Serialize`: lists of numbers, texts with its feature `serde-human-readable`.
    #[test]
    fn values_of_the_time_crate() {
        let settings = FilterSettings::default();
        let moment = datetime!(2026-11-22 13:26:01.5 +01:00);
        for (value, format, expected) in [
            (list([2026, 326]), "Y-m-d", "2026-11-22"),
            (list([2026, 326, 13, 26, 1, 0]), "Y-m-d H:i:s", "2026-11-22 13:26:01"),
            (list([2026, 326, 13, 26, 1, 500_000_000, 1, 0, 0]), "Y-m-d H:i:s", "2026-11-22 12:26:01"),
            ("2026-11-22".into(), "Y-m-d", "2026-11-22"),
            ("2026-11-22 13:26:01.0".into(), "H:i:s", "13:26:01"),
            ("2026-11-22 13:26:01.0 +00:00:00".into(), "Y-m-d H:i:s", "2026-11-22 13:26:01"),
            ("2026-11-22 13:26:01.123456789 -01:30:00".into(), "H:i", "14:56"),
            (moment.to_string().into(), "Y-m-d H:i:s", "2026-11-22 12:26:01"),
        ] {
            assert_eq!(shown(&value, format, &settings), expected, "{value:?}");
        }
        for value in [list([13, 26, 1, 0]), "13:26:01.0".into(), "13:26:01.123456789".into()] {
            let call = Call { value: &value, arg: None, autoescape: true, settings: &settings };
            assert_eq!(dates::time(&call).unwrap().as_str(), Some("1:26 p.m."), "{value:?}");
        }
        for none in [list([25, 0, 0, 0]), list([2026, 400]), list([1, 2, 3])] {
            assert!(Moment::read(&none).is_none(), "{none:?}");
        }
    }

    #[test]
    fn without_zones_points_in_time_stay_where_they_are() {
        let zone = TimeZone::named("Asia/Kathmandu").unwrap();
        let settings = FilterSettings { zone, use_tz: false };
        let moment: Value = "2026-11-22T13:26:01+01:00".into();
        assert_eq!(shown(&moment, "H:i O", &settings), "13:26 +0100");
        assert_eq!(shown(&"2026-11-22T13:26:01".into(), "H:i", &settings), "13:26");
        // `now` is what a clock in TIME_ZONE shows.
        let minute_of_day =
            |text: &str| text[..2].parse::<i64>().unwrap() * 60 + text[3..].parse::<i64>().unwrap();
        let utc = OffsetDateTime::now_utc();
        let expected = i64::from(utc.hour()) * 60 + i64::from(utc.minute()) + 345;
        let late = (minute_of_day(&dates::now("H:i", &settings)) - expected).rem_euclid(1440);
        assert!(late <= 1, "{late} minutes");
    }
}
