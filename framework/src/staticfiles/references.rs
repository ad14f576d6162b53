//! Where style sheets and scripts name other files (Django 5.2 `contrib/staticfiles/storage.py`, `HashedFilesMixin.patterns`).

use regex::{Captures, Regex};

use super::ignore::Patterns;

/// One way to name a file in the texts of one kind.
#[derive(Debug)]
pub(super) struct Reference {
    regex: Regex,
    /// What takes its place; each `%(name)s` stands for the group of that name.
    template: &'static str,
}

/// The ways of the texts whose names match.
#[derive(Debug)]
pub(super) struct Kind {
    names: Patterns,
    references: Vec<Reference>,
}

/// Which texts are rewritten.
#[derive(Debug)]
pub(super) struct References {
    kinds: Vec<Kind>,
}

/// A pattern and its template.
type Row = (&'static str, &'static str);

const CSS: &[Row] = &[
    (r#"(?i)(?P<matched>url\(['"]{0,1}\s*(?P<url>.*?)["']{0,1}\))"#, r#"url("%(url)s")"#),
    (r#"(?i)(?P<matched>@import\s*["']\s*(?P<url>.*?)["'])"#, r#"@import url("%(url)s")"#),
    (
        r"(?im)^(?P<matched>/\*#[ \t](?-i:sourceMappingURL)=(?P<url>.*)[ \t]*\*/)$",
        "/*# sourceMappingURL=%(url)s */",
    ),
];

const JS: &[Row] =
    &[(r"(?im)^(?P<matched>//# (?-i:sourceMappingURL)=(?P<url>.*))$", "//# sourceMappingURL=%(url)s")];

const JS_MODULES: &[Row] = &[
    (
        r#"(?i)(?P<matched>import(?s:(?P<import>[\s\{].*?|\*\s*as\s*\w+))\s*from\s*['"](?P<url>[./].*?)["']\s*;)"#,
        r#"import%(import)s from "%(url)s";"#,
    ),
    (
        r#"(?i)(?P<matched>export(?s:(?P<exports>[\s\{].*?))\s*from\s*["'](?P<url>[./].*?)["']\s*;)"#,
        r#"export%(exports)s from "%(url)s";"#,
    ),
    (r#"(?i)(?P<matched>import\s*['"](?P<url>[./].*?)["']\s*;)"#, r#"import"%(url)s";"#),
    (r#"(?i)(?P<matched>import\(["'](?P<url>.*?)["']\))"#, r#"import("%(url)s")"#),
];

impl References {
    /// Style sheets and scripts; `modules`: also the modules that a script imports.
    pub(super) fn new(modules: bool) -> Self {
        let script = if modules { [JS, JS_MODULES].concat() } else { JS.to_vec() };
        let kind = |pattern: &str, rows: &[Row]| Kind {
            names: Patterns::new([pattern]),
            // The patterns are this file's own, and a test compiles each.
            references: rows
                .iter()
                .filter_map(|(regex, template)| Some(Reference { regex: Regex::new(regex).ok()?, template }))
                .collect(),
        };
        Self { kinds: vec![kind("*.css", CSS), kind("*.js", &script)] }
    }

    /// Whether the file of that name is rewritten.
    pub(super) fn apply_to(&self, name: &str) -> bool {
        self.kinds.iter().any(|kind| kind.names.matches(name))
    }

    /// The text with every name in it changed as `change` says; `None` leaves what is there.
    ///
    /// # Errors
    /// The first that `change` gives.
    pub(super) fn rewrite<E>(
        &self,
        name: &str,
        mut text: String,
        mut change: impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<String, E> {
        for kind in self.kinds.iter().filter(|kind| kind.names.matches(name)) {
            for reference in &kind.references {
                text = reference.rewrite(&text, &mut change)?;
            }
        }
        Ok(text)
    }
}

impl Reference {
    fn rewrite<E>(
        &self,
        text: &str,
        change: &mut impl FnMut(&str) -> Result<Option<String>, E>,
    ) -> Result<String, E> {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for found in self.regex.captures_iter(text) {
            let (Some(whole), Some(url)) = (found.get(0), found.name("url")) else { continue };
            out.push_str(&text[done..whole.start()]);
            match change(url.as_str())? {
                Some(url) => self.fill(&found, &url, &mut out),
                None => out.push_str(whole.as_str()),
            }
            done = whole.end();
        }
        out.push_str(&text[done..]);
        Ok(out)
    }

    fn fill(&self, found: &Captures<'_>, url: &str, out: &mut String) {
        let mut rest = self.template;
        while let Some((before, behind)) = rest.split_once("%(") {
            let (name, after) = behind.split_once(")s").unwrap_or((behind, ""));
            out.push_str(before);
            out.push_str(match name {
                "url" => url,
                name => found.name(name).map_or("", |group| group.as_str()),
            });
            rest = after;
        }
        out.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn every_pattern_compiles() {
        let all = References::new(true);
        assert_eq!(all.kinds[0].references.len(), CSS.len());
        assert_eq!(all.kinds[1].references.len(), JS.len() + JS_MODULES.len());
    }

    fn check(name: &str, text: &str, expected: &str) {
        let changed = References::new(true).rewrite(name, text.to_owned(), |url| -> Result<_, Infallible> {
            Ok((!url.starts_with("data:")).then(|| format!("<{url}>")))
        });
        assert_eq!(changed, Ok(expected.to_owned()), "{text}");
    }

    #[test]
    fn names_in_texts() {
        check("a.css", "a{b:url( 'x.png' )}", "a{b:url(\"<'x.png' >\")}");
        check("a.css", "URL(x.png) url(\"y\")", "url(\"<x.png>\") url(\"<y>\")");
        check("a.css", "@import 'b.css';", "@import url(\"<b.css>\");");
        check("a.css", "url(data:x)", "url(data:x)");
        check("a.css", "/*# sourceMappingURL=a.css.map*/\n", "/*# sourceMappingURL=<a.css.map> */\n");
        check("a.css", "/*# SOURCEMAPPINGURL=a.css.map*/\n", "/*# SOURCEMAPPINGURL=a.css.map*/\n");
        check("a.js", "x\n//# sourceMappingURL=a.js.map\n", "x\n//# sourceMappingURL=<a.js.map>\n");
        check("a.js", "import { a }\nfrom './b.js';", "import { a } from \"<./b.js>\";");
        check("a.js", "import('./b.js')", "import(\"<./b.js>\")");
        check("a.txt", "url(x.png)", "url(x.png)");
    }
}
