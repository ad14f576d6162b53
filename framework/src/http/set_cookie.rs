//! The cookies that a response sets.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use time::OffsetDateTime;

use crate::http::date::http_date_at;

/// A cookie on its way into a response: what to set, and how (Django's `set_cookie`).
///
/// What is not said here keeps what an earlier cookie of the same name in the same response said, as in Django.
///
/// ```
/// use nuages::http::set_cookie::SetCookie;
///
/// let cookie = SetCookie::new("theme", "dark").max_age(3600).http_only(true).same_site("Lax");
/// # let _ = cookie;
/// ```
#[derive(Clone)]
#[must_use = "a cookie is sent when it is put into a response with `set_cookie`"]
pub struct SetCookie {
    name: String,
    value: String,
    max_age: Option<MaxAge>,
    expires: Option<Expires>,
    path: Option<String>,
    domain: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: Option<String>,
    deletion: bool,
}

/// The value may be all that an account is guarded by.
impl std::fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How long a cookie lives, in seconds: from integers, floats and durations.
///
/// `Max-Age` has no fraction; `Expires` counts it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaxAge(f64);

#[derive(Debug, Clone)]
enum Expires {
    Text(String),
    At(OffsetDateTime),
}

/// Why a cookie cannot be set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// The name is empty or has characters that no name may have.
    #[error(
        "{0:?} cannot be a cookie's name: letters, digits and !#$%&'*+-.^_`|~: make one, and attributes such as `path` are taken"
    )]
    Name(String),
    /// The value has characters above U+00FF, which a header cannot carry.
    #[error(
        "the value of cookie {name:?} has {found:?}, which no header can carry: encode it first, for instance in base64"
    )]
    Value {
        /// The cookie.
        name: String,
        /// The first such character.
        found: char,
    },
    /// An attribute has a control character, a `;`, or a character above U+00FF.
    #[error("{attribute} of cookie {name:?} has {found:?}, which could end the attribute")]
    Attribute {
        /// The cookie.
        name: String,
        /// `Path`, `Domain` or `expires`.
        attribute: &'static str,
        /// The character at fault.
        found: char,
    },
    /// The `samesite` is none of the three.
    #[error("samesite of cookie {name:?} is {samesite:?}: it must be \"lax\", \"none\" or \"strict\"")]
    SameSite {
        /// The cookie.
        name: String,
        /// What was said.
        samesite: String,
    },
    /// Both a moment and a maximum age were given.
    #[error("cookie {0:?}: `expires` and `max_age` cannot be used together")]
    ExpiresAndMaxAge(String),
    /// The cookie would end before the year 1 or after 9999.
    #[error("max_age of cookie {name:?} is {max_age} s, which ends outside the years 1 to 9999")]
    MaxAge {
        /// The cookie.
        name: String,
        /// What was said.
        max_age: f64,
    },
}

impl SetCookie {
    /// A cookie for the whole site (`Path=/`) that lasts until the browser closes.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            max_age: None,
            expires: None,
            path: Some("/".to_owned()),
            domain: None,
            secure: false,
            http_only: false,
            same_site: None,
            deletion: false,
        }
    }

    /// What makes a browser forget that cookie; path and domain must be those it was set with (Django's `delete_cookie`).
    ///
    /// `Secure` is added where browsers would ignore the cookie without: names that begin with `__Secure-` or `__Host-`,
    /// and `SameSite=None`.
    pub fn deletion(name: impl Into<String>) -> Self {
        let cookie = Self::new(name, "").max_age(0).expires("Thu, 01 Jan 1970 00:00:00 GMT");
        Self { deletion: true, ..cookie }
    }

    /// It lives so many seconds from now: `Max-Age`, and `expires` for old browsers.
    pub fn max_age(mut self, age: impl Into<MaxAge>) -> Self {
        self.max_age = Some(age.into());
        self
    }

    /// `expires` as it is sent; it stays beside a maximum age. The empty text says nothing.
    pub fn expires(mut self, text: impl Into<String>) -> Self {
        self.expires = Some(Expires::Text(text.into()));
        self
    }

    /// It lives until then: becomes the maximum age.
    pub fn expires_at(mut self, moment: OffsetDateTime) -> Self {
        self.expires = Some(Expires::At(moment));
        self
    }

    /// `Path`; the empty text leaves it out, `None` keeps what an earlier cookie of the same name said.
    pub fn path<'a>(mut self, path: impl Into<Option<&'a str>>) -> Self {
        self.path = path.into().map(str::to_owned);
        self
    }

    /// `Domain`: also for the subdomains.
    pub fn domain<'a>(mut self, domain: impl Into<Option<&'a str>>) -> Self {
        self.domain = domain.into().map(str::to_owned);
        self
    }

    /// `Secure`: sent over TLS alone.
    pub const fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// `HttpOnly`: hidden from scripts.
    pub const fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// `SameSite`: `Lax`, `Strict` or `None`, sent as spelled; `None` (the option) and the empty text leave it out.
    pub fn same_site<'a>(mut self, same_site: impl Into<Option<&'a str>>) -> Self {
        self.same_site = same_site.into().filter(|text| !text.is_empty()).map(str::to_owned);
        self
    }
}

