//! Instants as Django stores them.

use std::fmt;

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::serialize::digits::put;

/// A point in time as a `DateTimeField` of Django keeps it: a date and a time of day in whole microseconds.
///
/// With `USE_TZ` (the default) the clock is UTC, and a `Timestamp` is made `From` an [`OffsetDateTime`]. Without it, SQLite and
/// MySQL hold what the wall clock of `TIME_ZONE` shows: such a `Timestamp` is made `From` a [`PrimitiveDateTime`], or with
/// [`Timestamp::local`]. PostgreSQL keeps instants either way
/// ([`Database::keeps_instants`](crate::db::database::Database::keeps_instants)).
///
/// * SQLite: text, `2026-12-06 06:03:52.640797`, without the fraction when it is zero (Python's `str(datetime)`, Django 5.2
///   `db/backends/sqlite3/operations.py`); so Django's comparisons, which compare text, agree with ours.
/// * PostgreSQL: `timestamp with time zone`.
/// * MySQL: `datetime(6)`.
///
/// ```
/// use nuages::db::timestamp::Timestamp;
/// use time::macros::datetime;
///
/// let at = Timestamp::from(datetime!(2026-12-06 07:03:52.640797999 +01:00));
/// assert_eq!(at.to_string(), "2026-12-06 06:03:52.640797");
/// assert_eq!(Timestamp::parse("2026-12-06T07:03:52.640797+01:00")?, at);
/// # Ok::<(), nuages::db::timestamp::TimestampError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(PrimitiveDateTime);

/// A stored text that is no date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a date and time such as 2026-12-06 06:03:52.640797")]
pub struct TimestampError(String);

impl Timestamp {
    /// Now, in UTC.
    #[must_use]
    pub fn now() -> Self {
        Self::from(OffsetDateTime::now_utc())
    }

    /// What a clock with that offset from UTC shows at that instant: the form of `USE_TZ = false`.
    #[must_use]
    pub fn local(at: OffsetDateTime, offset: UtcOffset) -> Self {
        let at = at.to_offset(offset);
        Self::from(PrimitiveDateTime::new(at.date(), at.time()))
    }

    /// The instant, when the clock is UTC.
    #[must_use]
    pub const fn utc(self) -> OffsetDateTime {
        self.0.assume_utc()
    }

    /// The date and time as they are stored, whatever clock showed them.
    #[must_use]
    pub const fn naive(self) -> PrimitiveDateTime {
        self.0
    }

    /// Reads a stored text as Django 5.2 does (`utils/dateparse.py`, the second of its two forms): `T` or a space between date and
    /// time, one or two digits for each number but the year, seconds and up to twelve digits of fraction at will, `Z` or an offset
    /// at will. A text with an offset is taken to UTC. A date alone is its midnight.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        Reader { rest: text.as_bytes() }.timestamp().map(Self).ok_or_else(|| TimestampError(text.to_owned()))
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(at: OffsetDateTime) -> Self {
        Self::local(at, UtcOffset::UTC)
    }
}

impl From<PrimitiveDateTime> for Timestamp {
    /// The rest below a microsecond is cut off, as Python has no smaller unit.
    fn from(at: PrimitiveDateTime) -> Self {
        let below = at.nanosecond() % 1_000;
        Self(at.checked_sub(Duration::nanoseconds(below.into())).unwrap_or(at))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        if date.year() < 0 {
            // No column of Django's holds one.
            f.write_str("-")?;
        }
        let mut text = *b"0000-00-00 00:00:00.000000";
        put(&mut text[..4], date.year().unsigned_abs());
        put(&mut text[5..7], u8::from(date.month()).into());
        put(&mut text[8..10], date.day().into());
        put(&mut text[11..13], time.hour().into());
        put(&mut text[14..16], time.minute().into());
        put(&mut text[17..19], time.second().into());
        let shown = match time.microsecond() {
            0 => 19,
            fraction => {
                put(&mut text[20..], fraction);
                text.len()
            }
        };
        // Digits and what stands between them are text.
        f.write_str(std::str::from_utf8(&text[..shown]).unwrap_or_default())
    }
}

/// What is left to read.
struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn timestamp(&mut self) -> Option<PrimitiveDateTime> {
        let year = self.number(4, 4)?;
        self.one_of(b"-")?;
        let month = self.number(1, 2)?;
        self.one_of(b"-")?;
        let day = self.number(1, 2)?;
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date =
            Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
        if self.rest.is_empty() {
            return Some(date.midnight());
        }
        self.one_of(b"T ")?;
        let hour = self.number(1, 2)?;
        self.one_of(b":")?;
        let minute = self.number(1, 2)?;
        let (mut second, mut fraction) = (0, 0);
        if self.one_of(b":").is_some() {
            second = self.number(1, 2)?;
            if self.one_of(b".,").is_some() {
                fraction = self.fraction()?;
            }
        }
        let time = Time::from_hms_micro(
            u8::try_from(hour).ok()?,
            u8::try_from(minute).ok()?,
            u8::try_from(second).ok()?,
            fraction,
        )
        .ok()?;
        let at = PrimitiveDateTime::new(date, time);
        while self.one_of(b" \t\r\n").is_some() {}
        let offset = self.offset()?;
        if self.rest.is_empty() { at.checked_sub(offset) } else { None }
    }

    /// Nothing and `Z` are zero; `+HH`, `+HHMM`, `+HH:MM`.
    fn offset(&mut self) -> Option<Duration> {
        let sign = match self.one_of(b"Z+-") {
            None | Some(b'Z') => return Some(Duration::ZERO),
            Some(b'-') => -1,
            Some(_) => 1,
        };
        let hours = self.number(2, 2)?;
        let colon = self.one_of(b":").is_some();
        let minutes = if colon || !self.rest.is_empty() { self.number(2, 2)? } else { 0 };
        // Python's offsets stay within a day.
        if hours > 23 || minutes > 59 {
            return None;
        }
        Some(Duration::minutes(sign * i64::from(hours * 60 + minutes)))
    }

    /// One to twelve digits, of which six count.
    fn fraction(&mut self) -> Option<u32> {
        let digits = self.digits(12);
        if digits.is_empty() {
            return None;
        }
        Some((0..6).fold(0, |sum, at| sum * 10 + digits.get(at).map_or(0, |digit| u32::from(digit - b'0'))))
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let digits = self.digits(most);
        if digits.len() < least {
            return None;
        }
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    fn digits(&mut self, most: usize) -> &[u8] {
        let end = self.rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        digits
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        if !bytes.contains(&first) {
            return None;
        }
        self.rest = rest;
        Some(first)
    }
}

