//! From the words on the command line to the exit status.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::apps::command::{CommandError, Output};
use crate::apps::style::{Role, Style};
use crate::checks::{CheckMessage, Level};
use crate::conf::core::CoreSettings;
use crate::conf::server::ServerSettings;
use crate::conf::settings::Settings;
use crate::conf::source::{SETTINGS_FILE, SettingsSource};
use crate::project::Project;
use crate::site::{Built, Site};

use super::check::show;
use super::cli::{Options, Request, VERSION, parser, settings_file};
use super::entry::{Entry, Kind, entries, listed};
use super::reload::state::Served;
use super::site_command::Console;
use super::{help, logging};

/// Runs the command that the words name, the first word being the program itself, and returns its exit status: 0, or 1 for a
/// command that failed, or 2 for words that it does not understand.
///
/// It makes the runtime that the site runs in, with
/// [`SERVER_WORKER_THREADS`](crate::conf::server::ServerSettings::worker_threads) threads, and sets the log up: on standard error, as
/// the setting [`LOG`](crate::conf::core::CoreSettings::log) says.
pub fn run(site: Site, words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut words = words.into_iter().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let program = Path::new(&program).file_name().map_or("manage".into(), |name| name.to_string_lossy());
    let words: Vec<String> = words.collect();
    let mut streams = Streams::new();
    let outcome = Invocation { program: &program, words: &words }.run(site, &mut streams);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(status) => ExitCode::from(status),
    }
}

/// The standard streams, before options have a say in their colours.
struct Streams {
    err: Style,
    out: Style,
}

impl Streams {
    fn new() -> Self {
        Self {
            err: Style::for_terminal(io::stderr().is_terminal()),
            out: Style::for_terminal(io::stdout().is_terminal()),
        }
    }

    /// Writes a page; that nobody reads it to the end (`manage help | head`) is no failure.
    fn page(&self, page: &str) {
        let _ = io::stdout().write_all(page.as_bytes());
    }

    /// Writes a line for the person at the terminal, who may have left.
    fn complain(&self, role: Role, text: &str) {
        let _ = writeln!(io::stderr(), "{}", self.err.paint(role, text));
    }
}

struct Invocation<'a> {
    program: &'a str,
    words: &'a [String],
}

/// The exit status of a failure.
type Status = u8;

