//! `DATABASES` (Django 5.2 `db/utils.py`): by members, or by one URL that fills the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::conf::database_url::DatabaseUrl;
use crate::conf::fault::SettingsFault;
use crate::conf::kind::{Required, SettingKind, Shown};
use crate::conf::secret::{Options, Secret};
use crate::conf::written::{Members, Shape, Written};

/// The alias that stands for the database where nobody names another.
pub const DEFAULT_ALIAS: &str = "default";

crate::settings_section! {
    /// `DATABASES`: aliases and what they stand for.
    pub struct DatabasesSettings, prefix "" {
        /// `DATABASES`: by alias; `default` is the one that sessions use. Without it a site starts, and whoever asks for
        /// the database is told.
        databases: BTreeMap<String, DatabaseSettings> = BTreeMap::new(),
    }
}

crate::setting_choice! {
    /// `ENGINE` of an entry of `DATABASES`.
    pub enum DatabaseEngine {
        /// SQLite
        Sqlite = "django.db.backends.sqlite3",
        /// PostgreSQL
        Postgres = "django.db.backends.postgresql",
        /// MySQL and MariaDB
        MySql = "django.db.backends.mysql",
    }
}

/// One entry of `DATABASES`.
///
/// `URL = "postgres://user:password@host:5432/name?option=value"` says `ENGINE`, `NAME`, `USER`, `PASSWORD`, `HOST`,
/// `PORT` and `OPTIONS` at once (see [`DatabaseUrl`]). What it says must not be said again in the same layer; a later
/// layer may change one member of it, and members that it does not say stand beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseSettings {
    /// `ENGINE`: which database, by Django's dotted name. The loader lets no other than a [`DatabaseEngine`]'s through;
    /// empty, as in Django, there is no database.
    pub engine: String,
    /// `NAME`: the database's name; for SQLite the file, relative to the project, or `:memory:`.
    pub name: String,
    /// `USER`
    pub user: String,
    /// `PASSWORD`
    pub password: Secret,
    /// `HOST`: empty means the local machine; a path means a Unix socket.
    pub host: String,
    /// `PORT`; `None`: the usual one of the engine.
    pub port: Option<u16>,
    /// `CONN_MAX_AGE`: how old a connection may become, in seconds; `None`: any age. Django's default, 0, closes it behind
    /// each request, which a pool is there to avoid: it means the pool's own limit.
    pub conn_max_age: Option<u64>,
    /// `CONN_HEALTH_CHECKS`: try a kept connection before it is used again. A pool does so anyhow with one that lay idle,
    /// so that either value is kept to.
    pub conn_health_checks: bool,
    /// `OPTIONS`: what the driver alone understands.
    pub options: Options,
}

crate::settings_table! {
    /// The members as they are written.
    pub struct DatabaseMembers, names upper {
        /// Which database.
        engine: Required<DatabaseEngine> = Required(None),
        /// Its name or file.
        name: String = "",
        /// Who connects.
        user: String = "",
        /// With what.
        password: Secret = "",
        /// Where to.
        host: String = "",
        /// At which port.
        port: Port = Port(None),
        /// All of these in one text.
        url: Option<DatabaseUrl> = None,
        /// How long a connection is kept.
        conn_max_age: Option<u64> = 0,
        /// Whether they are tried.
        conn_health_checks: bool = false,
        /// What the driver alone understands.
        options: Options = Options::default(),
    }
}

/// `PORT`, which Django takes as a number or as text, empty for the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub Option<u16>);

impl SettingKind for Port {
    fn allowed() -> Cow<'static, str> {
        "a port from 1 to 65535, as a number or as text".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let port = match written.shape() {
            _ if written.is_none() => Some(None),
            Shape::Int(port) => u16::try_from(*port).ok().filter(|port| *port > 0).map(Some),
            Shape::Text(text) if text.is_empty() => Some(None),
            Shape::Text(text) => text.parse().ok().filter(|port| *port > 0).map(Some),
            _ => None,
        };
        if port.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), false));
        }
        port.map(Self)
    }

    fn show(&self) -> Shown {
        self.0.map_or_else(|| "".into(), |port| i64::from(port).into())
    }
}

