//! What a request asked for, as far as the key of its page depends on it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use md5::{Digest as _, Md5};

use crate::error::Result;
use crate::http::header_text::header_text;
use crate::http::request::HttpRequest;
use crate::session::handle::Session;

/// A page that was asked for and is not in the cache.
pub(crate) struct Asked {
    method: http::Method,
    /// The MD5 of the whole address: a hash for a key, no secret.
    address: String,
    headers: HeaderMap,
    pub(super) session: Session,
}

impl Asked {
    pub(super) fn of(request: &HttpRequest) -> Result<Self> {
        Ok(Self {
            method: request.method().clone(),
            address: hex(Md5::digest(request.build_absolute_uri(None)?)),
            headers: request.headers().clone(),
            session: request.session.clone(),
        })
    }

    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn has_authorization(&self) -> bool {
        self.headers.get(AUTHORIZATION).is_some_and(|value| !value.is_empty())
    }

    /// The MD5 of what the request says in those headers (Django 5.2 `utils/cache.py`, `_generate_cache_key`): an absent one is not
    /// an empty one.
    pub(super) fn digest(&self, names: &[String]) -> String {
        let mut digest = Md5::new();
        for name in names {
            match self.value(name) {
                Some(value) => digest.update(value.as_bytes()),
                None => digest.update(b"-,"),
            }
        }
        hex(digest.finalize())
    }

    /// As Django looks them up: under `HTTP_…`, where these two are not.
    fn value(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        if matches!(name, "content-type" | "content-length") {
            return None;
        }
        HeaderName::try_from(name).ok().and_then(|_| header_text(&self.headers, name))
    }
}

/// Neither cookies nor `Authorization` are for a log.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("method", &self.method)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether the response of this request is to be kept, and as what: said by whoever looked into the cache last (Django's
/// `request._cache_update_cache`).
#[derive(Debug, Default)]
pub(crate) struct Plan(Mutex<Option<Arc<Asked>>>);

impl Plan {
    pub(super) fn say(&self, asked: Option<Arc<Asked>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    pub(crate) fn asked(&self) -> Option<Arc<Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
