//! Every decoder on bytes that chance makes, and on sound ones that chance damages: an answer or an error, never a panic, in
//! bounded time and memory.
//!
//! Each run draws the same cases. `NUAGES_TEST_SEED` (a number) draws others, `NUAGES_TEST_CASES` more of them; the seed is
//! printed with a failure.

use std::time::{Duration, Instant};

use nuages::cache::error::CacheError;
use nuages::http::cookies::RequestCookies;
use nuages::serialize::{json, pickle};
use nuages::session::codec::{SALT, SessionCodec};
use nuages::session::key::SessionKey;
use nuages::session::serializers::{JsonSerializer, PickleSerializer};
use nuages::signing::codec::SignedCodec;
use nuages::signing::payload::PayloadCodec;
use nuages::signing::signer::Signer;
use nuages::signing::timestamp_signer::TimestampSigner;
use nuages::signing::{b62, b64};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::stored_text::{OURS, keys};

/// Nothing that a decoder is given here is longer than this, and none of them may think about it for longer.
const LONGEST: usize = 4_096;
const THOUGHT: Duration = Duration::from_secs(2);

/// Runs a check on what the strategy draws.
pub(crate) fn fuzz<S: Strategy>(name: &str, strategy: S, check: impl Fn(S::Value)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seed = number("NUAGES_TEST_SEED").unwrap_or(0x5e55_1045);
    let cases = number("NUAGES_TEST_CASES").map_or(2_000, |cases| u32::try_from(cases).unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let done = runner.run(&strategy, |input| {
        let begun = Instant::now();
        check(input);
        prop_assert!(begun.elapsed() < THOUGHT, "it took {:?}", begun.elapsed());
        Ok(())
    });
    if let Err(error) = done {
        panic!("{name}, NUAGES_TEST_SEED={seed}: {error}");
    }
}

/// Bytes of all kinds.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        prop::collection::vec(any::<u8>(), 0..LONGEST),
        any::<String>().prop_map(String::into_bytes),
    ]
}

