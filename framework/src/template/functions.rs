//! The functions that every template may call.
//!
//! | function | Django's tag |
//! |---|---|
//! | `{{ static(path="site.css") }}` | `{% static "site.css" %}` |

use tera::{Kwargs, State, Tera, TeraResult};

use crate::template::engine::TemplateOptions;

/// Teaches tera the functions.
pub(super) fn register(tera: &mut Tera, options: &TemplateOptions) {
    let static_url = options.static_url.clone();
    tera.register_function("static", move |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        Ok(static_path(&static_url, args.must_get("path")?))
    });
}

/// `STATIC_URL` and the path, each byte of which that a URL cannot hold escaped
/// (Django 5.2 `templatetags/static.py`: `urljoin(STATIC_URL, quote(path))`).
fn static_path(static_url: &str, path: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    /// What Python's `urllib.parse.quote` leaves alone.
    const QUOTE: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~').remove(b'/');
    format!("{static_url}{}", utf8_percent_encode(path.trim_start_matches('/'), QUOTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_paths() {
        let check = |path: &str, expected: &str| assert_eq!(static_path("/static/", path), expected);
        check("site.css", "/static/site.css");
        check("shop/a b.png", "/static/shop/a%20b.png");
        check("ü?.css", "/static/%C3%BC%3F.css");
    }
}
