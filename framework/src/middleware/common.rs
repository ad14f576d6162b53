//! `django.middleware.common.CommonMiddleware`: missing slashes and `www.`, Content-Length, unwanted user agents.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, HeaderValue, USER_AGENT};
use http::{Method, StatusCode};
use regex::bytes::RegexSet;

use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;
use crate::routes::table::RouteTable;

/// The common middleware (Django 5.2 `middleware/common.py`).
#[derive(Debug)]
pub struct CommonMiddleware {
    core: Arc<CoreSettings>,
    disallowed_user_agents: RegexSet,
}

impl FromProject for CommonMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let core: Arc<CoreSettings> = project.settings().section();
        let disallowed_user_agents = RegexSet::new(&core.disallowed_user_agents).map_err(|error| {
            vec![
                CheckMessage::error("nuages.E012", format!("DISALLOWED_USER_AGENTS: {error}"))
                    .hint("Each entry is a regular expression that is searched in the User-Agent header."),
            ]
        })?;
        Ok(Self { core, disallowed_user_agents })
    }
}

/// The path with its slash, where adding one is what `APPEND_SLASH` would do.
struct WithSlash {
    path: String,
    full_path: String,
}

impl WithSlash {
    fn of(request: &HttpRequest) -> Option<Self> {
        let path = request.path_info();
        (!path.ends_with('/'))
            .then(|| Self { path: path.to_owned(), full_path: request.get_full_path_with_slash() })
    }

    /// The path leads nowhere, and with a slash it leads somewhere.
    fn helps(&self, routes: &RouteTable) -> bool {
        routes.resolve(&self.path).is_none() && routes.resolve(&format!("{}/", self.path)).is_some()
    }
}

impl CommonMiddleware {
    /// The address with a slash, unless the request brings data that a redirect would lose.
    fn slashed(&self, with_slash: WithSlash, method: &Method) -> Result<String> {
        if self.core.debug && [Method::DELETE, Method::POST, Method::PUT, Method::PATCH].contains(method) {
            return Err(Error::internal(format!(
                "You called this URL via {method}, but the URL doesn't end in a slash and you have APPEND_SLASH set. \
                 A redirect to the slash URL would lose the {method} data. Change your form to point to {} (note the \
                 trailing slash), or set APPEND_SLASH=false in your settings.",
                with_slash.full_path
            )));
        }
        Ok(with_slash.full_path)
    }
}

#[async_trait]
impl Middleware for CommonMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        if let Some(agent) = request.headers().get(USER_AGENT)
            && self.disallowed_user_agents.is_match(agent.as_bytes())
        {
            return Err(Error::permission_denied("Forbidden user agent"));
        }
        // Checked on every request: a host that is not ours must not reach a view.
        let host = request.get_host()?;
        let wants_www = self.core.prepend_www && !host.is_empty() && !host.starts_with("www.");
        let routes = next.onion.project().routes();
        let with_slash = if self.core.append_slash { WithSlash::of(&request) } else { None };
        if wants_www {
            let path = match with_slash.filter(|with_slash| with_slash.helps(routes)) {
                Some(with_slash) => self.slashed(with_slash, request.method())?,
                None => request.get_full_path(),
            };
            let to = format!("{}://www.{host}{path}", request.scheme());
            return HttpResponse::permanent_redirect(&to);
        }

        let method = &next.line.method;
        let mut response = next.run(request).await;

        if response.status == StatusCode::NOT_FOUND
            && let Some(with_slash) = with_slash.filter(|with_slash| with_slash.helps(routes))
        {
            return HttpResponse::permanent_redirect(&self.slashed(with_slash, method)?);
        }
        if let Some(content) = response.content()
            && !response.headers.contains_key(CONTENT_LENGTH)
        {
            let length = HeaderValue::from(content.len());
            response.headers.insert(CONTENT_LENGTH, length);
        }
        Ok(response)
    }
}
