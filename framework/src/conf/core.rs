//! The settings without a prefix of their own.

use crate::conf::secret::Secret;

/// `DEBUG`, `SECRET_KEY`, `ALLOWED_HOSTS`, …
#[derive(Debug, Clone, Default)]
pub struct CoreSettings {
    /// `DEBUG`
    pub debug: bool,
    /// `SECRET_KEY`
    pub secret_key: Secret,
    /// `SECRET_KEY_FALLBACKS`
    pub secret_key_fallbacks: Vec<Secret>,
    /// `ALLOWED_HOSTS`
    pub allowed_hosts: Vec<String>,
    /// `INSTALLED_APPS`
    pub installed_apps: Vec<String>,
    /// `MIDDLEWARE`
    pub middleware: Vec<String>,
    /// `USE_TZ`
    pub use_tz: bool,
    /// `TIME_ZONE`
    pub time_zone: String,
}
