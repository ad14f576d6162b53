//! A script in statements.

use crate::db::lexer::{Lexer, Token};
use crate::db::vendor::Vendor;

/// A statement of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Its text, with the semicolon, without the comments before it.
    pub text: &'a str,
    /// The line of the script that it starts on, from 1.
    pub line: usize,
}

/// The statements of a script, in order; what is only white space and comments is left out.
#[must_use]
pub fn statements(script: &str, vendor: Vendor) -> Vec<Statement<'_>> {
    let mut line = 1;
    let mut found = Vec::new();
    for piece in pieces(script, vendor) {
        let before: usize = Lexer::new(piece, vendor)
            .take_while(|(token, _)| matches!(token, Token::Space | Token::Comment))
            .map(|(_, text)| text.len())
            .sum();
        let text = piece[before..].trim_end();
        if !text.is_empty() && text != ";" {
            found.push(Statement { text, line: line + newlines(&piece[..before]) });
        }
        line += newlines(piece);
    }
    found
}

/// The script cut behind each semicolon that ends a statement. The pieces, put together, are the script.
///
/// A semicolon in a string, a quoted name, a comment or a dollar quote ends nothing; nor does one between the `BEGIN` and the `END` of
/// a trigger, procedure, function or event.
#[must_use]
pub fn pieces(script: &str, vendor: Vendor) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut nesting = Nesting::default();
    for (token, text) in Lexer::new(script, vendor) {
        at += text.len();
        match token {
            Token::Word => nesting.word(text),
            Token::Semicolon if nesting.depth == 0 => {
                pieces.push(&script[start..at]);
                start = at;
                nesting = Nesting::default();
            }
            Token::Space | Token::Comment => {}
            Token::Semicolon | Token::Quoted | Token::Placeholder | Token::Other => nesting.after_end = false,
        }
    }
    if start < script.len() {
        pieces.push(&script[start..]);
    }
    pieces
}

/// Where in a statement we are.
#[derive(Debug, Default)]
struct Nesting {
    kind: Kind,
    /// How many blocks are open.
    depth: usize,
    /// Whether the word before was `END`.
    after_end: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Kind {
    /// No word was read yet.
    #[default]
    Unknown,
    /// `CREATE` was read, and not yet what it creates.
    Create,
    /// One with a body of statements.
    Routine,
    /// Any other.
    Plain,
}

impl Nesting {
    fn word(&mut self, word: &str) {
        let is = |words: &[&str]| words.iter().any(|other| other.eq_ignore_ascii_case(word));
        match self.kind {
            Kind::Unknown => self.kind = if is(&["CREATE"]) { Kind::Create } else { Kind::Plain },
            Kind::Create if is(&["TRIGGER", "PROCEDURE", "FUNCTION", "EVENT"]) => self.kind = Kind::Routine,
            // `CREATE TABLE event (…)` creates no event.
            Kind::Create
                if is(&["TABLE", "INDEX", "VIEW", "SCHEMA", "DATABASE", "TYPE", "SEQUENCE", "EXTENSION"]) =>
            {
                self.kind = Kind::Plain;
            }
            Kind::Create | Kind::Plain => {}
            Kind::Routine if is(&["END"]) => {
                self.depth = self.depth.saturating_sub(1);
                self.after_end = true;
                return;
            }
            // `END IF` ends no block that was counted; `END CASE` is one end, and no new case.
            Kind::Routine if self.after_end && is(&["IF", "LOOP", "WHILE", "REPEAT", "FOR"]) => {
                self.depth += 1;
            }
            Kind::Routine if self.after_end && is(&["CASE"]) => {}
            Kind::Routine if is(&["BEGIN", "CASE"]) => self.depth += 1,
            Kind::Routine => {}
        }
        self.after_end = false;
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(vendor: Vendor, script: &str, expected: &[(usize, &str)]) {
        let found: Vec<_> = statements(script, vendor).iter().map(|it| (it.line, it.text)).collect();
        assert_eq!(found, expected, "{script}");
        assert_eq!(pieces(script, vendor).concat(), script);
    }

    #[test]
    fn a_semicolon_ends_a_statement_where_it_is_one() {
        check(Vendor::Sqlite, "", &[]);
        check(Vendor::Sqlite, "-- nothing;\n;; /* ; */", &[]);
        check(Vendor::Sqlite, "a;b", &[(1, "a;"), (1, "b")]);
        check(Vendor::Sqlite, "-- first\na;\n\n-- second;\nb 'x;y' ;\n", &[(2, "a;"), (5, "b 'x;y' ;")]);
        check(Vendor::Postgres, "DO $$ BEGIN a; END $$; b;", &[(1, "DO $$ BEGIN a; END $$;"), (1, "b;")]);
    }

    #[test]
    fn a_trigger_is_one_statement() {
        let trigger = "CREATE TRIGGER t AFTER UPDATE ON a BEGIN UPDATE b SET x = CASE WHEN 1 THEN 2 END; DELETE FROM c; END;";
        check(Vendor::Sqlite, &format!("{trigger}\nSELECT 1;"), &[(1, trigger), (2, "SELECT 1;")]);
        let temporary = "create temp trigger if not exists t begin select ';'; end;";
        check(Vendor::Sqlite, &format!("{temporary} x;"), &[(1, temporary), (1, "x;")]);
        let procedure = "CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN IF x THEN BEGIN a; END; END IF; WHILE y DO b; END WHILE; \
                         CASE z WHEN 1 THEN c; END CASE; END;";
        check(Vendor::MySql, &format!("{procedure} x;"), &[(1, procedure), (1, "x;")]);
        let function =
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;";
        check(Vendor::Postgres, &format!("{function} x;"), &[(1, function), (1, "x;")]);
    }

    #[test]
    fn a_table_may_be_called_event() {
        check(
            Vendor::MySql,
            "CREATE TABLE event (begin int); x;",
            &[(1, "CREATE TABLE event (begin int);"), (1, "x;")],
        );
        check(Vendor::Sqlite, "BEGIN; a; END; b;", &[(1, "BEGIN;"), (1, "a;"), (1, "END;"), (1, "b;")]);
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_script(
            script in proptest::collection::vec(
                prop_oneof![
                    Just(";".to_owned()), Just("'".to_owned()), Just("\"".to_owned()), Just("`".to_owned()),
                    Just("--".to_owned()), Just("/*".to_owned()), Just("*/".to_owned()), Just("$$".to_owned()),
                    Just("$a$".to_owned()), Just("\n".to_owned()), Just("\\".to_owned()), Just("[".to_owned()),
                    Just("CREATE TRIGGER ".to_owned()), Just(" BEGIN ".to_owned()), Just(" END ".to_owned()),
                    Just(" CASE ".to_owned()), Just("E'".to_owned()), "\\PC{0,4}",
                ],
                0..30,
            ).prop_map(|parts| parts.concat()),
            vendor in prop_oneof![Just(Vendor::Sqlite), Just(Vendor::Postgres), Just(Vendor::MySql)],
        ) {
            prop_assert_eq!(pieces(&script, vendor).concat(), script.as_str());
            let tokens: String = Lexer::new(&script, vendor).map(|(_, text)| text).collect();
            prop_assert_eq!(tokens, script.as_str());
            let lines = script.lines().count().max(1);
            for statement in statements(&script, vendor) {
                prop_assert!(statement.line <= lines && script.contains(statement.text));
            }
        }
    }
}
