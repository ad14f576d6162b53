//! PostgreSQL.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::checks::CheckMessage;
use crate::conf::databases::DatabaseSettings;
use crate::db::connection::Connection as OwnConnection;
use crate::db::error::DatabaseError;
use crate::db::kept::KeptPool;
use crate::db::options::{DatabaseOptions, PoolSize, STATEMENT_TIMEOUT, missing_name, missing_tls};
use crate::db::server_pool::ServerPool;
use crate::grouping::closing::Closing;

/// Connections at most, unless `OPTIONS.pool.max_size` says otherwise: a server allows a hundred, for every process together.
const MOST: u32 = 10;

/// A PostgreSQL database.
///
/// An empty `HOST`, `PORT`, `USER` or `PASSWORD` is what libpq makes of it: `PGHOST` and its like, the password file, the local
/// socket. `OPTIONS`, with libpq's names: `sslmode` (what is more than `prefer` wants the cargo feature `tls`), `sslrootcert`, `sslcert`, `sslkey`, `application_name`; Django's `isolation_level`
/// (`"read committed"`, …), `assume_role` and `pool`; and, in seconds, `statement_timeout` (30) and `lock_timeout`
/// (no longer than a statement), which the server keeps as well.
#[derive(Debug)]
pub struct PostgresDatabase {
    alias: String,
    server: ServerPool<sqlx::Postgres>,
    statement_timeout: Duration,
    closing: Closing,
}

impl PostgresDatabase {
    /// The database of that entry of `DATABASES`; no server is asked.
    ///
    /// # Errors
    /// A missing `NAME`, wrong `OPTIONS`.
    pub fn from_settings(alias: &str, entry: &DatabaseSettings) -> Result<Self, Vec<CheckMessage>> {
        let mut options = DatabaseOptions::new(&entry.options, alias);
        let ssl =
            options.word("sslmode", &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]);
        let (root, cert, key) =
            (options.text("sslrootcert"), options.text("sslcert"), options.text("sslkey"));
        let application = options.text("application_name");
        let isolation = options.word(
            "isolation_level",
            &["read committed", "read uncommitted", "repeatable read", "serializable"],
        );
        let role = options.text("assume_role");
        let statement_timeout = options.seconds("statement_timeout").unwrap_or(STATEMENT_TIMEOUT);
        let lock_timeout = options.seconds("lock_timeout").unwrap_or(statement_timeout);
        let size = PoolSize::read(&mut options, MOST, entry.conn_max_age);
        let mut faults = options.finish();
        faults.extend(missing_name(alias, entry));
        faults.extend(missing_tls(alias, "sslmode", ssl));
        if !faults.is_empty() {
            return Err(faults);
        }

