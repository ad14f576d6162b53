//! `OPTIONS` of a database: read once, with every fault at once.

use std::time::Duration;

use toml::Value;

use crate::checks::CheckMessage;
use crate::conf::databases::DatabaseSettings;

/// How long a statement may take, unless `OPTIONS.statement_timeout` says otherwise.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a server that lay idle for longer is asked whether it still lives before it is used.
pub const TRUST_IDLE: Duration = Duration::from_secs(1);

/// The fault of an entry without `NAME`.
#[must_use]
pub fn missing_name(alias: &str, entry: &DatabaseSettings) -> Option<CheckMessage> {
    entry.name.is_empty().then(|| {
        CheckMessage::error("nuages.E305", "The database has no name.")
            .hint("Write NAME = \"…\"; for SQLite that is a file, or \":memory:\".")
            .object(format!("DATABASES.{alias}.NAME"))
    })
}

/// The fault of an entry that insists on TLS where this build has none.
#[must_use]
pub fn missing_tls(alias: &str, option: &str, mode: Option<&str>) -> Option<CheckMessage> {
    // What only prefers TLS goes without where there is none.
    const WITHOUT: &[&str] = &["disable", "allow", "prefer", "DISABLED", "PREFERRED"];
    let mode = mode.filter(|mode| !cfg!(feature = "tls") && !WITHOUT.contains(mode))?;
    let message = format!("{mode:?} wants TLS, which this build does not have.");
    Some(
        CheckMessage::error("nuages.E306", message)
            .hint("Build nuages with its cargo feature `tls`.")
            .object(format!("DATABASES.{alias}.OPTIONS.{option}")),
    )
}

/// Reads `OPTIONS`: each name that is asked for counts as known; what is left over at the end is a fault. Numbers, `true` and
/// `false` may be texts, as they are in a URL.
#[derive(Debug)]
pub struct DatabaseOptions<'a> {
    table: &'a toml::Table,
    place: String,
    known: Vec<&'static str>,
    faults: Vec<CheckMessage>,
}

impl<'a> DatabaseOptions<'a> {
    /// `OPTIONS` of that database.
    #[must_use]
    pub fn new(table: &'a toml::Table, alias: &str) -> Self {
        Self::at(table, format!("DATABASES.{alias}.OPTIONS"))
    }

    const fn at(table: &'a toml::Table, place: String) -> Self {
        Self { table, place, known: Vec::new(), faults: Vec::new() }
    }

    /// A text, or nothing.
    pub fn text(&mut self, name: &'static str) -> Option<&'a str> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => self.wrong(name, other, "a text"),
        }
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Boolean(yes) => Some(*yes),
            Value::String(text) if text == "true" => Some(true),
            Value::String(text) if text == "false" => Some(false),
            other => self.wrong(name, other, "true or false"),
        }
    }

    /// A number of things, at least `least`.
    pub fn count(&mut self, name: &'static str, least: u32) -> Option<u32> {
        let value = self.take(name)?;
        let count = match value {
            Value::Integer(count) => u32::try_from(*count).ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match count.filter(|count| *count >= least) {
            Some(count) => Some(count),
            None => self.wrong(name, value, &format!("a whole number from {least}")),
        }
    }

    /// A time in seconds, whole or with a fraction, above zero and up to a day.
    pub fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        const DAY: f64 = 86_400.0;
        let value = self.take(name)?;
        let seconds = match value {
            Value::Integer(seconds) => f64::from(i32::try_from(*seconds).unwrap_or(-1)),
            Value::Float(seconds) => *seconds,
            Value::String(text) => text.parse().unwrap_or(-1.0),
            _ => -1.0,
        };
        if seconds > 0.0 && seconds <= DAY {
            Duration::try_from_secs_f64(seconds).ok()
        } else {
            self.wrong(name, value, "a number of seconds above 0, up to 86400")
        }
    }

    /// One of those words, in any case.
    pub fn word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let value = self.take(name)?;
        let chosen =
            value.as_str().and_then(|text| words.iter().find(|word| word.eq_ignore_ascii_case(text)));
        match chosen {
            Some(word) => Some(word),
            None => self.wrong(name, value, &format!("one of {}", words.join(", "))),
        }
    }

    /// A table in the table, read by `read`.
    pub fn table<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match self.take(name)? {
            Value::Table(table) => {
                let mut inner = Self::at(table, format!("{}.{name}", self.place));
                let read = read(&mut inner);
                self.faults.extend(inner.finish());
                Some(read)
            }
            // Django writes `"pool": True` for a pool with nothing said of it.
            Value::Boolean(_) if name == "pool" => None,
            other => self.wrong(name, other, "a table"),
        }
    }

    /// Every fault, those of names that nobody asked for included.
    #[must_use]
    pub fn finish(self) -> Vec<CheckMessage> {
        let mut faults = self.faults;
        for name in self.table.keys().filter(|name| !self.known.contains(&name.as_str())) {
            faults.push(
                CheckMessage::error("nuages.E303", format!("{name:?} is not an option of this database."))
                    .hint(format!("There is: {}.", self.known.join(", ")))
                    .object(&self.place),
            );
        }
        faults
    }

    fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.table.get(name)
    }

    fn wrong<T>(&mut self, name: &str, value: &Value, right: &str) -> Option<T> {
        self.faults.push(
            CheckMessage::error("nuages.E304", format!("{value} is not a value for it."))
                .hint(format!("It is to be {right}."))
                .object(format!("{}.{name}", self.place)),
        );
        None
    }
}