impl DatabaseSettings {
    /// A SQLite file, or `:memory:`; everything else as the defaults say.
    #[must_use]
    pub fn sqlite(name: impl Into<String>) -> Self {
        Self { engine: DatabaseEngine::Sqlite.as_str().to_owned(), name: name.into(), ..Self::default() }
    }

    fn from_members(engine: &str, members: DatabaseMembers) -> Self {
        Self {
            engine: engine.to_owned(),
            name: members.name,
            user: members.user,
            password: members.password,
            host: members.host,
            port: members.port.0,
            conn_max_age: members.conn_max_age,
            conn_health_checks: members.conn_health_checks,
            options: members.options,
        }
    }
}

/// No database, with the defaults of every other member.
impl Default for DatabaseSettings {
    fn default() -> Self {
        Self::from_members("", DatabaseMembers::default())
    }
}

impl SettingKind for DatabaseSettings {
    const SECRET: bool = true;

    fn allowed() -> Cow<'static, str> {
        DatabaseMembers::allowed()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let mut members = DatabaseMembers::read(written, setting, faults)?;
        if let (Some(url), Some(table)) = (members.url.take(), written.table()) {
            fill(&mut members, &url, table, setting, faults)?;
        }
        let Some(engine) = members.engine.0 else {
            faults.push(SettingsFault::Missing {
                place: written.place().clone(),
                setting: format!("{setting}.ENGINE"),
                allowed: format!("{}; or URL instead", DatabaseEngine::allowed()),
            });
            return None;
        };
        Some(Self::from_members(engine.as_str(), members))
    }

    fn show(&self) -> Shown {
        DatabaseMembers {
            engine: Required(
                DatabaseEngine::ALL.iter().copied().find(|engine| engine.as_str() == self.engine),
            ),
            name: self.name.clone(),
            user: self.user.clone(),
            password: self.password.clone(),
            host: self.host.clone(),
            port: Port(self.port),
            url: None,
            conn_max_age: self.conn_max_age,
            conn_health_checks: self.conn_health_checks,
            options: self.options.clone(),
        }
        .show()
    }
}

