//! A view's own source, cut out of the file that was compiled, as HTML.

/// What gets the colour of a keyword.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "const", "else", "false", "fn", "for", "if", "impl", "in", "let", "match", "mut",
    "pub", "return", "self", "static", "struct", "true", "use", "while",
];

/// The function of that name with its documentation, or nothing if the file has none.
pub(crate) fn function<'a>(file: &'a str, name: &str) -> Option<&'a str> {
    let head = format!("pub async fn {name}(");
    let at = file.find(&head).filter(|at| *at == 0 || file[..*at].ends_with('\n'))?;
    let documented =
        file[..at].lines().rev().take_while(|line| line.starts_with("///") || line.starts_with("#["));
    let start = at - documented.map(|line| line.len() + 1).sum::<usize>();
    let end = at + file[at..].find("\n}")? + 2;
    Some(&file[start..end])
}

/// The source as HTML: `<span class="k">` around keywords, `s` strings, `c` comments, `f` what is called.
pub(crate) fn highlighted(source: &str) -> String {
    let mut html = String::with_capacity(source.len() * 2);
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, class) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "c")
        } else if first == '"' {
            (string_length(rest), "s")
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let called = rest[length..].starts_with(['(', '!']) && !rest[length..].starts_with("!=");
            (
                length,
                if KEYWORDS.contains(&&rest[..length]) {
                    "k"
                } else if called {
                    "f"
                } else {
                    ""
                },
            )
        } else {
            (first.len_utf8(), "")
        };
        let (token, after) = rest.split_at(length);
        if class.is_empty() {
            escape(token, &mut html);
        } else {
            html.push_str("<span class=\"");
            html.push_str(class);
            html.push_str("\">");
            escape(token, &mut html);
            html.push_str("</span>");
        }
        rest = after;
    }
    html
}

/// How many bytes the string literal takes, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            _ => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "//! A file.\n\nuse x;\n\n/// One.\n/// Two.\npub async fn one(a: A) {\n    b();\n}\n\npub async fn one_more() {\n}\n";

    #[test]
    fn a_function_is_cut_out_with_its_documentation() {
        assert_eq!(function(FILE, "one"), Some("/// One.\n/// Two.\npub async fn one(a: A) {\n    b();\n}"));
        assert_eq!(function(FILE, "one_more"), Some("pub async fn one_more() {\n}"));
        assert_eq!(function(FILE, "none"), None);
    }

    #[test]
    fn highlighting_escapes_and_marks() {
        let check = |source: &str, html: &str| assert_eq!(highlighted(source), html, "{source}");
        check("let x: Vec<u8>", "<span class=\"k\">let</span> x: Vec&lt;u8&gt;");
        check(
            "f(\"a \\\" <b>\")",
            "<span class=\"f\">f</span>(<span class=\"s\">\"a \\\" &lt;b&gt;\"</span>)",
        );
        check("// let\nx", "<span class=\"c\">// let</span>\nx");
        check("a != b", "a != b");
        check("é\"", "é<span class=\"s\">\"</span>");
    }
}
