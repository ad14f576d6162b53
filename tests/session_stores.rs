//! The contract suite over the session engines that need no server.

#[macro_use]
mod contract;
mod django_ways;
mod place;
mod servers;

/// A test of its own for each test of the suite, on places made by an async fn.
macro_rules! tests_on {
    ($place:path: $($test:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            crate::contract::$test(&$place().await).await;
        }
    )*};
}

mod db {
    session_contract!(tests_on! crate::place::db:);
}

mod file {
    session_contract!(tests_on! crate::place::file:);
}

mod cache {
    session_contract!(tests_on! crate::place::cache:);
}

mod cache_file {
    session_contract!(tests_on! crate::place::cache_file:);
}

mod cached_db {
    session_contract!(tests_on! crate::place::cached_db:);
}

mod cached_db_file {
    session_contract!(tests_on! crate::place::cached_db_file:);
}

mod signed_cookies;
