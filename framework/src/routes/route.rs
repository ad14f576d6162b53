//! The text of one route, taken apart (Django 5.2 `urls/resolvers.py`, `_route_to_regex`).

use regex::Regex;

use crate::routes::converter::{Conversion, Converters};
use crate::routes::python_text::python_repr_text;

/// A bit of a route.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Itself.
    Text(String),
    /// `<int:year>`
    Param { name: String, conversion: Conversion },
    /// The whole of a `re_path`, in Python's syntax.
    Regex(String),
}

/// What is wrong with the text of a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteFault {
    #[error("URL route {} cannot contain whitespace in angle brackets <…>.", python_repr_text(.route))]
    Whitespace { route: String },
    #[error(
        "URL route {} uses parameter name {} which isn't a valid Python identifier.",
        python_repr_text(.route),
        python_repr_text(.name)
    )]
    Identifier { route: String, name: String },
    #[error(
        "URL route {} uses invalid converter {} (the converters are {converters}).",
        python_repr_text(.route),
        python_repr_text(.converter)
    )]
    Converter { route: String, converter: String, converters: String },
    #[error("URL route {} uses parameter name {} more than once.", python_repr_text(.route), python_repr_text(.name))]
    Twice { route: String, name: String },
    #[error("{} is not a valid regular expression: {reason}", python_repr_text(.regex))]
    Regex { regex: String, reason: String },
}

/// Takes a `path` route apart. What is at fault stays in as text, so that the rest can be looked at too.
pub(crate) fn parse(route: &str, converters: &Converters) -> (Vec<Piece>, Vec<RouteFault>) {
    let (mut pieces, mut faults) = (Vec::new(), Vec::new());
    let (mut literal, mut at) = (0, 0);
    while let Some(found) = next_parameter(route, at) {
        if literal < found.start {
            pieces.push(Piece::Text(route[literal..found.start].to_owned()));
        }
        (literal, at) = (found.end, found.end);
        match parameter(route, &found, &pieces, converters) {
            Ok(piece) => pieces.push(piece),
            Err(fault) => {
                pieces.push(Piece::Text(route[found.start..found.end].to_owned()));
                faults.push(fault);
            }
        }
    }
    if literal < route.len() {
        pieces.push(Piece::Text(route[literal..].to_owned()));
    }
    (pieces, faults)
}

/// The brackets without a partner, as Django's urls.W010 tells them.
pub(crate) fn unmatched_brackets(route: &str) -> Vec<char> {
    let (mut open, mut unmatched) = (0_usize, Vec::new());
    for bracket in route.chars() {
        match bracket {
            '<' => open += 1,
            '>' if open == 0 => unmatched.push('>'),
            '>' => open -= 1,
            _ => {}
        }
    }
    if open > 0 {
        unmatched.push('<');
    }
    unmatched
}

/// `<converter:name>` somewhere in a route.
struct Found<'r> {
    start: usize,
    end: usize,
    converter: Option<&'r str>,
    name: &'r str,
}

/// The next `<(?:([^>:]+):)?([^>]+)>`.
fn next_parameter(route: &str, from: usize) -> Option<Found<'_>> {
    let mut at = from;
    loop {
        let start = at + route.get(at..)?.find('<')?;
        let close = start + route[start..].find('>')?;
        let inner = &route[start + 1..close];
        if inner.is_empty() {
            at = start + 1;
            continue;
        }
        let (converter, name) = match inner.split_once(':') {
            Some((converter, name)) if !converter.is_empty() && !name.is_empty() => (Some(converter), name),
            _ => (None, inner),
        };
        return Some(Found { start, end: close + 1, converter, name });
    }
}

fn parameter(
    route: &str,
    found: &Found<'_>,
    before: &[Piece],
    converters: &Converters,
) -> Result<Piece, RouteFault> {
    let text = &route[found.start..found.end];
    if text.contains([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']) {
        return Err(RouteFault::Whitespace { route: route.to_owned() });
    }
    let name = found.name.to_owned();
    if !is_identifier(&name) {
        return Err(RouteFault::Identifier { route: route.to_owned(), name });
    }
    let converter = found.converter.unwrap_or("str");
    let Some(conversion) = converters.get(converter) else {
        return Err(RouteFault::Converter {
            route: route.to_owned(),
            converter: converter.to_owned(),
            converters: converters.names().collect::<Vec<_>>().join(", "),
        });
    };
    let taken = |piece: &Piece| matches!(piece, Piece::Param { name: other, .. } if *other == name);
    if before.iter().any(taken) {
        return Err(RouteFault::Twice { route: route.to_owned(), name });
    }
    Ok(Piece::Param { name, conversion })
}

/// Python's `str.isidentifier`.
fn is_identifier(name: &str) -> bool {
    if name.is_ascii() {
        return !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    }
    Regex::new(r"^[\p{XID_Start}_]\p{XID_Continue}*$").is_ok_and(|regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a route, `|` between them, and its faults.
    fn parsed(route: &str) -> (String, Vec<String>) {
        let (pieces, faults) = parse(route, &Converters::default());
        let pieces = pieces.iter().map(|piece| match piece {
            Piece::Text(text) | Piece::Regex(text) => text.clone(),
            Piece::Param { name, conversion } => format!("{}={name}", conversion.name()),
        });
        (pieces.collect::<Vec<_>>().join("|"), faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_route_is_taken_apart_as_django_does() {
        let check =
            |route: &str, pieces: &str| assert_eq!(parsed(route), (pieces.to_owned(), vec![]), "{route}");
        check("", "");
        check("a/", "a/");
        check("<int:year>/<slug:slug>/", "int=year|/|slug=slug|/");
        check("<name>", "str=name");
        check("a<path:p>b<uuid:é>", "a|path=p|b|uuid=é");
        check("<>/<x>", "<>/|str=x");
        check("a<b", "a<b");
        check("a>b<x>", "a>b|str=x");
        check("<_>", "str=_");
    }

    #[test]
    fn faults_are_told_in_djangos_words() {
        let check = |route: &str, fault: &str| assert_eq!(parsed(route).1, [fault], "{route}");
        check("<int: year>", "URL route '<int: year>' cannot contain whitespace in angle brackets <…>.");
        check(
            "<int:1y>/",
            "URL route '<int:1y>/' uses parameter name '1y' which isn't a valid Python identifier.",
        );
        check(
            "<int:>",
            "URL route '<int:>' uses parameter name 'int:' which isn't a valid Python identifier.",
        );
        check(
            "<a:b:c>",
            "URL route '<a:b:c>' uses parameter name 'b:c' which isn't a valid Python identifier.",
        );
        check(
            "<<int:x>",
            "URL route '<<int:x>' uses invalid converter '<int' (the converters are int, path, slug, str, uuid).",
        );
        check("<int:a>/<a>", "URL route '<int:a>/<a>' uses parameter name 'a' more than once.");
        let two = parsed("<number:a>/<slug:b c>").1;
        assert_eq!(two.len(), 2, "{two:?}");
    }

    #[test]
    fn brackets_without_a_partner_are_found() {
        let check =
            |route: &str, brackets: &[char]| assert_eq!(unmatched_brackets(route), brackets, "{route}");
        check("<a>/<b>", &[]);
        check("<a", &['<']);
        check("a>", &['>']);
        check(">a<", &['>', '<']);
        check("a>>", &['>', '>']);
    }
}
