//! From an expression to the addresses it stands for (Django 5.2 `utils/regex_helper.py`, `normalize`).
//!
//! Of what may be repeated, the fewest times; of a class, its first character; an optional group with a parameter in
//! it, once without and once with. An alternative (`a|b`) outside a captured group cannot be reversed: it becomes the
//! empty address, which never matches.

/// One address with places for parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) parts: Vec<Part>,
}

/// A bit of a [`Form`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Param(String),
    /// `(?P=name)`: the parameter again, not counted as one.
    Again(String),
}

impl Form {
    /// The parameters in their order.
    pub(crate) fn params(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Param(name) => Some(name.as_str()),
            Part::Text(_) | Part::Again(_) => None,
        })
    }

    fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }
}

/// The forms of an expression in Python's syntax; none if it holds what cannot be reversed.
pub(crate) fn forms(expression: &str) -> Vec<Form> {
    let mut reader = Reader { chars: scan(expression), at: 0, groups: 0 };
    match reader.sequence() {
        Ok(nodes) => flatten(&nodes),
        Err(Irreversible::Alternative) => vec![Form::default()],
        Err(Irreversible::Other) => Vec::new(),
    }
}

#[derive(Debug, Clone)]
enum Node {
    Char(char),
    Param(String),
    Again(String),
    Group(Vec<Self>),
    /// Without, and with.
    Maybe(Box<Self>),
}

enum Irreversible {
    Alternative,
    Other,
}

/// A character of the expression; an escaped one is what it stands for.
type Scanned = (char, bool);

struct Reader {
    chars: Vec<Scanned>,
    at: usize,
    /// The unnamed groups so far.
    groups: usize,
}

/// Takes the backslashes out: a class becomes one of its characters, an assertion nothing.
fn scan(expression: &str) -> Vec<Scanned> {
    let mut out = Vec::new();
    let mut chars = expression.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push((c, false));
            continue;
        }
        match chars.next() {
            Some('A' | 'b' | 'B' | 'Z') | None => {}
            Some('d') => out.push(('0', true)),
            Some('D' | 'S' | 'w') => out.push(('x', true)),
            Some('s') => out.push((' ', true)),
            Some('W') => out.push(('!', true)),
            Some(escaped) => out.push((escaped, true)),
        }
    }
    out
}

impl Reader {
    fn next(&mut self) -> Option<Scanned> {
        let scanned = self.chars.get(self.at).copied();
        self.at += 1;
        scanned
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).map(|&(c, _)| c)
    }

    /// Everything up to the end of the expression, or of the group that was opened.
    fn sequence(&mut self) -> Result<Vec<Node>, Irreversible> {
        // Groups that are open, each with what stood before it.
        let mut open: Vec<Vec<Node>> = Vec::new();
        let mut nodes: Vec<Node> = Vec::new();
        while let Some((c, escaped)) = self.next() {
            match c {
                c if escaped => nodes.push(Node::Char(c)),
                '|' => return Err(Irreversible::Alternative),
                '^' => {}
                '$' => break,
                ')' => {
                    let before = open.pop().ok_or(Irreversible::Other)?;
                    let inner = std::mem::replace(&mut nodes, before);
                    nodes.push(Node::Group(inner));
                }
                '[' => {
                    let first = self.next().ok_or(Irreversible::Other)?;
                    nodes.push(Node::Char(first.0));
                    self.skip_class();
                }
                '(' => match self.group()? {
                    Opened::Whole(node) => nodes.extend(node),
                    Opened::Inside => open.push(std::mem::take(&mut nodes)),
                },
                '*' | '?' | '+' | '{' => self.quantify(c, &mut nodes)?,
                c => nodes.push(Node::Char(c)),
            }
        }
        // As Django: what an unclosed group holds is simply there.
        for mut before in open.into_iter().rev() {
            before.append(&mut nodes);
            nodes = before;
        }
        Ok(nodes)
    }

    /// After the first character of a class.
    fn skip_class(&mut self) {
        while let Some(scanned) = self.next() {
            if scanned == (']', false) {
                break;
            }
        }
    }

    /// After an opening bracket.
    fn group(&mut self) -> Result<Opened, Irreversible> {
        if self.peek() != Some('?') {
            let name = format!("_{}", self.groups);
            self.groups += 1;
            self.skip_group();
            return Ok(Opened::Whole(Some(Node::Param(name))));
        }
        self.next();
        match self.next().map(|(c, _)| c) {
            Some('!' | '=' | '<') => {
                self.skip_group();
                Ok(Opened::Whole(None))
            }
            Some(':') => Ok(Opened::Inside),
            Some('P') => match self.next().map(|(c, _)| c) {
                Some('<') => {
                    let name = self.name('>');
                    self.skip_group();
                    Ok(Opened::Whole(Some(Node::Param(name))))
                }
                Some('=') => Ok(Opened::Whole(Some(Node::Again(self.name(')'))))),
                _ => Err(Irreversible::Other),
            },
            _ => Err(Irreversible::Other),
        }
    }

    fn name(&mut self, end: char) -> String {
        let mut name = String::new();
        while let Some((c, _)) = self.next() {
            if c == end {
                break;
            }
            name.push(c);
        }
        name
    }

    /// To the end of the group, over those within it.
    fn skip_group(&mut self) {
        let mut depth = 0_usize;
        while let Some((c, escaped)) = self.next() {
            match c {
                _ if escaped => {}
                '(' => depth += 1,
                ')' if depth == 0 => break,
                ')' => depth -= 1,
                _ => {}
            }
        }
    }

    /// A quantifier for the last node.
    fn quantify(&mut self, quantifier: char, nodes: &mut Vec<Node>) -> Result<(), Irreversible> {
        let least = match quantifier {
            '+' => 1,
            '{' => {
                let count = self.name('}');
                let least = count.split(',').next().unwrap_or_default();
                least.trim().parse::<usize>().map_err(|_| Irreversible::Other)?
            }
            _ => 0,
        };
        match self.peek() {
            // The lazy form.
            Some('?') => self.at += 1,
            // As Django: what stands behind a quantifier is taken for unescaped.
            Some(_) => self.chars[self.at].1 = false,
            None => {}
        }
        let Some(last) = nodes.pop() else { return Err(Irreversible::Other) };
        match least {
            0 if last.has_param() => nodes.push(Node::Maybe(Box::new(last))),
            // A count is bounded by the engine that compiled the expression; the same bound keeps the text small.
            0 => {}
            least => nodes.extend(std::iter::repeat_n(last, least.min(MOST_REPEATS))),
        }
        Ok(())
    }
}

