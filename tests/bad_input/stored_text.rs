//! Rows that nobody of us wrote: signed with another key, tampered with, unreadable. Each is an empty session.

use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::on_pool;
use nuages::prelude::*;
use nuages::serialize::value::Dict;
use nuages::session::codec::{SALT, SessionCodec};
use nuages::session::serializers::JsonSerializer;
use nuages::signing::codec::SignedCodec;
use nuages::signing::keys::SigningKeys;
use proptest::prelude::*;

use crate::rows;
use crate::site::Asked;

const KEY: &str = "n8x4n4ev0rmm1xqfmyndtdinzbjttnsz";

pub(crate) fn keys(secret: &str) -> SigningKeys {
    let settings = format!("SECRET_KEY = '{secret}'");
    let settings = nuages::conf::settings::Settings::from_toml(&settings, &[]).unwrap();
    let core = settings.section::<nuages::conf::core::CoreSettings>();
    SigningKeys::new(&core.secret_key, &core.secret_key_fallbacks)
}

/// A text that holds these JSON bytes, signed with our key or another.
fn signed(secret: &str, salt: &str, json: &[u8]) -> String {
    SignedCodec::new(&keys(secret), salt).dumps(json, true)
}

static INSERT: Sql = Sql::new(
    "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, '2999-01-01 00:00:00')",
);
/// Puts a session there that is valid for a long time, with whatever text.
async fn put(project: &Project, key: &str, text: &str) {
    let db = project.db().unwrap();
    on_pool!(db, pool => {
        sqlx::query(INSERT.on(db)).bind(key).bind(text).execute(pool).await.map(|_| ()).unwrap();
    });
}

pub(crate) const OURS: &str = "a key for tests alone";

async fn body(site: &Asked, text: &str) -> String {
    let answer = site.get_as("/read/", KEY).await;
    assert_eq!(answer.status, StatusCode::OK, "{text:?}");
    assert!(answer.cookie.is_none(), "the key is there, so the cookie stays: {text:?}");
    answer.body
}

#[tokio::test]
async fn what_cannot_be_trusted_or_read_is_an_empty_session() {
    let sound = signed(OURS, SALT, br#"{"name":"Pema"}"#);
    let (payload, signature) = sound.rsplit_once(':').unwrap();
    let check = async |text: &str, expected: &str| {
        let site = Asked::new("").await;
        put(site.project(), KEY, text).await;
        assert_eq!(body(&site, text).await, expected, "{text:?}");
        // What is set next is stored under the same key, in a sound text.
        let answer = site.get_as("/set/", KEY).await;
        assert_eq!(answer.key(), Some(KEY), "{text:?}");
        assert_eq!(body(&site, text).await, r#"{"name":"Sonam"}"#);
        assert_eq!(rows::count(site.project()).await, 1);
    };
    check(&sound, r#"{"name":"Pema"}"#).await;
    check(&signed("another key", SALT, br#"{"name":"Pema"}"#), "nobody").await;
    check(&signed(OURS, "another.salt", br#"{"name":"Pema"}"#), "nobody").await;
    check(&format!("{payload}x:{signature}"), "nobody").await;
    check(&format!("x{sound}"), "nobody").await;
    check(&format!(".{sound}"), "nobody").await;
    check(payload, "nobody").await;
    for text in ["", ":", "::", "nonsense", "\u{0}", "🎸:🎸:🎸", "{\"name\": \"Pema\"}"] {
        check(text, "nobody").await;
    }
    // Signed by us, and still no dict.
    for json in [&b""[..], b"[]", b"null", b"1", b"\"text\"", b"{", b"{\"a\":}", b"\xff\xfe", b"{\"a\":1}x"] {
        check(&signed(OURS, SALT, json), "nobody").await;
    }
    check(&signed(OURS, SALT, &[b"[".repeat(100_000), b"]".repeat(100_000)].concat()), "nobody").await;
}

#[tokio::test]
async fn every_flipped_byte_is_noticed() {
    let codec = SessionCodec::new(&keys(OURS), SALT, std::sync::Arc::new(JsonSerializer));
    let site = Asked::new("").await;
    for dict in [Dict::from([("name", "Pema")]), Dict::from([("name", "Pema ".repeat(50))])] {
        let sound = codec.encode(&dict).unwrap();
        for at in 0..sound.len() {
            for flip in [1, 2, 0x20] {
                let mut bytes = sound.clone().into_bytes();
                bytes[at] ^= flip;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                // The last character of a signature carries bits that base64 does not use.
                if at + 1 == sound.len() && !codec.decode(&text).data.is_empty() {
                    continue;
                }
                let key = format!("{at:04}{flip:04}{}", sound.len());
                put(site.project(), &key, &text).await;
                assert_eq!(site.get_as("/read/", &key).await.body, "nobody", "byte {at} of {sound}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever text lies in the column: never an error, never a panic, never somebody's data.
    #[test]
    fn no_stored_text_fails(text in prop_oneof![any::<String>(), "\\.?[A-Za-z0-9_=-]{0,60}(:[A-Za-z0-9_=-]{0,20}){0,3}"]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Asked::new("").await;
            put(site.project(), KEY, &text).await;
            assert_eq!(body(&site, &text).await, "nobody");
            assert_eq!(site.get_as("/expiry/", KEY).await.body, "true true");
            assert_eq!(site.get_as("/set/", KEY).await.key(), Some(KEY));
            assert_eq!(body(&site, &text).await, r#"{"name":"Sonam"}"#);
        });
    }

    /// Whatever we signed ourselves: bytes that are no JSON, JSON that is no session, expiries that are none.
    #[test]
    fn no_signed_payload_panics(payload in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        "[\\[\\]{}:,\"0-9eE.+-naulltrefsI\\\\]{0,40}".prop_map(String::into_bytes),
        "[0-9TZ:+.-]{0,32}".prop_map(|text| format!("{{\"_session_expiry\":\"{text}\"}}").into_bytes()),
        "-?[0-9]{1,25}(\\.[0-9]{1,3})?(e[+-]?[0-9]{1,3})?".prop_map(|n| format!("{{\"_session_expiry\":{n}}}").into_bytes()),
    ]) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Asked::new("").await;
            put(site.project(), KEY, &signed(OURS, SALT, &payload)).await;
            for path in ["/untouched/", "/read/", "/expiry/"] {
                let answer = site.get_as(path, KEY).await;
                assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
            }
            // An expiry that makes no sense is found out when the session is saved: Django's 500, without a cookie.
            let answer = site.get_as("/set/", KEY).await;
            match answer.status {
                StatusCode::OK => assert_eq!(answer.key(), Some(KEY)),
                status => assert_eq!((status, &answer.cookie), (StatusCode::INTERNAL_SERVER_ERROR, &None)),
            }
            assert!(!answer.body.contains("panicked"));
        });
    }
}