impl Invocation<'_> {
    fn run(&self, site: Site, streams: &mut Streams) -> Result<(), Status> {
        let request = Request::of(self.words);
        if request == Request::Version {
            streams.page(&format!("{VERSION}\n"));
            return Ok(());
        }
        let source = self.source(&site);
        // The log and the runtime must be there before the site is built, because pools are born in it; so the settings that
        // they need are read beforehand, and faults are left to the building.
        let (settings, _faults) = Settings::read(&source, &[]);
        logging::set_up(&settings.section());
        let runtime = runtime(&settings.section()).map_err(|error| {
            streams.complain(Role::Error, &format!("cannot start the runtime: {error}"));
            1
        })?;
        let built = {
            let _in_runtime = runtime.enter();
            site.build(&source)
        };
        let entries = entries(built.as_ref().map_or(&[], |built| &built.commands));
        match request {
            Request::Version => Ok(()),
            Request::Words => {
                streams.page(&help::words(&listed(&entries)));
                Ok(())
            }
            Request::Help => {
                let broken = built.err().map(|faults| summary(&faults));
                streams.page(&help::page(self.program, &listed(&entries), broken.as_deref(), streams.out));
                Ok(())
            }
            Request::HelpOn(name) => {
                let entry = self.find(&entries, &name, built.err(), streams)?;
                streams.page(&parser(self.program, entry).render_help().to_string());
                Ok(())
            }
            Request::Command { name, arguments } => {
                let known = entries.iter().any(|entry| entry.name() == name);
                let (built, faults) = match built {
                    Ok(built) => (Some(built), None),
                    Err(faults) if known => (None, Some(faults)),
                    Err(faults) => {
                        self.find(&entries, &name, Some(faults), streams)?;
                        return Err(1);
                    }
                };
                let entry = self.find(&entries, &name, None, streams)?;
                let matches = match parser(self.program, entry).try_get_matches_from(arguments) {
                    Ok(matches) => matches,
                    Err(error) if error.kind() == ErrorKind::DisplayVersion => {
                        streams.page(&format!("{VERSION}\n"));
                        return Ok(());
                    }
                    Err(error) => {
                        // Help is an "error" of clap's too, with the status 0 and on the other stream.
                        let _ = error.print();
                        return match Status::try_from(error.exit_code()).unwrap_or(2) {
                            0 => Ok(()),
                            status => Err(status),
                        };
                    }
                };
                let options = Options::of(&matches).map_err(|error| self.report(&error, false, streams))?;
                streams.err = options.style(io::stderr().is_terminal());
                let Some(built) = built else {
                    return Err(refuse(&faults.unwrap_or_default(), streams.err));
                };
                let outcome = runtime.block_on(self.execute(entry, &matches, options, built));
                // Blocking work that nobody waits for any more does not hold up the end.
                runtime.shutdown_background();
                outcome.map_err(|error| self.report(&error, options.traceback, streams))
            }
        }
    }

    async fn execute(
        &self,
        entry: &Entry,
        matches: &clap::ArgMatches,
        options: Options,
        built: Built,
    ) -> Result<(), CommandError> {
        let mut out = Output::stdout().with_verbosity(options.verbosity);
        out = out.with_style(options.style(io::stdout().is_terminal()));
        let mut err = Output::new(io::stderr(), io::stderr().is_terminal());
        err = err.with_style(options.style(io::stderr().is_terminal())).with_verbosity(options.verbosity);
        match entry.kind {
            Kind::Site(def) => {
                let settings_path = settings_file(self.words);
                let settings_file = settings_path
                    .as_ref()
                    .map_or(SETTINGS_FILE.to_owned(), |file| file.display().to_string());
                let program = self.program.to_owned();
                let skip_checks = options.skip_checks;
                let mut console = Console { out, err, program, settings_file, settings_path, skip_checks };
                (def.run)(matches, built, &mut console).await
            }
            Kind::Project(def) => {
                if def.checks && !options.skip_checks {
                    let silenced = &built.project.settings().section::<CoreSettings>().silenced_system_checks;
                    show(&built.messages, silenced, Level::Error, false, &mut out, &mut err)?;
                }
                let outcome = (def.run)(matches, built.project.clone(), &mut out).await;
                close_databases(&built.project).await;
                outcome
            }
        }
    }

    fn source(&self, site: &Site) -> SettingsSource {
        let source = SettingsSource::project(site.base_dir());
        let source = match settings_file(self.words) {
            Some(file) => source.file(file),
            None => source,
        };
        source.process_environment()
    }

    /// The command of that name, or Django's words for there being none. When the site could not be built, that is why.
    fn find<'e>(
        &self,
        entries: &'e [Entry],
        name: &str,
        faults: Option<Vec<CheckMessage>>,
        streams: &Streams,
    ) -> Result<&'e Entry, Status> {
        if let Some(entry) = entries.iter().find(|entry| entry.name() == name) {
            return Ok(entry);
        }
        if let Some(faults) = faults {
            return Err(refuse(&faults, streams.err));
        }
        streams.complain(Role::Error, &help::unknown(self.program, name, &listed(entries)));
        Err(1)
    }

    fn report(&self, error: &CommandError, whole: bool, streams: &Streams) -> Status {
        if let Some(served) = Served::from_environment() {
            served.does_not_start(&error.to_string());
        }
        if whole {
            streams.complain(Role::Error, &format!("{error:#?}"));
        } else if !error.to_string().is_empty() {
            streams.complain(Role::Error, &format!("CommandError: {error}"));
        }
        error.code()
    }
}

/// Gives the connections back in good order; one that is still at work is not waited for.
pub(super) async fn close_databases(project: &Project) {
    if timeout(Duration::from_secs(5), project.databases().close()).await.is_err() {
        tracing::warn!("a database connection is still busy and is cut");
    }
}

/// Prints why the site cannot be built.
fn refuse(faults: &[CheckMessage], style: Style) -> Status {
    let report = super::report::report(faults, &[], Level::Error, false, style);
    let _ = writeln!(io::stderr(), "{}", report.text);
    if let Some(served) = Served::from_environment() {
        let plain = super::report::report(faults, &[], Level::Error, false, Style::plain());
        served.does_not_start(&plain.text);
    }
    1
}

fn summary(faults: &[CheckMessage]) -> String {
    match faults {
        [] => "unknown".to_owned(),
        [one] => one.message.clone(),
        [first, rest @ ..] => format!("{}; and {} more", first.message, rest.len()),
    }
}

/// The runtime that everything runs on.
fn runtime(settings: &ServerSettings) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = settings.worker_threads {
        builder.worker_threads(threads.max(1));
    }
    builder.thread_name("nuages").enable_all().build()
}