/// More than this many characters make no address.
const MOST_REPEATS: usize = 1000;

enum Opened {
    /// A group that was read to its end.
    Whole(Option<Node>),
    /// A group whose nodes follow.
    Inside,
}

impl Node {
    /// As Django asks it: an optional group within a group is not looked into.
    fn has_param(&self) -> bool {
        match self {
            Self::Param(_) | Self::Again(_) => true,
            Self::Group(nodes) => nodes.iter().any(Self::has_param),
            Self::Char(_) | Self::Maybe(_) => false,
        }
    }
}

/// Every way through the nodes.
fn flatten(nodes: &[Node]) -> Vec<Form> {
    let mut forms = vec![Form::default()];
    for node in nodes {
        let ways = match node {
            Node::Char(c) => vec![Form { parts: vec![Part::Text(c.to_string())] }],
            Node::Param(name) => vec![Form { parts: vec![Part::Param(name.clone())] }],
            Node::Again(name) => vec![Form { parts: vec![Part::Again(name.clone())] }],
            Node::Group(inner) => flatten(inner),
            Node::Maybe(inner) => {
                let mut ways = vec![Form::default()];
                ways.extend(flatten(std::slice::from_ref(inner)));
                ways
            }
        };
        let longer = |form: &Form| {
            let longer = |way: &Form| {
                let mut form = form.clone();
                way.parts.iter().cloned().for_each(|part| form.push(part));
                form
            };
            ways.iter().map(longer).collect::<Vec<_>>()
        };
        forms = forms.iter().flat_map(longer).take(MOST_FORMS).collect();
    }
    forms
}

/// Each optional group doubles the forms; nobody reverses an expression with more than these.
const MOST_FORMS: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// The forms with parameters in braces.
    fn shown(expression: &str) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Param(name) | Part::Again(name) => format!("{{{name}}}"),
        };
        forms(expression).iter().map(|form| form.parts.iter().map(part).collect()).collect()
    }

    /// The answers are those of Django 5.2's `normalize`.
    #[test]
    fn forms_are_djangos() {
        let check = |expression: &str, wanted: &[&str]| assert_eq!(shown(expression), wanted, "{expression}");
        check("", &[""]);
        check("^a/$", &["a/"]);
        check(r"^a\.b\Z", &["a.b"]);
        check("(?P<year>[0-9]{4})/", &["{year}/"]);
        check("([0-9]+)/([a-z]*)/$", &["{_0}/{_1}/"]);
        check("o/(?:page-(?P<page>[0-9]+)/)?$", &["o/", "o/page-{page}/"]);
        check("a?b*c+d{2}e{0,3}f", &["cddf"]);
        check("a+?b", &["ab"]);
        check("(?:ab){2}", &["abab"]);
        check("(?:ab)?c", &["c"]);
        check("[^/]x[ab]", &["^xa"]);
        check(r"\d\w\s.", &["0x ."]);
        check("(?!x)a", &["a"]);
        check("a|b", &[""]);
        check("(?P<k>foo|bar)/", &["{k}/"]);
        check("(?P<a>x)(?P=a)", &["{a}{a}"]);
        check("(?:(?P<a>x)?b)?", &[""]);
        check("(?i)a", &[]);
        check("(((a)b)c)d", &["{_0}d"]);
        check("(?P<a>x)?(?P<b>y)?", &["", "{b}", "{a}", "{a}{b}"]);
    }
}
