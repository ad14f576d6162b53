//! Views that answer some methods alone.

use nuages::decorators::http::{require_get, require_http_methods, require_post, require_safe};
use nuages::prelude::*;
use serde_json::json;

use crate::values::answer;
use crate::views::by_kind::ByKind;

/// The view that the path names.
pub(crate) fn methods() -> ByKind {
    ByKind::default()
        .with("get", require_get(any))
        .with("post", require_post(any))
        .with("safe", require_safe(any))
        .with("list", require_http_methods(&["GET", "PUT", "PATCH"], any))
        .with("any", any)
        .with("class", view(Verbs))
        .with("posts", view(Posts))
}

async fn any(_: HttpRequest) -> Result<HttpResponse> {
    verb("any")
}

fn verb(name: &str) -> Result<HttpResponse> {
    answer(&json!({"verb": name}))
}

#[derive(Clone)]
struct Verbs;

impl ClassView for Verbs {
    type Params = ();

    async fn get(self, _: HttpRequest, (): ()) -> Result<HttpResponse> {
        verb("get")
    }

    async fn post(self, _: HttpRequest, (): ()) -> Result<HttpResponse> {
        verb("post")
    }

    async fn delete(self, _: HttpRequest, (): ()) -> Result<HttpResponse> {
        verb("delete")
    }
}

#[derive(Clone)]
struct Posts;

impl ClassView for Posts {
    type Params = ();

    async fn post(self, _: HttpRequest, (): ()) -> Result<HttpResponse> {
        verb("post")
    }
}
