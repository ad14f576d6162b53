//! HTML compared by what it says, not by how it is written (Django 5.2 `test/html.py`).
//!
//! Two texts are equal when their elements, attributes and words are: whitespace counts as one space and not at all at the edge of an
//! element or between two of them, attributes and the names in `class` have no order, `checked` is `checked="checked"`, `<br>` is
//! `<br/>`, `&#x27;` is `'`, and comments say nothing.
//!
//! ```
//! use nuages::test::html::{assert_html_equal, assert_in_html, count_in_html};
//!
//! assert_html_equal("<p class='b a' id=x>Hello\n <b>you</b></p>", "<p id=\"x\" class=\"a b\"> Hello <b>you</b> </p>");
//! assert_in_html("<li>tea</li>", "<ul><li>milk</li><li >tea</li></ul>");
//! assert_eq!(count_in_html("<br>", "<p>one<br/>two<br></p>"), 2);
//! ```

/// Both say the same (Django's `assertHTMLEqual`).
///
/// # Panics
/// When they do not, or one of them closes an element that is not open.
#[track_caller]
pub fn assert_html_equal(found: &str, expected: &str) {
    let (one, other) = (parsed(found), parsed(expected));
    assert!(one == other, "the HTML differs:\n{}\nexpected:\n{}", shown(&one), shown(&other));
}

/// The first is somewhere in the second: elements one after another, or text (Django's `assertInHTML`).
///
/// # Panics
/// When it is not, or one of them closes an element that is not open.
#[track_caller]
pub fn assert_in_html(needle: &str, haystack: &str) {
    assert!(
        count_in_html(needle, haystack) > 0,
        "{}\nis not in\n{}",
        shown(&parsed(needle)),
        shown(&parsed(haystack))
    );
}

/// How often the first is in the second.
///
/// # Panics
/// When one of them closes an element that is not open.
#[must_use]
#[track_caller]
pub fn count_in_html(needle: &str, haystack: &str) -> usize {
    count(&parsed(needle), &parsed(haystack))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(String),
    Element(Element),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Element {
    name: String,
    /// By name; a boolean one has an empty value.
    attributes: Vec<(String, String)>,
    children: Vec<Node>,
}

fn count(needle: &[Node], nodes: &[Node]) -> usize {
    let here = match needle {
        [] => 0,
        [Node::Text(words)] => {
            let of = |node: &Node| match node {
                Node::Text(text) => text.matches(words.as_str()).count(),
                Node::Element(_) => 0,
            };
            nodes.iter().map(of).sum()
        }
        _ => nodes.windows(needle.len()).filter(|window| *window == needle).count(),
    };
    let below = nodes.iter().map(|node| match node {
        Node::Element(element) => count(needle, &element.children),
        Node::Text(_) => 0,
    });
    here + below.sum::<usize>()
}

#[track_caller]
fn parsed(html: &str) -> Vec<Node> {
    parse(html).unwrap_or_else(|name| panic!("</{name}> closes nothing in {html:?}"))
}

const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// What stands in these is text to its end.
const RAW: [&str; 2] = ["script", "style"];

const BOOLEAN: [&str; 22] = [
    "allowfullscreen",
    "async",
    "autofocus",
    "autoplay",
    "checked",
    "controls",
    "default",
    "defer",
    "disabled",
    "formnovalidate",
    "hidden",
    "ismap",
    "itemscope",
    "loop",
    "multiple",
    "muted",
    "nomodule",
    "novalidate",
    "open",
    "readonly",
    "required",
    "selected",
];

/// The nodes, or the name of an element that is closed and not open.
fn parse(html: &str) -> Result<Vec<Node>, String> {
    // The first stands for what is around everything.
    let mut open = vec![Element::default()];
    let mut rest = html;
    while !rest.is_empty() {
        let letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            rest = rest.split_once('>').map_or("", |(_, after)| after);
        } else if let Some(end) = rest.strip_prefix("</").filter(|end| letter(end)) {
            let (tag, after) = end.split_once('>').unwrap_or((end, ""));
            close(&mut open, &tag.trim().to_ascii_lowercase())?;
            rest = after;
        } else if let Some(start) = rest.strip_prefix('<').filter(|start| letter(start)) {
            let (element, empty, after) = start_tag(start);
            rest = after;
            if empty || VOID.contains(&element.name.as_str()) {
                push(&mut open, Node::Element(element));
            } else if RAW.contains(&element.name.as_str()) {
                let end =
                    rest.to_ascii_lowercase().find(&format!("</{}", element.name)).unwrap_or(rest.len());
                open.push(element);
                push(&mut open, Node::Text(rest[..end].to_owned()));
                rest = &rest[end..];
            } else {
                open.push(element);
            }
        } else {
            let end = rest[1..].find('<').map_or(rest.len(), |end| end + 1);
            push(&mut open, Node::Text(unescaped(&rest[..end])));
            rest = &rest[end..];
        }
    }
    while open.len() > 1 {
        close_last(&mut open);
    }
    Ok(tidied(open.pop().unwrap_or_default().children))
}

/// Puts the node into what is open; text behind text is one.
fn push(open: &mut [Element], node: Node) {
    let Some(around) = open.last_mut() else { return };
    match (around.children.last_mut(), node) {
        (Some(Node::Text(before)), Node::Text(more)) => before.push_str(&more),
        (_, node) => around.children.push(node),
    }
}

/// Closes the element of that name, and whatever was left open in it, as `</li>` may be left out.
fn close(open: &mut Vec<Element>, name: &str) -> Result<(), String> {
    if !open.iter().skip(1).any(|element| element.name == name) {
        return Err(name.to_owned());
    }
    while close_last(open).is_some_and(|closed| closed != name) {}
    Ok(())
}

