//! Commands that need more than the project: the built site itself.

use std::path::PathBuf;

use clap::ArgMatches;
use futures_core::future::BoxFuture;

use crate::apps::command::{CommandError, Output};
use crate::site::Built;

/// Where a site command writes.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) out: Output,
    pub(super) err: Output,
    /// The name of the program, for advice.
    pub(super) program: String,
    /// The settings file, as the banner names it.
    pub(super) settings_file: String,
    /// The file of `--settings`.
    pub(super) settings_path: Option<PathBuf>,
    pub(super) skip_checks: bool,
}

/// As [`Command`](crate::apps::command::Command), but for what is handed over. Such a command runs the checks itself.
pub(super) trait SiteCommand: clap::Args + Send + 'static {
    const NAME: &'static str;
    const HELP: &'static str;

    fn handle(
        self,
        built: Built,
        console: &mut Console,
    ) -> impl Future<Output = Result<(), CommandError>> + Send;
}

type Run = for<'a> fn(&ArgMatches, Built, &'a mut Console) -> BoxFuture<'a, Result<(), CommandError>>;

/// A site command's row in the table of the framework's own commands.
#[derive(Debug, Clone, Copy)]
pub(super) struct SiteCommandDef {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) clap: fn() -> clap::Command,
    pub(super) run: Run,
}

impl SiteCommandDef {
    pub(super) const fn of<C: SiteCommand>() -> Self {
        Self {
            name: C::NAME,
            help: C::HELP,
            clap: || C::augment_args(clap::Command::new(C::NAME)),
            run: |matches, built, console| match C::from_arg_matches(matches) {
                Ok(command) => Box::pin(command.handle(built, console)),
                Err(error) => Box::pin(std::future::ready(Err(error.into()))),
            },
        }
    }
}
