//! Statements that every kind of database understands.

use std::fmt::Write;
use std::sync::OnceLock;

use sqlx::SqlStr;

use crate::db::database::Database;
use crate::db::lexer::{Lexer, Token};
use crate::db::vendor::Vendor;

/// A statement with `?` for its parameters.
///
/// PostgreSQL numbers them: its spelling is made once, at first use, and kept.
///
/// ```
/// use nuages::db::sql::Sql;
/// use nuages::db::vendor::Vendor;
///
/// static FIND: Sql = Sql::new("SELECT session_data FROM django_session WHERE session_key = ? AND expire_date > ?");
///
/// assert!(FIND.text(Vendor::Sqlite).ends_with("session_key = ? AND expire_date > ?"));
/// assert!(FIND.text(Vendor::Postgres).ends_with("session_key = $1 AND expire_date > $2"));
/// ```
#[derive(Debug)]
pub struct Sql {
    question: &'static str,
    dollar: OnceLock<String>,
}

impl Sql {
    /// That statement. A `?` in a string, a quoted name or a comment stays what it is.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { question: text, dollar: OnceLock::new() }
    }

    /// The statement in the spelling of that database, ready for sqlx; it copies nothing.
    pub fn on(&'static self, db: &Database) -> SqlStr {
        SqlStr::from_static(self.text(db.vendor()))
    }

    /// The statement in the spelling of that kind of database.
    pub fn text(&'static self, vendor: Vendor) -> &'static str {
        match vendor {
            Vendor::Sqlite | Vendor::MySql => self.question,
            Vendor::Postgres => self.dollar.get_or_init(|| numbered(self.question)),
        }
    }
}

/// The text with `?` spelled as that kind of database spells it; for statements that are put together at run time.
#[must_use]
pub fn placeholders(text: String, vendor: Vendor) -> String {
    match vendor {
        Vendor::Sqlite | Vendor::MySql => text,
        Vendor::Postgres => numbered(&text),
    }
}

fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut count = 0_usize;
    for (token, piece) in Lexer::new(text, Vendor::Postgres) {
        if token == Token::Placeholder {
            count += 1;
            // Writing to a String does not fail.
            let _ = write!(out, "${count}");
        } else {
            out.push_str(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_outside_quotes_only() {
        for (question, dollar) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ? AND b = ?", "a = $1 AND b = $2"),
            ("VALUES (?, '?', ?)", "VALUES ($1, '?', $2)"),
            (r#"SELECT "?", ? -- ?"#, r#"SELECT "?", $1 -- ?"#),
            ("/* ? */ ? $$ ? $$ ?", "/* ? */ $1 $$ ? $$ $2"),
            ("'it''s ?' ?", "'it''s ?' $1"),
        ] {
            assert_eq!(placeholders(question.to_owned(), Vendor::Postgres), dollar);
            assert_eq!(placeholders(question.to_owned(), Vendor::Sqlite), question);
        }
    }
}
