//! MySQL and MariaDB.

use std::time::Duration;

use sqlx::MySqlPool;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::checks::CheckMessage;
use crate::conf::databases::DatabaseSettings;
use crate::db::connection::Connection as OwnConnection;
use crate::db::error::DatabaseError;
use crate::db::kept::KeptPool;
use crate::db::options::{DatabaseOptions, PoolSize, STATEMENT_TIMEOUT, missing_name, missing_tls};
use crate::db::server_pool::ServerPool;
use crate::grouping::closing::Closing;

/// Connections at most, unless `OPTIONS.pool.max_size` says otherwise.
const MOST: u32 = 10;

/// A MySQL or MariaDB database.
///
/// A `HOST` that starts with `/` is a socket, as in Django. `OPTIONS`, with mysqlclient's names: `charset` (utf8mb4), `collation`, `unix_socket`,
/// `ssl_mode`, `ssl` (a table of `ca`, `cert`, `key`), `init_command`, `sql_mode`; Django's `isolation_level` (`"read committed"`, Django's
/// own choice, unless said otherwise) and `pool`; and, in seconds, `statement_timeout` (30) and `lock_timeout` (no longer than a
/// statement).
#[derive(Debug)]
pub struct MySqlDatabase {
    alias: String,
    server: ServerPool<sqlx::MySql>,
    statement_timeout: Duration,
    closing: Closing,
}

