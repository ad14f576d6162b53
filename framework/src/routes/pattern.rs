//! The text of a route against a path.
//!
//! Django makes a regular expression of every route. Nearly all of them never need one: where each parameter is
//! followed by text that it cannot hold, or by nothing, one walk from left to right finds what the expression would
//! find. The rest (`<path:a>/end/`, a `re_path`, a site's own converter) is given to an engine that cannot be made to
//! take exponential time.

use std::ops::Range;

use regex::Regex;
use smallvec::SmallVec;

use crate::routes::converter::Conversion;
use crate::routes::python_text::python_re_escape;
use crate::routes::route::{Piece, RouteFault};

/// A route, or the part of one that an include stands for.
#[derive(Debug)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
    groups: Vec<Group>,
    engine: Engine,
    ending: Ending,
}

/// What has to follow a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The path is at its end: a view.
    Path,
    /// Anything: an include.
    Open,
    /// The path is at its end, as `reverse` joins the expressions of includes and route into one.
    Joined,
}

/// A captured part of the path.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// `None`: an unnamed group of a `re_path`, an argument by position.
    pub(crate) name: Option<String>,
    /// `None`: a group of a `re_path`, always text.
    pub(crate) conversion: Option<Conversion>,
    /// May a path match without it?
    pub(crate) optional: bool,
}

/// How it is matched.
#[derive(Debug)]
enum Engine {
    /// One walk along the pieces.
    Walk,
    /// The expression, and the numbers in it of the groups that are asked for.
    Regex(Regex, Vec<usize>),
    /// No path matches a route that is at fault.
    Nothing,
}

/// Where in the path something was captured; `None` where an optional group was not.
pub(crate) type Spans = SmallVec<[Option<Span>; 6]>;

/// A range of bytes that is `Copy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl Pattern {
    /// The pattern of a route's pieces.
    pub(crate) fn new(pieces: Vec<Piece>, ending: Ending) -> Result<Self, RouteFault> {
        let pieces = joined(pieces);
        if is_plain(&pieces) {
            let groups = pieces.iter().filter_map(parameter_group).collect();
            return Ok(Self { pieces, groups, engine: Engine::Walk, ending });
        }
        let source = engine_source(&pieces, ending);
        let fault = |error: regex::Error| RouteFault::Regex {
            regex: python_source(&pieces, ending),
            reason: error.to_string().replace('\n', " "),
        };
        let regex = Regex::new(&source).map_err(fault)?;
        let (groups, numbers) = engine_groups(&pieces, &regex);
        Ok(Self { pieces, groups, engine: Engine::Regex(regex, numbers), ending })
    }

    /// The pattern of a route that is at fault: no path matches it.
    pub(crate) const fn nothing(ending: Ending) -> Self {
        Self { pieces: Vec::new(), groups: Vec::new(), engine: Engine::Nothing, ending }
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Matches from `start` on, as the expression would in a text that begins there. Pushes one span for each group
    /// and gives the end of the match.
    pub(crate) fn find(&self, path: &str, start: usize, spans: &mut Spans) -> Option<usize> {
        match &self.engine {
            Engine::Walk => self.walk(path, start, spans),
            Engine::Nothing => None,
            Engine::Regex(regex, numbers) => {
                let captures = regex.captures(path.get(start..)?)?;
                for (&number, group) in numbers.iter().zip(&self.groups) {
                    let found = captures.get(number);
                    if let (Some(found), Some(conversion)) = (found, &group.conversion)
                        && !conversion.accepts(found.as_str())
                    {
                        return None;
                    }
                    spans.push(found.map(|m| Span { start: start + m.start(), end: start + m.end() }));
                }
                Some(start + captures.get(0)?.end())
            }
        }
    }

    fn walk(&self, path: &str, start: usize, spans: &mut Spans) -> Option<usize> {
        let mut at = start;
        for piece in &self.pieces {
            let rest = path.get(at..)?;
            match piece {
                Piece::Text(text) if rest.starts_with(text.as_str()) => at += text.len(),
                Piece::Text(_) | Piece::Regex(_) => return None,
                Piece::Param { conversion, .. } => {
                    let run = conversion.run(rest).filter(|&run| run > 0)?;
                    if !conversion.accepts(&rest[..run]) {
                        return None;
                    }
                    spans.push(Some(Span { start: at, end: at + run }));
                    at += run;
                }
            }
        }
        (self.ending == Ending::Open || at == path.len()).then_some(at)
    }
}

/// The pieces with texts that stand side by side made one.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (out.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
            (_, piece) => out.push(piece),
        }
    }
    out
}

