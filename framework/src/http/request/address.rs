//! Where a request goes: its path, scheme, host and port, and whole addresses from there.

use std::borrow::Cow;
use std::net::SocketAddr;

use http::Uri;
use http::header::HOST;

use crate::conf::core::CoreSettings;
use crate::error::{Error, Result};
use crate::http::charset::latin1;
use crate::http::host::{DEBUG_HOSTS, split_domain_port, validate_host};
use crate::http::path::decode_path;
use crate::http::request::{HttpRequest, Paths};
use crate::http::uri::{UriParts, escape_uri_path, iri_to_uri, join, push_query};

impl HttpRequest {
    /// The path, unescaped once, with `FORCE_SCRIPT_NAME` before it; bytes that are not UTF-8 are escaped again.
    ///
    /// Nothing is collapsed in it: `//`, `/./` and `/../` are there as they were sent.
    #[must_use]
    pub fn path(&self) -> &str {
        self.inner.path.path(&self.inner.uri)
    }

    /// The path without `FORCE_SCRIPT_NAME`: what the routes are matched with.
    #[must_use]
    pub fn path_info(&self) -> &str {
        self.inner.path.path_info(&self.inner.uri)
    }

    /// The path and the query, escaped for the wire.
    #[must_use]
    pub fn get_full_path(&self) -> String {
        full_path(self.path(), &self.inner.uri, false)
    }

    /// The same with a slash at the end of the path, if there is none.
    #[must_use]
    pub fn get_full_path_with_slash(&self) -> String {
        full_path(self.path(), &self.inner.uri, true)
    }

    /// As [`HttpRequest::get_full_path`], without `FORCE_SCRIPT_NAME`.
    #[must_use]
    pub fn get_full_path_info(&self) -> String {
        full_path(self.path_info(), &self.inner.uri, false)
    }