impl MySqlDatabase {
    /// The database of that entry of `DATABASES`; no server is asked.
    ///
    /// # Errors
    /// A missing `NAME`, wrong `OPTIONS`.
    pub fn from_settings(alias: &str, entry: &DatabaseSettings) -> Result<Self, Vec<CheckMessage>> {
        let mut options = DatabaseOptions::new(&entry.options, alias);
        let charset = options.text("charset");
        let collation = options.text("collation");
        let socket =
            options.text("unix_socket").or_else(|| entry.host.starts_with('/').then_some(&entry.host));
        let ssl_mode =
            options.word("ssl_mode", &["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"]);
        let ssl = options.table("ssl", |ssl| (ssl.text("ca"), ssl.text("cert"), ssl.text("key")));
        let init_command = options.text("init_command");
        let sql_mode = options.text("sql_mode");
        let isolation = options
            .word(
                "isolation_level",
                &["read committed", "read uncommitted", "repeatable read", "serializable"],
            )
            .unwrap_or("read committed");
        let statement_timeout = options.seconds("statement_timeout").unwrap_or(STATEMENT_TIMEOUT);
        let lock_timeout = options.seconds("lock_timeout").unwrap_or(statement_timeout);
        let size = PoolSize::read(&mut options, MOST, entry.conn_max_age);
        let mut faults = options.finish();
        faults.extend(missing_name(alias, entry));
        faults.extend(missing_tls(alias, "ssl_mode", ssl_mode));
        if !faults.is_empty() {
            return Err(faults);
        }

        // `||` stays MySQL's own "or", as it is for Django's connections.
        let mut connect = MySqlConnectOptions::new().database(&entry.name).pipes_as_concat(false);
        if let Some(socket) = socket {
            connect = connect.socket(socket);
        } else if !entry.host.is_empty() {
            connect = connect.host(&entry.host);
        }
        if let Some(port) = entry.port {
            connect = connect.port(port);
        }
        if !entry.user.is_empty() {
            connect = connect.username(&entry.user);
        }
        if !entry.password.is_empty() {
            connect = connect.password(entry.password.expose());
        }
        if let Some(charset) = charset {
            connect = connect.charset(charset);
        }
        if let Some(collation) = collation {
            connect = connect.collation(collation);
        }
        connect = match ssl_mode {
            None => connect,
            Some("DISABLED") => connect.ssl_mode(MySqlSslMode::Disabled),
            Some("REQUIRED") => connect.ssl_mode(MySqlSslMode::Required),
            Some("VERIFY_CA") => connect.ssl_mode(MySqlSslMode::VerifyCa),
            Some("VERIFY_IDENTITY") => connect.ssl_mode(MySqlSslMode::VerifyIdentity),
            Some(_) => connect.ssl_mode(MySqlSslMode::Preferred),
        };
        let (ca, cert, key) = ssl.unwrap_or_default();
        if let Some(file) = ca {
            connect = connect.ssl_ca(file);
        }
        if let Some(file) = cert {
            connect = connect.ssl_client_cert(file);
        }
        if let Some(file) = key {
            connect = connect.ssl_client_key(file);
        }
        // Both servers count whole seconds here, from one.
        let lock_seconds = lock_timeout.as_secs().max(1);
        let mut greeting = format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL {isolation}; SET SESSION innodb_lock_wait_timeout = {lock_seconds}; \
             SET SESSION lock_wait_timeout = {lock_seconds};"
        );
        if let Some(mode) = sql_mode {
            greeting += &format!(" SET SESSION sql_mode = '{}';", mode.replace('\'', "''"));
        }
        if let Some(command) = init_command {
            greeting.push(' ');
            greeting += command;
        }
        Ok(Self {
            alias: alias.to_owned(),
            server: ServerPool::new(connect, greeting, size),
            statement_timeout,
            closing: Closing::default(),
        })
    }

    /// Its alias in `DATABASES`.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The pool.
    pub fn pool(&self) -> &MySqlPool {
        self.server.pool()
    }

    /// The same pool: the server lets many write.
    pub fn writer(&self) -> &MySqlPool {
        self.pool()
    }

    /// The same pool, with the connections that are kept from one statement to the next.
    pub(crate) fn kept(&self) -> KeptPool<'_, sqlx::MySql> {
        self.server.kept()
    }

    pub(crate) async fn connect(&self) -> Result<OwnConnection, sqlx::Error> {
        self.server.connect().await.map(OwnConnection::MySql)
    }

    pub(crate) const fn closing(&self) -> &Closing {
        &self.closing
    }

    pub(crate) const fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    pub(crate) const fn most_connections(&self) -> u32 {
        self.server.most()
    }

    pub(crate) const fn pool_timeout(&self) -> Duration {
        self.server.wait()
    }

    pub(crate) async fn close(&self) {
        self.server.close().await;
    }

    /// By the server's error number (MySQL manual, "Server Error Message Reference").
    pub(crate) async fn explain(&self, source: sqlx::Error) -> DatabaseError {
        let alias = self.alias.clone();
        let connect = self.server.options();
        let address = || match connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", connect.get_host(), connect.get_port()),
        };
        let number = match &source {
            sqlx::Error::Database(error) => {
                error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |error| error.number())
            }
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
                return DatabaseError::Unreachable { alias, address: address(), source };
            }
            _ => 0,
        };
        match number {
            // Lock wait timeout, deadlock.
            1205 | 1213 => DatabaseError::Locked { alias, source },
            1146 => DatabaseError::MissingTable { alias, source },
            // Access denied to the database, access denied at all, unknown database, host not allowed.
            1044 | 1045 | 1049 | 1130 => DatabaseError::Refused { alias, address: address(), source },
            // Too many connections, server shutdown.
            1040 | 1053 => DatabaseError::Unreachable { alias, address: address(), source },
            _ => DatabaseError::Query { alias, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(options: &str) -> DatabaseSettings {
        DatabaseSettings {
            engine: "django.db.backends.mysql".to_owned(),
            name: "site".to_owned(),
            options: toml::from_str(options).unwrap(),
            ..DatabaseSettings::default()
        }
    }

    #[test]
    fn the_settings_become_connect_options() {
        let mut entry = entry(
            "sql_mode = \"ANSI\"\ninit_command = \"SET x = 1\"\nlock_timeout = 0.5\nssl = { ca = \"ca.pem\" }",
        );
        "/run/mysqld/mysqld.sock".clone_into(&mut entry.host);
        "cloud".clone_into(&mut entry.user);
        let db = MySqlDatabase::from_settings("default", &entry).unwrap();
        assert_eq!(db.server.options().get_socket().unwrap().to_str(), Some("/run/mysqld/mysqld.sock"));
        assert_eq!(
            (db.server.options().get_username(), db.server.options().get_database()),
            ("cloud", Some("site"))
        );
        assert_eq!(
            db.server.greeting,
            "SET SESSION TRANSACTION ISOLATION LEVEL read committed; SET SESSION innodb_lock_wait_timeout = 1; \
             SET SESSION lock_wait_timeout = 1; SET SESSION sql_mode = 'ANSI'; SET x = 1"
        );
    }

    #[test]
    fn faults_are_told_at_once() {
        let mut wrong = entry("ssl = { cert = 1, what = 2 }\nread_default_file = \"x\"");
        wrong.name.clear();
        let faults = MySqlDatabase::from_settings("default", &wrong).unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.id).collect::<Vec<_>>(),
            ["nuages.E304", "nuages.E303", "nuages.E303", "nuages.E305"]
        );
    }
}
