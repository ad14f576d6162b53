//! `SESSION_*` (Django 5.2 `conf/global_settings.py`), and which of them do not go together.

use std::path::PathBuf;

use crate::conf::section::Breach;

crate::setting_choice! {
    /// The `SameSite` attribute of a cookie (RFC 6265bis, section 5.4.7).
    pub enum SameSite {
        /// Sent with requests that begin on the site itself, never with others.
        Strict = "Strict",
        /// Sent also when a visitor follows a link to the site.
        Lax = "Lax",
        /// Sent with every request; browsers want `Secure` beside it.
        None = "None",
    }
}

crate::setting_choice! {
    /// What a save does about what other requests stored since the session was loaded.
    pub enum SaveStrategy {
        /// Keeps it: the keys that this request changed are written on top of what is stored by then.
        Merge = "merge",
        /// Loses it: the whole session is written as this request knows it, as Django does.
        Overwrite = "overwrite",
    }
}

crate::settings_section! {
    /// The settings of the session framework.
    pub struct SessionSettings, prefix "SESSION_", rules crate::conf::session_rules::breaches {
        /// `SESSION_ENGINE`: where sessions are stored, by Django's dotted name or a site's own.
        engine: String = "django.contrib.sessions.backends.db",
        /// `SESSION_SERIALIZER`: how they are written, by Django's dotted name or a site's own.
        serializer: String = "django.contrib.sessions.serializers.JSONSerializer",
        /// `SESSION_CACHE_ALIAS`: the cache of the engines that use one.
        cache_alias: String = "default",
        /// `SESSION_FILE_PATH`: the folder of the file engine; `None`: the system's folder for temporary files.
        file_path: Option<PathBuf> = None,
        /// `SESSION_SAVE_EVERY_REQUEST`: renew the expiry with every request, not only with changes.
        save_every_request: bool = false,
        /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`: let the cookie end with the browser.
        expire_at_browser_close: bool = false,
        /// `SESSION_COOKIE_NAME`: the cookie's name.
        cookie_name: String = "sessionid",
        /// `SESSION_COOKIE_AGE`: how long a session lasts, in seconds.
        cookie_age: i64 = 1_209_600,
        /// `SESSION_COOKIE_DOMAIN`: the cookie's `Domain`; `None`: the host that set it, alone.
        cookie_domain: Option<String> = None,
        /// `SESSION_COOKIE_PATH`: the cookie's `Path`.
        cookie_path: String = "/",
        /// `SESSION_COOKIE_SECURE`: send the cookie over HTTPS alone.
        cookie_secure: bool = false,
        /// `SESSION_COOKIE_HTTPONLY`: hide the cookie from scripts.
        cookie_httponly: bool = true,
        /// `SESSION_COOKIE_SAMESITE`: the cookie's `SameSite`; `None` (written `false`): no such attribute.
        cookie_samesite: Option<SameSite> = SameSite::Lax,
        /// `SESSION_SAVE_STRATEGY`, nuages' own: whether a save keeps what concurrent requests stored (`"merge"`), or
        /// overwrites it as Django does (`"overwrite"`).
        save_strategy: SaveStrategy = SaveStrategy::Merge,
        /// `SESSION_COOKIE_PARTITIONED`, nuages' own: the cookie's `Partitioned` attribute (CHIPS).
        cookie_partitioned: bool = false,
        /// `SESSION_TOUCH_INTERVAL`, nuages' own: with `SESSION_SAVE_EVERY_REQUEST`, renew the stored expiry of an
        /// unchanged session at most once in so many seconds; 0: with every request, as Django.
        touch_interval: u64 = 0,
        /// `SESSION_ABSOLUTE_AGE`, nuages' own: a session ends so many seconds after it began, however busy it is;
        /// `None`: never for that reason, as Django.
        absolute_age: Option<u64> = None,
        /// `SESSION_ENFORCE_EXPIRY`, nuages' own: whether the engines in which Django forgets what `set_expiry` said
        /// (signed_cookies; file, for a number of seconds) end sessions by it all the same.
        enforce_expiry: bool = true,
        /// `SESSION_COOKIE_MAX_SIZE`, nuages' own: how many bytes the signed_cookies engine lets name and value of its
        /// cookie take, before it refuses to save; `None`: any number, as Django, though browsers then drop the cookie.
        cookie_max_size: Option<u64> = 4_096,
        /// `SESSION_DJANGO_FAULTS`, nuages' own: fail where Django fails and nuages need not, as `docs/DIFFERENCES.md`
        /// lists: to be compared with it.
        django_faults: bool = false,
    }
}

impl SessionSettings {
    /// The rules that its values break together; an empty list when the start may go on.
    #[must_use]
    pub fn illegal_combinations(&self) -> Vec<Breach> {
        crate::conf::session_rules::breaches(self)
    }
}
