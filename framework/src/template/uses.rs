//! Which names a template mentions, read off its text.
//!
//! Tera renders without waiting, but a session is loaded with waiting. So what a template may ask for is found out when
//! it is compiled, and worked out before it is rendered: `{{ request.session.name }}` loads the session, a page that
//! never says `request.session` leaves it alone. The same knowledge keeps `request` cheap: only the attributes that
//! are named are converted.
//!
//! This errs on the safe side: `{% set r = request %}` mentions all of `request`, and so does `{% if request %}`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// The names that a template, with its parents and what it includes, mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    names: Arc<BTreeMap<String, Attributes>>,
    /// `__tera_context` prints the whole context.
    everything: bool,
    /// The template itself, its parents, and what they include.
    templates: Arc<BTreeSet<String>>,
    /// What the view has set itself: it counts as not mentioned.
    given: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Attributes {
    Only(BTreeSet<String>),
    Whole,
}

impl Uses {
    /// Whether the template mentions that variable at all.
    #[must_use]
    pub fn name(&self, name: &str) -> bool {
        !self.is_given(name) && (self.everything || self.names.contains_key(name))
    }

    /// Whether the template mentions that attribute of that variable, or the variable as a whole.
    #[must_use]
    pub fn attribute(&self, name: &str, attribute: &str) -> bool {
        if self.is_given(name) {
            return false;
        }
        self.everything
            || match self.names.get(name) {
                Some(Attributes::Whole) => true,
                Some(Attributes::Only(attributes)) => attributes.contains(attribute),
                None => false,
            }
    }

    fn is_given(&self, name: &str) -> bool {
        self.given.iter().any(|given| given == name)
    }

    /// The same without the names that the view has set itself.
    pub(crate) fn without(&self, is_given: impl Fn(&str) -> bool) -> Self {
        let given = self.names.keys().filter(|name| is_given(name)).cloned().collect();
        Self { given, ..self.clone() }
    }

    /// The template itself, its parents, and what they include.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &str> {
        self.templates.iter().map(String::as_str)
    }

    /// Notes which templates these are the names of.
    pub(super) fn set_templates<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.templates = Arc::new(names.into_iter().map(str::to_owned).collect());
    }

    /// Takes over what another mentions.
    pub(super) fn merge(&mut self, other: &Self) {
        self.everything |= other.everything;
        for (name, attributes) in &*other.names {
            match attributes {
                Attributes::Whole => self.whole(name),
                Attributes::Only(attributes) => {
                    attributes.iter().for_each(|attribute| self.only(name, attribute));
                }
            }
        }
    }

    fn whole(&mut self, name: &str) {
        Arc::make_mut(&mut self.names).insert(name.to_owned(), Attributes::Whole);
    }

    fn only(&mut self, name: &str, attribute: &str) {
        let attributes = Arc::make_mut(&mut self.names)
            .entry(name.to_owned())
            .or_insert_with(|| Attributes::Only(BTreeSet::new()));
        if let Attributes::Only(attributes) = attributes {
            attributes.insert(attribute.to_owned());
        }
    }
}

/// What one template's own text mentions.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    pub(super) uses: Uses,
    /// The templates that it extends and includes, with the line that says so.
    pub(super) templates: Vec<(String, usize)>,
    /// `{% component … %}`
    pub(super) defines_component: bool,
    /// `{{ <Button /> }}`
    pub(super) calls_component: bool,
}

/// Reads a template's text. Text that tera would refuse gives something, but nothing to rely on.
pub(super) fn mentions(text: &str) -> Mentions {
    let mut found = Mentions::default();
    let mut at = 0;
    while let Some(open) = next_delimiter(text, at) {
        let close = match text.as_bytes()[open + 1] {
            b'#' => {
                at = text[open + 2..].find("#}").map_or(text.len(), |end| open + 2 + end + 2);
                continue;
            }
            b'{' => "}}",
            _ => "%}",
        };
        let tokens;
        (tokens, at) = tokenize(text, open + 2, close);
        if close == "%}" && matches!(tokens.first(), Some((Token::Name("raw"), _))) {
            at = end_of_raw(text, at);
            continue;
        }
        read_code(text, &tokens, &mut found);
    }
    found
}

/// Where the name of the template stands that this one extends: in the first tag, if anywhere.
pub(super) fn extended(text: &str) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let open = next_delimiter(text, at)?;
        if text.as_bytes()[open + 1] == b'#' {
            at = open + 2 + text[open + 2..].find("#}")? + 2;
            continue;
        }
        let (tokens, _) = tokenize(text, open + 2, "%}");
        return match tokens.as_slice() {
            [(Token::Name("extends"), _), (Token::Text(name), quote), ..] => {
                Some(quote + 1..quote + 1 + name.len())
            }
            _ => None,
        };
    }
}