    /// `https` or `http`. With `SECURE_PROXY_SSL_HEADER` the leftmost value of that header decides both ways, if it is there.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if let Some(proxy) = &self.project().security().proxy_ssl_header
            && let Some(value) = self.inner.headers.get(&proxy.header)
        {
            let first = value.as_bytes().split(|&byte| byte == b',').next().unwrap_or_default();
            return if latin1(first).trim() == proxy.value { "https" } else { "http" };
        }
        if self.inner.connection.tls { "https" } else { "http" }
    }

    /// Whether the client speaks https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme() == "https"
    }

    /// The host that the client named, with its port if it named one, checked against `ALLOWED_HOSTS`.
    ///
    /// # Errors
    /// `DisallowedHost` (400).
    pub fn get_host(&self) -> Result<Cow<'_, str>> {
        let host = self.raw_host();
        let Some((domain, _)) = split_domain_port(&host) else {
            let reason = format!(
                "Invalid HTTP_HOST header: {host:?}. The domain name provided is not valid according to RFC 1034/1035."
            );
            return Err(Error::suspicious("DisallowedHost", reason));
        };
        let core = self.core();
        let allowed = if core.debug && core.allowed_hosts.is_empty() {
            validate_host(domain, DEBUG_HOSTS.into_iter())
        } else {
            validate_host(domain, core.allowed_hosts.iter().map(String::as_str))
        };
        if domain.is_empty() || !allowed {
            let reason = format!(
                "Invalid HTTP_HOST header: {host:?}. You may need to add {domain:?} to ALLOWED_HOSTS."
            );
            return Err(Error::suspicious("DisallowedHost", reason));
        }
        Ok(host)
    }

    fn raw_host(&self) -> Cow<'_, str> {
        let headers = &self.inner.headers;
        if self.core().use_x_forwarded_host
            && let Some(host) = headers.get("x-forwarded-host")
        {
            return latin1(host.as_bytes());
        }
        if let Some(host) = headers.get(HOST) {
            return host.to_str().map_or_else(|_| latin1(host.as_bytes()), Cow::Borrowed);
        }
        // HTTP/2 names the host in the address.
        if let Some(authority) = self.inner.uri.authority() {
            return Cow::Borrowed(authority.as_str());
        }
        let name = self.inner.connection.server_name();
        let port = self.get_port();
        let own = if self.is_secure() { "443" } else { "80" };
        Cow::Owned(if port == own { name } else { format!("{name}:{port}") })
    }

    /// The port that the server listens on, or what `X-Forwarded-Port` says with `USE_X_FORWARDED_PORT`; never that of `Host`.
    #[must_use]
    pub fn get_port(&self) -> Cow<'_, str> {
        if self.core().use_x_forwarded_port
            && let Some(port) = self.inner.headers.get("x-forwarded-port")
        {
            return latin1(port.as_bytes());
        }
        Cow::Owned(self.inner.connection.server_port().to_string())
    }

    /// The address of the other end: of a proxy, if there is one.
    #[doc(alias = "REMOTE_ADDR")]
    #[must_use]
    pub fn remote_addr(&self) -> Option<SocketAddr> {
        self.inner.connection.peer
    }

    /// A whole address, with scheme and host: of that location as seen from here, or of this very request for `None`.
    ///
    /// # Errors
    /// `DisallowedHost` (400), and 500 for a location that is no address.
    pub fn build_absolute_uri<'a>(&self, location: impl Into<Option<&'a str>>) -> Result<String> {
        // Two slashes before the path, for one that begins with two itself (Django 5.2 http/request.py).
        let location = match location.into() {
            Some(location) => Cow::Borrowed(location),
            None => Cow::Owned(format!("//{}", self.get_full_path())),
        };
        let parts = UriParts::split(&location)?;
        if !parts.scheme.is_empty() && !parts.netloc.is_empty() {
            return Ok(iri_to_uri(&location).into_owned());
        }
        let base = format!("{}://{}", self.scheme(), self.get_host()?);
        let plain = parts.path.starts_with('/')
            && parts.scheme.is_empty()
            && parts.netloc.is_empty()
            && !parts.path.contains("/./")
            && !parts.path.contains("/../");
        let absolute = if plain {
            format!("{base}{}", location.strip_prefix("//").unwrap_or(&location))
        } else {
            join(&format!("{base}{}", self.path()), &location)?
        };
        Ok(iri_to_uri(&absolute).into_owned())
    }
}

impl Paths {
    /// The paths of that address in a site of those settings.
    pub(crate) fn of(uri: &Uri, core: &CoreSettings) -> Self {
        let path_info = decode_path(raw_path(uri));
        let script = core.force_script_name.as_deref().unwrap_or_default().trim_end_matches('/');
        let path = (!script.is_empty() || !path_info.starts_with('/'))
            .then(|| format!("{script}/{}", path_info.replacen('/', "", 1)).into());
        let path_info = match path_info {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path.into()),
        };
        Self { path_info, path }
    }

    /// [`HttpRequest::path`] of the address that they were made of.
    pub(crate) fn path<'a>(&'a self, uri: &'a Uri) -> &'a str {
        match &self.path {
            Some(path) => path,
            None => self.path_info(uri),
        }
    }

    /// [`HttpRequest::path_info`] of the address that they were made of.
    pub(crate) fn path_info<'a>(&'a self, uri: &'a Uri) -> &'a str {
        match &self.path_info {
            Some(path) => path,
            None => raw_path(uri),
        }
    }
}

/// A path with the query of that address, escaped for the wire, if wanted with a slash between them.
pub(crate) fn full_path(path: &str, uri: &Uri, slash: bool) -> String {
    let mut full = escape_uri_path(path).into_owned();
    if slash && !path.ends_with('/') {
        full.push('/');
    }
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        full.push('?');
        push_query(&mut full, query);
    }
    full
}

/// The site's own address has the path `/`.
fn raw_path(uri: &Uri) -> &str {
    match uri.path() {
        "" => "/",
        path => path,
    }
}
