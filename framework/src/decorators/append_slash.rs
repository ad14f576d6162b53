//! What `CommonMiddleware` does for one view (Django 5.2 `views/decorators/common.py`).

use crate::urls::decorator::Marked;
use crate::urls::marks::Marks;
use crate::urls::view::View;

/// `APPEND_SLASH` leads nobody to the view: its address without the slash is a 404.
///
/// ```
/// # use nuages::prelude::*;
/// use nuages::decorators::append_slash::no_append_slash;
///
/// # async fn hook(_: HttpRequest) -> Result<HttpResponse> { Ok(HttpResponse::new("")) }
/// path("hook/", no_append_slash(hook));
/// ```
pub fn no_append_slash<Args: 'static>(view: impl View<Args>) -> impl View<Args> {
    Marked::new(view, |marks| Marks { append_slash: false, ..marks })
}
