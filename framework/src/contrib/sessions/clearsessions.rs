//! `manage clearsessions`: deletes expired sessions, a short step at a time, while requests go on.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::apps::command::{Command, CommandError, Output};
use crate::project::Project;
use crate::session::store::{SessionStore, StoreError};

/// Can be run as a cronjob or directly to clean out expired sessions.
///
/// Each step is a transaction of its own. In what order sessions go is up to the engine.
#[derive(Debug, clap::Args)]
pub struct ClearSessions {
    /// How many sessions one step deletes at most; by default as many as it takes about half a second to delete. On
    /// SQLite, where nobody else can write meanwhile, a step of any size lets others write every 25 milliseconds.
    #[arg(long, value_name = "N")]
    batch_size: Option<NonZeroU32>,
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
        let mut size = self.batch_size.unwrap_or(FIRST_STEP);
        loop {
            let begun = Instant::now();
            let step = store.clear_expired(size).await.map_err(unsupported)?;
            if self.batch_size.is_none() {
                size = next_step(size, begun.elapsed(), store.step_time());
            }
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

const FIRST_STEP: NonZeroU32 = NonZeroU32::new(10_000).unwrap();
const SMALLEST_STEP: NonZeroU32 = NonZeroU32::new(100).unwrap();
const LARGEST_STEP: NonZeroU32 = NonZeroU32::new(10_000_000).unwrap();

/// Twice or half as many, when the last step took far from what is aimed at; more when it took next to nothing.
fn next_step(size: NonZeroU32, took: Duration, aim: Duration) -> NonZeroU32 {
    if took < aim / 2 {
        let times = if took < aim / 8 { 4 } else { 2 };
        NonZeroU32::new(size.get().saturating_mul(times)).map_or(LARGEST_STEP, |size| size.min(LARGEST_STEP))
    } else if took > aim * 2 {
        NonZeroU32::new(size.get() / 2).unwrap_or(SMALLEST_STEP).max(SMALLEST_STEP)
    } else {
        size
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_and_shrink_towards_what_is_aimed_at() {
        for (size, millis, next) in [
            (10_000, 5, 40_000),
            (10_000, 200, 20_000),
            (10_000, 1_000, 10_000),
            (10_000, 1_999, 10_000),
            (10_000, 2_001, 5_000),
            (150, 5_000, 100),
            (6_000_000, 1, 10_000_000),
        ] {
            let (size_now, took) = (NonZeroU32::new(size).unwrap(), Duration::from_millis(millis));
            let next_size = next_step(size_now, took, Duration::from_secs(1));
            assert_eq!(next_size.get(), next, "{size} in {millis} ms");
        }
    }
}
