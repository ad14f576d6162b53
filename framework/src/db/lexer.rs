//! SQL in pieces: what is quoted, what is a comment, what is a word.
//!
//! It knows just enough of each dialect to find the `?` and the `;` that mean something. The pieces, put together again,
//! are the text: nothing is dropped, and no text is refused (an unfinished quote or comment reaches to the end).

use crate::db::vendor::Vendor;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// White space.
    Space,
    /// `-- …`, `/* … */`, on MySQL `# …`.
    Comment,
    /// A string, a quoted name, or PostgreSQL's `$tag$ … $tag$`.
    Quoted,
    /// A keyword, a name or a number.
    Word,
    /// `;`
    Semicolon,
    /// `?`
    Placeholder,
    /// Any other character.
    Other,
}

/// The pieces of a text, from left to right.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    rest: &'a str,
    vendor: Vendor,
}

impl<'a> Lexer<'a> {
    /// Reads that text as that dialect.
    #[must_use]
    pub const fn new(text: &'a str, vendor: Vendor) -> Self {
        Self { rest: text, vendor }
    }

    /// What the text starts with, and the length of it in bytes.
    fn first(&self, first: char) -> (Token, usize) {
        let rest = self.rest;
        let backslash = self.vendor == Vendor::MySql;
        match first {
            ';' => (Token::Semicolon, 1),
            '?' => (Token::Placeholder, 1),
            '\'' => (Token::Quoted, quoted(rest, 1, '\'', backslash)),
            '"' => (Token::Quoted, quoted(rest, 1, '"', backslash)),
            '`' if self.vendor != Vendor::Postgres => (Token::Quoted, quoted(rest, 1, '`', false)),
            '[' if self.vendor == Vendor::Sqlite => {
                (Token::Quoted, rest.find(']').map_or(rest.len(), |end| end + 1))
            }
            '-' if self.starts_dash_comment() => (Token::Comment, line(rest)),
            '#' if self.vendor == Vendor::MySql => (Token::Comment, line(rest)),
            '/' if rest.starts_with("/*") => (Token::Comment, block(rest, self.vendor == Vendor::Postgres)),
            '$' if self.vendor == Vendor::Postgres => match dollar_quoted(rest) {
                Some(length) => (Token::Quoted, length),
                None => (Token::Other, 1),
            },
            // PostgreSQL's strings with escapes.
            'e' | 'E' if self.vendor == Vendor::Postgres && rest[1..].starts_with('\'') => {
                (Token::Quoted, quoted(rest, 2, '\'', true))
            }
            c if c.is_whitespace() => (Token::Space, span(rest, char::is_whitespace)),
            c if is_word(c) => (Token::Word, span(rest, is_word_inside)),
            c => (Token::Other, c.len_utf8()),
        }
    }

    /// MySQL wants white space after the two dashes: there `1--1` is 2.
    fn starts_dash_comment(&self) -> bool {
        match self.rest.strip_prefix("--") {
            None => false,
            Some(after) => {
                self.vendor != Vendor::MySql
                    || after.chars().next().is_none_or(|c| c.is_whitespace() || c.is_control())
            }
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (Token, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.rest.chars().next()?;
        let (token, length) = self.first(first);
        let (piece, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some((token, piece))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `$` is a letter inside a name, so that `a$b$c` quotes nothing.
fn is_word_inside(c: char) -> bool {
    is_word(c) || c == '$'
}

fn span(text: &str, inside: impl Fn(char) -> bool) -> usize {
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

/// The length of a quoted piece whose opening quote ends at `from`; a doubled quote is one character of it.
fn quoted(text: &str, from: usize, quote: char, backslash: bool) -> usize {
    let mut chars = text[from..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash {
            chars.next();
        } else if c == quote {
            if chars.peek().is_some_and(|&(_, next)| next == quote) {
                chars.next();
            } else {
                return from + at + quote.len_utf8();
            }
        }
    }
    text.len()
}

fn line(text: &str) -> usize {
    text.find('\n').map_or(text.len(), |end| end + 1)
}

fn block(text: &str, nested: bool) -> usize {
    let mut depth = 1_usize;
    let mut at = 2;
    while depth > 0 {
        let rest = &text[at..];
        let Some(close) = rest.find("*/") else { return text.len() };
        match rest.find("/*") {
            Some(open) if nested && open < close => {
                depth += 1;
                at += open + 2;
            }
            _ => {
                depth -= 1;
                at += close + 2;
            }
        }
    }
    at
}

/// `$$ … $$` or `$tag$ … $tag$`; `None` when the text starts with a parameter (`$1`) or a lone dollar.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 2;
    let tag = &text[..tag_end];
    let name = &tag[1..tag_end - 1];
    if !name.chars().all(is_word) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(text[tag_end..].find(tag).map_or(text.len(), |at| tag_end + at + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Token::{Comment, Other, Placeholder, Quoted, Semicolon, Space, Word};

    fn check(vendor: Vendor, text: &str, expected: &[(Token, &str)]) {
        assert_eq!(Lexer::new(text, vendor).collect::<Vec<_>>(), expected, "{vendor}: {text}");
    }

    #[test]
    fn each_dialect_quotes_and_comments_its_own_way() {
        check(
            Vendor::Sqlite,
            "a;'b;''c';",
            &[(Word, "a"), (Semicolon, ";"), (Quoted, "'b;''c'"), (Semicolon, ";")],
        );
        check(
            Vendor::Sqlite,
            "[a;b] `c;` \"d;\"",
            &[(Quoted, "[a;b]"), (Space, " "), (Quoted, "`c;`"), (Space, " "), (Quoted, "\"d;\"")],
        );
        check(Vendor::Sqlite, "'a\\';", &[(Quoted, "'a\\'"), (Semicolon, ";")]);
        check(Vendor::MySql, "'a\\';'", &[(Quoted, "'a\\';'")]);
        check(Vendor::Postgres, "E'a\\';'", &[(Quoted, "E'a\\';'")]);
        check(Vendor::Sqlite, "--a;\n;", &[(Comment, "--a;\n"), (Semicolon, ";")]);
        check(Vendor::MySql, "1--1", &[(Word, "1"), (Other, "-"), (Other, "-"), (Word, "1")]);
        check(Vendor::MySql, "-- a\n# b;", &[(Comment, "-- a\n"), (Comment, "# b;")]);
        check(Vendor::Postgres, "a#b", &[(Word, "a"), (Other, "#"), (Word, "b")]);
        check(Vendor::Sqlite, "/* /* */;", &[(Comment, "/* /* */"), (Semicolon, ";")]);
        check(Vendor::Postgres, "/* /* */;*/?", &[(Comment, "/* /* */;*/"), (Placeholder, "?")]);
        check(
            Vendor::Postgres,
            "$$;$$ $b$;$$;$b$",
            &[(Quoted, "$$;$$"), (Space, " "), (Quoted, "$b$;$$;$b$")],
        );
        check(
            Vendor::Postgres,
            "$1;a$b$;",
            &[(Other, "$"), (Word, "1"), (Semicolon, ";"), (Word, "a$b$"), (Semicolon, ";")],
        );
        check(Vendor::Sqlite, "'never closed;", &[(Quoted, "'never closed;")]);
        check(Vendor::Sqlite, "/* never closed;", &[(Comment, "/* never closed;")]);
    }
}
