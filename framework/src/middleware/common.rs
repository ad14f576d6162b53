//! `django.middleware.common.CommonMiddleware`: missing slashes and `www.`, Content-Length, unwanted user agents.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, LOCATION, USER_AGENT};
use http::{Method, StatusCode};
use regex::bytes::RegexSet;

use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::error::{Error, Result};
use crate::http::header_value::{header_number, header_value};
use crate::http::request::address::full_path;
use crate::http::request::{HttpRequest, Paths};
use crate::http::response::{HttpResponse, check_redirect_length};
use crate::http::uri::{escape_leading_slashes, iri_to_uri};
use crate::middleware::def::FromProject;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::onion::{Next, Onion};
use crate::middleware::request_line::RequestLine;
use crate::project::Project;

/// The common middleware (Django 5.2 `middleware/common.py`).
#[derive(Debug)]
pub struct CommonMiddleware {
    core: Arc<CoreSettings>,
    /// `None` without patterns: making an empty set takes the whole engine into memory.
    disallowed_user_agents: Option<RegexSet>,
}

impl FromProject for CommonMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let core: Arc<CoreSettings> = project.settings().section();
        let patterns = Some(&core.disallowed_user_agents).filter(|patterns| !patterns.is_empty());
        let disallowed_user_agents = patterns.map(RegexSet::new).transpose().map_err(|error| {
            vec![
                CheckMessage::error("nuages.E012", format!("DISALLOWED_USER_AGENTS: {error}"))
                    .hint("Each entry is a regular expression that is searched in the User-Agent header."),
            ]
        })?;
        Ok(Self { core, disallowed_user_agents })
    }
}

impl CommonMiddleware {
    fn redirect(&self, to: &str) -> Result<HttpResponse> {
        Ok(HttpResponse::permanent_redirect(to)?.in_default_charset(&self.core))
    }

    /// The address with a slash, where adding one is what `APPEND_SLASH` would do: the path leads nowhere, and with a slash
    /// it leads somewhere. Worked out from the request line, so that a request which needs no slash pays nothing for it.
    ///
    /// # Errors
    /// When the request brings data that a redirect would lose, and `DEBUG` is on.
    fn slashed(&self, line: &RequestLine, onion: &Onion) -> Result<Option<String>> {
        let routes = onion.project().routes();
        if !self.core.append_slash {
            return Ok(None);
        }
        let (method, uri) = (line.method(), line.uri());
        let paths = Paths::of(uri, &self.core);
        let path = paths.path_info(uri);
        if path.ends_with('/') || routes.resolve(path).is_some() {
            return Ok(None);
        }
        let leads = routes.resolve(&format!("{path}/"));
        if !leads.is_some_and(|found| onion.views.marks(found.route()).append_slash) {
            return Ok(None);
        }
        let address = full_path(paths.path(uri), uri, true);
        // Two slashes at the beginning would lead to another host.
        let address = escape_leading_slashes(&address).into_owned();
        if self.core.debug && [Method::DELETE, Method::POST, Method::PUT, Method::PATCH].contains(method) {
            let host = line.as_sent().get_host()?;
            return Err(Error::internal(format!(
                "You called this URL via {method}, but the URL doesn't end in a slash and you have APPEND_SLASH set. \
                 A redirect to the slash URL would lose the {method} data. Change your form to point to {host}{address} (note the \
                 trailing slash), or set APPEND_SLASH=false in your settings."
            )));
        }
        Ok(Some(address))
    }
}

impl CommonMiddleware {
    /// What is answered in place of the site.
    fn instead(&self, request: &HttpRequest, next: Next<'_>) -> Result<Option<HttpResponse>> {
        if let Some(disallowed) = &self.disallowed_user_agents
            && let Some(agent) = request.headers().get(USER_AGENT)
            && disallowed.is_match(agent.as_bytes())
        {
            return Err(Error::permission_denied("Forbidden user agent"));
        }
        // Checked on every request: a host that is not ours must not reach a view.
        let host = request.get_host()?;
        if !self.core.prepend_www || host.is_empty() || host.starts_with("www.") {
            return Ok(None);
        }
        let path = self.slashed(next.line, next.onion)?.unwrap_or_else(|| request.get_full_path());
        let to = format!("{}://www.{host}{path}", request.scheme());
        check_redirect_length(&to)?;
        // Whatever the host is, `www.` goes before it, as in Django: `http://www.[::1]/` is no address to check.
        let mut response = self.redirect("/")?;
        response.headers.insert(LOCATION, header_value(&iri_to_uri(&to))?);
        Ok(Some(response))
    }

    fn complete(&self, next: Next<'_>, response: &mut HttpResponse) -> Result<()> {
        if response.status == StatusCode::NOT_FOUND
            && let Some(address) = self.slashed(next.line, next.onion)?
        {
            *response = self.redirect(&address)?;
            return Ok(());
        }
        if let Some(length) = response.content().map(Bytes::len) {
            response.headers.entry(CONTENT_LENGTH).or_insert_with(|| header_number(length as u64));
        }
        Ok(())
    }
}

impl Halves for CommonMiddleware {
    fn before(&self, request: &mut HttpRequest, next: Next<'_>) -> Before {
        match self.instead(request, next) {
            Ok(None) => Before::Next(Kept::NOTHING),
            Ok(Some(response)) => Before::Answer(response, Kept::NOTHING),
            Err(error) => Before::Fail(error),
        }
    }

    fn after(&self, _kept: &Kept, next: Next<'_>, response: &mut HttpResponse) -> After {
        After::Done(self.complete(next, response))
    }
}

#[cfg(test)]
mod tests;
