use proptest::prelude::*;

use crate::conf::secret::Secret;
use crate::serialize::json;
use crate::serialize::value::{Dict, Value};
use crate::serialize::vectors;
use crate::signing::codec::SignedCodec;
use crate::signing::compression::ZlibError;
use crate::signing::cookies::{CookieCheck, sign_cookie_at};
use crate::signing::keys::SigningKeys;
use crate::signing::payload::{PayloadCodec, PayloadError};
use crate::signing::signature_error::SignatureError;
use crate::signing::signer::Signer;
use crate::signing::timestamp_signer::TimestampSigner;

fn keys(entry: &Dict) -> SigningKeys {
    let fallbacks: Vec<Secret> = entry
        .get("fallback_keys")
        .and_then(Value::as_list)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .map(Secret::new)
        .collect();
    let key = entry.get("key").and_then(Value::as_str).unwrap_or("vectors-secret-key");
    SigningKeys::new(&Secret::new(key), &fallbacks)
}

/// An absent salt is the default.
fn salt(entry: &Dict) -> &str {
    entry.get("salt").and_then(Value::as_str).unwrap_or_default()
}

fn now(entry: &Dict) -> f64 {
    entry.get("now").and_then(Value::as_f64).unwrap()
}

fn max_age(entry: &Dict) -> Option<f64> {
    match vectors::untag(entry.get("max_age")?) {
        Some(Value::TimeDelta(delta)) => Some(delta.total_seconds()),
        Some(number) => number.as_f64(),
        None => None,
    }
}

/// The name of the exception that Django raises.
fn python_name(error: &SignatureError) -> &'static str {
    use crate::signing::b62::B62Error;
    match error {
        SignatureError::Expired { .. } => "SignatureExpired",
        SignatureError::Timestamp(B62Error::Empty) => "IndexError",
        SignatureError::Timestamp(_) | SignatureError::NoTimestamp => "ValueError",
        SignatureError::Payload(PayloadError::Base64(_)) => "Error",
        SignatureError::Payload(PayloadError::Zlib(_)) => "error",
        error if error.is_bad_signature() => "BadSignature",
        other => panic!("{other:?}"),
    }
}

fn check_text(outcome: Result<&str, SignatureError>, entry: &Dict) {
    let out = entry.get("out").unwrap();
    match vectors::error(out) {
        Some(name) => assert_eq!(outcome.as_ref().map_err(python_name), Err(name), "{entry:?}"),
        None => assert_eq!(outcome.ok(), out.as_str(), "{entry:?}"),
    }
}