/// Lays the members of a later layer over what the URL says, and refuses those of its own.
fn fill(
    members: &mut DatabaseMembers,
    url: &DatabaseUrl,
    written: &Members,
    setting: &str,
    faults: &mut Vec<SettingsFault>,
) -> Option<()> {
    let before = faults.len();
    let url_layer = written.get("URL").map(|url| url.place().layer);
    // Whether the URL's word counts: the member is not written, or it is written beside it, which is a fault.
    let mut counts = |name: &str, said: bool| match written.get(name) {
        None => true,
        Some(member) if said && Some(member.place().layer) == url_layer => {
            faults.push(SettingsFault::Illegal {
                place: Some(member.place().clone()),
                setting: format!("{setting}.{name}"),
                id: "nuages.E113",
                reason: "URL says it already".to_owned(),
                right: format!("{name} or URL, not both"),
            });
            false
        }
        Some(_) => false,
    };
    if counts("ENGINE", true) {
        members.engine = Required(Some(url.engine));
    }
    if counts("NAME", !url.name.is_empty()) {
        members.name.clone_from(&url.name);
    }
    if counts("USER", !url.user.is_empty()) {
        members.user.clone_from(&url.user);
    }
    if counts("PASSWORD", !url.password.is_empty()) {
        members.password.clone_from(&url.password);
    }
    if counts("HOST", !url.host.is_empty()) {
        members.host.clone_from(&url.host);
    }
    if counts("PORT", url.port.is_some()) {
        members.port = Port(url.port);
    }
    members.options = url.options.clone().overlaid_with(&members.options);
    (faults.len() == before).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::settings::Settings;
    use crate::conf::source::SettingsSource;

    /// `DATABASES.default` of these layers, as it is shown, or the faults.
    fn load(layers: &[&str]) -> Result<(DatabaseSettings, String), String> {
        let mut source = SettingsSource::text("key.toml", "SECRET_KEY = 'k'");
        for (index, layer) in layers.iter().enumerate() {
            let text = format!("[DATABASES.default]\n{layer}");
            source = source.under(SettingsSource::text(format!("{index}.toml"), text));
        }
        let settings = Settings::load(&source, &[]).map_err(|faults| faults.to_string())?;
        let database = settings.section::<DatabasesSettings>().databases["default"].clone();
        let shown = database.show().to_string();
        Ok((database, shown))
    }

    #[test]
    fn a_url_fills_the_members() {
        let (database, shown) = load(&["URL = 'postgres://u:p%40@h:5433/n?sslmode=require'\nCONN_MAX_AGE = 60\nOPTIONS = {application_name = 'shop'}"]).unwrap();
        assert_eq!(database.password.expose(), "p@");
        assert_eq!(
            shown,
            r#"{ ENGINE = "django.db.backends.postgresql", NAME = "n", USER = "u", PASSWORD = "********************", HOST = "h", PORT = 5433, CONN_MAX_AGE = 60, OPTIONS = { sslmode = "require", application_name = "shop" } }"#
        );
        // What the URL does not say may stand beside it.
        let (database, _) = load(&["URL = 'postgres://h/n'\nUSER = 'u'\nPASSWORD = 'p'"]).unwrap();
        assert_eq!(
            (database.user.as_str(), database.password.expose(), database.host.as_str()),
            ("u", "p", "h")
        );
    }

    #[test]
    fn a_layer_says_each_thing_once() {
        let faults = load(&["URL = 'postgres://u:p@h/n'\nNAME = 'm'\nENGINE = 'django.db.backends.mysql'"])
            .unwrap_err();
        assert_eq!(
            faults,
            "the settings have 2 faults:\n\n\
             0.toml:3: DATABASES.default.NAME: URL says it already\n    right: NAME or URL, not both\n\n\
             0.toml:4: DATABASES.default.ENGINE: URL says it already\n    right: ENGINE or URL, not both"
        );
    }

    #[test]
    fn a_later_layer_changes_members_or_begins_anew() {
        let (database, _) = load(&["URL = 'postgres://u:p@h/n'", "PASSWORD = 'q'\nNAME = 'test_n'"]).unwrap();
        assert_eq!(
            (database.name.as_str(), database.password.expose(), database.user.as_str()),
            ("test_n", "q", "u")
        );
        let sqlite = "ENGINE = 'django.db.backends.sqlite3'\nNAME = 'db.sqlite3'\nOPTIONS = {timeout = 5}";
        let (database, shown) = load(&[sqlite, "URL = 'mysql://h/n'"]).unwrap();
        assert_eq!(database.name, "n");
        assert_eq!(shown, r#"{ ENGINE = "django.db.backends.mysql", NAME = "n", HOST = "h" }"#);
    }

    #[test]
    fn ports_may_be_text() {
        for (port, expected) in [("5432", Some(5432)), ("'5432'", Some(5432)), ("''", None), ("false", None)]
        {
            let (database, _) =
                load(&[&format!("ENGINE = 'django.db.backends.mysql'\nPORT = {port}")]).unwrap();
            assert_eq!(database.port, expected, "{port}");
        }
        for port in ["0", "-1", "65536", "'x'", "true", "1.0"] {
            let faults = load(&[&format!("ENGINE = 'django.db.backends.mysql'\nPORT = {port}")]).unwrap_err();
            assert!(faults.contains("0.toml:3: DATABASES.default.PORT is "), "{faults}");
        }
    }
}
