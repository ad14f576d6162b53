//! `django.middleware.clickjacking.XFrameOptionsMiddleware`: who may show the site's pages in a frame.

use http::header::{HeaderValue, X_FRAME_OPTIONS};

use crate::checks::CheckMessage;
use crate::error::Result;
use crate::http::header_value::constant;
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
            Ok(value) => Ok(Self { value: constant(value) }),
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
    fn before(&self, _request: &mut HttpRequest, _next: Next<'_>) -> Before {
        Before::Next(Kept::NOTHING)
    }

    fn after(&self, _kept: &Kept, _next: Next<'_>, response: &mut HttpResponse) -> After {
        if response.extensions().get::<FrameExempt>().is_none() {
            response.headers.entry(X_FRAME_OPTIONS).or_insert_with(|| self.value.clone());
        }
        After::Done(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use crate::decorators::clickjacking::{
        xframe_options_deny, xframe_options_exempt, xframe_options_sameorigin,
    };
    use crate::prelude::*;
    use crate::test::client::Client;

    async fn plain(_: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::text("plain"))
    }

    async fn own(_: HttpRequest) -> Result<HttpResponse> {
        Ok(HttpResponse::text("own").with_header("x-frame-options", "ALLOW-FROM x")?)
    }

    #[tokio::test]
    async fn who_may_show_a_page() {
        let urls = || {
            urls![
                path("plain/", plain),
                path("own/", own),
                path("deny/", xframe_options_deny(plain)),
                path("same/", xframe_options_sameorigin(plain)),
                path("exempt/", xframe_options_exempt(plain)),
                path("own-deny/", xframe_options_deny(own)),
            ]
        };
        for (setting, middleware, plain) in
            [(None, true, Some("DENY")), (Some("sameorigin"), true, Some("SAMEORIGIN")), (None, false, None)]
        {
            let layer = "django.middleware.clickjacking.XFrameOptionsMiddleware";
            let layers = if middleware { vec![layer] } else { Vec::new() };
            let mut builder =
                Client::builder(Site::new("no-such-folder").urls(urls())).setting("MIDDLEWARE", layers);
            if let Some(setting) = setting {
                builder = builder.setting("X_FRAME_OPTIONS", setting);
            }
            let client = builder.build().await.unwrap();
            for (path, expected) in [
                ("/plain/", plain),
                ("/nothing/", plain),
                ("/own/", Some("ALLOW-FROM x")),
                ("/deny/", Some("DENY")),
                ("/same/", Some("SAMEORIGIN")),
                ("/exempt/", None),
                ("/own-deny/", Some("ALLOW-FROM x")),
            ] {
                let response = client.get(path).await.unwrap();
                assert_eq!(response.header("x-frame-options"), expected, "{path} {setting:?} {middleware}");
            }
        }
    }
}
