//! `SESSION_*`.

/// The settings of the session framework (Django 5.2 `conf/global_settings.py`).
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// `SESSION_ENGINE`
    pub engine: String,
    /// `SESSION_SERIALIZER`
    pub serializer: String,
    /// `SESSION_CACHE_ALIAS`
    pub cache_alias: String,
    /// `SESSION_FILE_PATH`
    pub file_path: Option<std::path::PathBuf>,
    /// `SESSION_SAVE_EVERY_REQUEST`
    pub save_every_request: bool,
    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`
    pub expire_at_browser_close: bool,
    /// `SESSION_COOKIE_NAME`
    pub cookie_name: String,
    /// `SESSION_COOKIE_AGE`, seconds.
    pub cookie_age: i64,
    /// `SESSION_COOKIE_DOMAIN`
    pub cookie_domain: Option<String>,
    /// `SESSION_COOKIE_PATH`
    pub cookie_path: String,
    /// `SESSION_COOKIE_SECURE`
    pub cookie_secure: bool,
    /// `SESSION_COOKIE_HTTPONLY`
    pub cookie_httponly: bool,
    /// `SESSION_COOKIE_SAMESITE`: `None` leaves the attribute out (`false` in TOML).
    pub cookie_samesite: Option<SameSite>,
}

/// `"Strict"`, `"Lax"` or `"None"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// `Strict`
    Strict,
    /// `Lax`
    Lax,
    /// `None`
    None,
}