fn close_last(open: &mut Vec<Element>) -> Option<String> {
    let mut element = open.pop()?;
    element.children = tidied(element.children);
    let name = element.name.clone();
    push(open, Node::Element(element));
    Some(name)
}

/// Whitespace is one space, and none at the edges and beside elements; text of nothing else is none.
fn tidied(nodes: Vec<Node>) -> Vec<Node> {
    let tidy = |node| match node {
        Node::Text(text) => {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            (!words.is_empty()).then(|| Node::Text(words.join(" ")))
        }
        element @ Node::Element(_) => Some(element),
    };
    nodes.into_iter().filter_map(tidy).collect()
}

/// The element of a tag whose `<` is left out, whether it closes itself, and what follows it.
fn start_tag(text: &str) -> (Element, bool, &str) {
    let name_end = text.find(|c: char| c.is_ascii_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(name_end);
    let mut element = Element { name: name.to_ascii_lowercase(), ..Element::default() };
    loop {
        let inner = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if inner.is_empty() || inner.starts_with('>') {
            let empty = rest.trim_end_matches(inner).ends_with('/');
            element.attributes.sort();
            return (element, empty, inner.strip_prefix('>').unwrap_or_default());
        }
        let (attribute, after) = attribute(inner);
        element.attributes.push(attribute);
        rest = after;
    }
}

fn attribute(text: &str) -> ((String, String), &str) {
    // A name may begin with `=`, as the standard has it: so this always goes on.
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/');
    let first = text.chars().next().map_or(0, char::len_utf8);
    let end = text[first..].find(ends).map_or(text.len(), |end| first + end);
    let (name, rest) = text.split_at(end);
    let name = name.to_ascii_lowercase();
    let Some(value) = rest.trim_start().strip_prefix('=') else { return ((name, String::new()), rest) };
    let value = value.trim_start();
    let (value, rest) = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
        _ => value.split_at(value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len())),
    };
    let mut value = unescaped(value);
    if name == "class" {
        let mut names: Vec<&str> = value.split_ascii_whitespace().collect();
        names.sort_unstable();
        value = names.join(" ");
    } else if BOOLEAN.contains(&name.as_str()) && value.eq_ignore_ascii_case(&name) {
        value.clear();
    }
    ((name, value), rest)
}

/// The text with the characters that references stand for: numbers, and the names that escaping makes. Others stay.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = rest.split_once(';').and_then(|(name, after)| Some((character(&name[1..])?, after)));
        match found {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// For a failed test: one thing a line.
fn shown(nodes: &[Node]) -> String {
    let mut out = String::new();
    show(nodes, 1, &mut out);
    out
}

fn show(nodes: &[Node], depth: usize, out: &mut String) {
    for node in nodes {
        out.push_str(&"  ".repeat(depth));
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Element(element) => {
                out.push('<');
                out.push_str(&element.name);
                for (name, value) in &element.attributes {
                    out.push_str(&format!(" {name}={value:?}"));
                }
                out.push('>');
            }
        }
        out.push('\n');
        if let Node::Element(element) = node {
            show(&element.children, depth + 1, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{count_in_html, parse};

    #[test]
    fn what_is_equal() {
        for (one, other, equal) in [
            ("", " \n ", true),
            ("<p>a  b</p>", "<p>\n a b </p>", true),
            ("<p>ab</p>", "<p>a b</p>", false),
            ("<i>a</i><i>b</i>", "<i>a</i> <i>b</i>", true),
            ("<input a=1 checked>", "<INPUT checked='checked' A=\"1\" />", true),
            ("<input checked>", "<input>", false),
            ("<a class='x y'>", "<a class='y  x'></a>", true),
            ("<a id='x y'>", "<a id='y x'></a>", false),
            ("<!doctype html><!-- <p> --><p>&#x27;&lt;", "<p>'&lt;</p>", true),
            ("<p>&lt;b&gt;</p>", "<p><b></p>", false),
            ("<ul><li>a<li>b</ul>", "<ul><li>a<li>b</li></li></ul>", true),
            ("<script>if (a<b) '</p>'</script>", "<script> if (a<b)  '</p>' </script>", true),
            ("<a href=/x?a=1&amp;b=2>", "<a href='/x?a=1&b=2'>", true),
            ("a < b & c", "a &lt; b &amp; c", true),
            ("<br/><hr>", "<br><hr/>", true),
            ("<p =x>", "<p>", false),
        ] {
            assert_eq!(parse(one).unwrap() == parse(other).unwrap(), equal, "{one} {other}");
        }
        assert_eq!(parse("<p></b></p>"), Err("b".to_owned()));
        // Whatever comes is taken.
        for text in ["<", "<a", "<a b", "<a b=", "<a b='", "</", "</a", "<!--", "<!", "&", "&#x;", "<script>"]
        {
            let _ = parse(text);
        }
    }

    #[test]
    fn what_is_in() {
        for (needle, haystack, times) in [
            ("<b>x</b>", "<p><b>x</b><b>x</b></p><b>y</b><b> x </b>", 3),
            ("<b>x</b><i></i>", "<p><b>x</b><i></i></p><b>x</b>", 1),
            ("tea", "<p>tea or tea</p>tea<b title=tea>", 3),
            ("<p>", "", 0),
            ("", "<p>", 0),
        ] {
            assert_eq!(count_in_html(needle, haystack), times, "{needle} in {haystack}");
        }
    }
}
