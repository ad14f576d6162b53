//! Where a request comes from: `Origin` and `Referer` against the site and `CSRF_TRUSTED_ORIGINS`, the pure part.

use crate::conf::csrf::CsrfSettings;
use crate::http::uri::UriParts;
use crate::middleware::csrf::reason::Reason;

/// `CSRF_TRUSTED_ORIGINS`, split.
#[derive(Debug, Default)]
pub(crate) struct TrustedOrigins {
    /// Those without `*`, as they are written.
    exact: Vec<String>,
    /// Those with: the scheme, and the host with its dot in place of `*.`.
    subdomains: Vec<(String, String)>,
    /// The hosts of all.
    hosts: Vec<String>,
}

impl TrustedOrigins {
    pub(crate) fn new(settings: &CsrfSettings) -> Self {
        let mut trusted = Self::default();
        for origin in settings.trusted_origins.iter().map(|origin| origin.as_str()) {
            // The setting is only read if it has a scheme; what else is wrong with it makes it match nothing.
            let parts = UriParts::split(origin).unwrap_or_default();
            let host = parts.netloc.trim_start_matches('*').to_owned();
            if origin.contains('*') {
                trusted.subdomains.push((parts.scheme, host.clone()));
            } else {
                trusted.exact.push(origin.to_owned());
            }
            trusted.hosts.push(host);
        }
        trusted
    }

    /// Whether that `Origin` is the site's own, `own`, or one of them (Django 5.2 `middleware/csrf.py`, `_origin_verified`). Texts
    /// are compared, so a port that a browser leaves out must not be there.
    pub(crate) fn trusts(&self, origin: &str, own: Option<&str>) -> bool {
        if own == Some(origin) || self.exact.iter().any(|exact| exact == origin) {
            return true;
        }
        let Ok(parts) = UriParts::split(origin) else { return false };
        self.subdomains.iter().any(|(scheme, host)| *scheme == parts.scheme && is_below(&parts.netloc, host))
    }

    /// Whether that `Referer` of a request over HTTPS is a page of the site, or of one of them (Django 5.2
    /// `middleware/csrf.py`, `_check_referer`). `own` is the site's host, `None` when the request names none that is allowed.
    pub(crate) fn check_referer(
        &self,
        referer: Option<&str>,
        own: impl FnOnce() -> Option<String>,
    ) -> Result<(), Reason> {
        let referer =
            UriParts::split(referer.ok_or(Reason::NoReferer)?).map_err(|_| Reason::MalformedReferer)?;
        if referer.scheme.is_empty() || referer.netloc.is_empty() {
            return Err(Reason::MalformedReferer);
        }
        if referer.scheme != "https" {
            return Err(Reason::InsecureReferer);
        }
        if self.hosts.iter().any(|host| is_below(&referer.netloc, host))
            || own().is_some_and(|own| is_below(&referer.netloc, &own))
        {
            return Ok(());
        }
        Err(Reason::BadReferer(referer.unsplit()))
    }
}

/// Whether the host is that pattern, or lies below one that begins with a dot. Unlike for `ALLOWED_HOSTS`, the case of the host
/// counts: browsers send it in lower case, a header in another case was made up (Django 5.2 `utils/http.py`,
/// `is_same_domain`).
fn is_below(host: &str, pattern: &str) -> bool {
    let pattern = pattern.to_lowercase();
    match pattern.strip_prefix('.') {
        _ if pattern.is_empty() => false,
        Some(domain) => host == domain || host.ends_with(&pattern),
        None => host == pattern,
    }
}
