//! Why a request is not believed.

use std::fmt;

use crate::middleware::csrf::token::TokenError;

/// Why the CSRF protection refuses a request; shown as Django words it (Django 5.2 `middleware/csrf.py`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The `Origin` is neither the site's nor trusted.
    BadOrigin(String),
    /// HTTPS, and neither `Origin` nor `Referer`.
    NoReferer,
    /// The `Referer` is no absolute address.
    MalformedReferer,
    /// The `Referer` is a page without HTTPS.
    InsecureReferer,
    /// The `Referer` is neither the site's nor trusted.
    BadReferer(String),
    /// There is no secret, in the cookie or in the session.
    NoCookie,
    /// The cookie is no secret.
    BadCookie(TokenError),
    /// There is a token neither in the form nor in the header.
    NoToken,
    /// The token is none.
    BadToken(Source, TokenError),
    /// The token is another one.
    WrongToken(Source),
}

/// Where a token was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// In the form.
    Post,
    /// In the header of that name.
    Header(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadOrigin(origin) => {
                write!(f, "Origin checking failed - {origin} does not match any trusted origins.")
            }
            Self::NoReferer => f.write_str("Referer checking failed - no Referer."),
            Self::MalformedReferer => f.write_str("Referer checking failed - Referer is malformed."),
            Self::InsecureReferer => {
                f.write_str("Referer checking failed - Referer is insecure while host is secure.")
            }
            Self::BadReferer(referer) => {
                write!(f, "Referer checking failed - {referer} does not match any trusted origins.")
            }
            Self::NoCookie => f.write_str("CSRF cookie not set."),
            Self::BadCookie(error) => write!(f, "CSRF cookie {error}."),
            Self::NoToken => f.write_str("CSRF token missing."),
            Self::BadToken(source, error) => write!(f, "CSRF token from {source} {error}."),
            Self::WrongToken(source) => write!(f, "CSRF token from {source} incorrect."),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post => f.write_str("POST"),
            Self::Header(name) => write!(f, "the '{name}' HTTP header"),
        }
    }
}
