//! What went wrong with sessions elsewhere, and the test that shows that it does not here.
//!
//! | what went wrong | shown by |
//! |---|---|
//! | CVE-2026-35192, CVE-2023-30861: a session cookie without `Vary: Cookie` | [`crate::site::Asked::get`] demands it of every response of this target; `session_flow::wire` |
//! | CVE-2026-48588, -8404, -35193, -48587, -6907, -113593: what a cache of pages keeps and what it asks for | the tests of the cache middleware and of `http::cache_control`, `http::vary`: no cache of pages is part of sessions |
//! | CVE-2026-6873: name and salt of a signed cookie that concatenate alike | `signing::tests` (`SIGNED_COOKIE_LEGACY_SALT_FALLBACK`, off by default) |
//! | CVE-2015-5963, -5964: a logout creates a record | [`nobodys_requests_store_nothing`], `cookies::anonymous_logouts_make_no_row` |
//! | CVE-2015-5143: an unknown key creates a record, or is adopted | [`nobodys_requests_store_nothing`], `cookies::ten_thousand_guesses_make_no_row`, `cookies::the_clients_key_is_never_adopted`, the contract's `a_key_that_names_nothing_is_not_adopted` on every engine |
//! | CVE-2015-3982: after a flush the key is `''` | [`after_a_flush_there_is_no_key`] |
//! | CVE-2011-4136: a session's key names any key of the cache | [`a_sessions_key_names_no_other_entry_of_the_cache`] |
//! | CVE-2014-0482: a new user inherits the session of the one before | does not apply: there is no login in nuages; `cycle_key` and `flush`, which one is made of, are in the contract |
//! | CVE-2014-0473: a cached page shares a CSRF token | does not apply to sessions: the token is the CSRF middleware's, and its tests are with it |
//! | CVE-2014-1418, CVE-2007-0405: headers differ by user agent; one request's user serves another | no code reads the user agent; `request.session` is a field of the request, there are no globals |
//! | Django 1.5.3: pickles run code | `damage::damaged_sessions_are_empty_in_every_store`, `decoders::pickled_bytes`, `serialize::pickle::tests` |
//! | CVE-2020-13254: malformed keys to memcached | the caches' contract, `odd_keys_are_keys_or_refused`; the sessions' contract on memcached |
//! | CVE-2020-24583, -24584, CVE-2026-25674: modes of files and folders, the umask, racing threads | `tests/outages.py`, `modes`: 32 threads with umask 000 |
//! | an expired row still loads (cot) | the contract's `an_expired_session_is_gone` |
//! | a late save brings a deleted session back (cot, tower-sessions, actix, scs, gorilla, Laravel) | the contract's `an_update_is_not_an_insert`, `a_flush_wins`, `a_touch_leaves_what_others_changed` |
//! | a new session overwrites another of its key (cot) | the contract's `an_insert_is_not_an_update` |
//! | a client chooses its key (axum_session, reinhardt) | see CVE-2015-5143 |
//! | a prefix is written and not read (axum_session) | the cache engines of the contract run with a KEY_PREFIX |
//! | a flush stores an empty row (reinhardt) | [`after_a_flush_there_is_no_key`] |
//! | the session's Set-Cookie drops those of the view (reinhardt) | `http::response_cookies::tests`: cookies are apart from headers until the end |
//! | a cookie without HttpOnly or Secure, a malformed Max-Age (rwf) | `session_flow::settings::the_cookies_attributes` |
//! | CSRF leaves out DELETE (rwf) | does not apply to sessions |
//! | cached_db dies with its cache (Django) | `tests/outages.py`, `cache_goes` |
//! | the expiry of a cookie is ignored (Django signed_cookies) | `session_flow::every_engine::set_expiry_ends_a_session_in_every_engine` |
//! | a cookie is replayed after a logout (Django signed_cookies) | cannot be prevented where nothing is kept on the server: documented with the engine and in `docs/sessions.md` |
//! | an oversized cookie is lost without a word (Django signed_cookies) | `signed_cookies::what_does_not_fit_is_told_with_its_sizes` |
//! | any error of the database means "the session was deleted" (Django) | `database::a_store_that_is_down_is_an_error_and_not_a_logout`, `tests/outages.py` |

use nuages::session::key::SessionKey;

use crate::rows;
use crate::stores::{Kind, Store};

/// On every engine: unknown keys, logouts of nobody, pages that only look.
#[tokio::test]
async fn nobodys_requests_store_nothing() {
    for store in Store::all() {
        let site = store.site().await;
        for path in ["/read/", "/untouched/", "/logout/", "/expiry/"] {
            for round in 0..10 {
                let key = SessionKey::generate().unwrap();
                let guess = format!("sessionid={}", key.as_str()).into_bytes();
                let cookies: &[&[u8]] = if round == 0 { &[] } else { &[&guess] };
                let answer = site.get(path, cookies).await;
                assert_eq!(answer.status.as_u16(), 200, "{}: {path} {answer:?}", store.name);
                // The cookie engine of Django takes a cookie that it cannot read back by setting an empty session.
                let replaced = store.kind == Kind::Cookie && round > 0;
                assert!(answer.key().is_none() || replaced, "{}: {path} {answer:?}", store.name);
            }
        }
        assert_eq!(rows::count(site.project()).await, 0, "{}", store.name);
        assert_eq!(store.files(), 0, "{}", store.name);
    }
}

/// Everywhere: neither a key nor a record is left, and the next change gets a key of its own.
#[tokio::test]
async fn after_a_flush_there_is_no_key() {
    for store in Store::all() {
        let site = store.site().await;
        let session = site.project().sessions().session(None);
        session.set("name", "Sonam").await.unwrap();
        session.save().await.unwrap();
        let key = session.session_key().unwrap();
        session.flush().await.unwrap();
        assert_eq!(session.session_key(), None, "{}", store.name);
        assert!(session.is_empty());
        assert_eq!(rows::count(site.project()).await, 0, "{}", store.name);
        assert_eq!(store.files(), 0, "{}", store.name);
        session.set("name", "Pema").await.unwrap();
        session.save().await.unwrap();
        let next = session.session_key().unwrap();
        assert!(next != key && !next.as_str().is_empty(), "{}", store.name);
        // What is no key reaches no store.
        for text in ["", "1234567"] {
            assert!(SessionKey::parse(text).is_none());
            assert!(!session.exists(text).await.unwrap());
            session.delete(Some(text)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_sessions_key_names_no_other_entry_of_the_cache() {
    for store in Store::all().into_iter().filter(|store| store.name.starts_with("cache on")) {
        let site = store.site().await;
        let cache = site.project().caches().get("default").unwrap();
        let planted = "n8x4n4ev0rmm1xqfmyndtdinzbjttnsz";
        let dict = nuages::serialize::value::Dict::from([("name", "Mallory")]);
        cache.set(planted, &nuages::serialize::value::Value::Dict(dict), 60.into()).await.unwrap();
        assert_eq!(site.get_as("/read/", planted).await.body, "nobody", "{}", store.name);
        assert!(
            site.get_as("/set/", planted).await.key().is_some_and(|key| key != planted),
            "{}",
            store.name
        );
        assert!(cache.has_key(planted).await.unwrap(), "{}: the site's own entry is left alone", store.name);
        cache.delete(planted).await.unwrap();
    }
}
