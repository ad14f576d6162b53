//! Pages that are kept, and what says how long.

use nuages::decorators::cache::{cache_control, cache_page, cache_page_with, never_cache};
use nuages::decorators::vary::{vary_on_cookie, vary_on_headers};
use nuages::http::cache_control::Directive;

use crate::views::by_kind::ByKind;
use crate::views::respond::respond;

/// The view that the path names.
pub(crate) fn pages() -> ByKind {
    const PRIVATE: &[Directive<'static>] = &[Directive::Flag("private"), Directive::Seconds("max-age", 30)];
    ByKind::default()
        .with("page", cache_page(60, respond))
        .with("short", cache_page(1, respond))
        .with("zero", cache_page(0, respond))
        .with("prefix", cache_page_with(60, "default", "site1", respond))
        .with("cookie", cache_page(60, vary_on_cookie(respond)))
        .with("headers", cache_page(60, vary_on_headers(&["User-Agent", "X-Custom"], respond)))
        .with("outside", vary_on_headers(&["User-Agent"], cache_page(60, respond)))
        .with("never", never_cache(respond))
        .with("never-page", cache_page(60, never_cache(respond)))
        .with("control", cache_control(PRIVATE, respond))
        .with("control-page", cache_page(60, cache_control(&[Directive::Seconds("max-age", 30)], respond)))
        .with("public-page", cache_page(60, cache_control(&[Directive::Flag("public")], respond)))
        .with("plain", respond)
}
