//! What no page shows (Django 5.2 `views/debug.py`, `SafeExceptionReporterFilter`).

use crate::conf::secret::STARS;
use crate::serialize::value::{Dict, Value};

/// Whether the value of that name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = ["API", "AUTH", "TOKEN", "KEY", "SECRET", "PASS", "SIGNATURE", "HTTP_COOKIE"];
    let name = name.to_ascii_uppercase().replace('-', "_");
    WORDS.iter().any(|word| name.contains(word)) || name == "COOKIE"
}

/// A value of the session without the secrets in it, at whatever depth (Django's `cleanse_setting`). One that is a secret itself is
/// stars.
pub(super) fn cleansed(name: &str, value: &Value) -> Value {
    if is_secret(name) {
        return Value::from(STARS);
    }
    let all = |items: &[Value]| items.iter().map(|item| cleansed("", item)).collect();
    match value {
        Value::Dict(dict) => {
            let mut clean = Dict::with_capacity(dict.len());
            for (key, value) in dict {
                clean.insert(key.clone(), cleansed(key.value().as_str().unwrap_or_default(), value));
            }
            Value::Dict(clean)
        }
        Value::List(items) => Value::List(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items)),
        other => other.clone(),
    }
}

/// The value, or stars.
pub(super) fn shown<'a>(name: &str, value: &'a str) -> &'a str {
    if is_secret(name) { STARS } else { value }
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn secrets_are_djangos() {
        for name in [
            "SECRET_KEY",
            "EMAIL_HOST_PASSWORD",
            "api_url",
            "csrftoken",
            "x-signature",
            "Cookie",
            "HTTP_COOKIE",
            "authorization",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["DEBUG", "SESSION_COOKIE_NAME", "accept", "user-agent"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
