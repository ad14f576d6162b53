//! `manage collectstatic`: every static file into one folder (Django 5.2
//! `contrib/staticfiles/management/commands/collectstatic.py`).

use std::fs;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::collect::{Collect, Collected};
use crate::apps::command::{Command, CommandError, Output};
use crate::project::Project;
use crate::staticfiles::ignore::{DEFAULT_IGNORE, Patterns};
use crate::staticfiles::storage::StaticStorage;

/// The arguments of `manage collectstatic`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the command line has that many switches")]
pub struct CollectStatic {
    /// Do NOT prompt the user for input of any kind.
    #[arg(long, alias = "no-input")]
    noinput: bool,
    /// Do NOT post process collected files.
    #[arg(long)]
    no_post_process: bool,
    /// Ignore files or directories matching this glob-style pattern. Use multiple times to ignore more.
    #[arg(short, long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// Do everything except modify the filesystem.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Clear the existing files using the storage before trying to copy or link the original file.
    #[arg(short, long)]
    clear: bool,
    /// Create a symbolic link to each file instead of copying.
    #[arg(short, long)]
    link: bool,
    /// Don't ignore the common private glob-style patterns (defaults to 'CVS', '.*' and '*~').
    #[arg(long)]
    no_default_ignore: bool,
}

/// Lines on their way from the work to the terminal.
const QUEUE: usize = 256;

impl Command for CollectStatic {
    const NAME: &'static str = "collectstatic";
    const HELP: &'static str = "Collect static files in a single location.";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let storage = project.static_files().storage().clone();
        let location = storage.location()?.display().to_string();
        if !self.noinput && has_entries(&storage).await {
            self.ask(&location, out).await?;
        }
        let mut ignore = self.ignore.clone();
        if !self.no_default_ignore {
            ignore.extend(DEFAULT_IGNORE.iter().map(|pattern| (*pattern).to_owned()));
        }
        let ignore = Patterns::new(ignore.iter().map(|pattern| normal_pattern(pattern)));
        let (lines, mut queue) = mpsc::channel(QUEUE);
        let verbosity = out.verbosity();
        let work = spawn_blocking(move || {
            let log = move |level: u8, line: String| {
                if verbosity >= level {
                    // Nobody listens any more: the command was broken off, and the terminal is gone.
                    let _ = lines.blocking_send(line);
                }
            };
            let files = Arc::clone(project.static_files());
            let collect = Collect::new(files.finders(), &storage, &log)
                .dry_run(self.dry_run)
                .link(self.link)
                .clear(self.clear);
            collect.run(&ignore, !self.no_post_process)
        });
        while let Some(line) = queue.recv().await {
            out.line(line)?;
        }
        let collected = work.await?.map_err(|failed| match failed.name {
            Some(name) => {
                let error = CommandError::from(failed.error);
                CommandError::new(format!("Post-processing '{name}' failed!\n\n{error}"))
            }
            None => failed.error.into(),
        })?;
        if verbosity >= 1 {
            out.line(summary(&collected, self.link, &location))?;
        }
        Ok(())
    }
}

impl CollectStatic {
    /// Asks whoever sits there.
    async fn ask(&self, location: &str, out: &mut Output) -> Result<(), CommandError> {
        let dry = match self.dry_run {
            true => "You have activated the --dry-run option so no files will be modified.\n\n",
            false => "",
        };
        let what = match self.clear {
            true => "This will DELETE ALL FILES in this location!\n",
            false => "This will overwrite existing files!\n",
        };
        out.write(format_args!(
            "\n{dry}You have requested to collect static files at the destination\n\
             location as specified in your settings:\n\n    {location}\n\n{what}\
             Are you sure you want to do this?\n\nType 'yes' to continue, or 'no' to cancel: "
        ))?;
        let answer = spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        });
        if answer.await??.trim_end_matches(['\r', '\n']) == "yes" {
            return Ok(());
        }
        Err(CommandError::new("Collecting static files cancelled."))
    }
}

/// Whether there is something in the folder that could be overwritten.
async fn has_entries(storage: &StaticStorage) -> bool {
    let location = storage.location.clone();
    let look = spawn_blocking(move || {
        location
            .and_then(|location| fs::read_dir(location).ok())
            .is_some_and(|mut entries| entries.next().is_some())
    });
    // When it cannot be told, it is better to ask.
    look.await.unwrap_or(true)
}

/// The pattern as it is compared with paths: `./css/` is `css`.
fn normal_pattern(pattern: &str) -> String {
    crate::staticfiles::safe_path::normal_path(pattern)
}

fn summary(collected: &Collected, link: bool, location: &str) -> String {
    let Collected { modified, unmodified, post_processed } = collected;
    let files = if *modified == 1 { "static file" } else { "static files" };
    let action = if link { "symlinked" } else { "copied" };
    let mut summary = format!("\n{modified} {files} {action} to '{location}'");
    if *unmodified > 0 {
        summary.push_str(&format!(", {unmodified} unmodified"));
    }
    if *post_processed > 0 {
        summary.push_str(&format!(", {post_processed} post-processed"));
    }
    summary.push('.');
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_djangos() {
        let check = |modified, unmodified, post_processed, link, expected: &str| {
            let collected = Collected { modified, unmodified, post_processed };
            assert_eq!(summary(&collected, link, "/s"), expected);
        };
        check(1, 0, 0, false, "\n1 static file copied to '/s'.");
        check(0, 2, 0, true, "\n0 static files symlinked to '/s', 2 unmodified.");
        check(2, 1, 3, false, "\n2 static files copied to '/s', 1 unmodified, 3 post-processed.");
    }
}
