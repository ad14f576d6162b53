//! The contract suite over the session engines that stand on a server: PostgreSQL, MySQL or MariaDB,
//! Redis, memcached.
//!
//! The servers are those that the environment names; `tests/run` starts them. Without them this says what it left out; with
//! `NUAGES_TEST_REQUIRE_SERVERS=1` that is a failure.

#[macro_use]
mod contract;
mod place;
mod servers;

use std::process::ExitCode;

use tokio::runtime::Runtime;

use crate::servers::{MEMCACHED, MYSQL, POSTGRES, REDIS, Trials};

/// Adds a trial for each test of the suite, on places made by an async fn from a server's URL.
macro_rules! trials_on {
    ($trials:ident, $name:ident, $server:ident, $place:path: $($test:ident,)*) => {$(
        $trials.add_on($server, concat!(stringify!($name), "::", stringify!($test)), |location| {
            let runtime = Runtime::new().unwrap();
            runtime.block_on(async { contract::$test(&$place(location).await).await });
        });
    )*};
}

fn main() -> ExitCode {
    let mut trials = Trials::from_args();
    session_contract!(trials_on! trials, postgres, POSTGRES, place::postgres:);
    session_contract!(trials_on! trials, mysql, MYSQL, place::mysql:);
    session_contract!(trials_on! trials, cache_redis, REDIS, place::cache_redis:);
    session_contract!(trials_on! trials, cache_memcached, MEMCACHED, place::cache_memcached:);
    session_contract!(trials_on! trials, cached_db_redis, REDIS, place::cached_db_redis:);
    session_contract!(trials_on! trials, cached_db_memcached, MEMCACHED, place::cached_db_memcached:);
    trials.run()
}