impl From<f64> for MaxAge {
    fn from(seconds: f64) -> Self {
        Self(seconds)
    }
}

impl From<i32> for MaxAge {
    fn from(seconds: i32) -> Self {
        Self(seconds.into())
    }
}

impl From<u32> for MaxAge {
    fn from(seconds: u32) -> Self {
        Self(seconds.into())
    }
}

/// Exact as far as the year 9999, and further than that no cookie can go.
impl From<i64> for MaxAge {
    #[allow(clippy::cast_precision_loss)]
    fn from(seconds: i64) -> Self {
        Self(seconds as f64)
    }
}

impl From<time::Duration> for MaxAge {
    fn from(duration: time::Duration) -> Self {
        Self(duration.as_seconds_f64())
    }
}

impl From<std::time::Duration> for MaxAge {
    fn from(duration: std::time::Duration) -> Self {
        Self(duration.as_secs_f64())
    }
}

/// The cookies that a response sets, in the order in which they were first set.
#[derive(Debug, Clone, Default)]
pub struct ResponseCookies(Vec<Morsel>);

/// One cookie of a response, as it will be sent (Python's `Morsel`).
#[derive(Clone, PartialEq, Eq)]
pub struct Morsel {
    name: String,
    value: String,
    domain: String,
    expires: String,
    http_only: bool,
    max_age: Option<i64>,
    path: String,
    same_site: String,
    secure: bool,
}

impl ResponseCookies {
    /// Sets a cookie, over an earlier one of the same name whose other attributes stay.
    ///
    /// # Errors
    /// [`CookieError`], and nothing is changed.
    pub fn set(&mut self, cookie: SetCookie) -> Result<(), CookieError> {
        let now = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        self.set_at(cookie, now)
    }

    /// The same at a moment of the caller's choice: a Unix time in seconds.
    fn set_at(&mut self, cookie: SetCookie, now: f64) -> Result<(), CookieError> {
        let SetCookie { name, value, max_age, expires, path, domain, secure, http_only, same_site, deletion } =
            cookie;
        if !is_token(&name) || RESERVED.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
            return Err(CookieError::Name(name));
        }
        if let Some(found) = value.chars().find(|&c| c > '\u{ff}') {
            return Err(CookieError::Value { name, found });
        }
        let (expires, max_age) = match (expires, max_age) {
            (Some(Expires::At(_)), Some(_)) => return Err(CookieError::ExpiresAndMaxAge(name)),
            // One second is added since a part of one is lost between here and the header.
            (Some(Expires::At(moment)), None) => {
                let left = moment.unix_timestamp_nanos() as f64 / 1e9 - now + 1.0;
                (String::new(), Some(MaxAge(left.floor().max(0.0))))
            }
            (Some(Expires::Text(text)), max_age) => (text, max_age),
            (None, max_age) => (String::new(), max_age),
        };
        let dated = match max_age {
            Some(MaxAge(seconds)) => {
                let date = http_date_at(now + seconds);
                let date =
                    date.ok_or_else(|| CookieError::MaxAge { name: name.clone(), max_age: seconds })?;
                // A date before the year 10000 is that of an age which fits.
                #[allow(clippy::cast_possible_truncation)]
                Some((seconds.trunc() as i64, date))
            }
            None => None,
        };
        for (attribute, text) in
            [("expires", Some(&expires)), ("Path", path.as_ref()), ("Domain", domain.as_ref())]
        {
            let found = text
                .and_then(|text| text.chars().find(|&c| c == ';' || c > '\u{ff}' || c.is_ascii_control()));
            if let Some(found) = found {
                return Err(CookieError::Attribute { name, attribute, found });
            }
        }
        if let Some(samesite) = &same_site
            && !["lax", "none", "strict"].iter().any(|known| samesite.eq_ignore_ascii_case(known))
        {
            return Err(CookieError::SameSite { name, samesite: samesite.clone() });
        }

