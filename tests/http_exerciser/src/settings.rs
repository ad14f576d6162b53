//! `SITE_SETTINGS`: Django's names as JSON, over what the protocol fixes.

use std::env;
use std::error::Error as StdError;

use nuages::conf::source::SettingsSource;
use serde_json::{Map, Value};

/// What the protocol fixes; `SITE_SETTINGS` comes on top.
const FIXED: &str = r#"
    DEBUG = false
    SECRET_KEY = "http-conformance-secret-key-0123456789abcdefghijklmnop"
    ALLOWED_HOSTS = ["*"]
    USE_TZ = true
    TIME_ZONE = "UTC"
    INSTALLED_APPS = ["django.contrib.sessions", "django.contrib.messages"]
    MIDDLEWARE = []
    CSRF_FAILURE_VIEW = "reason"
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    # What stops the start of a site, and the driver asks for: cookies that browsers refuse.
    SILENCED_SYSTEM_CHECKS = ["nuages.E128"]
    # What nuages does otherwise than Django on purpose is switched to Django's way: see docs/DIFFERENCES.md.
    SIGNED_COOKIE_LEGACY_SALT_FALLBACK = true
    CACHE_MIDDLEWARE_PERSONAL_PAGES = true
    # The driver sends requests with heads larger than a site's usual limits.
    SERVER_HEAD_MAX_SIZE = 1048576
    SERVER_HEAD_MAX_FIELDS = 1000

    [DATABASES.default]
    ENGINE = "django.db.backends.sqlite3"
    NAME = ":memory:"

    [CACHES.default]
    BACKEND = "django.core.cache.backends.locmem.LocMemCache"
    OPTIONS = { MAX_ENTRIES = 1000000 }
"#;

/// The settings of the site.
///
/// # Errors
/// When `SITE_SETTINGS` is no JSON object.
pub(crate) fn source() -> Result<SettingsSource, Box<dyn StdError>> {
    let text = env::var("SITE_SETTINGS").unwrap_or_else(|_| "{}".to_owned());
    let given: Map<String, Value> = serde_json::from_str(&text)?;
    let fixed = SettingsSource::text("http_exerciser", FIXED).in_dir(env!("CARGO_MANIFEST_DIR"));
    Ok(fixed.under(SettingsSource::json(given)).process_environment())
}
