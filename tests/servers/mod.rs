//! The servers that the environment names, databases of their own on them, and trials that need one.
#![allow(dead_code, reason = "each test target uses some of it")]

use std::collections::BTreeSet;
use std::env;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use libtest_mimic::{Arguments, Trial};
use nuages::db::sqlx::{self, AssertSqlSafe, Connection};

/// Where PostgreSQL is: a URL.
pub(crate) const POSTGRES: &str = "NUAGES_TEST_POSTGRES";
/// Where MySQL or MariaDB is: a URL.
pub(crate) const MYSQL: &str = "NUAGES_TEST_MYSQL";
/// Where Redis is: a URL.
pub(crate) const REDIS: &str = "NUAGES_TEST_REDIS";
/// Where the nodes of a Redis cluster are: URLs with commas between them.
pub(crate) const REDIS_CLUSTER: &str = "NUAGES_TEST_REDIS_CLUSTER";
/// Where memcached is: an address.
pub(crate) const MEMCACHED: &str = "NUAGES_TEST_MEMCACHED";

/// Trials, some of which need a server.
///
/// Where the environment names none they are left out, and that is said; with `NUAGES_TEST_REQUIRE_SERVERS=1` it is a failure.
pub(crate) struct Trials {
    arguments: Arguments,
    trials: Vec<Trial>,
    left_out: BTreeSet<&'static str>,
}

impl Trials {
    /// None yet, of those that the command line asks for.
    pub(crate) fn from_args() -> Self {
        Self { arguments: Arguments::from_args(), trials: Vec::new(), left_out: BTreeSet::new() }
    }

    /// One that needs no server.
    pub(crate) fn add(&mut self, name: impl Into<String>, run: impl FnOnce() + Send + 'static) {
        let run = || {
            run();
            Ok(())
        };
        self.trials.push(Trial::test(name, run));
    }

    /// One that is told where the server of that variable is.
    pub(crate) fn add_on(
        &mut self,
        server: &'static str,
        name: impl Into<String>,
        run: impl FnOnce(&str) + Send + 'static,
    ) {
        match env::var(server) {
            Ok(location) => self.add(name, move || run(&location)),
            Err(_) => drop(self.left_out.insert(server)),
        }
    }

    /// Runs them.
    pub(crate) fn run(self) -> ExitCode {
        if !self.left_out.is_empty() && !self.arguments.list {
            let variables = self.left_out.into_iter().collect::<Vec<_>>().join(", ");
            println!("left out, for want of a server: {variables}; tests/run starts them all");
            if env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some() {
                return ExitCode::FAILURE;
            }
        }
        libtest_mimic::run(&self.arguments, self.trials).exit_code()
    }
}

/// The URL of a new database on that PostgreSQL server.
pub(crate) async fn postgres_database(url: &str) -> String {
    let name = unused_name();
    let mut admin = sqlx::PgConnection::connect(url).await.expect("the server");
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(create).execute(&mut admin).await.expect("a database");
    beside(url, &name)
}

/// The URL of a new database on that MySQL or MariaDB server.
pub(crate) async fn mysql_database(url: &str) -> String {
    let name = unused_name();
    let mut admin = sqlx::MySqlConnection::connect(url).await.expect("the server");
    let create = AssertSqlSafe(format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"));
    sqlx::query(create).execute(&mut admin).await.expect("a database");
    beside(url, &name)
}

/// The URL of another database of the same server.
fn beside(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("scheme://user@host:port/database");
    format!("{server}/{name}")
}

/// A name that nothing has on a server that lives as long as the tests.
pub(crate) fn unused_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}
