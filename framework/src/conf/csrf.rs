//! `CSRF_*` (Django 5.2 `middleware/csrf.py`).

use std::borrow::Cow;

use crate::conf::fault::SettingsFault;
use crate::conf::kind::{FromDefault, SettingKind, Shown};
use crate::conf::security;
use crate::conf::session::SameSite;
use crate::conf::written::Written;

crate::settings_section! {
    /// The settings of the protection against cross-site request forgery.
    pub struct CsrfSettings, prefix "CSRF_" {
        /// `CSRF_COOKIE_NAME`: the cookie's name.
        cookie_name: String = "csrftoken",
        /// `CSRF_COOKIE_AGE`: how long the cookie lasts, in seconds; `None`: until the browser is closed.
        cookie_age: Option<i64> = 31_449_600,
        /// `CSRF_COOKIE_DOMAIN`: the cookie's `Domain`; `None`: the host that set it, alone.
        cookie_domain: Option<String> = None,
        /// `CSRF_COOKIE_PATH`: the cookie's `Path`.
        cookie_path: String = "/",
        /// `CSRF_COOKIE_SECURE`: send the cookie over HTTPS alone.
        cookie_secure: bool = false,
        /// `CSRF_COOKIE_HTTPONLY`: hide the cookie from scripts.
        cookie_httponly: bool = false,
        /// `CSRF_COOKIE_SAMESITE`: the cookie's `SameSite`; `None` (written `false`): no such attribute.
        cookie_samesite: Option<SameSite> = SameSite::Lax,
        /// `CSRF_HEADER_NAME`: the header in which scripts send the token, as `HTTP_X_CSRFTOKEN`.
        header_name: TokenHeader = "HTTP_X_CSRFTOKEN",
        /// `CSRF_TRUSTED_ORIGINS`: other origins whose forms are believed: `https://*.example.com`.
        trusted_origins: Vec<TrustedOrigin> = Vec::new(),
        /// `CSRF_USE_SESSIONS`: keep the token in the session instead of a cookie.
        use_sessions: bool = false,
        /// `CSRF_FAILURE_VIEW`: the view that answers a request which is not believed, by its name.
        failure_view: String = "django.views.csrf.csrf_failure",
    }
}

/// A header's name, written as WSGI has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHeader {
    wsgi: String,
}

impl TokenHeader {
    /// The name in Django's messages: `HTTP_X_CSRFTOKEN`.
    #[must_use]
    pub fn wsgi_name(&self) -> &str {
        &self.wsgi
    }

    /// The name on the wire: `x-csrftoken`.
    #[must_use]
    pub fn header(&self) -> String {
        security::header_name(&self.wsgi).unwrap_or_default()
    }
}

impl FromDefault<&str> for TokenHeader {
    fn from_default(default: &str) -> Self {
        Self { wsgi: default.to_owned() }
    }
}

impl SettingKind for TokenHeader {
    fn allowed() -> Cow<'static, str> {
        "a header's name in capitals behind HTTP_, as \"HTTP_X_CSRFTOKEN\"".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let read = written.text().filter(|name| security::header_name(name).is_some());
        if read.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), false));
        }
        read.map(|wsgi| Self { wsgi: wsgi.to_owned() })
    }

    fn show(&self) -> Shown {
        self.wsgi.clone().into()
    }
}

/// An origin: a scheme and a host, which may begin with `*.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedOrigin {
    origin: String,
}

impl TrustedOrigin {
    /// The origin as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.origin
    }
}

impl SettingKind for TrustedOrigin {
    /// Django 5.2 `core/checks/compatibility/django_4_0.py`, 4_0.E001: a scheme is wanted.
    fn allowed() -> Cow<'static, str> {
        "an origin with its scheme, as \"https://example.com\" or \"https://*.example.com\"".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let read = written.text().filter(|origin| origin.contains("://"));
        if read.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), false));
        }
        read.map(|origin| Self { origin: origin.to_owned() })
    }

    fn show(&self) -> Shown {
        self.origin.clone().into()
    }
}
