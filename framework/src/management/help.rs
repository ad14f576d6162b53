//! `manage help`: every command under the app it comes from (Django 5.2 `core/management/__init__.py`).

use std::fmt::Write as _;

use crate::apps::style::{Role, Style};
use crate::conf::section::nearest;

/// A command and the label of its app; the framework's own are under `nuages`, as Django's are under `django`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed<'a> {
    pub(super) app: &'a str,
    pub(super) name: &'a str,
}

/// The whole page. `broken` is why the site's own commands are missing.
pub(super) fn page(program: &str, commands: &[Listed<'_>], broken: Option<&str>, style: Style) -> String {
    let mut page = format!(
        "\nType '{program} help <subcommand>' for help on a specific subcommand.\n\nAvailable subcommands:\n"
    );
    let mut apps: Vec<&str> = commands.iter().map(|command| command.app).collect();
    apps.sort_unstable();
    apps.dedup();
    // Writing to a string cannot fail.
    for app in apps {
        let _ = writeln!(page, "\n{}", style.paint(Role::Notice, format_args!("[{app}]")));
        for name in names(commands.iter().filter(|command| command.app == app)) {
            let _ = writeln!(page, "    {name}");
        }
    }
    if let Some(reason) = broken {
        let note = format_args!(
            "Note that only nuages' own commands are listed, because the site is not properly configured (error: {reason})."
        );
        let _ = writeln!(page, "{}", style.paint(Role::Notice, note));
    }
    page
}

/// `manage help --commands`: the names alone, one a line, for shells that complete words.
pub(super) fn words(commands: &[Listed<'_>]) -> String {
    names(commands.iter()).into_iter().flat_map(|name| [name, "\n"]).collect()
}

fn names<'a>(commands: impl Iterator<Item = &'a Listed<'a>>) -> Vec<&'a str> {
    let mut names: Vec<&str> = commands.map(|command| command.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What is said of a command that does not exist.
pub(super) fn unknown(program: &str, word: &str, commands: &[Listed<'_>]) -> String {
    let nearest = nearest(word, commands.iter().map(|command| command.name));
    let proposal = nearest.map(|name| format!(". Did you mean {name}?")).unwrap_or_default();
    format!("Unknown command: '{word}'{proposal}\nType '{program} help' for usage.")
}

#[cfg(test)]
mod tests {
    use super::{Listed, page, unknown, words};
    use crate::apps::style::Style;

    const COMMANDS: [Listed<'_>; 4] = [
        Listed { app: "sessions", name: "clearsessions" },
        Listed { app: "nuages", name: "runserver" },
        Listed { app: "nuages", name: "migrate" },
        Listed { app: "shop", name: "restock" },
    ];

    #[test]
    fn the_page_is_laid_out_as_djangos() {
        let expected = "\nType 'manage help <subcommand>' for help on a specific subcommand.\n\n\
            Available subcommands:\n\n\
            [nuages]\n    migrate\n    runserver\n\n[sessions]\n    clearsessions\n\n[shop]\n    restock\n";
        assert_eq!(page("manage", &COMMANDS, None, Style::plain()), expected);
        let broken = page("manage", &COMMANDS[1..2], Some("no settings"), Style::plain());
        assert!(broken.ends_with("runserver\nNote that only nuages' own commands are listed, because the site is not properly configured (error: no settings).\n"));
        assert_eq!(words(&COMMANDS), "clearsessions\nmigrate\nrestock\nrunserver\n");
    }

    #[test]
    fn a_typing_mistake_is_told_what_was_meant() {
        let check = |word, expected: &str| {
            assert_eq!(
                unknown("manage", word, &COMMANDS),
                format!("{expected}\nType 'manage help' for usage.")
            );
        };
        check("migrat", "Unknown command: 'migrat'. Did you mean migrate?");
        check("runsevrer", "Unknown command: 'runsevrer'. Did you mean runserver?");
        check("xyzzy", "Unknown command: 'xyzzy'");
    }
}
