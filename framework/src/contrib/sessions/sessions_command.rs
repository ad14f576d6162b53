//! `manage sessions`: looks at what is stored, and deletes it.

mod decode;
mod delete;
mod list;
mod report;
mod selection;
mod show;

use std::sync::Arc;

use self::decode::Decode;
use self::delete::Delete;
use self::list::List;
use self::show::Show;
use crate::apps::command::{Command, CommandError, Output};
use crate::project::Project;
use crate::session::engine::SessionEngine;
use crate::session::key::SessionKey;
use crate::session::store::{Residence, SessionStore, StoreError};

/// Lists, shows, decodes and deletes sessions.
///
/// Keys open their visitors' sessions, so they are shown shortened; the values that prove a login are never shown.
#[derive(Debug, clap::Args)]
pub struct SessionsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Lists the stored sessions, in the order of their keys
    List(List),
    /// Shows one session
    Show(Show),
    /// Tells what a signed session text holds, and whether its signature is right
    Decode(Decode),
    /// Deletes sessions, by their keys, of a user, or the expired ones
    Delete(Delete),
}

impl Command for SessionsCommand {
    const NAME: &'static str = "sessions";
    const HELP: &'static str = "Lists, shows, decodes and deletes sessions.";

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        match self.action {
            Action::List(list) => list.handle(&project, out).await,
            Action::Show(show) => show.handle(&project, out).await,
            Action::Decode(decode) => decode.handle(&project, out).await,
            Action::Delete(delete) => delete.handle(&project, out).await,
        }
    }
}

/// The store of the engine in force, if anything is stored there.
fn store_of(engine: &SessionEngine) -> Result<&dyn SessionStore, CommandError> {
    engine.check()?;
    match engine.store().residence() {
        Residence::Server => Ok(engine.store()),
        Residence::Cookie => Err(CommandError::new(format!(
            "Session engine '{}' keeps each session in its visitor's cookie: nothing is stored here. 'sessions decode' \
             reads such a cookie.",
            engine.name()
        ))),
    }
}

/// What a store says to [`SessionStore::page`] if it fails.
fn not_listed(engine: &SessionEngine, error: StoreError) -> CommandError {
    match error {
        StoreError::Unsupported { .. } => CommandError::new(format!(
            "Session engine '{}' cannot list its sessions: its store only finds what it is given the key of. \
             'sessions show KEY' and 'sessions delete KEY' work.",
            engine.name()
        )),
        error => error.into(),
    }
}

/// A key from the command line.
fn parse_key(text: &str) -> Result<SessionKey, String> {
    SessionKey::parse(text).filter(|key| !key.as_str().contains('…')).ok_or_else(|| {
        "a session key has at least 8 characters; 'sessions list --full-keys' shows keys whole".to_owned()
    })
}
