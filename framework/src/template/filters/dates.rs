//! `date`, `time`, `timesince`, `timeuntil`.

use tera::{Error, TeraResult, Value};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use super::dateformat::{self, Misfit};
use super::moment::{Moment, Zone};
use super::{Call, FilterSettings, python};
use crate::conf::time_zone::TimeZone;

/// The format that was asked for, or that one.
fn wanted(call: &Call<'_>, otherwise: &str) -> String {
    let format = call.arg.filter(|arg| python::truth(arg)).map(python::text);
    dateformat::named(format.as_deref().unwrap_or(otherwise)).to_owned()
}

pub(super) fn date(call: &Call<'_>) -> TeraResult<Value> {
    let Some(moment) = Moment::read(call.value) else { return Ok("".into()) };
    let moment = moment.localized(call.settings);
    match dateformat::format(&moment, &wanted(call, "DATE_FORMAT"), call.settings, false) {
        Ok(text) => Ok(text.into()),
        Err(Misfit::DateOfTime) => Ok("".into()),
        Err(Misfit::NoInstant(letter)) => {
            Err(Error::message(format!("a time of day alone has no '{letter}': it is no point in time")))
        }
        Err(Misfit::TimeOfDate(letter)) => Err(Error::message(format!(
            "The format for date objects may not contain time-related format specifiers (found '{letter}')."
        ))),
    }
}

/// This moment in that format.
pub(super) fn now(format: &str, settings: &FilterSettings) -> String {
    let now = OffsetDateTime::now_utc();
    let moment = match settings.use_tz {
        true => Moment::Aware(now, Zone::Fixed).localized(settings),
        // What clocks show where the site is.
        false => Moment::Naive(settings.zone.local(now)),
    };
    // Such a moment has every letter.
    dateformat::format(&moment, dateformat::named(format), settings, false).unwrap_or_default()
}

pub(super) fn time(call: &Call<'_>) -> TeraResult<Value> {
    let Some(moment) = Moment::read(call.value) else { return Ok("".into()) };
    let moment = moment.localized(call.settings);
    let format = wanted(call, "TIME_FORMAT");
    Ok(dateformat::format(&moment, &format, call.settings, true).unwrap_or_default().into())
}

pub(super) fn localtime(call: &Call<'_>) -> TeraResult<Value> {
    Ok(moved(call, &call.settings.zone, call.settings.zone.name()))
}

pub(super) fn utc(call: &Call<'_>) -> TeraResult<Value> {
    Ok(moved(call, &TimeZone::UTC, "UTC"))
}

pub(super) fn timezone(call: &Call<'_>) -> TeraResult<Value> {
    let name = python::text(call.arg()?);
    Ok(TimeZone::named(&name).map_or_else(|| "".into(), |zone| moved(call, &zone, &name)))
}

/// The point in time in that zone; nothing for what is none (Django 5.2 `templatetags/tz.py`).
fn moved(call: &Call<'_>, zone: &TimeZone, name: &str) -> Value {
    let moved = Moment::read(call.value).and_then(|moment| moment.in_zone(zone, name, call.settings));
    moved.unwrap_or_default().into()
}

pub(super) fn timesince(call: &Call<'_>) -> TeraResult<Value> {
    Ok(since(call, false).unwrap_or_default().into())
}

pub(super) fn timeuntil(call: &Call<'_>) -> TeraResult<Value> {
    Ok(since(call, true).unwrap_or_default().into())
}

/// The time between two moments; `None` where Django shows nothing.
fn since(call: &Call<'_>, reversed: bool) -> Option<String> {
    let then = read(call.value)?;
    let now = match call.arg.filter(|arg| python::truth(arg)) {
        Some(arg) => read(arg)?,
        None => match &then {
            Moment::Aware(..) => Moment::Aware(OffsetDateTime::now_utc(), Zone::Fixed),
            _ => Moment::Naive(call.settings.zone.local(OffsetDateTime::now_utc())),
        },
    };
    // Two moments of one kind, on one clock.
    let (then, now) = match (then, now) {
        (Moment::Naive(then), Moment::Naive(now)) => (then, now),
        (Moment::Aware(then, _), Moment::Aware(now, _)) => {
            let now = now.to_offset(then.offset());
            (PrimitiveDateTime::new(then.date(), then.time()), PrimitiveDateTime::new(now.date(), now.time()))
        }
        _ => return None,
    };
    Some(if reversed { between(now, then) } else { between(then, now) })
}

/// A date counts from its midnight.
fn read(value: &Value) -> Option<Moment> {
    match Moment::read(value)? {
        Moment::Date(date) => Some(Moment::Naive(PrimitiveDateTime::new(date, Time::MIDNIGHT))),
        Moment::Time(_) => None,
        other => Some(other),
    }
}

/// The two largest units of the time from `then` to `now` that follow each other (Django 5.2 `utils/timesince.py`).
fn between(then: PrimitiveDateTime, now: PrimitiveDateTime) -> String {
    const UNITS: [&str; 6] = ["year", "month", "week", "day", "hour", "minute"];
    const SECONDS: [i64; 4] = [7 * 86_400, 86_400, 3_600, 60];
    if (now - then).whole_seconds() <= 0 {
        return "0\u{a0}minutes".to_owned();
    }
    let months_of = |at: PrimitiveDateTime| i64::from(at.year()) * 12 + i64::from(u8::from(at.month()));
    let mut months = months_of(now) - months_of(then);
    if (then.day(), then.time()) > (now.day(), now.time()) {
        months -= 1;
    }
    let mut left = (now - pivot(then, months)).whole_seconds();
    let mut counts = vec![months / 12, months % 12];
    for seconds in SECONDS {
        counts.push(left / seconds);
        left %= seconds;
    }
    let parts: Vec<String> = counts
        .iter()
        .zip(UNITS)
        .skip_while(|(count, _)| **count == 0)
        .take(2)
        .take_while(|(count, _)| **count != 0)
        .map(|(count, unit)| format!("{count}\u{a0}{unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() { "0\u{a0}minutes".to_owned() } else { parts.join(", ") }
}

/// So many months later, on the same day or the month's last; February counts 28 days. Whole seconds, if it moved.
fn pivot(then: PrimitiveDateTime, months: i64) -> PrimitiveDateTime {
    if months == 0 {
        return then;
    }
    let total = i64::from(then.year()) * 12 + i64::from(u8::from(then.month())) - 1 + months;
    let moved = || {
        let year = i32::try_from(total.div_euclid(12)).ok()?;
        let month = Month::try_from(u8::try_from(total.rem_euclid(12) + 1).ok()?).ok()?;
        let last = if month == Month::February { 28 } else { month.length(year) };
        let date = Date::from_calendar_date(year, month, then.day().min(last)).ok()?;
        let time = then.time().replace_nanosecond(0).ok()?;
        Some(PrimitiveDateTime::new(date, time))
    };
    moved().unwrap_or(then)
}
