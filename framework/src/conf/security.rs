//! `SECURE_*`: what the security middleware does (Django 5.2 `middleware/security.py`).

use std::borrow::Cow;

use crate::conf::fault::SettingsFault;
use crate::conf::kind::{FromDefault, SettingKind, Shown};
use crate::conf::written::{Shape, Written};

crate::setting_choice! {
    /// The `Cross-Origin-Opener-Policy` header (HTML standard, section 7.1.3).
    pub enum OpenerPolicy {
        /// Only pages of the same origin share a browsing context group.
        SameOrigin = "same-origin",
        /// The same, but for the popups that a page opens.
        SameOriginAllowPopups = "same-origin-allow-popups",
        /// No isolation.
        UnsafeNone = "unsafe-none",
    }
}

crate::settings_section! {
    /// The settings of the security middleware.
    pub struct SecuritySettings, prefix "SECURE_" {
        /// `SECURE_SSL_REDIRECT`: send every HTTP request to HTTPS.
        ssl_redirect: bool = false,
        /// `SECURE_SSL_HOST`: to this host; `None`: the one that was asked.
        ssl_host: Option<String> = None,
        /// `SECURE_REDIRECT_EXEMPT`: regular expressions over paths without the leading slash that stay on HTTP.
        redirect_exempt: Vec<String> = [],
        /// `SECURE_PROXY_SSL_HEADER`: the header, and its value, by which a proxy says that the visitor came by HTTPS.
        proxy_ssl_header: Option<ProxySslHeader> = None,
        /// `SECURE_HSTS_SECONDS`: `max-age` of `Strict-Transport-Security`; 0: no such header.
        hsts_seconds: i64 = 0,
        /// `SECURE_HSTS_INCLUDE_SUBDOMAINS`: add `includeSubDomains`.
        hsts_include_subdomains: bool = false,
        /// `SECURE_HSTS_PRELOAD`: add `preload`.
        hsts_preload: bool = false,
        /// `SECURE_CONTENT_TYPE_NOSNIFF`: send `X-Content-Type-Options: nosniff`.
        content_type_nosniff: bool = true,
        /// `SECURE_REFERRER_POLICY`: `Referrer-Policy`, as text (`"a, b"`) or a list; `None`: no such header.
        referrer_policy: Option<ReferrerPolicy> = "same-origin",
        /// `SECURE_CROSS_ORIGIN_OPENER_POLICY`: the header of that name; `None`: no such header.
        cross_origin_opener_policy: Option<OpenerPolicy> = OpenerPolicy::SameOrigin,
    }
}

/// A header and its value: `["HTTP_X_FORWARDED_PROTO", "https"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySslHeader {
    /// The header as HTTP names it: `x-forwarded-proto`.
    pub header: String,
    /// The value that means HTTPS.
    pub value: String,
}

/// The policies of `Referrer-Policy`: a browser takes the last that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferrerPolicy {
    policies: Vec<String>,
}

impl ReferrerPolicy {
    /// The policies, without the spaces around them when they came as one text.
    #[must_use]
    pub fn policies(&self) -> &[String] {
        &self.policies
    }

    /// The header's value; `None` when there is nothing to say (`""` and `[]`, as in Django).
    #[must_use]
    pub fn header(&self) -> Option<String> {
        Some(self.policies.join(",")).filter(|header| !header.is_empty())
    }
}

impl FromDefault<&str> for Option<ReferrerPolicy> {
    fn from_default(default: &str) -> Self {
        Some(ReferrerPolicy { policies: vec![default.to_owned()] })
    }
}

impl SettingKind for ReferrerPolicy {
    fn allowed() -> Cow<'static, str> {
        "text, or a list of texts".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        if let Shape::List(_) = written.shape() {
            return Vec::<String>::read(written, setting, faults).map(|policies| Self { policies });
        }
        let Some(text) = written.text() else {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), false));
            return None;
        };
        Some(Self { policies: text.split(',').map(|policy| policy.trim().to_owned()).collect() })
    }

    fn show(&self) -> Shown {
        self.policies.join(",").into()
    }
}

impl SettingKind for ProxySslHeader {
    fn allowed() -> Cow<'static, str> {
        r#"a list of a header and its value, as ["HTTP_X_FORWARDED_PROTO", "https"]"#.into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let read = match written.shape() {
            Shape::List(entries) => match entries.as_slice() {
                [header, value] => header.text().and_then(header_name).zip(value.text()),
                _ => None,
            },
            _ => None,
        };
        if read.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), false));
        }
        read.map(|(header, value)| Self { header, value: value.to_owned() })
    }

    fn show(&self) -> Shown {
        let name = format!("HTTP_{}", self.header.to_ascii_uppercase().replace('-', "_"));
        Shown::Array(vec![name.into(), self.value.clone().into()])
    }
}

/// `HTTP_X_FORWARDED_PROTO`, as WSGI's environment has it, is `x-forwarded-proto` on the wire.
pub(crate) fn header_name(wsgi: &str) -> Option<String> {
    let name = wsgi.strip_prefix("HTTP_")?;
    let wire = name.to_ascii_lowercase().replace('_', "-");
    http::HeaderName::try_from(wire.as_str()).ok().map(|_| wire)
}
