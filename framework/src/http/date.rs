//! Dates as HTTP writes them.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::serialize::digits::put;

/// A moment of the years 0 to 9999 as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7). Fractions
/// are cut off.
///
/// ```
/// use nuages::http::date::http_date;
/// use time::OffsetDateTime;
///
/// assert_eq!(http_date(OffsetDateTime::UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
/// ```
#[must_use]
pub fn http_date(moment: OffsetDateTime) -> String {
    let utc = moment.to_offset(time::UtcOffset::UTC);
    let mut text = *b"Mon, 00 Jan 0000 00:00:00 GMT";
    text[..3].copy_from_slice(DAYS[usize::from(utc.weekday().number_days_from_monday())]);
    put(&mut text[5..7], utc.day().into());
    text[8..11].copy_from_slice(MONTHS[usize::from(u8::from(utc.month())) - 1]);
    put(&mut text[12..16], utc.year().unsigned_abs());
    put(&mut text[17..19], utc.hour().into());
    put(&mut text[20..22], utc.minute().into());
    put(&mut text[23..25], utc.second().into());
    // Digits, names and what stands between them are text.
    std::str::from_utf8(&text).unwrap_or_default().to_owned()
}

const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A Unix time in seconds as a moment, rounded to microseconds first as Python does; `None` outside the years 1 to 9999.
#[must_use]
pub fn moment_at(seconds: f64) -> Option<OffsetDateTime> {
    let micros = (seconds * 1e6).round_ties_even();
    if !(-1e17..1e18).contains(&micros) {
        return None;
    }
    // The range above fits.
    #[allow(clippy::cast_possible_truncation)]
    let nanos = micros as i128 * 1000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    (1..=9999).contains(&moment.year()).then_some(moment)
}

/// Reads any of the three forms that RFC 9110 allows, whatever the weekday says; the answer is the Unix time in seconds.
///
/// ```
/// use nuages::http::date::parse_http_date;
///
/// assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784111777));
/// assert_eq!(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), Some(784111777));
/// assert_eq!(parse_http_date("Sun Nov  6 08:49:37 1994"), Some(784111777));
/// assert_eq!(parse_http_date("yesterday"), None);
/// ```
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    parse_in(text, OffsetDateTime::now_utc().year())
}

/// `this_year` says which century a two-digit year belongs to: never over 50 years ahead.
fn parse_in(text: &str, this_year: i32) -> Option<i64> {
    // Python's `$` lets one final newline in.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let fields = rfc1123(text).or_else(|| rfc850(text)).or_else(|| asctime(text))?;
    let mut year: i32 = fields.year.parse().ok()?;
    if year < 100 {
        let century = this_year - this_year % 100;
        year += if year - this_year % 100 > 50 { century - 100 } else { century };
    }
    let month = month(fields.month)?;
    let day = fields.day.trim_start_matches(' ').parse().ok()?;
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let mut clock = fields.time.split(':').map(|part| part.parse().ok());
    let time = Time::from_hms(clock.next()??, clock.next()??, clock.next()??).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}

struct Fields<'a> {
    day: &'a str,
    month: &'a str,
    year: &'a str,
    time: &'a str,
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn rfc1123(text: &str) -> Option<Fields<'_>> {
    let (weekday, rest) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = split(rest, ' ')? else { return None };
    (is_word(weekday, 3..=3) && digits(day, 2) && is_word(month, 3..=3) && digits(year, 4) && is_time(time))
        .then_some(Fields { day, month, year, time })
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(text: &str) -> Option<Fields<'_>> {
    let (weekday, rest) = text.split_once(", ")?;
    let [date, time, "GMT"] = split(rest, ' ')? else { return None };
    let [day, month, year] = split(date, '-')?;
    (is_word(weekday, 6..=9) && digits(day, 2) && is_word(month, 3..=3) && digits(year, 2) && is_time(time))
        .then_some(Fields { day, month, year, time })
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Fields<'_>> {
    let (weekday, rest) = text.split_once(' ')?;
    let (month, rest) = rest.split_once(' ')?;
    let day = rest.get(..2)?;
    let [time, year] = split(rest.get(2..)?.strip_prefix(' ')?, ' ')?;
    let day_is = digits(day, 2) || day.strip_prefix(' ').is_some_and(|day| digits(day, 1));
    (is_word(weekday, 3..=3) && is_word(month, 3..=3) && day_is && is_time(time) && digits(year, 4))
        .then_some(Fields { day, month, year, time })
}

fn split<const N: usize>(text: &str, at: char) -> Option<[&str; N]> {
    let mut parts = text.split(at);
    let mut out = [""; N];
    for slot in &mut out {
        *slot = parts.next()?;
    }
    parts.next().is_none().then_some(out)
}

fn is_word(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.chars().count()) && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_time(text: &str) -> bool {
    split::<3>(text, ':').is_some_and(|parts| parts.iter().all(|part| digits(part, 2)))
}

fn month(name: &str) -> Option<Month> {
    const NAMES: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let number = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))? + 1;
    u8::try_from(number).ok().and_then(|number| Month::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::vectors;

    #[test]
    fn dates_are_written_as_django_writes_them() {
        for case in vectors::of("http_date", "http_date") {
            assert_eq!(
                moment_at(case["in"].as_f64().unwrap()).map(http_date).as_deref(),
                case["out"].as_str(),
                "{case}"
            );
        }
    }

    #[test]
    fn dates_are_read_as_django_reads_them() {
        for case in vectors::of("http_date", "parse_http_date") {
            // Two-digit years move with the current year; these were made in 2026.
            assert_eq!(parse_in(case["in"].as_str().unwrap(), 2026), case["out"].as_i64(), "{case}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(seconds in -59_011_459_200i64..=253_402_300_799) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            prop_assert_eq!(parse_http_date(&http_date(moment)), Some(seconds));
        }

        #[test]
        fn no_text_panics(text in "[A-Za-z0-9,:é -]{0,40}") {
            let _ = parse_http_date(&text);
        }
    }
}
