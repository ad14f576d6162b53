//! `django.middleware.security.SecurityMiddleware`: HTTPS redirect, HSTS and the other security headers.

use std::sync::Arc;

use http::HeaderName;
use http::header::{HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use regex::RegexSet;

use crate::checks::CheckMessage;
use crate::conf::security::{ReferrerPolicy, SecuritySettings};
use crate::error::Result;
use crate::http::header_value::constant;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::onion::Next;
use crate::project::Project;

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// The security middleware (Django 5.2 `middleware/security.py`). What a view sets itself stays.
#[derive(Debug)]
pub struct SecurityMiddleware {
    settings: Arc<SecuritySettings>,
    /// `None` without patterns: making an empty set takes the whole engine into memory.
    exempt: Option<RegexSet>,
    /// On HTTPS alone: a browser ignores it elsewhere.
    hsts: Option<HeaderValue>,
    /// On every response.
    always: Vec<(HeaderName, HeaderValue)>,
}

impl FromProject for SecurityMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let settings: Arc<SecuritySettings> = project.settings().section();
        let mut faults = Vec::new();
        let patterns = Some(&settings.redirect_exempt).filter(|patterns| !patterns.is_empty());
        let exempt = patterns.map(RegexSet::new).transpose().unwrap_or_else(|error| {
            faults.push(CheckMessage::error("nuages.E010", format!("SECURE_REDIRECT_EXEMPT: {error}")).hint(
                "Each entry is a regular expression that is searched in the path without its leading slash.",
            ));
            None
        });
        let mut value = |setting: &str, text: &str| {
            let value = HeaderValue::from_str(text);
            if value.is_err() {
                faults.push(CheckMessage::error(
                    "nuages.E011",
                    format!("{setting}: {text:?} has characters that no header may hold"),
                ));
            }
            value.ok().map(constant)
        };
        let hsts = (settings.hsts_seconds != 0).then(|| {
            let subdomains = if settings.hsts_include_subdomains { "; includeSubDomains" } else { "" };
            let preload = if settings.hsts_preload { "; preload" } else { "" };
            format!("max-age={}{subdomains}{preload}", settings.hsts_seconds)
        });
        let hsts = hsts.and_then(|text| value("SECURE_HSTS_SECONDS", &text));
        let mut always = Vec::new();
        if settings.content_type_nosniff {
            always.push((X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")));
        }
        if let Some(policy) = settings.referrer_policy.as_ref().and_then(ReferrerPolicy::header) {
            always.extend(value("SECURE_REFERRER_POLICY", &policy).map(|value| (REFERRER_POLICY, value)));
        }
        if let Some(policy) = settings.cross_origin_opener_policy {
            let policy = value("SECURE_CROSS_ORIGIN_OPENER_POLICY", policy.as_str());
            always.extend(policy.map(|value| (CROSS_ORIGIN_OPENER_POLICY, value)));
        }
        if faults.is_empty() { Ok(Self { settings, exempt, hsts, always }) } else { Err(faults) }
    }
}

impl SecurityMiddleware {
    fn redirect(&self, request: &HttpRequest) -> Result<Option<HttpResponse>> {
        if !self.settings.ssl_redirect || request.is_secure() {
            return Ok(None);
        }
        let path = request.path().trim_start_matches('/');
        if self.exempt.as_ref().is_some_and(|exempt| exempt.is_match(path)) {
            return Ok(None);
        }
        let host = match self.settings.ssl_host.as_deref() {
            Some("") | None => request.get_host()?,
            Some(host) => host.into(),
        };
        let to = format!("https://{host}{}", request.get_full_path());
        Ok(Some(HttpResponse::permanent_redirect(&to)?.in_default_charset(request.project().core())))
    }
}

impl Halves for SecurityMiddleware {
    fn before(&self, request: &mut HttpRequest, _next: Next<'_>) -> Before {
        let kept = Kept { flag: self.hsts.is_some() && request.is_secure(), ..Kept::NOTHING };
        match self.redirect(request) {
            Ok(None) => Before::Next(kept),
            Ok(Some(redirect)) => Before::Answer(redirect, kept),
            Err(error) => Before::Fail(error),
        }
    }

    fn after(&self, kept: &Kept, _next: Next<'_>, response: &mut HttpResponse) -> After {
        if let (true, Some(hsts)) = (kept.flag, &self.hsts) {
            response.headers.entry(STRICT_TRANSPORT_SECURITY).or_insert_with(|| hsts.clone());
        }
        for (name, value) in &self.always {
            response.headers.entry(name).or_insert_with(|| value.clone());
        }
        After::Done(Ok(()))
    }
}

#[cfg(test)]
mod tests;
