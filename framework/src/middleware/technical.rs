//! The page that DEBUG shows for an error: what went wrong, from the outside in, and for a 404 which routes were tried.

use std::error::Error as StdError;
use std::fmt::Write as _;

use http::StatusCode;

use crate::error::Error;
use crate::http::response::HttpResponse;
use crate::middleware::request_line::RequestLine;
use crate::project::Project;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1f2430;background:#fbfbfa}\
header{background:#fff3c4;border-bottom:1px solid #e7d9a0;padding:1.5rem 2rem}\
h1{font-size:1.25rem;margin:0 0 .5rem}h2{font-size:1rem;margin:1.5rem 0 .5rem}\
main{padding:.5rem 2rem 2rem}pre,code{font:14px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
ol{padding-left:1.5rem}footer{padding:1rem 2rem;color:#666;border-top:1px solid #eee}";

/// Everything shown is escaped: the path and the error's words may come from a client.
pub(crate) fn technical_page(
    status: StatusCode,
    error: &Error,
    line: &RequestLine,
    project: &Project,
) -> HttpResponse {
    let title = format!("{} at {}", kind(error, status), line.uri.path());
    let mut main = String::new();
    match error {
        Error::NotFound(_) => routes(&mut main, project),
        Error::Internal(inner) => causes(&mut main, &**inner),
        _ => {}
    }
    let title = escape(&title);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"NONE,NOARCHIVE\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\
         <header><h1>{title}</h1><pre>{reason}</pre></header>\
         <main><p>{method} <code>{target}</code>: status {status}</p>{main}</main>\
         <footer>You see this page because <code>DEBUG = true</code> in the settings. \
         With <code>DEBUG = false</code> visitors get a plain page.</footer></body></html>\n",
        reason = escape(&error.to_string()),
        method = escape(line.method.as_str()),
        target = escape(&line.uri.to_string()),
        status = status.as_u16(),
    );
    HttpResponse::new(page).with_status(status)
}

fn kind(error: &Error, status: StatusCode) -> String {
    match error {
        Error::NotFound(_) => "Page not found (404)".to_owned(),
        Error::Suspicious { kind, .. } => (*kind).to_owned(),
        _ => format!("{} ({})", status.canonical_reason().unwrap_or("Error"), status.as_u16()),
    }
}

fn routes(out: &mut String, project: &Project) {
    out.push_str("<h2>These routes were tried, in this order</h2><ol>");
    for route in project.routes().routes() {
        let name = route.name().map(|name| format!(" [name='{}']", escape(name))).unwrap_or_default();
        let _ = write!(out, "<li><code>{}</code>{name}</li>", escape(&route.text()));
    }
    out.push_str("</ol>");
}

fn causes(out: &mut String, error: &(dyn StdError + 'static)) {
    let mut source = error.source();
    if source.is_some() {
        out.push_str("<h2>Because of</h2><ol>");
        while let Some(cause) = source {
            let _ = write!(out, "<li><pre>{}</pre></li>", escape(&cause.to_string()));
            source = cause.source();
        }
        out.push_str("</ol>");
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#x27;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shown_is_markup() {
        assert_eq!(escape("<a href='x'>&\"</a>"), "&lt;a href=&#x27;x&#x27;&gt;&amp;&quot;&lt;/a&gt;");
    }
}