/// Is one walk enough? It is where no parameter could give back a character and still match.
fn is_plain(pieces: &[Piece]) -> bool {
    pieces.iter().enumerate().all(|(i, piece)| match piece {
        Piece::Text(_) => true,
        Piece::Regex(_) | Piece::Param { conversion: Conversion::Own(_), .. } => false,
        Piece::Param { conversion, .. } => match pieces.get(i + 1) {
            Some(Piece::Text(text)) => text.chars().next().is_some_and(|next| conversion.ends_before(next)),
            Some(_) => false,
            // `.+\Z` and `[0-9]+\Z` leave nothing; a prefix takes as much as it can.
            None => true,
        },
    })
}

fn parameter_group(piece: &Piece) -> Option<Group> {
    match piece {
        Piece::Param { name, conversion } => {
            Some(Group { name: Some(name.clone()), conversion: Some(conversion.clone()), optional: false })
        }
        Piece::Text(_) | Piece::Regex(_) => None,
    }
}

/// The groups that an expression yields: if any is named, the others are dropped (Django 5.2 `urls/resolvers.py`,
/// `RegexPattern.match`); of a `path`, only its parameters count.
fn engine_groups(pieces: &[Piece], regex: &Regex) -> (Vec<Group>, Vec<usize>) {
    let all_take_part = regex.static_captures_len() == Some(regex.captures_len());
    let mut parameters = pieces.iter().filter_map(parameter_group);
    let (mut groups, mut numbers) = (Vec::new(), Vec::new());
    let any_named = regex.capture_names().any(|name| name.is_some());
    for (number, name) in regex.capture_names().enumerate().skip(1) {
        match name {
            Some(name) if is_parameter(name) => groups.extend(parameters.next()),
            Some(name) => {
                groups.push(Group {
                    name: Some(name.to_owned()),
                    conversion: None,
                    optional: !all_take_part,
                });
            }
            None if any_named => continue,
            None => groups.push(Group { name: None, conversion: None, optional: !all_take_part }),
        }
        numbers.push(number);
    }
    (groups, numbers)
}

/// Parameters of a `path` are groups of names that no Python identifier can be.
const PARAMETER_GROUP: &str = "_.";

fn is_parameter(group: &str) -> bool {
    group.starts_with(PARAMETER_GROUP)
}

/// The expression in the syntax of the engine.
fn engine_source(pieces: &[Piece], ending: Ending) -> String {
    if let ([Piece::Regex(source)], Ending::Path | Ending::Open) = (pieces, ending) {
        // Django matches the whole path if the expression of a view ends in `$`, and searches otherwise.
        return if ending == Ending::Path && source.ends_with('$') {
            format!(r"\A(?:{})\z", engine_syntax(source))
        } else {
            engine_syntax(source)
        };
    }
    let mut out = r"\A".to_owned();
    for (number, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => out.push_str(&regex::escape(text)),
            Piece::Param { conversion, .. } => {
                out.push_str(&format!(
                    "(?P<{PARAMETER_GROUP}{number}>{})",
                    engine_syntax(conversion.regex())
                ));
            }
            Piece::Regex(source) => out.push_str(&engine_syntax(source.strip_prefix('^').unwrap_or(source))),
        }
    }
    // Where a `re_path` stands last, its own `$` says how the path ends, and Python's lets a newline stand there.
    match pieces.last() {
        Some(Piece::Regex(_)) if out.ends_with('$') && !out.ends_with(r"\$") => {
            out.pop();
            out.push_str(r"\n?\z");
        }
        Some(Piece::Regex(_)) => {}
        _ if ending != Ending::Open => out.push_str(r"\z"),
        _ => {}
    }
    out
}

/// Python's spelling of an expression in the engine's: `\Z` is `\z`, and `\w` letters, numbers and the underscore, where the
/// engine's takes marks and other connectors as well, and leaves numbers such as `²` out.
fn engine_syntax(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        match escaped {
            None => out.push(c),
            Some('Z') => out.push_str(r"\z"),
            Some('w') => out.push_str(r"[\p{L}\p{N}_]"),
            Some('W') => out.push_str(r"[^\p{L}\p{N}_]"),
            Some(escaped) => out.extend([c, escaped]),
        }
    }
    out
}