/// How each database holds it.
mod stored {
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::{Database, Decode, Encode, Type};

    use super::Timestamp;

    /// `$held` is the driver's type that carries it.
    macro_rules! stored_as {
        ($DB:ty, $held:ty, compatible: [$($also:ty),*], $to:expr, $from:expr) => {
            impl Type<$DB> for Timestamp {
                fn type_info() -> <$DB as Database>::TypeInfo {
                    <$held as Type<$DB>>::type_info()
                }

                fn compatible(kind: &<$DB as Database>::TypeInfo) -> bool {
                    <$held as Type<$DB>>::compatible(kind) $(|| <$also as Type<$DB>>::compatible(kind))*
                }
            }

            impl<'q> Encode<'q, $DB> for Timestamp {
                fn encode_by_ref(&self, buffer: &mut <$DB as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                    let to: fn(Timestamp) -> $held = $to;
                    <$held as Encode<'q, $DB>>::encode(to(*self), buffer)
                }
            }

            impl<'r> Decode<'r, $DB> for Timestamp {
                fn decode(value: <$DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                    let from: fn($held) -> Result<Timestamp, BoxDynError> = $from;
                    from(<$held as Decode<'r, $DB>>::decode(value)?)
                }
            }
        };
    }

    #[cfg(feature = "sqlite")]
    stored_as!(sqlx::Sqlite, String, compatible: [time::PrimitiveDateTime, time::Date], |at| at.to_string(), |text| {
        Ok(Timestamp::parse(&text)?)
    });

    #[cfg(feature = "postgres")]
    stored_as!(sqlx::Postgres, time::OffsetDateTime, compatible: [], Timestamp::utc, |at| Ok(at.into()));

    #[cfg(feature = "mysql")]
    stored_as!(sqlx::MySql, time::PrimitiveDateTime, compatible: [], Timestamp::naive, |at| Ok(at.into()));
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, offset};

    use super::*;

    #[test]
    fn it_is_written_as_python_writes_it() {
        for (at, text) in [
            (datetime!(2026-12-06 06:03:52), "2026-12-06 06:03:52"),
            (datetime!(2026-12-06 06:03:52.64), "2026-12-06 06:03:52.640000"),
            (datetime!(2026-12-06 06:03:52.640797999), "2026-12-06 06:03:52.640797"),
            (datetime!(0987-01-02 00:00), "0987-01-02 00:00:00"),
            (datetime!(9999-12-31 23:59:59.999999999), "9999-12-31 23:59:59.999999"),
        ] {
            assert_eq!(Timestamp::from(at).to_string(), text);
            assert_eq!(Timestamp::parse(text), Ok(Timestamp::from(at)));
        }
    }

    #[test]
    fn a_clock_may_be_utc_or_local() {
        let at = datetime!(2026-12-06 23:30 UTC);
        assert_eq!(Timestamp::from(at).to_string(), "2026-12-06 23:30:00");
        assert_eq!(Timestamp::from(at.to_offset(offset!(-5))).to_string(), "2026-12-06 23:30:00");
        assert_eq!(Timestamp::local(at, offset!(+1)).to_string(), "2026-12-07 00:30:00");
        assert_eq!(Timestamp::from(at).utc(), at);
    }

    #[test]
    fn it_is_read_as_django_reads_it() {
        let at = datetime!(2026-12-06 06:03:52.64);
        for (text, expected) in [
            ("2026-12-06T06:03:52.64", Some(at)),
            ("2026-12-06 06:03:52,640000999", Some(at)),
            ("2026-12-06 06:03:52.64Z", Some(at)),
            ("2026-12-06 07:03:52.64+01", Some(at)),
            ("2026-12-06 07:03:52.64 +0100", Some(at)),
            ("2026-12-06 01:33:52.64-04:30", Some(at)),
            ("2026-12-6 6:3", Some(datetime!(2026-12-06 06:03))),
            ("2026-12-06", Some(datetime!(2026-12-06 00:00))),
            ("2026-02-30 00:00:00", None),
            ("2026-12-06 24:00:00", None),
            ("2026-12-06 06:03:52.", None),
            ("2026-12-06 06:03:52.1234567890123", None),
            ("2026-12-06 06:03:52+1", None),
            ("2026-12-06 06:03:52+24:00", None),
            ("2026-12-06 06:03:52 tea", None),
            ("26-12-06 06:03:52", None),
            ("99999-12-06 06:03:52", None),
            ("", None),
            ("never", None),
            ("9999-12-31 23:59:59-23:59", None),
        ] {
            assert_eq!(Timestamp::parse(text).ok(), expected.map(Timestamp::from), "{text}");
        }
    }
}