#[test]
fn golden_signer() {
    for entry in vectors::load("signer", "vectors") {
        if vectors::text(&entry, "fn") == "separator" {
            let signer = Signer::new(&keys(&entry), "s").with_separator(vectors::text(&entry, "sep"));
            assert_eq!(signer.is_ok(), entry.get("ok") == Some(&Value::Bool(true)), "{entry:?}");
            continue;
        }
        let algorithm = entry.get("algorithm").and_then(Value::as_str).unwrap_or("sha256");
        let mut signer = Signer::with_algorithm(&keys(&entry), salt(&entry), algorithm.parse().unwrap());
        if let Some(separator) = entry.get("sep").and_then(Value::as_str) {
            signer = signer.with_separator(separator).unwrap();
        }
        let value = vectors::text(&entry, "value");
        match vectors::text(&entry, "fn") {
            "sign" => {
                assert_eq!(signer.sign(value), vectors::text(&entry, "out"), "{entry:?}");
                if let Some(signature) = entry.get("signature") {
                    assert_eq!(Some(signer.signature(value).as_str()), signature.as_str());
                }
            }
            "unsign" => check_text(signer.unsign(value), &entry),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn golden_timestamp_signer() {
    for entry in vectors::load("timestamp_signer", "vectors") {
        let signer = TimestampSigner::new(&keys(&entry), salt(&entry));
        let value = vectors::text(&entry, "value");
        match vectors::text(&entry, "fn") {
            "sign" => {
                assert_eq!(signer.sign_at(value, now(&entry)), vectors::text(&entry, "out"), "{entry:?}");
            }
            "unsign" => check_text(signer.unsign_at(value, max_age(&entry), now(&entry)), &entry),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn golden_signed_cookies() {
    for entry in vectors::load("signed_cookie", "vectors") {
        let (name, value) = (vectors::text(&entry, "name"), vectors::text(&entry, "value"));
        match vectors::text(&entry, "fn") {
            "sign" => {
                let signed = sign_cookie_at(&keys(&entry), name, salt(&entry), value, now(&entry));
                assert_eq!(signed, vectors::text(&entry, "out"), "{entry:?}");
            }
            "set_signed_cookie" => {
                // The header may quote the value; the quoting is another matter.
                let signed = sign_cookie_at(&keys(&entry), name, salt(&entry), value, now(&entry));
                let signature = signed.rsplit(':').next().unwrap();
                assert!(vectors::text(&entry, "set_cookie").contains(signature), "{entry:?}");
            }
            "get_signed_cookie" => {
                let legacy_salt = entry.get("SIGNED_COOKIE_LEGACY_SALT_FALLBACK") == Some(&Value::Bool(true));
                let check = CookieCheck { name, salt: salt(&entry), max_age: max_age(&entry), legacy_salt };
                check_text(check.unsign_at(&keys(&entry), value, now(&entry)), &entry);
            }
            other => panic!("{other}"),
        }
    }
}

/// What `loads` makes of a signed JSON text, or the name of the exception.
fn loads_json(
    codec: &SignedCodec,
    text: &str,
    max_age: Option<f64>,
    now: f64,
) -> Result<Value, &'static str> {
    let data = codec.loads_at(text, max_age, now).map_err(|error| python_name(&error))?;
    json::loads(&data).map_err(|error| match error {
        json::DecodeError::Digits(_) => "ValueError",
        json::DecodeError::Depth => "RecursionError",
        json::DecodeError::Syntax { .. } => "JSONDecodeError",
    })
}

fn assert_same(left: Option<&Value>, right: Option<&Value>, entry: &Dict) {
    // NaN is not equal to itself: its text is.
    assert_eq!(format!("{left:?}"), format!("{right:?}"), "{entry:?}");
}

#[test]
fn golden_dumps() {
    for entry in vectors::load("signing_dumps", "vectors") {
        let salt = entry.get("salt").and_then(Value::as_str).unwrap_or(SignedCodec::DEFAULT_SALT);
        let codec = SignedCodec::new(&keys(&entry), salt);
        let compress = entry.get("compress") == Some(&Value::Bool(true));
        match vectors::text(&entry, "fn") {
            "dumps" => {
                let object = vectors::untag(entry.get("obj").unwrap()).unwrap();
                let data = json::dumps(&object).unwrap();
                let text = codec.dumps_at(&data, compress, now(&entry));
                assert_eq!(text, vectors::text(&entry, "out"), "{entry:?}");
                assert_eq!(codec.loads_at(&text, Some(0.25), now(&entry)), Ok(data), "{entry:?}");
            }
            "sign_object" => {
                let object = vectors::untag(entry.get("obj").unwrap()).unwrap();
                let payload = PayloadCodec::default().encode(&json::dumps(&object).unwrap(), compress);
                let signed = Signer::new(&keys(&entry), salt).sign(&payload);
                assert_eq!(signed, vectors::text(&entry, "out"), "{entry:?}");
            }
            "loads" => {
                let read = loads_json(&codec, vectors::text(&entry, "value"), max_age(&entry), now(&entry));
                let out = entry.get("out").unwrap();
                match vectors::error(out) {
                    Some(name) => assert_eq!(read.map(drop), Err(name), "{entry:?}"),
                    None => assert_same(read.as_ref().ok(), vectors::untag(out).as_ref(), &entry),
                }
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn golden_sessions() {
    for entry in vectors::load("session_encode", "vectors") {
        let salt =
            entry.get("salt").and_then(Value::as_str).unwrap_or("django.contrib.sessions.SessionStore");
        let codec = SignedCodec::new(&keys(&entry), salt);
        match vectors::text(&entry, "fn") {
            "encode" => {
                let Some(dict) = vectors::untag(entry.get("dict").unwrap()) else { continue };
                let text = codec.dumps_at(&json::dumps(&dict).unwrap(), true, now(&entry));
                assert_eq!(text, vectors::text(&entry, "out"), "{entry:?}");
                let decoded = loads_json(&codec, &text, None, 0.0).ok();
                assert_same(decoded.as_ref(), vectors::untag(entry.get("decoded").unwrap()).as_ref(), &entry);
            }
            // A session that cannot be read is empty.
            "decode" => {
                let decoded = loads_json(&codec, vectors::text(&entry, "value"), None, 0.0);
                let expected = vectors::untag(entry.get("out").unwrap());
                let decoded = decoded.unwrap_or_else(|_| Value::Dict(Dict::new()));
                assert_same(Some(&decoded), expected.as_ref(), &entry);
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_bomb_is_refused_even_signed() {
    let keys = SigningKeys::new(&Secret::new("k"), &[]);
    let codec = SignedCodec::new(&keys, "s").with_limit(1000);
    let text = codec.dumps(&[b'x'; 1001], true);
    let too_big = SignatureError::Payload(PayloadError::Zlib(ZlibError::TooBig { limit: 1000 }));
    assert_eq!(codec.loads(&text, None), Err(too_big));
    assert_eq!(codec.loads(&codec.dumps(&[b'x'; 1000], true), None), Ok(vec![b'x'; 1000]));
}

#[test]
fn no_key_is_shown() {
    let keys = SigningKeys::new(&Secret::new("hush-hush"), &[Secret::new("older-hush")]);
    let shown = format!("{keys:?} {:?}", SignedCodec::new(&keys, "s"));
    assert!(!shown.contains("hush") && !shown.contains("104"), "{shown}");
}

#[test]
fn every_flipped_bit_is_noticed() {
    let keys = SigningKeys::new(&Secret::new("k"), &[Secret::new("old")]);
    let codec = SignedCodec::new(&keys, "s");
    let text = codec.dumps(br#"{"a":"some text that is long enough for zlib, for zlib, for zlib"}"#, true);
    for at in 0..text.len() {
        for bit in 0..7 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(codec.loads(&changed, None).is_err_and(|error| error.is_bad_signature()), "{changed}");
        }
    }
}

proptest! {
    #[test]
    fn round_trip(data: Vec<u8>, compress: bool, seconds in -1e12..1e12_f64) {
        let keys = SigningKeys::new(&Secret::new("k"), &[]);
        let codec = SignedCodec::new(&keys, "");
        let text = codec.dumps_at(&data, compress, seconds);
        prop_assert_eq!(codec.loads_at(&text, Some(1.0), seconds), Ok(data));
    }

    #[test]
    fn fallbacks_verify_and_never_sign(value: String) {
        let old = SigningKeys::new(&Secret::new("old"), &[]);
        let rotated = SigningKeys::new(&Secret::new("new"), &[Secret::new("old")]);
        let signed = Signer::new(&old, "s").sign(&value);
        prop_assert_eq!(Signer::new(&rotated, "s").unsign(&signed), Ok(value.as_str()));
        prop_assert!(Signer::new(&rotated, "s").verify(&signed).unwrap().by_fallback);
        let again = Signer::new(&rotated, "s").sign(&value);
        prop_assert!(!Signer::new(&rotated, "s").verify(&again).unwrap().by_fallback);
        prop_assert!(Signer::new(&old, "s").unsign(&again).is_err());
    }

    #[test]
    fn any_text_is_refused(text in "(.|:){0,60}") {
        let keys = SigningKeys::new(&Secret::new("k"), &[]);
        prop_assert!(SignedCodec::new(&keys, "s").loads(&text, Some(1.0)).is_err());
        prop_assert!(Signer::new(&keys, "s").unsign(&text).is_err());
    }

    #[test]
    fn any_signed_text_is_read_or_refused(text in "[.a-zA-Z0-9:_ é-]{0,60}") {
        let keys = SigningKeys::new(&Secret::new("k"), &[]);
        let signed = Signer::new(&keys, "s").sign(&text);
        let outcome = SignedCodec::new(&keys, "s").loads(&signed, None);
        prop_assert!(outcome.map_or_else(|error| !error.is_bad_signature(), |_| true));
    }
}
