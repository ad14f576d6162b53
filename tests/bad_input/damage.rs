//! Stored bytes that nobody of us wrote, or that somebody damaged, in every store: an empty session and a line in the log,
//! never a 500, a panic, or anything executed.

use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use nuages::prelude::*;
use nuages::serialize::json;
use nuages::serialize::pickle;
use nuages::serialize::value::Dict;
use nuages::session::backends::signed_cookies;
use nuages::session::codec::SALT;
use nuages::session::key::SessionKey;
use nuages::signing::codec::SignedCodec;

use crate::logged::Log;
use crate::site::Asked;
use crate::stored_text::{OURS, keys};
use crate::stores::{Kind, Store};

/// What is put into a store.
struct Damage {
    what: String,
    bytes: Vec<u8>,
    /// Nothing of it may be taken for a session.
    must_be_empty: bool,
}

/// A session's own bytes, cut off and with flipped bits.
fn mutations(store: &Store, sound: &[u8]) -> Vec<Damage> {
    let must_be_empty = store.signed;
    let damage = |what: String, bytes: Vec<u8>| Damage { what, bytes, must_be_empty };
    let mut all = Vec::new();
    for length in (0..sound.len()).step_by(1 + sound.len() / 25) {
        all.push(damage(format!("cut off after {length} bytes"), sound[..length].to_vec()));
    }
    for (number, at) in (0..sound.len()).step_by(1 + sound.len() / 40).enumerate() {
        let mut bytes = sound.to_vec();
        bytes[at] ^= 1 << (number % 8);
        all.push(damage(format!("bit {} of byte {at} flipped", number % 8), bytes));
    }
    all.push(damage("twice".to_owned(), [sound, sound].concat()));
    all.push(damage("a byte more before it".to_owned(), [b"x", sound].concat()));
    all
}

fn dict() -> Dict {
    Dict::from([("name", "Pema")])
}

