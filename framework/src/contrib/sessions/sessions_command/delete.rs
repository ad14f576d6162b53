//! `manage sessions delete`

use crate::apps::command::{CommandError, Output};
use crate::contrib::sessions::sessions_command::report::shown_key;
use crate::contrib::sessions::sessions_command::selection::{Selection, Walk};
use crate::contrib::sessions::sessions_command::{parse_key, store_of};
use crate::project::Project;
use crate::session::key::SessionKey;
use crate::session::store::StoreError;

#[derive(Debug, clap::Args)]
#[group(id = "which", required = true, multiple = false)]
pub(super) struct Which {
    /// Whole keys.
    #[arg(value_parser = parse_key)]
    key: Vec<SessionKey>,
    /// Every session in which this user is logged in.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Every expired session.
    #[arg(long)]
    expired: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Delete {
    #[command(flatten)]
    which: Which,
    /// Only say how many sessions would be deleted; with --verbosity 2, which.
    #[arg(long)]
    dry_run: bool,
}

impl Delete {
    pub(super) async fn handle(self, project: &Project, out: &mut Output) -> Result<(), CommandError> {
        let engine = project.sessions();
        let store = store_of(engine)?;
        let (mut deleted, mut unknown) = (0_u64, Vec::new());
        for key in &self.which.key {
            let done = if self.dry_run { store.exists(key).await } else { store.delete(key, None).await };
            match done {
                Ok(true) => self.note(key, &mut deleted, out)?,
                Ok(false) | Err(StoreError::InvalidKey) => unknown.push(shown_key(key, false)),
                Err(error) => return Err(error.into()),
            }
        }
        if self.which.key.is_empty() {
            let expired = self.which.expired.then_some(true);
            let mut walk = Walk::new(engine, Selection { expired, user: self.which.user.clone() });
            while let Some(rows) = walk.next().await? {
                for row in rows {
                    // An expired one that was saved meanwhile lives; a user's goes, whatever was saved.
                    let expected = self.which.expired.then_some(&row.loaded.version);
                    let done = if self.dry_run { Ok(true) } else { store.delete(&row.key, expected).await };
                    match done {
                        Ok(true) => self.note(&row.key, &mut deleted, out)?,
                        Ok(false) | Err(StoreError::Changed) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        let sessions = if deleted == 1 { "session" } else { "sessions" };
        if self.dry_run {
            out.line(format_args!("{deleted} {sessions} would be deleted."))?;
        } else {
            out.line(format_args!("Deleted {deleted} {sessions}."))?;
        }
        if unknown.is_empty() {
            Ok(())
        } else {
            Err(CommandError::new(format!("No session has the key {}.", unknown.join(", "))))
        }
    }

    fn note(&self, key: &SessionKey, deleted: &mut u64, out: &mut Output) -> Result<(), CommandError> {
        *deleted += 1;
        if out.verbosity() >= 2 {
            out.line(shown_key(key, false))?;
        }
        Ok(())
    }
}
