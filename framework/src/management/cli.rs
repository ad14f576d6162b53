//! The words after `manage`: which command, which settings, and the options that every command takes.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::apps::command::CommandError;
use crate::apps::style::Style;

use super::entry::Entry;

/// What the command line asks for, before any site is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// `manage`, `manage help`, `manage --help`: the list of commands.
    Help,
    /// `manage help --commands`
    Words,
    /// `manage help NAME`
    HelpOn(String),
    /// `manage version`, `manage --version`
    Version,
    /// `manage NAME ARGUMENTS…`
    Command {
        /// The name.
        name: String,
        /// What follows it.
        arguments: Vec<String>,
    },
}

impl Request {
    /// Understands the words after the program's name as Django's `ManagementUtility.execute` does.
    pub(super) fn of(words: &[String]) -> Self {
        let Some((first, rest)) = words.split_first() else {
            return Self::Help;
        };
        let alone = rest.is_empty();
        match first.as_str() {
            "help" if rest.iter().any(|word| word == "--commands") => Self::Words,
            "help" => positional(rest).map_or(Self::Help, |name| Self::HelpOn(name.to_owned())),
            "--help" | "-h" if alone => Self::Help,
            "--version" if alone => Self::Version,
            "version" => Self::Version,
            _ => Self::Command { name: first.clone(), arguments: rest.to_vec() },
        }
    }
}

fn positional(words: &[String]) -> Option<&str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--settings" => {
                words.next();
            }
            word if word.starts_with('-') => {}
            word => return Some(word),
        }
    }
    None
}

/// The file of `--settings FILE`, wherever it stands: it decides which apps, and so which commands, there are.
pub(super) fn settings_file(words: &[String]) -> Option<PathBuf> {
    let mut words = words.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == "--settings" {
            return words.next().map(PathBuf::from);
        }
        if let Some(file) = word.strip_prefix("--settings=") {
            return Some(PathBuf::from(file));
        }
    }
    None
}

/// The parser of a command: its own arguments, then those of every command.
pub(super) fn parser(program: &str, entry: &Entry) -> clap::Command {
    let mut parser = entry
        .clap()
        .about(entry.help())
        .long_about(None::<&str>)
        .no_binary_name(true)
        .bin_name(format!("{program} {}", entry.name()))
        .version(VERSION)
        .disable_version_flag(true);
    let verbosity = Arg::new(VERBOSITY)
        .short('v')
        .long("verbosity")
        .value_name("LEVEL")
        .value_parser(value_parser!(u8).range(0..=3))
        .default_value("1")
        .hide_default_value(true)
        .help("Verbosity level; 0=minimal output, 1=normal output, 2=verbose output, 3=very verbose output");
    let settings = Arg::new("settings")
        .long("settings")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("A TOML file whose settings go over those of settings.toml");
    let flag =
        |id: &'static str, help: &'static str| Arg::new(id).long(id).action(ArgAction::SetTrue).help(help);
    let version =
        Arg::new("version").long("version").action(ArgAction::Version).help("Show the version and exit");
    let skip_checks = flag(SKIP_CHECKS, "Skip system checks.").hide(!entry.has_checks());
    for (order, arg) in [
        version,
        verbosity,
        settings,
        flag(TRACEBACK, "Display the whole error instead of its sentence when the command fails"),
        flag(NO_COLOR, "Don't colorize the command output.").conflicts_with(FORCE_COLOR),
        flag(FORCE_COLOR, "Force colorization of the command output."),
        skip_checks,
    ]
    .into_iter()
    .enumerate()
    {
        let taken = |same: &dyn Fn(&Arg) -> bool| parser.get_arguments().any(same);
        if taken(&|own| own.get_id() == arg.get_id() || own.get_long() == arg.get_long()) {
            continue;
        }
        let short = arg.get_short().filter(|short| !taken(&|own| own.get_short() == Some(*short)));
        // After the command's own, as Django orders them.
        parser = parser.arg(arg.short(short).display_order(1000 + order));
    }
    parser
}

/// The version of the framework: `manage version`, the banner of `runserver`.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

const VERBOSITY: &str = "verbosity";
const TRACEBACK: &str = "traceback";
const NO_COLOR: &str = "no-color";
const FORCE_COLOR: &str = "force-color";
const SKIP_CHECKS: &str = "skip-checks";