        let morsel = match self.0.iter().position(|morsel| morsel.name == name) {
            Some(at) => &mut self.0[at],
            None => {
                self.0.push(Morsel::named(name));
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        morsel.value = value;
        morsel.expires = expires;
        if let Some((seconds, date)) = dated {
            morsel.max_age = Some(seconds);
            if morsel.expires.is_empty() {
                morsel.expires = date;
            }
        }
        if let Some(path) = path {
            morsel.path = path;
        }
        if let Some(domain) = domain {
            morsel.domain = domain;
        }
        let needs_secure = || {
            morsel.name.starts_with("__Secure-")
                || morsel.name.starts_with("__Host-")
                || same_site.as_ref().is_some_and(|text| text.eq_ignore_ascii_case("none"))
        };
        morsel.secure |= secure || deletion && needs_secure();
        morsel.http_only |= http_only;
        if let Some(same_site) = same_site {
            morsel.same_site = same_site;
        }
        Ok(())
    }

    /// The cookie of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Morsel> {
        self.0.iter().find(|morsel| morsel.name == name)
    }

    /// Takes a cookie out, so that the response says nothing of it.
    pub fn remove(&mut self, name: &str) -> Option<Morsel> {
        let at = self.0.iter().position(|morsel| morsel.name == name)?;
        Some(self.0.remove(at))
    }

    /// The cookies.
    pub fn iter(&self) -> impl Iterator<Item = &Morsel> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Morsel {
    fn named(name: String) -> Self {
        Self {
            name,
            value: String::new(),
            domain: String::new(),
            expires: String::new(),
            http_only: false,
            max_age: None,
            path: String::new(),
            same_site: String::new(),
            secure: false,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, before quoting.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// `Max-Age` in seconds.
    #[must_use]
    pub const fn max_age(&self) -> Option<i64> {
        self.max_age
    }

    /// `expires`; empty when it is left out.
    #[must_use]
    pub fn expires(&self) -> &str {
        &self.expires
    }

    /// `Path`; empty when it is left out.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `Domain`; empty when it is left out.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// `SameSite`; empty when it is left out.
    #[must_use]
    pub fn same_site(&self) -> &str {
        &self.same_site
    }

    /// `Secure`
    #[must_use]
    pub const fn secure(&self) -> bool {
        self.secure
    }

    /// `HttpOnly`
    #[must_use]
    pub const fn http_only(&self) -> bool {
        self.http_only
    }

    /// The value of a `Set-Cookie` header, with Python's quoting and its order of attributes.
    #[must_use]
    pub fn output(&self) -> String {
        let mut out = String::with_capacity(self.name.len() + self.value.len() + 96);
        out.push_str(&self.name);
        out.push('=');
        push_value(&mut out, &self.value);
        let mut attribute = |name: &str, value: &str| {
            if !value.is_empty() {
                out.push_str("; ");
                out.push_str(name);
                out.push('=');
                out.push_str(value);
            }
        };
        attribute("Domain", &self.domain);
        attribute("expires", &self.expires);
        if self.http_only {
            out.push_str("; HttpOnly");
        }
        if let Some(seconds) = self.max_age {
            // Writing into a String cannot fail.
            let _ = write!(out, "; Max-Age={seconds}");
        }
        for (name, value) in [("; Path=", &self.path), ("; SameSite=", &self.same_site)] {
            if !value.is_empty() {
                out.push_str(name);
                out.push_str(value);
            }
        }
        if self.secure {
            out.push_str("; Secure");
        }
        out
    }

    /// The same as header bytes: latin-1. `None` cannot happen, since what no header can carry was refused when it was set.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let text = self.output();
        if text.is_ascii() {
            return HeaderValue::try_from(text).ok();
        }
        let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
        HeaderValue::from_bytes(&bytes?).ok()
    }
}

/// The value may be all that an account is guarded by.
impl std::fmt::Debug for Morsel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Morsel").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Attributes' names, which Python lets no cookie have.
const RESERVED: [&str; 9] =
    ["expires", "path", "comment", "domain", "max-age", "secure", "httponly", "version", "samesite"];

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_plain)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
                | b':'
        )
}

/// Python 3.11 `http.cookies._quote`: within quotes, what is neither plain nor one of ` ()/<=>?@[]{}` is escaped.
fn push_value(out: &mut String, value: &str) {
    if is_token(value) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' ' | '(' | ')' | '/' | '<' | '=' | '>' | '?' | '@' | '[' | ']' | '{' | '}' => out.push(c),
            _ if u8::try_from(c).is_ok_and(is_plain) => out.push(c),
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(out, "\\{:03o}", u32::from(c));
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
