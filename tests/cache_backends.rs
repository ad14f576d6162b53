//! The contract suite over every cache.
//!
//! Memory, files, a table and the dummy always run. Redis and memcached run where the environment says where they are:
//!
//! ```text
//! NUAGES_TEST_REDIS=redis://127.0.0.1:6379/9 NUAGES_TEST_MEMCACHED=127.0.0.1:11211 cargo test -p nuages-tests --test cache_backends
//! ```
//!
//! What they hold is deleted. `NUAGES_TEST_REDIS_CLUSTER` names nodes of a cluster, `NUAGES_TEST_MEMCACHED_SECOND` another
//! memcached, `NUAGES_TEST_POSTGRES` and `NUAGES_TEST_MYSQL` servers on which tables of caches are made. With `NUAGES_TEST_REQUIRE_SERVERS=1` one
//! that is not named is a failure.

#[macro_use]
mod cache_contract;
mod cache_place;
mod servers;

mod locmem {
    cache_contract!(crate::cache_place::locmem);
}

mod file {
    cache_contract!(crate::cache_place::file);
}

mod db {
    cache_contract!(crate::cache_place::db);
}

mod db_on_postgres {
    cache_contract!(crate::cache_place::postgres);
}

mod db_on_mysql {
    cache_contract!(crate::cache_place::mysql);
}

mod redis {
    cache_contract!(crate::cache_place::redis);
}

mod redis_cluster {
    cache_contract!(crate::cache_place::redis_cluster);
}

mod memcached {
    cache_contract!(crate::cache_place::memcached);
}

mod memcached_servers {
    cache_contract!(crate::cache_place::memcached_servers);
}

mod cache_alone;
mod cache_interop;
mod cache_together;