/// Sound bytes with some of them changed, cut out or doubled.
fn damaged(sound: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (prop::sample::select(sound), prop::collection::vec(change, 0..6)).prop_map(|(mut bytes, changes)| {
        for (at, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    })
}

/// Stored by Django and by us: what the damage begins with.
fn sessions() -> Vec<Vec<u8>> {
    [
        r#"{"_auth_user_id":"1","cart":{"7":2,"9":[1.5,null,true,"\ud83c\udfb8"]},"_session_expiry":300}"#,
        r#"{"a":1e400,"b":-0.0,"c":123456789012345678901234567890,"d":NaN}"#,
        "[[[[[[]]]]]]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn pickles() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> =
        sessions().iter().map(|text| pickle::dumps(&json::loads(text).unwrap()).unwrap()).collect();
    all.push(b"(dp0\nVname\np1\nVSonam\np2\ns.".to_vec());
    all.push(
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01X\x01\x00\x00\x00bq\x02]q\x03(K\x02K\x03eu.".to_vec(),
    );
    all.push(
        b"cdatetime\ndatetime\np0\n(S'\\x07\\xea\\x01\\x02\\x03\\x04\\x05\\x00\\x00\\x00'\np1\ntp2\nRp3\n."
            .to_vec(),
    );
    all.push(b"\x80\x04\x8c\x07decimal\x8c\x07Decimal\x93\x8c\x031.5\x85R.".to_vec());
    all
}

#[test]
fn base62() {
    fuzz("base62", prop_oneof!["[0-9A-Za-z-]{0,40}", any::<String>()], |text| {
        if let Ok(number) = b62::decode(&text) {
            assert_eq!(b62::decode(&b62::encode(number)), Ok(number));
        }
    });
}

#[test]
fn base64() {
    fuzz("base64", prop_oneof![bytes(), "[A-Za-z0-9_=-]{0,99}".prop_map(String::into_bytes)], |text| {
        if let Ok(data) = b64::decode(&text) {
            assert_eq!(b64::decode(b64::encode(&data).as_bytes()), Ok(data));
        }
    });
}

#[test]
fn payloads_and_zlib() {
    let codec = PayloadCodec::new(10_000);
    let sound: Vec<Vec<u8>> = [&b"{}"[..], &[b' '; 9_000], &[b'x'; 10_001]]
        .map(|data| PayloadCodec::default().encode(data, true).into_bytes())
        .into();
    let random = bytes().prop_map(|bytes| format!(".{}", b64::encode(&bytes)).into_bytes());
    fuzz("payload", prop_oneof![damaged(sound), random, bytes()], |text| {
        if let Ok(data) = codec.decode(&String::from_utf8_lossy(&text)) {
            assert!(data.len() <= 10_000, "{} bytes", data.len());
        }
    });
}

#[test]
fn signatures() {
    let (signer, dated) = (Signer::new(&keys(OURS), "salt"), TimestampSigner::new(&keys(OURS), "salt"));
    let signed = SignedCodec::new(&keys(OURS), "salt");
    let sound = vec![
        signer.sign("value").into_bytes(),
        dated.sign("value").into_bytes(),
        signed.dumps(b"{\"a\":1}", true).into_bytes(),
        signed.dumps(&[b'a'; 500], true).into_bytes(),
    ];
    let known = sound.clone();
    fuzz("signatures", prop_oneof![damaged(sound), bytes()], move |text| {
        let text = String::from_utf8_lossy(&text);
        // The last character of a signature has bits that base64 does not use: nothing is signed by changing them.
        let signs = |text: &str| {
            known
                .iter()
                .any(|known| known[..known.len() - 1] == text.as_bytes()[..text.len().saturating_sub(1)])
        };
        for accepted in [
            signer.unsign(&text).is_ok(),
            dated.unsign(&text, None).is_ok(),
            signed.open(&text, None).is_ok(),
        ] {
            assert!(!accepted || signs(&text), "{text:?} is taken for signed");
        }
    });
}

#[test]
fn signed_payloads() {
    let data = prop_oneof![damaged(sessions()), damaged(pickles()), bytes()];
    let signed = SignedCodec::new(&keys(OURS), SALT);
    let readers = [
        SessionCodec::new(&keys(OURS), SALT, std::sync::Arc::new(JsonSerializer)),
        SessionCodec::new(&keys(OURS), SALT, std::sync::Arc::new(PickleSerializer)),
    ];
    fuzz("sessions", (data, any::<bool>()), |(data, compress)| {
        let text = signed.dumps(&data, compress);
        for reader in &readers {
            let decoded = reader.decode(&text);
            assert!(decoded.data.is_empty() || !decoded.stale);
        }
    });
}

#[test]
fn json_text() {
    let tokens = "[\\[\\]{}:,\"0-9eE.+\\-naulltrefsI\\\\ ]{0,60}".prop_map(String::into_bytes);
    fuzz("JSON", prop_oneof![damaged(sessions()), tokens, bytes()], |text| {
        if let Ok(value) = json::loads(&text)
            && let Ok(written) = json::dumps(&value)
        {
            // NaN is not equal to itself: text is.
            let again = json::loads(&written).unwrap();
            assert_eq!(json::dumps(&again).unwrap(), written);
        }
    });
}

#[test]
fn pickled_bytes() {
    let opcodes = prop::collection::vec(
        prop::sample::select(&b"(.012FIJKLMNPQRSTUVXabcdeghijlopqrstu}])\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98\n01"[..]),
        0..80,
    );
    fuzz("pickles", prop_oneof![damaged(pickles()), opcodes, bytes()], |data| {
        if let Ok(value) = pickle::loads(&data)
            && let Ok(written) = pickle::dumps(&value)
        {
            let again = pickle::loads(&written).unwrap();
            assert_eq!(pickle::dumps(&again).unwrap(), written);
        }
    });
}

#[test]
fn cookies() {
    let sound = vec![b"sessionid=n8x4n4ev0rmm1xqfmyndtdinzbjttnsz; a=\"b\\\"\\073c\"; =d; e".to_vec()];
    fuzz("cookies", prop_oneof![damaged(sound), bytes()], |header| {
        let header = String::from_utf8_lossy(&header);
        let cookies = RequestCookies::parse(&header);
        for (name, value) in cookies.iter() {
            assert!(name.len() + value.len() <= header.len());
        }
        if let Some(key) = cookies.get("sessionid").and_then(SessionKey::parse) {
            assert!(
                !key.is_plain()
                    || key.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            );
        }
    });
}

#[test]
fn cache_files() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = "SECRET_KEY = \"k\"\nSESSION_ENGINE = \"django.contrib.sessions.backends.cache\"\n[CACHES.default]\nBACKEND = \"django.core.cache.backends.filebased.FileBasedCache\"\nLOCATION = \"files\"";
    let source = nuages::conf::source::SettingsSource::text("settings.toml", settings).in_dir(folder.path());
    let built = nuages::prelude::Site::new(folder.path()).build(&source).unwrap();
    let cache = built.project.caches().get("default").unwrap().clone();
    runtime.block_on(cache.set("key", &["value"; 20], 1_000.into())).unwrap();
    let file = std::fs::read_dir(folder.path().join("files")).unwrap().next().unwrap().unwrap().path();
    let sound = vec![std::fs::read(&file).unwrap()];
    fuzz("cache files", prop_oneof![damaged(sound), bytes()], |contents| {
        std::fs::write(&file, contents).unwrap();
        match runtime.block_on(cache.get_versioned::<nuages::serialize::value::Value>("key")) {
            Ok(_) | Err(CacheError::Decode { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        // What cannot be read can be written anew and got rid of.
        runtime.block_on(cache.set("key", "new", 1_000.into())).unwrap();
        assert_eq!(runtime.block_on(cache.get::<String>("key")).unwrap().as_deref(), Some("new"));
    });
}