        let mut connect = PgConnectOptions::new_without_pgpass().database(&entry.name);
        if !entry.host.is_empty() {
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
        connect = match ssl {
            None => connect,
            Some("disable") => connect.ssl_mode(PgSslMode::Disable),
            Some("allow") => connect.ssl_mode(PgSslMode::Allow),
            Some("require") => connect.ssl_mode(PgSslMode::Require),
            Some("verify-ca") => connect.ssl_mode(PgSslMode::VerifyCa),
            Some("verify-full") => connect.ssl_mode(PgSslMode::VerifyFull),
            Some(_) => connect.ssl_mode(PgSslMode::Prefer),
        };
        if let Some(file) = root {
            connect = connect.ssl_root_cert(file);
        }
        if let Some(file) = cert {
            connect = connect.ssl_client_cert(file);
        }
        if let Some(file) = key {
            connect = connect.ssl_client_key(file);
        }
        if let Some(name) = application {
            connect = connect.application_name(name);
        }
        // Not among the connection's parameters: PgBouncer refuses those that it does not know.
        let mut greeting = format!(
            "SET statement_timeout = {}; SET lock_timeout = {};",
            statement_timeout.as_millis(),
            lock_timeout.as_millis()
        );
        if let Some(level) = isolation {
            greeting += &format!(" SET default_transaction_isolation = '{level}';");
        }
        if let Some(role) = role {
            greeting += &format!(" SET ROLE \"{}\";", role.replace('"', "\"\""));
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
    pub fn pool(&self) -> &PgPool {
        self.server.pool()
    }

    /// The same pool: the server lets many write.
    pub fn writer(&self) -> &PgPool {
        self.pool()
    }

    /// The same pool, with the connections that are kept from one statement to the next.
    pub(crate) fn kept(&self) -> KeptPool<'_, sqlx::Postgres> {
        self.server.kept()
    }

    pub(crate) async fn connect(&self) -> Result<OwnConnection, sqlx::Error> {
        let mut connection = self.server.connect().await?;
        sqlx::raw_sql("SET statement_timeout = 0").execute(&mut connection).await?;
        Ok(OwnConnection::Postgres(connection))
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

    /// By SQLSTATE (PostgreSQL manual, appendix A).
    pub(crate) async fn explain(&self, source: sqlx::Error) -> DatabaseError {
        let alias = self.alias.clone();
        let connect = self.server.options();
        let address = || match connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", connect.get_host(), connect.get_port()),
        };
        let code = match &source {
            sqlx::Error::Database(error) => error.code().map(std::borrow::Cow::into_owned),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => {
                return DatabaseError::Unreachable { alias, address: address(), source };
            }
            _ => None,
        };
        match code.as_deref().unwrap_or_default() {
            // "57014" is the server's own statement_timeout.
            "57014" => DatabaseError::Timeout { alias, after: self.statement_timeout },
            "55P03" | "40001" | "40P01" => DatabaseError::Locked { alias, source },
            "42P01" => DatabaseError::MissingTable { alias, source },
            "3D000" => DatabaseError::Refused { alias, address: address(), source },
            code if code.starts_with("28") => DatabaseError::Refused { alias, address: address(), source },
            // Too many connections, a shutdown, a start that is not over.
            code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
                DatabaseError::Unreachable { alias, address: address(), source }
            }
            _ => DatabaseError::Query { alias, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(options: &str) -> DatabaseSettings {
        DatabaseSettings {
            engine: "django.db.backends.postgresql".to_owned(),
            name: "site".to_owned(),
            host: "db.example".to_owned(),
            port: Some(6432),
            user: "cloud".to_owned(),
            password: crate::conf::secret::Secret::new("s3cr3t-passw0rd"),
            options: toml::from_str(options).unwrap(),
            ..DatabaseSettings::default()
        }
    }

    #[test]
    fn the_settings_become_connect_options() {
        let db = PostgresDatabase::from_settings(
            "default",
            &entry("sslmode = \"disable\"\nstatement_timeout = 5\nassume_role = 'a\"b'\nisolation_level = \"serializable\""),
        )
        .unwrap();
        assert_eq!((db.server.options().get_host(), db.server.options().get_port()), ("db.example", 6432));
        assert_eq!(
            (db.server.options().get_username(), db.server.options().get_database()),
            ("cloud", Some("site"))
        );
        assert_eq!(
            db.server.greeting,
            "SET statement_timeout = 5000; SET lock_timeout = 5000; SET default_transaction_isolation = 'serializable'; \
             SET ROLE \"a\"\"b\";"
        );
    }

    #[test]
    fn faults_are_told_at_once() {
        let mut wrong = entry("sslmode = \"maybe\"\nservice = \"x\"");
        wrong.name.clear();
        let faults = PostgresDatabase::from_settings("default", &wrong).unwrap_err();
        assert_eq!(
            faults.iter().map(|fault| fault.id).collect::<Vec<_>>(),
            ["nuages.E304", "nuages.E303", "nuages.E305"]
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named() {
        let mut entry = entry("pool = { timeout = 0.2 }");
        "127.0.0.1".clone_into(&mut entry.host);
        entry.port = Some(1);
        let db = crate::db::database::Database::from_settings("default", &entry, std::path::Path::new("/"))
            .unwrap();
        let error = db.probe().await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
    }
}
