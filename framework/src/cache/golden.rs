//! Keys, times and value bytes against those of Django 5.2.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cache::backend::Ttl;
use crate::cache::file::file_name;
use crate::cache::key::{CacheKey, KeyFault};
use crate::serialize::value::{Dict, Value};
use crate::serialize::vectors::{error, load, text};

/// One entry: whether it agrees; `None` for what is not of this room.
fn check(entry: &Dict) -> Option<()> {
    let out = entry.get("out").unwrap_or(&Value::None);
    match text(entry, "fn") {
        "make_key" => {
            let version = match entry.get("VERSION").unwrap() {
                Value::Int(version) => version.to_string(),
                other => other.as_str().unwrap().to_owned(),
            };
            let key = CacheKey::new(text(entry, "KEY_PREFIX"), version, text(entry, "key"));
            assert_eq!(Some(key.as_str()), out.as_str());
            assert_eq!(file_name(&key), text(entry, "file"));
            let warnings = entry.get("memcache_warnings").and_then(Value::as_list).unwrap();
            let faults: Vec<KeyFault> = key.faults().collect();
            assert_eq!(faults.len(), warnings.len(), "{key}");
            for (fault, warning) in faults.iter().zip(warnings) {
                let long = warning.as_str().unwrap().ends_with("(longer than 250)");
                assert_eq!(matches!(fault, KeyFault::TooLong { .. }), long, "{key}");
            }
        }
        "memcached validate_key" => {
            let refused = CacheKey::new("", 1, text(entry, "key")).faults().next().is_some();
            assert_eq!(refused, error(out) == Some("InvalidCacheKey"));
        }
        "session cache key" => {
            let key = CacheKey::new("", 1, text(entry, "cache_key"));
            assert_eq!(key.as_str(), text(entry, "stored_key"));
        }
        "RedisCache.get_backend_timeout" => {
            let timeout = seconds(entry);
            let kept = match Ttl::of(timeout) {
                Ttl::Never => Value::None,
                Ttl::Now => Value::Int(0),
                Ttl::Seconds(seconds) => Value::Int(i64::try_from(seconds.get()).unwrap()),
            };
            assert_eq!(kept, *out, "{timeout:?}");
        }
        #[cfg(feature = "memcached")]
        "memcached get_backend_timeout" => {
            let now = entry.get("now").and_then(Value::as_f64).unwrap() as i64;
            let written = crate::cache::memcached::expires(Ttl::of(seconds(entry)), now, true);
            // Any time that has passed is as good as another.
            assert_eq!(Some(written), out.as_i64().map(|out| out.max(-1)));
        }
        #[cfg(feature = "memcached")]
        "pymemcache pickle_serde" => {
            use base64::Engine;
            use base64::engine::general_purpose::STANDARD;

            let (key, value) = (
                CacheKey::new("", 1, "k"),
                crate::serialize::vectors::untag(entry.get("value").unwrap()).unwrap(),
            );
            let (flags, data) = crate::cache::memcached::packed(&key, &value);
            assert_eq!(Some(i64::from(flags)), entry.get("flags").and_then(Value::as_i64));
            assert_eq!(STANDARD.encode(data), out.as_str().unwrap());
        }
        #[cfg(feature = "redis")]
        "RedisSerializer.dumps" => {
            use base64::Engine;
            use base64::engine::general_purpose::STANDARD;

            let (key, value) = (
                CacheKey::new("", 1, "k"),
                crate::serialize::vectors::untag(entry.get("value").unwrap()).unwrap(),
            );
            let data = crate::cache::redis::packed(&key, &value);
            let out = out.as_dict().unwrap();
            match out.get("pickle") {
                Some(pickle) => assert_eq!(STANDARD.encode(&data), pickle.as_str().unwrap()),
                None => {
                    let digits = match crate::serialize::vectors::untag(out.get("int").unwrap()).unwrap() {
                        Value::Int(number) => number.to_string(),
                        Value::BigInt(number) => number.to_string(),
                        other => panic!("{other:?}"),
                    };
                    assert_eq!(data, digits.as_bytes());
                }
            }
        }
        _ => return None,
    }
    Some(())
}

/// Python's `int()` cuts a part of a second off.
fn seconds(entry: &Dict) -> Option<i64> {
    entry.get("timeout").and_then(Value::as_f64).map(|timeout| timeout as i64)
}

#[test]
fn keys_times_and_bytes_are_djangos() {
    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    for entry in load("cache_keys", "vectors") {
        if check(&entry).is_some() {
            *checked.entry(text(&entry, "fn").to_owned()).or_default() += 1;
        }
    }
    for name in ["make_key", "memcached validate_key", "session cache key", "RedisCache.get_backend_timeout"]
    {
        assert!(checked.contains_key(name), "{name}: {checked:?}");
    }
    assert!(Path::new(&file_name(&CacheKey::new("", 1, "../x"))).components().count() == 1);
}
