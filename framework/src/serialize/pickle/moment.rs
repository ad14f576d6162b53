//! The bytes that Python's `date`, `time` and `datetime` are pickled as (CPython `Modules/_datetimemodule.c`,
//! `*_getstate`), and which of our own have any.

use time::{Date, Month, PrimitiveDateTime, Time};

/// The bit that marks the second of two equal wall-clock times (`fold=1`).
const FOLD: u8 = 0x80;

/// The 4 bytes of a date; `None` for a year that Python does not know.
pub(super) fn date_state(date: Date) -> Option<[u8; 4]> {
    let year = u16::try_from(date.year()).ok().filter(|year| (1..=9999).contains(year))?;
    let [high, low] = year.to_be_bytes();
    Some([high, low, date.month().into(), date.day()])
}

/// The 6 bytes of a time; digits beyond microseconds are cut off.
pub(super) const fn time_state(time: Time) -> [u8; 6] {
    let (hour, minute, second, microsecond) = time.as_hms_micro();
    let [_, high, middle, low] = microsecond.to_be_bytes();
    [hour, minute, second, high, middle, low]
}

/// The date of 4 bytes.
pub(super) fn date(state: &[u8]) -> Option<Date> {
    let &[high, low, month, day] = state else { return None };
    let year = u16::from_be_bytes([high, low]);
    if !(1..=9999).contains(&year) {
        return None;
    }
    Date::from_calendar_date(year.into(), Month::try_from(month).ok()?, day).ok()
}

/// The time of 6 bytes. `fold` is left out: no value has a word for it.
pub(super) fn time(state: &[u8]) -> Option<Time> {
    let &[hour, minute, second, high, middle, low] = state else { return None };
    let microsecond = u32::from_be_bytes([0, high, middle, low]);
    Time::from_hms_micro(hour & !FOLD, minute, second, microsecond).ok()
}

/// The date and time of 10 bytes. `fold` is left out: no value has a word for it.
pub(super) fn date_time(state: &[u8]) -> Option<PrimitiveDateTime> {
    let (day, clock) = state.split_at_checked(4)?;
    let &[high, low, month, day] = day else { return None };
    // Here the mark is in the month; the hour has none.
    if clock.first()? & FOLD != 0 {
        return None;
    }
    Some(PrimitiveDateTime::new(date(&[high, low, month & !FOLD, day])?, time(clock)?))
}
