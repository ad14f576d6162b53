//! The report as a page.

use std::fmt::Write as _;

use http::{Method, StatusCode};

use super::excerpt::Excerpt;
use super::secrets::{cleansed, is_secret, shown};
use super::{Place, Report};
use crate::conf::secret::STARS;
use crate::conf::session::SessionSettings;
use crate::serialize::repr::repr;
use crate::session::handle::Session;
use crate::template::escape::escape;

const STYLE: &str = include_str!("technical.css");

/// The report as HTML.
pub(super) fn page(report: &Report<'_>) -> String {
    let status = report.status.as_u16();
    let title = escape(&format!("{} at {}", report.kind, report.request.path_info()));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"NONE,NOARCHIVE\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{} <small>({status}) at {}</small></h1>\n",
        escape(&report.kind),
        escape(report.request.path_info()),
    );
    if let Some(words) = report.chain.first().filter(|words| !words.is_empty()) {
        push(&mut out, format_args!("<pre>{}</pre>\n", escape(words)));
    }
    facts(report, &mut out);
    out.push_str("</header>\n<main>\n");
    match report.status {
        StatusCode::NOT_FOUND => routes(report, &mut out),
        _ => {
            failure(report, &mut out);
            request(report, &mut out);
            settings(report, &mut out);
        }
    }
    out.push_str(
        "</main>\n<footer>You’re seeing this page because you have <code>DEBUG = true</code> in your settings. \
         Change that to <code>false</code>, and visitors get a plain page.</footer>\n</body>\n</html>\n",
    );
    out
}

/// Writing to a string cannot fail.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn facts(report: &Report<'_>, out: &mut String) {
    let mut facts =
        vec![("Request method", report.request.method().to_string()), ("Request URL", report.url())];
    if let Some(place) = &report.raised {
        facts.push(("Raised at", format!("{}, line {}", place.file, place.line)));
    }
    for place in &report.templates {
        facts.push(("Template", format!("{}, line {}", place.file, place.line)));
    }
    if let Some(view) = report.view() {
        facts.push(("Raised during", view.to_owned()));
    }
    facts.push(("nuages", env!("CARGO_PKG_VERSION").to_owned()));
    out.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        push(out, format_args!("<dt>{name}</dt><dd><code>{}</code></dd>\n", escape(&value)));
    }
    out.push_str("</dl>\n");
}

fn failure(report: &Report<'_>, out: &mut String) {
    for place in &report.templates {
        out.push_str("<h2>In the template</h2>\n");
        source(place, out);
    }
    if !report.tried.is_empty() {
        out.push_str("<h2>Where the template was looked for</h2>\n<ol>\n");
        for file in &report.tried {
            push(out, format_args!("<li><code>{}</code></li>\n", escape(&file.display().to_string())));
        }
        out.push_str("</ol>\n");
    }
    if report.chain.len() > 1 {
        out.push_str("<h2>Because of</h2>\n<ol class=\"chain\">\n");
        for words in &report.chain[1..] {
            push(out, format_args!("<li><pre>{}</pre></li>\n", escape(words)));
        }
        out.push_str("</ol>\n");
    }
    if let Some(place) = &report.raised {
        out.push_str("<h2>Where it was raised</h2>\n");
        source(place, out);
    }
    if report.frames.len() > 1 {
        out.push_str("<h2>Called by, innermost first</h2>\n");
        for (index, (frame, excerpt)) in report.frames.iter().enumerate().skip(1) {
            let place = format!("{}:{}", frame.file, frame.line);
            push(
                out,
                format_args!(
                    "<details{}><summary>{}<br><code>{}</code></summary>",
                    if index < 3 && excerpt.is_some() { " open" } else { "" },
                    escape(&frame.function),
                    escape(&place)
                ),
            );
            if let Some(excerpt) = excerpt {
                lines(excerpt, out);
            }
            out.push_str("</details>\n");
        }
    }
}

fn source(place: &Place, out: &mut String) {
    push(out, format_args!("<p><code>{}</code>, line {}</p>\n", escape(&place.file), place.line));
    if let Some(excerpt) = &place.excerpt {
        lines(excerpt, out);
    }
}

fn lines(excerpt: &Excerpt, out: &mut String) {
    out.push_str("<div class=\"source\"><ol>\n");
    for (offset, line) in excerpt.lines.iter().enumerate() {
        let number = excerpt.first + offset;
        let here = if number == excerpt.line { " class=\"here\"" } else { "" };
        push(out, format_args!("<li{here}><span>{number}</span>{}</li>\n", escape(line)));
    }
    out.push_str("</ol></div>\n");
}

