//! What no page shows (Django 5.2 `views/debug.py`, `SafeExceptionReporterFilter`).

use crate::conf::secret::STARS;

/// Whether the value of that name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = ["API", "AUTH", "TOKEN", "KEY", "SECRET", "PASS", "SIGNATURE", "HTTP_COOKIE"];
    let name = name.to_ascii_uppercase().replace('-', "_");
    WORDS.iter().any(|word| name.contains(word)) || name == "COOKIE"
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