/// The expression in Python's syntax, without the `^` at its beginning.
pub(crate) fn python_source(pieces: &[Piece], ending: Ending) -> String {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(&python_re_escape(text)),
            Piece::Param { name, conversion } => out.push_str(&format!("(?P<{name}>{})", conversion.regex())),
            Piece::Regex(source) => out.push_str(source.strip_prefix('^').unwrap_or(source)),
        }
    }
    if ending != Ending::Open && !matches!(pieces.last(), Some(Piece::Regex(_))) {
        out.push_str(r"\Z");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::converter::Converters;
    use crate::routes::route::parse;

    fn pattern(route: &str, ending: Ending) -> Pattern {
        Pattern::new(parse(route, &Converters::default()).0, ending).unwrap()
    }

    /// What is captured, and what is left.
    fn found<'p>(pattern: &Pattern, path: &'p str) -> Option<(Vec<Option<&'p str>>, &'p str)> {
        let mut spans = Spans::new();
        let end = pattern.find(path, 0, &mut spans)?;
        Some((spans.iter().map(|span| span.map(|span| &path[span.range()])).collect(), &path[end..]))
    }

    #[test]
    fn only_routes_that_need_it_have_an_engine() {
        let check = |route: &str, plain: bool| {
            assert_eq!(matches!(pattern(route, Ending::Path).engine, Engine::Walk), plain, "{route}");
        };
        check("a/b/", true);
        check("<int:year>/<slug:slug>/", true);
        check("<slug:stem>.<str:ext>", true);
        check("<int:a>-<int:b>/", true);
        check("<path:rest>", true);
        check("<uuid:a><int:b>", false);
        check("<path:rest>/end/", false);
        check("<str:stem>.txt", false);
        check("<slug:a>-x", false);
        check("<str:a>é", false);
        check("<int:a>é", true);
    }

    #[test]
    fn views_match_the_whole_path() {
        let check = |route: &str, path: &str, captured: Option<&[&str]>| {
            let wanted = captured.map(|all| (all.iter().map(|&text| Some(text)).collect(), ""));
            assert_eq!(found(&pattern(route, Ending::Path), path), wanted, "{route} {path:?}");
        };
        check("", "", Some(&[]));
        check("a/", "a/", Some(&[]));
        check("a/", "a/b", None);
        check("<int:n>/", "007/", Some(&["007"]));
        check("<int:n>/", "٣/", None);
        check("<int:n>/", &format!("{}/", "1".repeat(4300)), Some(&[&"1".repeat(4300)]));
        check("<int:n>/", &format!("{}/", "1".repeat(4301)), None);
        check("<str:s>/", "a\nb/", Some(&["a\nb"]));
        check("<str:s>", "é", Some(&["é"]));
        check("<path:p>", "a\nb", None);
        check("<path:p>", "a/b\n", None);
        check("<path:p>/end/", "x/end/y/end/", Some(&["x/end/y"]));
        check("<slug:a>-x", "a-x-x", Some(&["a-x"]));
        check("<str:stem>.<str:ext>", "a.b.c", Some(&["a.b", "c"]));
        check(
            "<uuid:u>",
            "0af0aeff-6f3c-4b8e-8f28-cd33e0b8e8a8",
            Some(&["0af0aeff-6f3c-4b8e-8f28-cd33e0b8e8a8"]),
        );
        check("<uuid:u>", "0AF0aeff-6f3c-4b8e-8f28-cd33e0b8e8a8", None);
        check("<int:a><int:b>", "123", Some(&["12", "3"]));
    }

    #[test]
    fn includes_take_what_they_can() {
        let check = |route: &str, path: &str, captured: &str, left: &str| {
            let wanted = Some((vec![Some(captured)], left));
            assert_eq!(found(&pattern(route, Ending::Open), path), wanted, "{route} {path:?}");
        };
        check("<int:n>", "12ab", "12", "ab");
        check("<slug:s>/", "a-b/c", "a-b", "c");
        check("<path:p>/", "a/b/c", "a/b", "c");
        check("<path:p>", "a/b\nc", "a/b", "\nc");
    }

    #[test]
    fn expressions_match_as_djangos_re_path() {
        let check = |source: &str, path: &str, captured: Option<(&[Option<&str>], &str)>| {
            let pattern = Pattern::new(vec![Piece::Regex(source.to_owned())], Ending::Path).unwrap();
            assert_eq!(
                found(&pattern, path),
                captured.map(|(all, left)| (all.to_vec(), left)),
                "{source} {path:?}"
            );
        };
        check("^r/([0-9]+)/$", "r/12/", Some((&[Some("12")], "")));
        check("^r/([0-9]+)/$", "r/12/\n", None);
        check("^r/([0-9]+)/(?P<x>[a-z]+)/$", "r/1/a/", Some((&[Some("a")], "")));
        check("loose/(?P<x>[0-9]+)/", "a/loose/1/b", Some((&[Some("1")], "b")));
        check("^o/(?:page-(?P<page>[0-9]+)/)?$", "o/", Some((&[None], "")));
        check(r"^z\Z", "z", Some((&[], "")));
        check(r"^z\Z", "zz", None);
        check(r"^(\w+)/$", "né_٣²x/", Some((&[Some("né_٣²x")], "")));
        check(r"^(\w+)/$", "a\u{301}/", None);
        check(r"^(\w+)/$", "a\u{203f}b/", None);
        check(r"^([\w.-]+)\\w/$", "a.b-²\\w/", Some((&[Some("a.b-²")], "")));
        check(r"^([^\w]+)(\W)x$", "-.+x", Some((&[Some("-."), Some("+")], "")));
    }

    #[test]
    fn a_wrong_expression_is_a_fault() {
        let fault = Pattern::new(vec![Piece::Regex("^(".to_owned())], Ending::Path).unwrap_err();
        assert!(fault.to_string().starts_with("'(' is not a valid regular expression: "), "{fault}");
    }
}
