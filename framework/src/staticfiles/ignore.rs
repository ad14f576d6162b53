//! Shell patterns as Python's `fnmatch` reads them: `*` also takes in slashes.

use regex::RegexSet;

/// What `collectstatic` leaves out by itself (Django 5.2 `contrib/staticfiles/apps.py`).
pub const DEFAULT_IGNORE: &[&str] = &["CVS", ".*", "*~"];

/// Patterns of which one is enough.
#[derive(Debug, Clone)]
pub struct Patterns(RegexSet);

impl Patterns {
    /// Those patterns: `*` any characters, `?` one, `[abc]` one of them, `[!abc]` any other.
    ///
    /// ```
    /// use nuages::staticfiles::ignore::Patterns;
    ///
    /// let patterns = Patterns::new(["*.scss", "[!a-z]*"]);
    /// assert!(patterns.matches("css/site.scss") && patterns.matches("Makefile"));
    /// assert!(!patterns.matches("css/site.css"));
    /// ```
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Self {
        let regexes = patterns.into_iter().map(|pattern| translate(pattern.as_ref()));
        // What `translate` makes is a regular expression; one that is too large for the engine matches nothing.
        Self(RegexSet::new(regexes).unwrap_or_else(|_| RegexSet::empty()))
    }

    /// Whether one of them matches the whole name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// The pattern as a regular expression (Python's `fnmatch.translate`).
fn translate(pattern: &str) -> String {
    let mut regex = String::from(r"(?s)\A");
    let characters: Vec<char> = pattern.chars().collect();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        at += 1;
        match character {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match set(&characters[at..]) {
                Some((set, length)) => {
                    regex.push_str(&set);
                    at += length;
                }
                None => regex.push_str(r"\["),
            },
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push_str(r"\z");
    regex
}

/// The set that begins behind a `[`, and how long it is; `None` when no `]` ends it.
fn set(rest: &[char]) -> Option<(String, usize)> {
    let negated = rest.first() == Some(&'!');
    let start = usize::from(negated);
    // A `]` that comes first stands for itself.
    let end = start + 1 + rest.get(start + 1..)?.iter().position(|character| *character == ']')?;
    let mut ranges = Vec::new();
    let mut at = start;
    while at < end {
        let first = rest[at];
        if at + 2 < end && rest[at + 1] == '-' {
            // A range that runs backwards is empty.
            if first <= rest[at + 2] {
                ranges.push((first, rest[at + 2]));
            }
            at += 3;
        } else {
            ranges.push((first, first));
            at += 1;
        }
    }
    let escaped = |character: char| regex::escape(character.encode_utf8(&mut [0; 4]));
    let members: String =
        ranges.iter().map(|(from, to)| format!("[{}-{}]", escaped(*from), escaped(*to))).collect();
    let set = match (members.is_empty(), negated) {
        (true, true) => ".".to_owned(),
        (true, false) => r"[^\s\S]".to_owned(),
        (false, true) => format!("[^{members}]"),
        (false, false) => format!("[{members}]"),
    };
    Some((set, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers are Python's `fnmatch.fnmatchcase`.
    #[test]
    fn patterns_are_pythons() {
        let cases = [
            ("*.css", "a/b.css", true),
            ("*.css", "a.CSS", false),
            (".*", ".git", true),
            (".*", "a.git", false),
            ("*~", "x~", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[abc]x", "bx", true),
            ("[!abc]x", "bx", false),
            ("[!abc]x", "dx", true),
            ("[a-c]", "b", true),
            ("[c-a]", "b", false),
            ("[]]", "]", true),
            ("[!]]", "a", true),
            ("[", "[", true),
            ("[a", "[a", true),
            ("[^a]", "^", true),
            ("[a-]", "-", true),
            ("a.b", "axb", false),
            ("*", "", true),
            ("", "", true),
            ("[\\]", "\\", true),
            ("a\n*", "a\nb", true),
            ("[--0]", "-", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Patterns::new([pattern]).matches(name), expected, "{pattern:?} on {name:?}");
        }
        assert!(!Patterns::new(Vec::<&str>::new()).matches(""));
    }
}
