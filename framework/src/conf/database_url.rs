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