/// The names of one `{{ … }}` or `{% … %}`.
fn read_code(text: &str, tokens: &[(Token<'_>, usize)], found: &mut Mentions) {
    let token = |at: usize| tokens.get(at).map(|(token, _)| *token);
    if let (Some(Token::Name("extends" | "include")), Some(Token::Text(name))) = (token(0), token(1)) {
        let line = 1 + text[..tokens[1].1].matches('\n').count();
        found.templates.push((name.to_owned(), line));
    }
    found.defines_component |= token(0) == Some(Token::Name("component"));
    let mut depth = 0_usize;
    for (at, (this, _)) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(token);
        match this {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') => depth = depth.saturating_sub(1),
            Token::Sign('<') => found.calls_component |= matches!(token(at + 1), Some(Token::Name(_))),
            Token::Name(_) if matches!(before, Some(Token::Sign('.' | '|'))) => {}
            // A keyword argument: `url(name="x")`.
            Token::Name(_)
                if depth > 0
                    && token(at + 1) == Some(Token::Sign('='))
                    && token(at + 2) != Some(Token::Sign('=')) => {}
            Token::Name("__tera_context") => found.uses.everything = true,
            Token::Name(name) => match (token(at + 1), token(at + 2), token(at + 3)) {
                (Some(Token::Sign('.')), Some(Token::Name(attribute)), _)
                | (Some(Token::Sign('[')), Some(Token::Text(attribute)), Some(Token::Sign(']'))) => {
                    found.uses.only(name, attribute);
                }
                _ => found.uses.whole(name),
            },
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    /// A string literal; escapes are left as they are, since no attribute that matters has one.
    Text(&'a str),
    Sign(char),
    /// `...`, before which a name is no attribute.
    Spread,
}

/// The tokens from there to the closing delimiter, and where the text goes on after it.
fn tokenize<'a>(text: &'a str, from: usize, close: &str) -> (Vec<(Token<'a>, usize)>, usize) {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = from;
    while at < bytes.len() {
        let start = at;
        if text[at..].starts_with(close) {
            return (tokens, at + close.len());
        }
        match bytes[at] {
            quote @ (b'"' | b'\'' | b'`') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                let inside = text.get(start + 1..at).unwrap_or_default();
                tokens.push((Token::Text(inside), start));
                at = (at + 1).min(bytes.len());
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' => {
                while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                    at += 1;
                }
                tokens.push((Token::Name(&text[start..at]), start));
            }
            b'.' if text[at..].starts_with("...") => {
                at += 3;
                tokens.push((Token::Spread, start));
            }
            // `a?.b` and `a?["b"]` mention what `a.b` does; `{%-` and `-%}` mention nothing.
            b'?' | b'-' | b'@' => at += 1,
            byte if byte.is_ascii_whitespace() => at += 1,
            byte if byte.is_ascii() => {
                at += 1;
                tokens.push((Token::Sign(char::from(byte)), start));
            }
            _ => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
        // A lone backslash at the end of a string could have stepped over the end or into a character.
        while !text.is_char_boundary(at.min(text.len())) {
            at += 1;
        }
    }
    (tokens, text.len())
}

fn next_delimiter(text: &str, from: usize) -> Option<usize> {
    let rest = text.as_bytes().get(from..)?;
    rest.windows(2).position(|two| matches!(two, b"{{" | b"{%" | b"{#")).map(|at| from + at)
}

/// Where `{% endraw %}` ends.
fn end_of_raw(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(open) = text[at..].find("{%").map(|open| at + open) {
        let (tokens, end) = tokenize(text, open + 2, "%}");
        if matches!(tokens.first(), Some((Token::Name("endraw"), _))) {
            return end;
        }
        at = open + 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_attributes() {
        let check = |text: &str, session: bool, path: bool| {
            let uses = mentions(text).uses;
            assert_eq!(uses.attribute("request", "session"), session, "session in {text}");
            assert_eq!(uses.attribute("request", "path"), path, "path in {text}");
        };
        check("request.session", false, false);
        check("{# request.session #}", false, false);
        check("{% raw %}{{ request.session }}{% endraw %}", false, false);
        check("{%- raw -%}{% if %}{{ request.session }}{%- endraw -%}{{ request.path }}", false, true);
        check("{{ 'request.session' }}{{ \"{{ request\" }}", false, false);
        check("{{ 'it\\'s' ~ request.path }}", false, true);
        check("{{ request.path }}", false, true);
        check("{{request.session.name}}", true, false);
        check("{{ request . session }}", true, false);
        check("{{ request?.session?.name }}", true, false);
        check("{{ request['session'] }}", true, false);
        check("{{ request?[`session`] }}", true, false);
        check("{% if request.session.name == request.path %}", true, true);
        check("{{ request[key] }}", true, true);
        check("{% set r = request %}", true, true);
        check("{{ [...request] }}", true, true);
        check("{{ show(request=request.path) }}", false, true);
        check("{{ show(x=request) }}", true, true);
        check("{{ show(x=(request == 1)) }}", true, true);
        check("{{ page.request.session }}", false, false);
        check("{{ x | request }}", false, false);
        check("{{ __tera_context }}", true, true);
        check("{{ -request.path }}", false, true);
        check("{{ \"\\", false, false);
        check("{{ \"\\é", false, false);
        check("{{ é request.path", false, true);
    }

    #[test]
    fn what_the_view_has_set_is_not_asked_for() {
        let uses = mentions("{{ messages }}{{ request.session }}{{ request.path }}").uses;
        let uses = uses.without(|name| name == "messages");
        assert!(!uses.name("messages") && !uses.attribute("messages", "x"));
        assert!(uses.name("request") && uses.attribute("request", "session"));
    }

    #[test]
    fn parents_and_includes_with_their_lines() {
        let found =
            mentions("{% extends \"base.html\" %}\n{% block x %}\n{% include 'part.html' %}{% endblock %}");
        assert_eq!(found.templates, [("base.html".to_owned(), 1), ("part.html".to_owned(), 3)]);
    }

    #[test]
    fn components() {
        assert!(mentions("{% component Button(label) %}{% endcomponent Button %}").defines_component);
        assert!(mentions("{{ <Button label=\"x\" /> }}").calls_component);
        assert!(!mentions("{% if 1 < 2 %}").calls_component);
    }
}
