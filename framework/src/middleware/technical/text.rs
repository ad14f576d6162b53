//! The same for scripts: plain text.

use std::fmt::Write as _;

use super::Report;
use super::secrets::shown;

/// The report as text.
pub(super) fn text(report: &Report<'_>) -> String {
    let mut out = format!("{} at {}\n", report.kind, report.request.path_info());
    for (index, words) in report.chain.iter().enumerate() {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(out, "{}{words}", if index == 0 { "" } else { "because of: " });
    }
    let _ = writeln!(out, "\nRequest Method: {}", report.request.method());
    let _ = writeln!(out, "Request URL: {}", report.url());
    if let Some(view) = report.view() {
        let _ = writeln!(out, "Raised during: {view}");
    }
    let templates = report.templates.iter().map(|place| ("Template", place));
    for (what, place) in report.raised.iter().map(|place| ("Raised at", place)).chain(templates) {
        let _ = writeln!(out, "{what}: {}:{}", place.file, place.line);
        if let Some(excerpt) = &place.excerpt {
            for (offset, line) in excerpt.lines.iter().enumerate() {
                let number = excerpt.first + offset;
                let mark = if number == excerpt.line { '>' } else { ' ' };
                let _ = writeln!(out, "{mark} {number:5} | {line}");
            }
        }
    }
    if !report.frames.is_empty() {
        out.push_str("\nBacktrace (innermost first):\n");
        for (frame, _) in &report.frames {
            let _ = writeln!(out, "  {}\n    at {}:{}", frame.function, frame.file, frame.line);
        }
    }
    out.push_str("\nHeaders:\n");
    for (name, value) in report.request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        let _ = writeln!(out, "  {name}: {}", shown(name.as_str(), &value));
    }
    out.push_str("\nYou're seeing this error because you have DEBUG = true in your settings.\n");
    out
}
