//! Management commands: each is its own parsed arguments.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use clap::ArgMatches;
use futures_core::future::BoxFuture;

use crate::apps::style::Style;
use crate::project::Project;

/// Why a command failed: printed as `CommandError: …`, exit status 1 (Django's `CommandError`).
#[derive(Debug)]
pub struct CommandError {
    message: String,
    exit_code: u8,
}

impl CommandError {
    /// A failure with exit status 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    /// The same with another exit status; an empty message prints nothing.
    #[must_use]
    pub const fn exit_code(mut self, code: u8) -> Self {
        self.exit_code = code;
        self
    }

    /// The exit status of the process.
    #[must_use]
    pub const fn code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for CommandError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_message = cause.to_string();
            // Some errors (sqlx's) say their source themselves.
            if !message.ends_with(&cause_message) {
                message.push_str(": ");
                message.push_str(&cause_message);
            }
            source = cause.source();
        }
        Self::new(message)
    }
}

/// Where a command writes: the terminal, a pipe, or a buffer in a test.
pub struct Output {
    to: Box<dyn Write + Send>,
    terminal: bool,
    style: Style,
    verbosity: u8,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

impl Output {
    /// Writes there; `terminal` tells whether a person watches (colours, progress bars).
    pub fn new(to: impl Write + Send + 'static, terminal: bool) -> Self {
        Self { to: Box::new(to), terminal, style: Style::for_terminal(terminal), verbosity: 1 }
    }

    /// Standard output.
    #[must_use]
    pub fn stdout() -> Self {
        let terminal = io::IsTerminal::is_terminal(&io::stdout());
        Self::new(io::stdout(), terminal)
    }

    /// The same with other colours than the terminal suggests (`--no-color`, `--force-color`).
    #[must_use]
    pub const fn with_style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// The same, more or less talkative: 0 to 3, 1 being normal (`--verbosity`).
    #[must_use]
    pub const fn with_verbosity(mut self, verbosity: u8) -> Self {
        self.verbosity = verbosity;
        self
    }

    /// How to paint what is written here: `out.style().paint(Role::Success, "OK")`.
    #[must_use]
    pub const fn style(&self) -> Style {
        self.style
    }

    /// How much to say: 0 nothing, 1 what is usual, 2 more, 3 all.
    #[must_use]
    pub const fn verbosity(&self) -> u8 {
        self.verbosity
    }

    /// Whether a person watches.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Writes a line.
    ///
    /// # Errors
    /// When the other end is gone.
    pub fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.to, "{text}")
    }

    /// Writes without ending the line, and shows it at once.
    ///
    /// # Errors
    /// When the other end is gone.
    pub fn write(&mut self, text: impl fmt::Display) -> io::Result<()> {
        write!(self.to, "{text}")?;
        self.to.flush()
    }
}

/// A management command: `clap::Args` are its arguments, `handle` does the work (Django's `BaseCommand`).
///
/// ```
/// use std::sync::Arc;
/// use nuages::apps::command::{Command, CommandError, Output};
/// use nuages::project::Project;
///
/// /// `manage greet NAME`
/// #[derive(Debug, clap::Args)]
/// struct Greet {
///     name: String,
/// }
///
/// impl Command for Greet {
///     const NAME: &'static str = "greet";
///     const HELP: &'static str = "Says hello.";
///
///     async fn handle(self, _project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
///         out.line(format_args!("Hello, {}!", self.name))?;
///         Ok(())
///     }
/// }
/// ```
pub trait Command: clap::Args + Send + 'static {
    /// The word after `manage`.
    const NAME: &'static str;
    /// One sentence for `manage help`.
    const HELP: &'static str;
    /// Whether the system checks must pass before it runs (Django's `requires_system_checks`).
    const CHECKS: bool = true;

    /// Does the work.
    fn handle(
        self,
        project: Arc<Project>,
        out: &mut Output,
    ) -> impl Future<Output = Result<(), CommandError>> + Send;
}

type Run = for<'a> fn(&ArgMatches, Arc<Project>, &'a mut Output) -> BoxFuture<'a, Result<(), CommandError>>;

/// A command's row in an app's table: made with [`CommandDef::of`].
#[derive(Debug, Clone, Copy)]
pub struct CommandDef {
    /// The word after `manage`.
    pub name: &'static str,
    /// One sentence for `manage help`.
    pub help: &'static str,
    pub(crate) clap: fn() -> clap::Command,
    pub(crate) run: Run,
    pub(crate) checks: bool,
}

impl CommandDef {
    /// The row of that command.
    #[must_use]
    pub const fn of<C: Command>() -> Self {
        Self {
            name: C::NAME,
            help: C::HELP,
            checks: C::CHECKS,
            clap: || C::augment_args(clap::Command::new(C::NAME).about(C::HELP)),
            run: |matches, project, out| match C::from_arg_matches(matches) {
                Ok(command) => Box::pin(command.handle(project, out)),
                Err(error) => Box::pin(std::future::ready(Err(error.into()))),
            },
        }
    }
}
