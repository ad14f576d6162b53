//! The contract suite over the session engines that stand on a server: PostgreSQL, MySQL or MariaDB,
//! Redis, memcached.
//!
//! The servers are those that the environment names; `tests/run` starts them. Without them this says what it left out; with
//! `NUAGES_TEST_REQUIRE_SERVERS=1` that is a failure.

#[macro_use]
mod contract;
mod place;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use tokio::runtime::Runtime;

/// Adds a trial for each test of the suite, on places made by an async fn from a server's URL.
macro_rules! trials_on {
    ($trials:ident, $server:ident, $url:ident, $place:path: $($test:ident,)*) => {$(
        let url = $url.clone();
        $trials.push(Trial::test(concat!(stringify!($server), "::", stringify!($test)), move || {
            Runtime::new()?.block_on(async { contract::$test(&$place(&url).await).await });
            Ok(())
        }));
    )*};
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut left_out = Vec::new();
    macro_rules! server {
        ($server:ident, $variable:literal, $place:path) => {
            match env::var($variable) {
                Ok(url) => {
                    session_contract!(trials_on! trials, $server, url, $place:);
                }
                Err(_) => left_out.push(concat!(stringify!($server), " (", $variable, ")")),
            }
        };
    }
    server!(postgres, "NUAGES_TEST_POSTGRES", place::postgres);
    server!(mysql, "NUAGES_TEST_MYSQL", place::mysql);
    server!(cache_redis, "NUAGES_TEST_REDIS", place::cache_redis);
    server!(cache_memcached, "NUAGES_TEST_MEMCACHED", place::cache_memcached);
    server!(cached_db_redis, "NUAGES_TEST_REDIS", place::cached_db_redis);
    server!(cached_db_memcached, "NUAGES_TEST_MEMCACHED", place::cached_db_memcached);
    if !left_out.is_empty() && !arguments.list {
        println!("left out, for want of a server: {}; tests/run starts them all", left_out.join(", "));
        if env::var_os("NUAGES_TEST_REQUIRE_SERVERS").is_some() {
            return ExitCode::FAILURE;
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
