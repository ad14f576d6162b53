//! A database as one URL.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::conf::databases::DatabaseEngine;
use crate::conf::fault::SettingsFault;
use crate::conf::kind::{SettingKind, Shown};
use crate::conf::secret::{Options, Secret};
use crate::conf::written::Written;

/// `scheme://user:password@host:port/name?option=value`, each part percent-decoded.
///
/// | scheme | `ENGINE` |
/// | --- | --- |
/// | `sqlite`, `sqlite3` | `django.db.backends.sqlite3` |
/// | `postgres`, `postgresql` | `django.db.backends.postgresql` |
/// | `mysql`, `mariadb` | `django.db.backends.mysql` |
///
/// SQLite has a file instead of a host: `sqlite:///srv/site/db.sqlite3` from the root of the file system (a fourth slash
/// does no harm), `sqlite:db.sqlite3` or `sqlite://db.sqlite3` from the project, `sqlite::memory:`. What follows a `?`
/// goes to `OPTIONS`, as text; a `host` that begins with `/` there, or a `%2F…` in the host's place, is a Unix socket.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseUrl {
    /// Which database.
    pub engine: DatabaseEngine,
    /// Its name or file.
    pub name: String,
    /// Who connects.
    pub user: String,
    /// With what.
    pub password: Secret,
    /// Where to; without the brackets of an IPv6 address.
    pub host: String,
    /// At which port.
    pub port: Option<u16>,
    /// What the driver alone understands.
    pub options: Options,
}

impl DatabaseUrl {
    /// Takes a URL apart; `None` when it is none, or of no known database.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let engine = match scheme.to_ascii_lowercase().as_str() {
            "sqlite" | "sqlite3" => DatabaseEngine::Sqlite,
            "postgres" | "postgresql" => DatabaseEngine::Postgres,
            "mysql" | "mariadb" => DatabaseEngine::MySql,
            _ => return None,
        };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut parsed = Self {
            engine,
            name: String::new(),
            user: String::new(),
            password: Secret::default(),
            host: String::new(),
            port: None,
            options: Options::new(parse_options(query)?),
        };
        if engine == DatabaseEngine::Sqlite {
            let path = address.strip_prefix("//").unwrap_or(address);
            parsed.name = decode(if path.starts_with("//") { &path[1..] } else { path })?;
            return (!parsed.name.is_empty()).then_some(parsed);
        }
        let (authority, name) =
            address.strip_prefix("//")?.split_once('/').unwrap_or((address.get(2..)?, ""));
        parsed.name = decode(name)?;
        let host = match authority.rsplit_once('@') {
            Some((credentials, host)) => {
                let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
                parsed.user = decode(user)?;
                parsed.password = Secret::new(decode(password)?);
                host
            }
            None => authority,
        };
        (parsed.host, parsed.port) = parse_host(host)?;
        Some(parsed)
    }
}

/// A host with its port; a bracketed IPv6 address holds colons of its own.
fn parse_host(host: &str) -> Option<(String, Option<u16>)> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            (address, if rest.is_empty() { "" } else { rest.strip_prefix(':')? })
        }
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let port = match port {
        "" => None,
        digits => Some(digits.parse().ok().filter(|port| *port > 0)?),
    };
    Some((decode(name)?, port))
}

fn parse_options(query: &str) -> Option<toml::Table> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decode(name)?, decode(value)?.into()))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Cow::into_owned)
}

impl SettingKind for DatabaseUrl {
    const SECRET: bool = true;

    fn allowed() -> Cow<'static, str> {
        "a URL that begins with sqlite:, postgres:// or mysql://, as \"postgres://user:password@host:5432/name\", with \
         everything else in it percent-encoded"
            .into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let url = written.text().and_then(Self::parse);
        if url.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), true));
        }
        url
    }

    /// Never asked for: the URL's parts are shown as the members that they fill.
    fn show(&self) -> Shown {
        self.engine.show()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts<'a> = (DatabaseEngine, &'a str, &'a str, &'a str, &'a str, Option<u16>);

    #[test]
    fn urls_are_taken_apart_and_decoded() {
        use DatabaseEngine::{MySql, Postgres, Sqlite};
        let cases: [(&str, Parts<'_>); 17] = [
            ("sqlite:///srv/site/db.sqlite3", (Sqlite, "/srv/site/db.sqlite3", "", "", "", None)),
            ("sqlite:////srv/site/db.sqlite3", (Sqlite, "/srv/site/db.sqlite3", "", "", "", None)),
            ("sqlite://db.sqlite3", (Sqlite, "db.sqlite3", "", "", "", None)),
            ("sqlite:db.sqlite3", (Sqlite, "db.sqlite3", "", "", "", None)),
            ("sqlite3:a%20b%3F.db", (Sqlite, "a b?.db", "", "", "", None)),
            ("sqlite::memory:", (Sqlite, ":memory:", "", "", "", None)),
            ("sqlite://:memory:", (Sqlite, ":memory:", "", "", "", None)),
            ("postgres://h/n", (Postgres, "n", "", "", "h", None)),
            ("postgresql://u@h/n", (Postgres, "n", "u", "", "h", None)),
            ("PostgreSQL://u:p@h:5433/n", (Postgres, "n", "u", "p", "h", Some(5433))),
            ("postgres://%75:p%40%2F%3A@h:5432/n%20n", (Postgres, "n n", "u", "p@/:", "h", Some(5432))),
            ("postgres://u:p:q@h/n", (Postgres, "n", "u", "p:q", "h", None)),
            ("postgres://u:p@[::1]:5432/n", (Postgres, "n", "u", "p", "::1", Some(5432))),
            ("postgres://[fe80::1]/n", (Postgres, "n", "", "", "fe80::1", None)),
            ("postgres://%2Fvar%2Frun/n", (Postgres, "n", "", "", "/var/run", None)),
            ("mysql://u:@h", (MySql, "", "u", "", "h", None)),
            ("mariadb:///n", (MySql, "n", "", "", "", None)),
        ];
        for (url, expected) in cases {
            let parsed = DatabaseUrl::parse(url).unwrap_or_else(|| panic!("{url} is refused"));
            let DatabaseUrl { engine, name, user, password, host, port, options } = &parsed;
            assert_eq!(
                (*engine, name.as_str(), user.as_str(), password.expose(), host.as_str(), *port),
                expected,
                "{url}"
            );
            assert!(options.is_empty(), "{url}");
        }
    }

    #[test]
    fn what_follows_the_question_mark_are_options() {
        let url = DatabaseUrl::parse("mysql://h/n?charset=utf8mb4&init_command=SET%20x%3D1&&empty=").unwrap();
        let options: Vec<_> =
            url.options.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        assert_eq!(options, [("charset", "utf8mb4"), ("init_command", "SET x=1"), ("empty", "")]);
    }

    #[test]
    fn what_is_no_url_of_a_known_database_is_refused() {
        for url in [
            "",
            "db.sqlite3",
            "sqlite:",
            "sqlite://",
            "oracle://h/n",
            "postgres:h/n",
            "postgres://h:0/n",
            "postgres://h:x/n",
            "postgres://h:65536/n",
            "postgres://[::1/n",
            "postgres://[::1]x/n",
            "postgres://h/%ff",
            "postgres://h/n?novalue",
        ] {
            assert_eq!(DatabaseUrl::parse(url), None, "{url}");
        }
    }
}
