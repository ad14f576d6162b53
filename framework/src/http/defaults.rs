//! The pages for errors that no view and no template speaks for.

use http::StatusCode;

use crate::http::response::HttpResponse;

macro_rules! page {
    ($title:literal, $details:literal) => {
        concat!(
            "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>",
            $title,
            "</title>\n</head>\n<body>\n  <h1>",
            $title,
            "</h1><p>",
            $details,
            "</p>\n</body>\n</html>\n"
        )
    };
}

/// The plain page for an error, Django's bytes where Django has a page (Django 5.2 `views/defaults.py`).
///
/// ```
/// use http::StatusCode;
/// use nuages::http::defaults::error_page;
///
/// let page = error_page(StatusCode::NOT_FOUND);
/// assert_eq!(page.status, StatusCode::NOT_FOUND);
/// assert!(page.content().unwrap().starts_with(b"\n<!doctype html>"));
/// ```
#[must_use]
pub fn error_page(status: StatusCode) -> HttpResponse {
    let page = match status {
        StatusCode::NOT_FOUND => page!("Not Found", "The requested resource was not found on this server."),
        StatusCode::BAD_REQUEST => page!("Bad Request (400)", ""),
        StatusCode::FORBIDDEN => page!("403 Forbidden", ""),
        StatusCode::INTERNAL_SERVER_ERROR => page!("Server Error (500)", ""),
        _ => {
            let title = format!("{} ({})", status.canonical_reason().unwrap_or("Error"), status.as_u16());
            let page = page!("\u{0}", "").replace('\u{0}', &title);
            return HttpResponse::new(page).with_status(status);
        }
    };
    HttpResponse::new(page).with_status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_djangos() {
        let not_found = "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  \
                         <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n";
        assert_eq!(error_page(StatusCode::NOT_FOUND).content().unwrap(), not_found);
        for (status, title) in [
            (StatusCode::BAD_REQUEST, "Bad Request (400)"),
            (StatusCode::FORBIDDEN, "403 Forbidden"),
            (StatusCode::INTERNAL_SERVER_ERROR, "Server Error (500)"),
            (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable (503)"),
        ] {
            let response = error_page(status);
            let page = std::str::from_utf8(response.content().unwrap()).unwrap();
            assert_eq!(page.matches(&format!(">{title}</")).count(), 2, "{page}");
            assert_eq!(
                (response.status, response.header("content-type")),
                (status, Some("text/html; charset=utf-8"))
            );
        }
    }
}
