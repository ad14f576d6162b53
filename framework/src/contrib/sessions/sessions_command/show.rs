//! `manage sessions show`

use crate::apps::command::{CommandError, Output};
use crate::contrib::sessions::sessions_command::report::{
    describe, session_json, shown_key, shown_time, state,
};
use crate::contrib::sessions::sessions_command::selection::user_of;
use crate::contrib::sessions::sessions_command::{parse_key, store_of};
use crate::project::Project;
use crate::session::key::SessionKey;

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The whole key.
    #[arg(value_parser = parse_key)]
    key: SessionKey,
    /// A JSON object; what JSON has no word for is text.
    #[arg(long)]
    json: bool,
    /// Show the key whole: whoever has it has the session.
    #[arg(long)]
    full_keys: bool,
}

impl Show {
    pub(super) async fn handle(self, project: &Project, out: &mut Output) -> Result<(), CommandError> {
        let engine = project.sessions();
        // Not `load`, which may delete what has expired.
        let Some(loaded) = store_of(engine)?.reload(&self.key).await? else {
            return Err(CommandError::new(format!(
                "No session has the key {}.",
                shown_key(&self.key, false)
            )));
        };
        let now = engine.policy().now();
        let past = |at| now.since(at).is_ok_and(|late| late.as_microseconds() >= 0);
        let expired = loaded.expires.is_some_and(past);
        if self.json {
            out.line(session_json(&self.key, &loaded, expired, self.full_keys)?)?;
            return Ok(());
        }
        let mut fields = vec![
            ("Key", shown_key(&self.key, self.full_keys)),
            ("State", state(&loaded, expired).to_owned()),
        ];
        fields.extend(loaded.expires.map(|at| ("Expires", shown_time(at))));
        fields.extend(user_of(&loaded.data).map(|user| ("User", user.escape_debug().to_string())));
        describe(out, &fields, Some(&loaded.data))
    }
}
