//! The views of csrf.

use nuages::prelude::*;

use crate::views::absent::absent;

pub(crate) async fn view(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-view")
}

pub(crate) async fn quiet(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-quiet")
}

pub(crate) async fn template(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-template")
}

pub(crate) async fn exempt(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-exempt")
}

pub(crate) async fn protect(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-protect")
}

pub(crate) async fn ensure(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-ensure")
}

pub(crate) async fn requires(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-requires")
}

pub(crate) async fn rotate(_: HttpRequest) -> Result<HttpResponse> {
    absent("csrf-rotate")
}
