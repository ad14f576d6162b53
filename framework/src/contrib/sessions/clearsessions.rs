//! `manage clearsessions`: deletes expired sessions, a short step at a time, while requests go on.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::apps::command::{Command, CommandError, Output};
use crate::project::Project;
use crate::session::store::{SessionStore, StoreError};

/// Can be run as a cronjob or directly to clean out expired sessions.
///
/// The longest expired sessions go first, found by the index on `expire_date`; each step is a transaction of its own.
#[derive(Debug, clap::Args)]
pub struct ClearSessions {
    /// How many sessions one step deletes.
    #[arg(long, value_name = "N", default_value = "1000")]
    batch_size: NonZeroU32,
    /// Only say how many sessions would be deleted.
    #[arg(long)]
    dry_run: bool,
}

impl Command for ClearSessions {
    const NAME: &'static str = "clearsessions";
    const HELP: &'static str = "Can be run as a cronjob or directly to clean out expired sessions.";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let engine = project.sessions();
        let unsupported = |error| match error {
            StoreError::Unsupported { .. } => CommandError::new(format!(
                "Session engine '{}' doesn't support clearing expired sessions.",
                engine.name()
            )),
            error => error.into(),
        };
        let store = engine.store();
        if self.dry_run {
            let expired = store.count_expired().await.map_err(unsupported)?;
            out.line(format_args!("{} would be deleted.", sessions(expired)))?;
            return Ok(());
        }
        let progress = progress_bar(out.is_terminal(), store).await.map_err(unsupported)?;
        let mut deleted = 0;
        loop {
            let step = store.clear_expired(self.batch_size).await.map_err(unsupported)?;
            deleted += step.deleted;
            progress.set_position(deleted);
            if !step.more {
                break;
            }
        }
        progress.finish_and_clear();
        out.line(format_args!("Deleted {}.", sessions(deleted)))?;
        Ok(())
    }
}

/// A bar for a person; nothing in a pipe, where the last line says it all.
async fn progress_bar(watched: bool, store: &dyn SessionStore) -> Result<indicatif::ProgressBar, StoreError> {
    if !watched {
        return Ok(indicatif::ProgressBar::hidden());
    }
    let bar = indicatif::ProgressBar::new(store.count_expired().await?);
    let style = indicatif::ProgressStyle::with_template("{bar:40} {pos}/{len} sessions {eta} left");
    Ok(match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    })
}

fn sessions(count: u64) -> String {
    if count == 1 { "1 expired session".to_owned() } else { format!("{count} expired sessions") }
}