/// The options that every command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) verbosity: u8,
    pub(super) traceback: bool,
    pub(super) skip_checks: bool,
    colours: Option<bool>,
}

impl Options {
    pub(super) fn of(matches: &ArgMatches) -> Result<Self, CommandError> {
        let flag = |id| matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false);
        let colours = match (flag(NO_COLOR), flag(FORCE_COLOR)) {
            (true, true) => {
                return Err(CommandError::new(
                    "The --no-color and --force-color options can't be used together.",
                ));
            }
            (true, false) => Some(false),
            (false, true) => Some(true),
            (false, false) => None,
        };
        Ok(Self {
            verbosity: matches.try_get_one::<u8>(VERBOSITY).ok().flatten().copied().unwrap_or(1),
            traceback: flag(TRACEBACK),
            skip_checks: flag(SKIP_CHECKS),
            colours,
        })
    }

    /// How to paint on a stream.
    pub(super) fn style(self, terminal: bool) -> Style {
        match self.colours {
            Some(true) => Style::coloured(),
            Some(false) => Style::plain(),
            None => Style::for_terminal(terminal),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::entry::{Entry, Kind};
    use super::{Options, Request, parser, settings_file};
    use crate::apps::command::{Command, CommandDef, CommandError, Output};
    use crate::apps::style::Style;
    use crate::project::Project;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_word_decides() {
        let check = |line: &str, expected| assert_eq!(Request::of(&words(line)), expected, "{line}");
        let command =
            |name: &str, rest: &str| Request::Command { name: name.to_owned(), arguments: words(rest) };
        check("", Request::Help);
        check("help", Request::Help);
        check("--help", Request::Help);
        check("-h", Request::Help);
        check("help --commands", Request::Words);
        check("help migrate", Request::HelpOn("migrate".to_owned()));
        check("help --settings x.toml migrate", Request::HelpOn("migrate".to_owned()));
        check("help --settings=x.toml", Request::Help);
        check("version", Request::Version);
        check("--version", Request::Version);
        check("migrate shop --plan", command("migrate", "shop --plan"));
        check("--version x", command("--version", "x"));
    }

    #[test]
    fn the_settings_file_is_found_wherever_it_stands() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(settings_file(&words(line)), expected.map(PathBuf::from), "{line}");
        };
        check("migrate", None);
        check("migrate --settings prod.toml", Some("prod.toml"));
        check("migrate --settings=prod.toml x", Some("prod.toml"));
        check("migrate --settings", None);
        check("echo -- --settings x", None);
    }

    /// A command that has a `--settings` and a `-v` of its own meaning.
    #[derive(Debug, clap::Args)]
    struct Own {
        #[arg(long)]
        settings: Option<String>,
        #[arg(short)]
        volume: bool,
        word: Option<String>,
    }

    impl Command for Own {
        const NAME: &'static str = "own";
        const HELP: &'static str = "Has its own.";
        async fn handle(self, _project: Arc<Project>, _out: &mut Output) -> Result<(), CommandError> {
            Ok(())
        }
    }

    #[test]
    fn every_command_takes_the_common_options() {
        let def = Entry { app: "own", kind: Kind::Project(CommandDef::of::<Own>()) };
        let check = |line: &str, expected: (u8, bool, Style)| {
            let matches = parser("manage", &def).try_get_matches_from(words(line)).unwrap();
            let options = Options::of(&matches).unwrap();
            assert_eq!((options.verbosity, options.traceback, options.style(false)), expected, "{line}");
        };
        check("", (1, false, Style::plain()));
        check("-v --verbosity 2 --traceback --force-color word", (2, true, Style::coloured()));
        check("--no-color --verbosity 0 --settings own", (0, false, Style::plain()));
        for (line, expected) in [
            ("--verbosity 4", "4 is not in 0..=3"),
            ("--no-color --force-color", "cannot be used with '--force-color'"),
            ("--nonsense", "unexpected argument '--nonsense'"),
            ("--version", env!("CARGO_PKG_VERSION")),
        ] {
            let error = parser("manage", &def).try_get_matches_from(words(line)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        let help = parser("manage", &def).render_help().to_string();
        assert!(help.starts_with("Has its own.\n\nUsage: manage own [OPTIONS] [WORD]\n"), "{help}");
    }
}
