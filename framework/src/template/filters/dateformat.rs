//! Django's letters for dates and times (Django 5.2 `utils/dateformat.py`), in English.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::FilterSettings;
use super::moment::{Moment, Zone};
use crate::serialize::datetime::{iso_date, iso_time};

/// A letter that this kind of moment does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    /// A letter of the time of day, for a date alone (`TypeError`).
    TimeOfDate(char),
    /// A time of day is no point in time (`TypeError`).
    NoInstant(char),
    /// A letter of the date, for a time of day alone (`AttributeError`).
    DateOfTime,
}

/// What the names of formats stand for (Django 5.2 `conf/locale/en/formats.py`).
pub(super) fn named(format: &str) -> &str {
    match format {
        "DATE_FORMAT" => "N j, Y",
        "TIME_FORMAT" => "P",
        "DATETIME_FORMAT" => "N j, Y, P",
        "YEAR_MONTH_FORMAT" => "F Y",
        "MONTH_DAY_FORMAT" => "F j",
        "SHORT_DATE_FORMAT" => "m/d/Y",
        "SHORT_DATETIME_FORMAT" => "m/d/Y P",
        other => other,
    }
}

const LETTERS: &str = "aAbcdDeEfFgGhHiIjlLmMnNoOPrsStTUuwWyYzZ";
const TIME_LETTERS: &str = "aAefgGhHiOPsTuZ";

/// The moment in that format; `only_time`: letters of the date are a misfit, whatever the moment.
pub(super) fn format(
    moment: &Moment,
    format: &str,
    settings: &FilterSettings,
    only_time: bool,
) -> Result<String, Misfit> {
    let shown = Shown::new(moment, settings);
    let mut out = String::new();
    let mut before = None;
    // A letter behind a backslash is none, whatever the backslash itself stands behind.
    let mut escaped = false;
    for character in format.chars() {
        let is_letter = before != Some('\\') && LETTERS.contains(character);
        before = Some(character);
        if is_letter {
            let is_time = TIME_LETTERS.contains(character);
            if is_time && matches!(moment, Moment::Date(_)) {
                return Err(Misfit::TimeOfDate(character));
            }
            if !is_time && only_time {
                return Err(Misfit::DateOfTime);
            }
            if matches!(moment, Moment::Time(_)) && matches!(character, 'r' | 'U') {
                return Err(Misfit::NoInstant(character));
            }
            shown.push(character, &mut out).ok_or(Misfit::DateOfTime)?;
        } else if character == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            out.push(character);
        }
    }
    if escaped {
        out.push('\\');
    }
    Ok(out)
}

struct Shown<'a> {
    moment: &'a Moment,
    settings: &'a FilterSettings,
    date: Option<Date>,
    time: Time,
    /// Its place in its zone; `None` where the zone's clocks are not clear about it.
    zoned: Option<OffsetDateTime>,
}

impl<'a> Shown<'a> {
    fn new(moment: &'a Moment, settings: &'a FilterSettings) -> Self {
        let zone = &settings.zone;
        let zoned = match moment {
            Moment::Aware(instant, Zone::Fixed) => Some(*instant),
            Moment::Aware(instant, Zone::Named(zone)) => {
                Some(*instant).filter(|instant| zone.shows_once(zone.local(*instant)))
            }
            Moment::Naive(local) => zone.shows_once(*local).then(|| zone.instant(*local)),
            Moment::Date(_) | Moment::Time(_) => None,
        };
        let time = moment.time().unwrap_or(Time::MIDNIGHT);
        Self { moment, settings, date: moment.date(), time, zoned }
    }

    /// The instant, with whatever the site's zone says of a moment that has none.
    fn instant(&self) -> Option<OffsetDateTime> {
        match self.moment {
            Moment::Aware(instant, _) => Some(*instant),
            _ => Some(self.settings.zone.instant(PrimitiveDateTime::new(self.date?, self.time))),
        }
    }

    fn zone_name(&self, instant: OffsetDateTime) -> String {
        match self.moment {
            Moment::Aware(_, Zone::Fixed) => fixed_name(instant.offset()),
            Moment::Aware(_, Zone::Named(zone)) => zone.abbreviation_at(instant),
            _ => self.settings.zone.abbreviation_at(instant),
        }
    }

