//! `django.views.csrf`: what a visitor sees whose request the CSRF protection does not believe.

use std::fmt::Write as _;

use http::StatusCode;

use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::csrf::reason::Reason;
use crate::shortcuts::render_if_there;
use crate::template::context::Context;

/// The template that takes the place of the page, if the site has it.
const TEMPLATE: &str = "403_csrf.html";

/// `django.views.csrf.csrf_failure`, the default of `CSRF_FAILURE_VIEW`: the template `403_csrf.html` if the site has one, else Django's page, to the byte where
/// `DEBUG` is off (Django 5.2 `views/csrf.py`, `views/templates/csrf_403.html`).
///
/// # Errors
/// When the site's template fails.
pub async fn csrf_failure(request: HttpRequest, reason: String) -> Result<HttpResponse> {
    let made = render_if_there(&request, StatusCode::FORBIDDEN, TEMPLATE, Context::new()).await?;
    let plain = || page(&reason, request.project().core().debug);
    Ok(made.unwrap_or_else(|| HttpResponse::new(plain()).with_status(StatusCode::FORBIDDEN)))
}

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
  <meta http-equiv="content-type" content="text/html; charset=utf-8">
  <meta name="robots" content="NONE,NOARCHIVE">
  <title>403 Forbidden</title>
  <style>
    html * { padding:0; margin:0; }
    body * { padding:10px 20px; }
    body * * { padding:0; }
    body { font-family: sans-serif; background:#eee; color:#000; }
    body>div { border-bottom:1px solid #ddd; }
    h1 { font-weight:normal; margin-bottom:.4em; }
    h1 span { font-size:60%; color:#666; font-weight:normal; }
    #info { background:#f6f6f6; }
    #info ul { margin: 0.5em 4em; }
    #info p, #summary p { padding-top:10px; }
    #summary { background: #ffc; }
    #explanation { background:#eee; border-bottom: 0px none; }
  </style>
</head>
<body>
<div id="summary">
  <h1>Forbidden <span>(403)</span></h1>
  <p>CSRF verification failed. Request aborted.</p>
"#;

const NO_REFERER: [&str; 3] = [
    "You are seeing this message because this HTTPS site requires a “Referer header” to be sent by your web browser, but \
     none was sent. This header is required for security reasons, to ensure that your browser is not being hijacked by \
     third parties.",
    "If you have configured your browser to disable “Referer” headers, please re-enable them, at least for this site, or \
     for HTTPS connections, or for “same-origin” requests.",
    "If you are using the &lt;meta name=&quot;referrer&quot; content=&quot;no-referrer&quot;&gt; tag or including the \
     “Referrer-Policy: no-referrer” header, please remove them. The CSRF protection requires the “Referer” header to do \
     strict referer checking. If you’re concerned about privacy, use alternatives like &lt;a rel=&quot;noreferrer&quot; \
     …&gt; for links to third-party sites.",
];

const NO_COOKIE: [&str; 2] = [
    "You are seeing this message because this site requires a CSRF cookie when submitting forms. This cookie is required \
     for security reasons, to ensure that your browser is not being hijacked by third parties.",
    "If you have configured your browser to disable cookies, please re-enable them, at least for this site, or for \
     “same-origin” requests.",
];

/// The page. What it says without `DEBUG` is part of what a Django site sends: scripts and tests look for it.
fn page(reason: &str, debug: bool) -> String {
    let mut page = HEAD.to_owned();
    if reason == Reason::NoReferer.to_string() {
        push_paragraphs(&mut page, &NO_REFERER);
    }
    page.push('\n');
    if reason == Reason::NoCookie.to_string() {
        push_paragraphs(&mut page, &NO_COOKIE);
    }
    page.push_str("\n</div>\n\n");
    if debug {
        let reason = escape(reason);
        // Writing into a String cannot fail.
        let _ = write!(page, "<div id=\"info\">\n  <h2>Why</h2>\n  <pre>{reason}</pre>\n{HELP}</div>\n");
    } else {
        page.push_str(
            "<div id=\"explanation\">\n  <p><small>More information is available with DEBUG=True.</small></p>\n</div>\n",
        );
    }
    page.push_str("\n</body>\n</html>\n");
    page
}

fn push_paragraphs(page: &mut String, paragraphs: &[&str]) {
    page.push('\n');
    for paragraph in paragraphs {
        let _ = writeln!(page, "  <p>{paragraph}</p>");
    }
}

const HELP: &str = "  <p>Either another site made your browser send this, or the form lacks something:</p>
  <ul>
    <li>The template has <code>{{ csrf_input }}</code> inside each form that is posted to this site; to no other, which would learn the token.</li>
    <li>The view renders it with <code>render(&amp;request, …)</code>.</li>
    <li>A script that posts sends the token in the header <code>X-CSRFToken</code>.</li>
    <li>The browser takes this site's cookies.</li>
    <li>The page is not older than the last login: the token changes then. Load it again.</li>
  </ul>
  <p><code>CSRF_FAILURE_VIEW</code> or a template <code>403_csrf.html</code> takes the place of this page. \
You see this part because <code>DEBUG</code> is on.</p>
";

/// As Django escapes, but for nothing that needs more than text between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_djangos() {
        let end = |reason: &Reason| {
            let page = page(&reason.to_string(), false);
            page[page.find("aborted.</p>").unwrap()..].to_owned()
        };
        let last = "\n</div>\n\n<div id=\"explanation\">\n  <p><small>More information is available with DEBUG=True.</small>\
                    </p>\n</div>\n\n</body>\n</html>\n";
        assert_eq!(end(&Reason::NoToken), format!("aborted.</p>\n\n{last}"));
        let [one, other] = NO_COOKIE;
        assert_eq!(
            end(&Reason::NoCookie),
            format!("aborted.</p>\n\n\n  <p>{one}</p>\n  <p>{other}</p>\n{last}")
        );
        let [one, other, third] = NO_REFERER;
        assert_eq!(
            end(&Reason::NoReferer),
            format!("aborted.</p>\n\n  <p>{one}</p>\n  <p>{other}</p>\n  <p>{third}</p>\n\n{last}")
        );
    }

    #[test]
    fn the_reason_is_shown_under_debug_alone_and_is_no_markup() {
        let reason = Reason::BadOrigin("http://<script>alert(1)</script>".to_owned()).to_string();
        assert!(!page(&reason, false).contains("Origin"));
        let shown = page(&reason, true);
        assert!(shown.contains("http://&lt;script&gt;") && !shown.contains("<script>"), "{shown}");
    }
}
