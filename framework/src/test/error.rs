//! Why the test client has no response to give.

use http::StatusCode;

use crate::checks::CheckMessage;
use crate::error::BoxError;

/// Why the test client has no response to give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The site cannot be built.
    #[error("the site cannot be built:\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Site(Vec<CheckMessage>),
    /// A setting given to the builder has no form in the settings.
    #[error("the setting {name} has no form in the settings")]
    Setting {
        /// The setting.
        name: String,
        /// Why.
        #[source]
        source: toml::ser::Error,
    },
    /// The database could not be made ready.
    #[error("the test's database could not be made ready")]
    Database(#[source] BoxError),
    /// The request cannot be sent: its URL or one of its headers is malformed.
    #[error("the request to {url:?} is malformed")]
    Request {
        /// The URL.
        url: String,
        /// What is malformed.
        #[source]
        source: BoxError,
    },
    /// What is to be sent has no form as JSON.
    #[error("the body of the request has no form in JSON")]
    Body(#[source] serde_json::Error),
    /// Something in the site failed, and [`Client::raise`](super::client::Client::raise) is on.
    #[error("{url}: {reason}")]
    Raised {
        /// The URL of the request.
        url: String,
        /// The error and its causes.
        reason: String,
    },
    /// The body of the response broke off.
    #[error("{url}: the response's body broke off")]
    Response {
        /// The URL of the request.
        url: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A redirect leads back to a page that was redirected from.
    #[error("redirect loop: {}", shown(.0))]
    RedirectLoop(Vec<Redirect>),
    /// More than 20 redirects.
    #[error("too many redirects: {}", shown(.0))]
    TooManyRedirects(Vec<Redirect>),
    /// The visitor's messages cannot be had.
    #[error("the visitor's messages")]
    Messages(#[source] BoxError),
    /// The session cannot be had or saved.
    #[error("the visitor's session")]
    Session(#[source] BoxError),
}

/// One step on the way to a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Where to.
    pub url: String,
    /// With which status.
    pub status: StatusCode,
}

fn shown(chain: &[Redirect]) -> String {
    chain.iter().map(|step| step.url.as_str()).collect::<Vec<_>>().join(" -> ")
}
