//! The cookies that a response sets.

mod stored;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use crate::http::date::{http_date, moment_at};
use crate::http::set_cookie::{CookieError, Expires, MaxAge, SetCookie};

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
    partitioned: bool,
    path: Cow<'static, str>,
    same_site: Cow<'static, str>,
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
        let SetCookie {
            name,
            value,
            max_age,
            expires,
            path,
            domain,
            secure,
            http_only,
            same_site,
            partitioned,
            deletion,
        } = cookie;
        if !is_token(&name) || RESERVED.iter().any(|taken| name.eq_ignore_ascii_case(taken)) {
            return Err(CookieError::Name(name));
        }
        if !value.is_ascii()
            && let Some(found) = value.chars().find(|&c| c > '\u{ff}')
        {
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
                let end = moment_at(now + seconds)
                    .ok_or_else(|| CookieError::MaxAge { name: name.clone(), max_age: seconds })?;
                // A date before the year 10000 is that of an age which fits.
                #[allow(clippy::cast_possible_truncation)]
                Some((seconds.trunc() as i64, end))
            }
            None => None,
        };
        for (attribute, text) in
            [("expires", Some(&*expires)), ("Path", path.as_deref()), ("Domain", domain.as_deref())]
        {
            let found = text
                .filter(|text| !is_harmless(text))
                .and_then(|text| text.chars().find(|&c| c == ';' || c > '\u{ff}' || c.is_ascii_control()));
            if let Some(found) = found {
                return Err(CookieError::Attribute { name, attribute, found });
            }
        }
        if let Some(samesite) = &same_site
            && !["lax", "none", "strict"].iter().any(|known| samesite.eq_ignore_ascii_case(known))
        {
            return Err(CookieError::SameSite { name, samesite: samesite.clone().into_owned() });
        }

        let morsel = match self.0.iter().position(|morsel| morsel.name == name) {
            Some(at) => &mut self.0[at],
            None => {
                // Most responses set one, if any.
                self.0.reserve_exact(usize::from(self.0.is_empty()));
                self.0.push(Morsel::named(name));
                let last = self.0.len() - 1;
                &mut self.0[last]
            }
        };
        morsel.value = value;
        morsel.expires = expires;
        if let Some((seconds, end)) = dated {
            morsel.max_age = Some(seconds);
            if morsel.expires.is_empty() {
                morsel.expires = http_date(end);
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
        morsel.partitioned |= partitioned;
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
            partitioned: false,
            path: Cow::Borrowed(""),
            same_site: Cow::Borrowed(""),
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

    /// `Partitioned`
    #[must_use]
    pub const fn partitioned(&self) -> bool {
        self.partitioned
    }

    /// The value of a `Set-Cookie` header, with Python's quoting and its order of attributes.
    #[must_use]
    pub fn output(&self) -> String {
        let flag = |said: bool, text: &'static str| if said { text } else { "" };
        let attribute = |name: &'static str, value: &str| flag(!value.is_empty(), name);
        let mut digits = itoa::Buffer::new();
        let max_age = self.max_age.map_or("", |seconds| digits.format(seconds));
        // In one piece of just the length.
        [
            &*self.name,
            "=",
            &quoted(&self.value),
            attribute("; Domain=", &self.domain),
            &self.domain,
            attribute("; expires=", &self.expires),
            &self.expires,
            flag(self.http_only, "; HttpOnly"),
            attribute("; Max-Age=", max_age),
            max_age,
            flag(self.partitioned, "; Partitioned"),
            attribute("; Path=", &self.path),
            &self.path,
            attribute("; SameSite=", &self.same_site),
            &self.same_site,
            flag(self.secure, "; Secure"),
        ]
        .concat()
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

/// Whether an attribute is nothing but printable ASCII without `;`, as nearly all are. Looks at every byte, so that it looks at many in one go.
fn is_harmless(text: &str) -> bool {
    text.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~') & (byte != b';'))
}

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
fn quoted(value: &str) -> Cow<'_, str> {
    if is_token(value) {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len() + 8);
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
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
