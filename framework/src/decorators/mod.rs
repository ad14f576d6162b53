//! What goes around one view: Django's view decorators, as functions from a view to a view.
//!
//! The outermost is written first, as in Django's URLconfs:
//!
//! ```
//! use nuages::decorators::cache::cache_page;
//! use nuages::decorators::vary::vary_on_cookie;
//! use nuages::prelude::*;
//!
//! async fn archive(_request: HttpRequest, year: u32) -> Result<HttpResponse> {
//!     Ok(HttpResponse::new(format!("{year}")))
//! }
//!
//! let urls = urls![path("<int:year>/", cache_page(60 * 15, vary_on_cookie(archive))).name("archive")];
//! # let _ = urls;
//! ```
//!
//! | Django's module | here |
//! |---|---|
//! | `django.views.decorators.cache` | [`cache`]: `cache_page`, `cache_control`, `never_cache` |
//! | `django.views.decorators.clickjacking` | [`clickjacking`]: `xframe_options_deny`, `_sameorigin`, `_exempt` |
//! | `django.views.decorators.common` | [`append_slash`]: `no_append_slash` |
//! | `django.views.decorators.csrf` | [`csrf`]: `csrf_exempt`, `csrf_protect`, `ensure_csrf_cookie`, `requires_csrf_token` |
//! | `django.views.decorators.gzip` | [`gzip`]: `gzip_page` |
//! | `django.views.decorators.http` | [`http`]: `require_http_methods`, `require_get`, `require_post`, `require_safe`; [`conditional`]: `condition`, `etag`, `last_modified`, `conditional_page` |
//! | `django.views.decorators.vary` | [`vary`]: `vary_on_headers`, `vary_on_cookie` |
//!
//! A site's own is a [`Decorator`](crate::urls::decorator::Decorator).

pub mod append_slash;
pub mod cache;
pub mod clickjacking;
pub mod conditional;
pub mod csrf;
pub mod gzip;
pub mod http;
pub mod vary;
