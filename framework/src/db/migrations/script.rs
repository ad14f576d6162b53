//! One file of a migration: its header and its statements.

use std::borrow::Cow;

use crate::checks::CheckMessage;
use crate::db::lexer::{Lexer, Token};
use crate::db::migrations::name::MigrationKey;
use crate::db::migrations::splitter::statements;
use crate::db::vendor::Vendor;

/// The text of a file, and what to call it in messages.
#[derive(Debug, Clone)]
pub struct Script {
    /// The path of the file, or the app and file name of one that a program brings.
    pub from: String,
    /// The SQL.
    pub text: Cow<'static, str>,
}

/// What the comments at the top of a file say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// `depends`
    pub dependencies: Vec<MigrationKey>,
    /// `operation`: Django's words for what it does.
    pub operations: Vec<String>,
    /// `atomic`; `None` when it is not said.
    pub atomic: Option<bool>,
}

const NAMES: [&str; 3] = ["depends", "operation", "atomic"];

impl Script {
    /// Reads the header.
    ///
    /// # Errors
    /// A name of a header misspelt, a dependency that is no migration's name, `atomic` neither yes nor no.
    pub fn header(&self) -> Result<Header, Vec<CheckMessage>> {
        let mut header = Header::default();
        let mut faults = Vec::new();
        let mut fault = |line: usize, message: String, hint: String| {
            faults.push(
                CheckMessage::error("nuages.E316", message)
                    .hint(hint)
                    .object(format!("{}:{line}", self.from)),
            );
        };
        let mut line = 1;
        for (token, text) in Lexer::new(&self.text, Vendor::Sqlite) {
            if !matches!(token, Token::Space | Token::Comment) {
                break;
            }
            let said = text.strip_prefix("--").and_then(|comment| comment.split_once(':'));
            if let Some((name, value)) = said {
                let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
                match name.as_str() {
                    "depends" => {
                        for one in value.split(',').map(str::trim) {
                            match MigrationKey::parse(one) {
                                Some(key) => header.dependencies.push(key),
                                None => fault(
                                    line,
                                    format!("{one:?} is not a migration's name."),
                                    "Write it as sessions.0001_initial; several are separated by commas."
                                        .to_owned(),
                                ),
                            }
                        }
                    }
                    "operation" => header.operations.push(value.to_owned()),
                    "atomic" => match value {
                        "yes" => header.atomic = Some(true),
                        "no" => header.atomic = Some(false),
                        _ => fault(
                            line,
                            format!("{value:?} is not a value of atomic."),
                            "Write yes or no.".to_owned(),
                        ),
                    },
                    other => {
                        // Any comment may have a colon; a near miss is no comment.
                        if let Some(near) =
                            NAMES.into_iter().find(|known| strsim::levenshtein(known, other) <= 2)
                        {
                            fault(
                                line,
                                format!("{other:?} is not known here."),
                                format!("Did you mean {near:?}?"),
                            );
                        }
                    }
                }
            }
            line += text.bytes().filter(|&byte| byte == b'\n').count();
        }
        if faults.is_empty() { Ok(header) } else { Err(faults) }
    }

    /// The first statement that begins or ends a transaction, which the migration's own transaction does not stand.
    #[must_use]
    pub fn transaction_statement(&self, vendor: Vendor) -> Option<(usize, &str)> {
        statements(&self.text, vendor).into_iter().find_map(|statement| {
            let mut words = Lexer::new(statement.text, vendor).filter(|(token, _)| *token == Token::Word);
            let (_, first) = words.next()?;
            let second = words.next().map_or("", |(_, word)| word);
            let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
            let found = ["BEGIN", "COMMIT", "ROLLBACK", "END"].iter().any(|word| is(first, word))
                || (is(first, "START") && is(second, "TRANSACTION"));
            // `ROLLBACK TO a_savepoint` stays inside.
            (found && !is(second, "TO")).then_some((statement.line, first))
        })
    }

    /// The tables that it creates, as they are written but for quotes.
    #[must_use]
    pub fn created_tables(&self, vendor: Vendor) -> Vec<String> {
        let created = |statement: &str| {
            let mut words = Lexer::new(statement, vendor)
                .filter(|(token, _)| matches!(token, Token::Word | Token::Quoted))
                .map(|(_, text)| text);
            if !words.next()?.eq_ignore_ascii_case("CREATE") || !words.next()?.eq_ignore_ascii_case("TABLE") {
                return None;
            }
            words
                .find(|word| !["IF", "NOT", "EXISTS"].iter().any(|other| other.eq_ignore_ascii_case(word)))
                .map(|name| name.trim_matches(['"', '`', '[', ']']).to_owned())
        };
        statements(&self.text, vendor).iter().filter_map(|statement| created(statement.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &'static str) -> Script {
        Script { from: "migrations/shop/0001_initial.sql".to_owned(), text: Cow::Borrowed(text) }
    }

    #[test]
    fn the_header_is_read() {
        let header = script(
            "-- The shop: its products.\n-- depends: sessions.0001_initial, student.0002_more\n-- atomic: no\n-- operation: Create model Product\n\
             CREATE TABLE a (b);\n-- atomic: yes\n",
        )
        .header()
        .unwrap();
        assert_eq!(
            header.dependencies,
            [MigrationKey::new("sessions", "0001_initial"), MigrationKey::new("student", "0002_more")]
        );
        assert_eq!(header.operations, ["Create model Product"]);
        assert_eq!(header.atomic, Some(false));
        assert_eq!(script("CREATE TABLE a (b);").header(), Ok(Header::default()));
    }

    #[test]
    fn a_wrong_header_is_told_with_its_line() {
        let faults =
            script("-- depend: a.0001_b\n-- depends: sessions\n-- atomic: maybe\n").header().unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "migrations/shop/0001_initial.sql:1: (nuages.E316) \"depend\" is not known here.\n\tHINT: Did you mean \"depends\"?",
                "migrations/shop/0001_initial.sql:2: (nuages.E316) \"sessions\" is not a migration's name.\n\tHINT: Write it as \
             sessions.0001_initial; several are separated by commas.",
                "migrations/shop/0001_initial.sql:3: (nuages.E316) \"maybe\" is not a value of atomic.\n\tHINT: Write yes or no.",
            ]
        );
    }

    #[test]
    fn a_transaction_of_its_own_is_found() {
        assert_eq!(script("a;\nbegin;").transaction_statement(Vendor::Sqlite), Some((2, "begin")));
        assert_eq!(script("START TRANSACTION;").transaction_statement(Vendor::MySql), Some((1, "START")));
        assert_eq!(
            script("ROLLBACK TO x; CREATE TRIGGER t BEGIN a; END;").transaction_statement(Vendor::Sqlite),
            None
        );
    }

    #[test]
    fn the_tables_it_creates_are_known() {
        assert_eq!(
            script("CREATE TABLE \"a\" (b); create table if not exists c(d); CREATE INDEX e ON a (b); INSERT INTO f VALUES ('CREATE TABLE g');")
                .created_tables(Vendor::Sqlite),
            ["a", "c"]
        );
    }
}
