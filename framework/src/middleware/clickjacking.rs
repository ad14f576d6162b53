//! `django.middleware.clickjacking.XFrameOptionsMiddleware`: who may show the site's pages in a frame.

use http::header::{HeaderValue, X_FRAME_OPTIONS};

use crate::checks::CheckMessage;
use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::onion::Next;
use crate::project::Project;

/// Sends `X-Frame-Options` with what the setting `X_FRAME_OPTIONS` says, in capitals (Django 5.2
/// `middleware/clickjacking.py`).
///
/// A header that the view set itself stays, an empty one too. For single views there are the
/// [decorators](crate::decorators::clickjacking).
#[derive(Debug)]
pub struct XFrameOptionsMiddleware {
    value: HeaderValue,
}

/// Left among the extensions of a response that anybody may show in a frame: it gets no `X-Frame-Options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameExempt;

impl FromProject for XFrameOptionsMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let setting = &project.core().x_frame_options;
        match HeaderValue::try_from(setting.to_uppercase()) {
            Ok(value) => Ok(Self { value }),
            Err(_) => Err(vec![
                CheckMessage::error(
                    "nuages.E013",
                    format!("X_FRAME_OPTIONS: {setting:?} has characters that no header may hold"),
                )
                .hint("It is \"DENY\" or \"SAMEORIGIN\"."),
            ]),
        }
    }
}

impl Halves for XFrameOptionsMiddleware {
    fn before<'a>(&'a self, _request: &'a mut HttpRequest, _next: Next<'a>) -> Before<'a> {
        Before::Next(Kept::NOTHING)
    }

    fn after<'a>(&'a self, _kept: Kept, _next: Next<'a>, response: &'a mut HttpResponse) -> After<'a> {
        if response.extensions().get::<FrameExempt>().is_none() {
            response.headers.entry(X_FRAME_OPTIONS).or_insert_with(|| self.value.clone());
        }
        After::Done(Ok(()))
    }
}
