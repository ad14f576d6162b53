//! `TIME_ZONE`: what naive times mean.

use jiff::Timestamp as JiffTimestamp;
use jiff::tz::TimeZone as Zone;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// A time zone of the IANA database, by its name.
///
/// ```
/// use nuages::conf::time_zone::TimeZone;
/// use time::macros::datetime;
///
/// let zone = TimeZone::named("Asia/Thimphu").unwrap();
/// assert_eq!(zone.local(datetime!(2026-12-01 00:00 UTC)), datetime!(2026-12-01 06:00));
/// assert!(TimeZone::named("Asia/Thimpu").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(Zone);

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Zone::UTC);

    /// The zone of that name, from the system's database or the one that is built in.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Zone::get(name).ok().map(Self)
    }

    /// Its name in the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// How far the zone's clocks are from UTC at that instant.
    #[must_use]
    pub fn offset_at(&self, instant: OffsetDateTime) -> UtcOffset {
        JiffTimestamp::from_second(instant.unix_timestamp())
            .ok()
            .and_then(|instant| UtcOffset::from_whole_seconds(self.0.to_offset(instant).seconds()).ok())
            .unwrap_or(UtcOffset::UTC)
    }

    /// What the zone's clocks show at that instant.
    #[must_use]
    pub fn local(&self, instant: OffsetDateTime) -> PrimitiveDateTime {
        let there = instant.to_offset(self.offset_at(instant));
        PrimitiveDateTime::new(there.date(), there.time())
    }

    /// What the zone is called at that instant: `CET`, `CEST`, `+0545`.
    #[must_use]
    pub fn abbreviation_at(&self, instant: OffsetDateTime) -> String {
        JiffTimestamp::from_second(instant.unix_timestamp()).map_or_else(
            |_| String::new(),
            |instant| self.0.to_offset_info(instant).abbreviation().to_owned(),
        )
    }

    /// Whether the zone's clocks are put forward at that instant.
    #[must_use]
    pub fn is_dst_at(&self, instant: OffsetDateTime) -> bool {
        JiffTimestamp::from_second(instant.unix_timestamp())
            .is_ok_and(|instant| self.0.to_offset_info(instant).dst().is_dst())
    }

    /// Whether the zone's clocks show that exactly once: not twice, when they are put back, and not never.
    #[must_use]
    pub fn shows_once(&self, local: PrimitiveDateTime) -> bool {
        let hours = time::Duration::hours(3);
        let offsets =
            [-hours, time::Duration::ZERO, hours].map(|near| self.offset_at(local.assume_utc() + near));
        let mut instants: Vec<OffsetDateTime> = offsets
            .into_iter()
            .map(|offset| local.assume_offset(offset))
            .filter(|instant| self.local(*instant) == local)
            .collect();
        instants.dedup();
        instants.len() == 1
    }

    /// The instant at which the zone's clocks show that; of two, the earlier one, as Python's `fold=0`.
    #[must_use]
    pub fn instant(&self, local: PrimitiveDateTime) -> OffsetDateTime {
        let guess = local.assume_offset(self.offset_at(local.assume_utc()));
        let before = local.assume_offset(self.offset_at(guess - time::Duration::hours(3)));
        let candidates = [before, local.assume_offset(self.offset_at(guess)), guess];
        candidates.into_iter().find(|instant| self.local(*instant) == local).unwrap_or(before)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn there_and_back() {
        let zone = TimeZone::named("Europe/Prague").unwrap();
        for (utc, local) in [
            (datetime!(2026-01-15 12:00 UTC), datetime!(2026-01-15 13:00)),
            (datetime!(2026-07-15 12:00 UTC), datetime!(2026-07-15 14:00)),
            // The clocks go back at 01:00 UTC: 02:30 is shown twice, the earlier one counts.
            (datetime!(2026-10-25 00:30 UTC), datetime!(2026-10-25 02:30)),
        ] {
            assert_eq!(zone.local(utc), local);
            assert_eq!(zone.instant(local), utc);
        }
        assert_eq!(zone.local(datetime!(2026-10-25 01:30 UTC)), datetime!(2026-10-25 02:30));
    }
}
