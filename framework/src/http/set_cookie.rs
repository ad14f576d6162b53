//! A cookie on its way into a response.

use std::borrow::Cow;

use time::OffsetDateTime;

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
    pub(super) name: String,
    pub(super) value: String,
    pub(super) max_age: Option<MaxAge>,
    pub(super) expires: Option<Expires>,
    pub(super) path: Option<Cow<'static, str>>,
    pub(super) domain: Option<String>,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    pub(super) same_site: Option<Cow<'static, str>>,
    pub(super) partitioned: bool,
    pub(super) deletion: bool,
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
pub struct MaxAge(pub(crate) f64);

#[derive(Debug, Clone)]
pub(super) enum Expires {
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
            path: Some(Cow::Borrowed("/")),
            domain: None,
            secure: false,
            http_only: false,
            same_site: None,
            partitioned: false,
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
        self.path = path.into().map(usual);
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
        self.same_site = same_site.into().filter(|text| !text.is_empty()).map(usual);
        self
    }

    /// `Partitioned`: inside another site's page the browser keeps it apart from the site's own (CHIPS). Browsers want
    /// `Secure` beside it.
    pub const fn partitioned(mut self, partitioned: bool) -> Self {
        self.partitioned = partitioned;
        self
    }
}

/// What nearly every cookie says is not written anew for each.
fn usual(text: &str) -> Cow<'static, str> {
    match ["/", "Lax", "Strict", "None"].into_iter().find(|known| *known == text) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(text.to_owned()),
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