    fn push(&self, letter: char, out: &mut String) -> Option<()> {
        let (hour, minute) = (self.time.hour(), self.time.minute());
        let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        let noon = if hour > 11 { "p.m." } else { "a.m." };
        let text = match letter {
            'a' => noon.to_owned(),
            'A' => noon.replace('.', "").to_ascii_uppercase(),
            'e' => match (self.moment, self.zoned) {
                (Moment::Aware(..), Some(zoned)) => self.zone_name(zoned),
                _ => String::new(),
            },
            'f' => short_time(hour12, minute),
            'g' => hour12.to_string(),
            'G' => hour.to_string(),
            'h' => format!("{hour12:02}"),
            'H' => format!("{hour:02}"),
            'i' => format!("{minute:02}"),
            'O' => self.zoned.map(|zoned| offset(zoned.offset())).unwrap_or_default(),
            'P' => match (hour, minute) {
                (0, 0) => "midnight".to_owned(),
                (12, 0) => "noon".to_owned(),
                _ => format!("{} {noon}", short_time(hour12, minute)),
            },
            's' => format!("{:02}", self.time.second()),
            'T' => self.zoned.map(|zoned| self.zone_name(zoned)).unwrap_or_default(),
            'u' => format!("{:06}", self.time.microsecond()),
            'Z' => self.zoned.map(|zoned| zoned.offset().whole_seconds().to_string()).unwrap_or_default(),
            'I' => match self.zoned {
                None => String::new(),
                Some(_) if matches!(self.moment, Moment::Aware(_, Zone::Fixed)) => "0".to_owned(),
                Some(zoned) => {
                    let zone = match self.moment {
                        Moment::Aware(_, Zone::Named(zone)) => zone,
                        _ => &self.settings.zone,
                    };
                    u8::from(zone.is_dst_at(zoned)).to_string()
                }
            },
            'c' => self.iso()?,
            'r' => self.rfc5322()?,
            'U' => self.instant()?.unix_timestamp().to_string(),
            letter => of_date(letter, self.date?)?,
        };
        out.push_str(&text);
        Some(())
    }

    fn iso(&self) -> Option<String> {
        if let Moment::Time(time) = self.moment {
            return Some(iso_time(*time));
        }
        let date = iso_date(self.date?);
        Some(match self.moment {
            Moment::Date(_) => date,
            Moment::Aware(instant, _) => {
                let offset = offset(instant.offset());
                format!("{date}T{}{}:{}", iso_time(self.time), &offset[..3], &offset[3..])
            }
            _ => format!("{date}T{}", iso_time(self.time)),
        })
    }

    fn rfc5322(&self) -> Option<String> {
        let (instant, date) = (self.instant()?, self.date?);
        Some(format!(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} {}",
            &date.weekday().to_string()[..3],
            date.day(),
            &date.month().to_string()[..3],
            date.year(),
            self.time.hour(),
            self.time.minute(),
            self.time.second(),
            offset(instant.offset())
        ))
    }
}

/// Python's name of a fixed offset.
fn fixed_name(at: UtcOffset) -> String {
    if at.is_utc() {
        return "UTC".to_owned();
    }
    let offset = offset(at);
    format!("UTC{}:{}", &offset[..3], &offset[3..])
}

/// `+0200`
fn offset(offset: UtcOffset) -> String {
    let seconds = offset.whole_seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

fn short_time(hour: u8, minute: u8) -> String {
    if minute == 0 { hour.to_string() } else { format!("{hour}:{minute:02}") }
}

fn of_date(letter: char, date: Date) -> Option<String> {
    let month = date.month().to_string();
    let weekday = date.weekday().to_string();
    let number = u8::from(date.month());
    Some(match letter {
        'b' => month[..3].to_lowercase(),
        'd' => format!("{:02}", date.day()),
        'D' => weekday[..3].to_owned(),
        'E' | 'F' => month,
        'j' => date.day().to_string(),
        'l' => weekday,
        'L' => if time::util::is_leap_year(date.year()) { "True" } else { "False" }.to_owned(),
        'm' => format!("{number:02}"),
        'M' => month[..3].to_owned(),
        'n' => number.to_string(),
        'N' => associated_press(date.month()).to_owned(),
        'o' => date.to_iso_week_date().0.to_string(),
        'S' => ordinal(date.day()).to_owned(),
        't' => date.month().length(date.year()).to_string(),
        'w' => date.weekday().number_days_from_sunday().to_string(),
        'W' => date.iso_week().to_string(),
        'y' => format!("{:02}", date.year().rem_euclid(100)),
        'Y' => format!("{:04}", date.year()),
        'z' => date.ordinal().to_string(),
        _ => return None,
    })
}

const fn ordinal(day: u8) -> &'static str {
    match (day, day % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

const fn associated_press(month: Month) -> &'static str {
    match month {
        Month::January => "Jan.",
        Month::February => "Feb.",
        Month::March => "March",
        Month::April => "April",
        Month::May => "May",
        Month::June => "June",
        Month::July => "July",
        Month::August => "Aug.",
        Month::September => "Sept.",
        Month::October => "Oct.",
        Month::November => "Nov.",
        Month::December => "Dec.",
    }
}