/// Payloads that no session of this serializer is: another serializer's, bombs, programs.
fn payloads(serializer: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut lists = vec![b"(lp0\n".to_vec()];
    for level in 0..40 {
        // Each list holds the one before it twice.
        lists.push(format!("(lp{}\ng{level}\nag{level}\na", level + 1).into_bytes());
    }
    lists.push(b".".to_vec());
    let foreign = match serializer {
        "json" => ("a pickle where JSON should be", pickle::dumps_dict(&dict()).unwrap()),
        _ => ("JSON where a pickle should be", json::dumps_dict(&dict()).unwrap()),
    };
    vec![
        foreign,
        ("nothing", Vec::new()),
        ("a pickle that runs a program", b"cos\nsystem\n(S'touch /tmp/nuages-was-here'\ntR.".to_vec()),
        ("the same in protocol 4", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.".to_vec()),
        ("a pickle that evaluates", b"\x80\x02c__builtin__\neval\nX\x03\x00\x00\x001+1\x85R.".to_vec()),
        ("a pickle with an object of a class", b"\x80\x02ccollections\nOrderedDict\n)R.".to_vec()),
        (
            "a pickle with __reduce__ through getattr",
            b"c__builtin__\ngetattr\n(cos\nsystem\nS'x'\ntR.".to_vec(),
        ),
        ("a pickle of doubled lists", lists.concat()),
        ("a pickle that claims 2^63 bytes", b"\x80\x05\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.".to_vec()),
        ("a pickle that claims 4 GiB of text", b"\x80\x05X\xff\xff\xff\xffa.".to_vec()),
        (
            "a pickle nested 100,000 deep",
            [b"\x80\x05".to_vec(), b"]".repeat(100_000), b"a".repeat(99_999), b".".to_vec()].concat(),
        ),
        (
            "JSON nested 100,000 deep",
            [b"{\"a\":".repeat(100_000), b"1".to_vec(), b"}".repeat(100_000)].concat(),
        ),
        ("a persistent id", b"Pname\n.".to_vec()),
        ("a list", if serializer == "json" { b"[1]".to_vec() } else { b"]K\x01a.".to_vec() }),
        ("no text", b"\xff\xfe\x00\x01".to_vec()),
        ("PHP's", b"a:1:{s:4:\"name\";s:4:\"Pema\";}".to_vec()),
    ]
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A payload in the form in which the store keeps one, signed by us where that is needed.
fn wrapped(store: &Store, sound: &[u8], payload: &[u8]) -> Vec<u8> {
    match store.kind {
        Kind::Row | Kind::SessionFile => {
            SignedCodec::new(&keys(OURS), SALT).dumps(payload, true).into_bytes()
        }
        Kind::Cookie => SignedCodec::new(&keys(OURS), signed_cookies::SALT).dumps(payload, true).into_bytes(),
        Kind::CacheFile => {
            // The time of expiry, then the value.
            let at = sound.windows(2).position(|pair| pair == [b'.', 0x78]).expect("zlib") + 1;
            [&sound[..at], &zlib(payload)].concat()
        }
        Kind::CacheRow => STANDARD.encode(payload).into_bytes(),
        Kind::Redis(_) | Kind::Memcached(_) => payload.to_vec(),
    }
}

fn damages(store: &Store, sound: &[u8]) -> Vec<Damage> {
    let mut all = mutations(store, sound);
    let mut push = |what: &str, bytes: Vec<u8>| {
        all.push(Damage { what: what.to_owned(), bytes, must_be_empty: true });
    };
    for (what, payload) in payloads(store.serializer) {
        push(what, wrapped(store, sound, &payload));
        push(&format!("{what}, as it is"), payload);
    }
    if store.signed {
        let salt = if store.kind == Kind::Cookie { signed_cookies::SALT } else { SALT };
        let data = json::dumps_dict(&dict()).unwrap();
        push(
            "signed with another key",
            SignedCodec::new(&keys("another key"), salt).dumps(&data, true).into(),
        );
        push(
            "signed for another purpose",
            SignedCodec::new(&keys(OURS), "another").dumps(&data, true).into(),
        );

        let bomb = zlib(&b" ".repeat(64 << 20));
        let text = format!(".{}", nuages::signing::b64::encode(&bomb));
        let signer = nuages::signing::timestamp_signer::TimestampSigner::new(&keys(OURS), salt);
        push("a zlib bomb with our signature", signer.sign(&text).into());
    }
    all
}

/// A session of that site with a name, and its key.
async fn session(store: &Store, site: &Asked) -> String {
    store.clear(site).await;
    site.known().await
}

/// Nothing that an expired session, or an empty file, leaves is worth a line.
fn says_nothing(store: &Store, damage: &Damage) -> bool {
    let key = String::from_utf8_lossy(&damage.bytes);
    match store.kind {
        Kind::SessionFile | Kind::CacheFile => damage.bytes.is_empty(),
        Kind::Cookie => SessionKey::parse(key.split(';').next().unwrap_or_default().trim()).is_none(),
        _ => false,
    }
}

/// A header can hold it.
fn is_header(bytes: &[u8]) -> bool {
    http::HeaderValue::from_bytes(bytes).is_ok()
}

async fn check(store: &Store, site: &Asked, log: &Log, damage: &Damage, key: &str) {
    let what = format!("{}: {}", store.name, damage.what);
    let cookie = if store.kind == Kind::Cookie {
        if !is_header(&damage.bytes) {
            return;
        }
        [b"sessionid=", &*damage.bytes].concat()
    } else {
        store.write(site, key, &damage.bytes).await;
        format!("sessionid={key}").into_bytes()
    };
    log.take();
    let begun = Instant::now();
    let answer = site.get("/read/", &[&cookie]).await;
    assert_eq!(answer.status, StatusCode::OK, "{what}: {answer:?}");
    let lines = log.take();
    assert!(!lines.iter().any(|line| line.contains(key)), "{what}: a key in the log: {lines:?}");
    let behind_a_sound_row = store.kind == Kind::CacheFile && store.name.starts_with("cached_db");
    if damage.must_be_empty && !behind_a_sound_row {
        assert_eq!(answer.body, "nobody", "{what}");
        assert!(
            says_nothing(store, damage)
                || lines
                    .iter()
                    .any(|line| line.contains("nuages.session") || line.contains("SuspiciousSession")),
            "{what}: no line in the log"
        );
    }
    if behind_a_sound_row && damage.must_be_empty {
        assert_eq!(answer.body, r#"{"name":"Sonam"}"#, "{what}: the row is sound");
    }
    assert_eq!(site.get("/expiry/", &[&cookie]).await.status, StatusCode::OK, "{what}");
    // The visitor goes on with a sound session.
    let answer = site.get("/set/", &[&cookie]).await;
    assert_eq!(answer.status, StatusCode::OK, "{what}: {answer:?}");
    let key = answer.key().unwrap_or(key).to_owned();
    let answer = site.get_as("/read/", &key).await;
    assert!(answer.body.contains(r#""name":"Sonam""#), "{what}: {answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {:?}", begun.elapsed());
}

#[tokio::test]
async fn damaged_sessions_are_empty_in_every_store() {
    let log = Log::begin();
    let mut checked = 0;
    for store in Store::all() {
        let site = store.site().await;
        let key = session(&store, &site).await;
        let sound = store.read(&site, &key).await;
        for damage in damages(&store, &sound) {
            // What lies there is sound again before each.
            let key = session(&store, &site).await;
            let unused_bits =
                store.signed && damage.what.ends_with(&format!("byte {} flipped", sound.len() - 1));
            if !unused_bits {
                check(&store, &site, &log, &damage, &key).await;
                checked += 1;
            }
        }
    }
    assert!(checked > 800, "{checked}");
    assert!(!std::path::Path::new("/tmp/nuages-was-here").exists(), "nothing is executed");
}

/// The columns beside the text, and entries of another kind.
#[tokio::test]
async fn rows_of_no_session_are_none() {
    use nuages::db::sql::Sql;
    use nuages::db::sqlx;
    use nuages::on_pool;
    static NO_DATE: Sql = Sql::new("UPDATE django_session SET expire_date = 'zoon'");
    static BYTES: Sql = Sql::new("UPDATE django_session SET expire_date = x'ff', session_data = x'ff00'");
    static NUMBER: Sql = Sql::new("UPDATE django_session SET expire_date = 12, session_data = 34");
    static KEY: Sql = Sql::new("UPDATE django_session SET session_key = x'ff'");
    for sql in [&NO_DATE, &BYTES, &NUMBER, &KEY] {
        let site = Asked::new("").await;
        let key = site.known().await;
        let db = site.project().db().unwrap();
        on_pool!(db, pool => { sqlx::query(sql.on(db)).execute(pool).await.map(|_| ()).unwrap(); });
        for path in ["/read/", "/expiry/", "/set/", "/logout/"] {
            let answer = site.get_as(path, &key).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {answer:?}");
        }
        let store = site.project().sessions().store();
        let size = std::num::NonZeroU32::new(10).unwrap();
        let page = store.page(None, size).await.unwrap();
        let after = page.last().map(|row| row.key.clone());
        assert!(store.page(after.as_ref(), size).await.unwrap().is_empty(), "pages come to an end");
        store.clear_expired(size).await.unwrap();
    }
}