/// How many connections, for how long: `CONN_MAX_AGE` and `OPTIONS.pool`, with the names of psycopg's pool, as Django's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// `min_size`: connections kept open while idle.
    pub least: u32,
    /// `max_size`: connections at most.
    pub most: u32,
    /// `timeout`: how long to wait for one.
    pub wait: Duration,
    /// `max_lifetime`, else `CONN_MAX_AGE`: how old one may become.
    pub max_lifetime: Option<Duration>,
    /// `max_idle`: how long one may lie idle.
    pub max_idle: Option<Duration>,
}

impl PoolSize {
    /// How long to wait for a free connection, unless settings say otherwise.
    pub const WAIT: Duration = Duration::from_secs(10);
    /// How old a connection to a server may become, unless settings say otherwise.
    const LIFETIME: Duration = Duration::from_secs(30 * 60);
    /// How long a connection to a server may lie idle, unless settings say otherwise.
    const IDLE: Duration = Duration::from_secs(10 * 60);

    /// `max_size` at most, unless `OPTIONS.pool` says otherwise.
    ///
    /// `conn_max_age`: `None` lets a connection live for ever, as in Django. Django's default, 0, closes it after each request,
    /// which a pool is there to avoid: it means the pool's own half hour.
    pub fn read(options: &mut DatabaseOptions<'_>, most: u32, conn_max_age: Option<u64>) -> Self {
        let default = Self {
            least: 0,
            most,
            wait: Self::WAIT,
            max_lifetime: match conn_max_age {
                None => None,
                Some(0) => Some(Self::LIFETIME),
                Some(seconds) => Some(Duration::from_secs(seconds)),
            },
            max_idle: Some(Self::IDLE),
        };
        options
            .table("pool", |pool| {
                let least = pool.count("min_size", 0).unwrap_or(default.least);
                Self {
                    least,
                    most: pool.count("max_size", 1).unwrap_or(default.most).max(least),
                    wait: pool.seconds("timeout").unwrap_or(default.wait),
                    max_lifetime: pool.seconds("max_lifetime").or(default.max_lifetime),
                    max_idle: pool.seconds("max_idle").or(default.max_idle),
                }
            })
            .unwrap_or(default)
    }

    /// The pool's options.
    #[must_use]
    pub fn options<DB: sqlx::Database>(&self) -> sqlx::pool::PoolOptions<DB> {
        sqlx::pool::PoolOptions::new()
            .min_connections(self.least)
            .max_connections(self.most)
            .acquire_timeout(self.wait)
            .max_lifetime(self.max_lifetime)
            .idle_timeout(self.max_idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> toml::Table {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn tls_wants_a_build_that_has_it() {
        for mode in ["require", "verify-ca", "verify-full", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
            let fault = missing_tls("default", "sslmode", Some(mode));
            assert_eq!(fault.is_none(), cfg!(feature = "tls"), "{mode}");
            if let Some(fault) = fault {
                let said = fault.to_string();
                assert!(
                    said.contains("DATABASES.default.OPTIONS.sslmode") && said.contains("`tls`"),
                    "{said}"
                );
            }
        }
        for mode in
            [None, Some("disable"), Some("allow"), Some("prefer"), Some("DISABLED"), Some("PREFERRED")]
        {
            assert_eq!(missing_tls("default", "sslmode", mode), None);
        }
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let table =
            table("timeout = -1\njournal_mode = \"paper\"\npoool = 1\n[pool]\nmax_size = 0\nsize = 3");
        let mut options = DatabaseOptions::new(&table, "default");
        assert_eq!(options.seconds("timeout"), None);
        assert_eq!(options.word("journal_mode", &["WAL", "DELETE"]), None);
        assert_eq!(PoolSize::read(&mut options, 8, Some(0)).most, 8);
        let faults: Vec<String> = options.finish().iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "DATABASES.default.OPTIONS.timeout: (nuages.E304) -1 is not a value for it.\n\tHINT: It is to be a number of seconds above 0, up to 86400.",
                "DATABASES.default.OPTIONS.journal_mode: (nuages.E304) \"paper\" is not a value for it.\n\tHINT: It is to be one of WAL, DELETE.",
                "DATABASES.default.OPTIONS.pool.max_size: (nuages.E304) 0 is not a value for it.\n\tHINT: It is to be a whole number from 1.",
                "DATABASES.default.OPTIONS.pool: (nuages.E303) \"size\" is not an option of this database.\n\tHINT: There is: min_size, max_size, timeout, max_lifetime, max_idle.",
                "DATABASES.default.OPTIONS: (nuages.E303) \"poool\" is not an option of this database.\n\tHINT: There is: timeout, journal_mode, pool.",
            ]
        );
    }

    #[test]
    fn a_url_says_everything_in_text() {
        let table = table("timeout = \"2.5\"\nmax_size = \"3\"\nforeign_keys = \"false\"\nwrong = \"many\"");
        let mut options = DatabaseOptions::new(&table, "default");
        assert_eq!(options.seconds("timeout"), Some(Duration::from_millis(2500)));
        assert_eq!(options.count("max_size", 1), Some(3));
        assert_eq!(options.flag("foreign_keys"), Some(false));
        assert_eq!(options.count("wrong", 1), None);
        assert_eq!(options.finish().len(), 1);
    }

    #[test]
    fn conn_max_age_is_the_lifetime() {
        for (age, lifetime) in [(None, None), (Some(0), Some(1800)), (Some(60), Some(60))] {
            let empty = toml::Table::new();
            let size = PoolSize::read(&mut DatabaseOptions::new(&empty, "default"), 4, age);
            assert_eq!(size.max_lifetime.map(|age| age.as_secs()), lifetime);
        }
    }
}
