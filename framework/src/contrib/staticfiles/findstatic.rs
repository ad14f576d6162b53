//! `manage findstatic`: which files a name stands for (Django 5.2 `contrib/staticfiles/management/commands/findstatic.py`).

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use crate::apps::command::{Command, CommandError, Output};
use crate::project::Project;
use crate::staticfiles::safe_path::LeadsOut;

/// The arguments of `manage findstatic`.
#[derive(Debug, clap::Args)]
pub struct FindStatic {
    /// The names, as `static()` says them.
    #[arg(value_name = "staticfile", required = true)]
    names: Vec<String>,
    /// Only return the first match for each static file.
    #[arg(long)]
    first: bool,
}

impl Command for FindStatic {
    const NAME: &'static str = "findstatic";
    const HELP: &'static str = "Finds the absolute paths for the given static file(s).";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        for name in self.names {
            let (files, wanted) = (Arc::clone(project.static_files()), name.clone());
            let first = self.first;
            let found = spawn_blocking(move || -> Result<Vec<PathBuf>, LeadsOut> {
                let found = match first {
                    true => files.finders().find(&wanted)?.into_iter().collect(),
                    false => files.finders().find_all(&wanted)?,
                };
                Ok(found.into_iter().map(|file| fs::canonicalize(&file).unwrap_or(file)).collect())
            });
            let found: Vec<String> = found.await??.iter().map(|file| file.display().to_string()).collect();
            let searched = match out.verbosity() {
                0 | 1 => String::new(),
                _ => {
                    let sources = project.static_files().finders().sources().iter();
                    let roots: Vec<String> =
                        sources.map(|source| source.root.display().to_string()).collect();
                    format!("\nLooking in the following locations:\n  {}", roots.join("\n  "))
                }
            };
            match (found.is_empty(), out.verbosity()) {
                (false, 0) => out.line(found.join("\n"))?,
                (false, _) => {
                    out.line(format_args!("Found '{name}' here:\n  {}{searched}", found.join("\n  ")))?;
                }
                (true, 0) => {}
                (true, _) => {
                    // As in Django this is no failure; it goes to the other stream.
                    let separator = if searched.is_empty() { "" } else { "\n" };
                    let text = format_args!("No matching file found for '{name}'.{separator}{searched}");
                    Output::new(io::stderr(), false).line(text)?;
                }
            }
        }
        Ok(())
    }
}