fn table<'a>(
    title: &str,
    rows: impl IntoIterator<Item = (String, std::borrow::Cow<'a, str>)>,
    out: &mut String,
) {
    push(out, format_args!("<h2>{title}</h2>\n"));
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return out.push_str("<p class=\"none\">Nothing.</p>\n");
    }
    out.push_str("<table>\n");
    for (name, value) in rows {
        push(
            out,
            format_args!("<tr><th>{}</th><td><pre>{}</pre></td></tr>\n", escape(&name), escape(&value)),
        );
    }
    out.push_str("</table>\n");
}

fn request(report: &Report<'_>, out: &mut String) {
    let request = &report.request;
    let pair = |(name, value): (&str, &str)| (name.to_owned(), shown(name, value).to_owned().into());
    let query = request.query().map(|query| query.items().map(pair).collect::<Vec<_>>());
    table("GET", query.unwrap_or_default(), out);
    if let Some(form) = request.form_if_read() {
        table("POST", form.post.items().map(pair), out);
        let files = form.files.lists().flat_map(|(field, files)| {
            files
                .iter()
                .map(move |file| (field.to_owned(), format!("{}, {} bytes", file.name(), file.size()).into()))
        });
        table("FILES", files, out);
    } else if *request.method() == Method::POST {
        out.push_str("<h2>POST</h2>\n<p class=\"none\">The form was not read.</p>\n");
    }
    let session_cookie = &report.project.settings().section::<SessionSettings>().cookie_name;
    let cookies = request.cookies().iter().map(|(name, value)| {
        // Who has it is the visitor.
        pair((name, if name == session_cookie { STARS } else { value }))
    });
    table("Cookies", cookies, out);
    session(&request.session, out);
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if is_secret(name.as_str()) { STARS.into() } else { value };
        (name.as_str().to_owned(), value)
    });
    table("Headers", headers, out);
    let from = request.remote_addr().map_or_else(|| "unknown".to_owned(), |remote| remote.to_string());
    table(
        "Connection",
        [
            ("From".to_owned(), from.into()),
            ("Protocol".to_owned(), format!("{:?}", request.version()).into()),
        ],
        out,
    );
}

fn session(session: &Session, out: &mut String) {
    match session.peek() {
        Some(dict) => {
            let rows = dict.iter().map(|(key, value)| {
                let name = match key.value().as_str() {
                    Some(name) => name.to_owned(),
                    None => repr(key.value()),
                };
                let value = repr(&cleansed(&name, value));
                (name, value.into())
            });
            table("Session", rows.collect::<Vec<_>>(), out);
        }
        None => out.push_str("<h2>Session</h2>\n<p class=\"none\">It was not loaded.</p>\n"),
    }
}

fn settings(report: &Report<'_>, out: &mut String) {
    let settings = report.project.settings();
    let rows = settings.compare(settings).into_iter().map(|setting| {
        let value = if is_secret(setting.name) { STARS.to_owned() } else { setting.value.to_string() };
        (setting.name.to_owned(), value.into())
    });
    table("Settings", rows.collect::<Vec<_>>(), out);
}

fn routes(report: &Report<'_>, out: &mut String) {
    let urlconf = escape(&report.project.core().root_urlconf);
    let path_info = report.request.path_info();
    // As Django shows it: without the slash that every route leaves out.
    let path = escape(path_info.strip_prefix('/').unwrap_or(path_info));
    push(
        out,
        format_args!(
            "<p>Using the URLconf <code>{urlconf}</code>, nuages tried these URL patterns, in this order:</p>\n\
             <ol class=\"routes\">\n"
        ),
    );
    for route in report.project.routes().routes() {
        let name = route.name().map(|name| format!(" <i>[name='{}']</i>", escape(name))).unwrap_or_default();
        push(out, format_args!("<li><code>{}</code>{name}</li>\n", escape(&route.text())));
    }
    out.push_str("</ol>\n");
    let tail = match report.project.routes().resolve(report.request.path_info()) {
        Some(_) => "matched one of these, and its view says that there is nothing",
        None => "didn’t match any of these",
    };
    match path.is_empty() {
        true => push(out, format_args!("<p>The empty path {tail}.</p>\n")),
        false => push(out, format_args!("<p>The current path, <code>{path}</code>, {tail}.</p>\n")),
    }
}
