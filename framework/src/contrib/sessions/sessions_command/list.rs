//! `manage sessions list`

use std::num::NonZeroU64;

use crate::apps::command::{CommandError, Output};
use crate::apps::style::Role;
use crate::contrib::sessions::sessions_command::report::{
    session_json, shown_key, shown_time, starred, state,
};
use crate::contrib::sessions::sessions_command::selection::{Selection, Walk, user_of};
use crate::project::Project;
use crate::serialize::repr::repr;
use crate::serialize::value::Value;
use crate::session::store::StoredRow;

/// How many characters of the data a person sees of each session: a line each.
const WIDTH: usize = 60;

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Expired sessions only.
    #[arg(long, conflicts_with = "alive")]
    expired: bool,
    /// Only sessions that have not expired.
    #[arg(long)]
    alive: bool,
    /// Only sessions in which this user is logged in.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// A JSON array, an object a line; what JSON has no word for is text.
    #[arg(long)]
    json: bool,
    /// Show keys whole: whoever has one has the session.
    #[arg(long)]
    full_keys: bool,
}

impl List {
    pub(super) async fn handle(self, project: &Project, out: &mut Output) -> Result<(), CommandError> {
        let expired = (self.expired || self.alive).then_some(self.expired);
        let mut walk = Walk::new(project.sessions(), Selection { expired, user: self.user.clone() });
        let (limit, mut shown) = (self.limit.map_or(u64::MAX, NonZeroU64::get), 0);
        // The first page before the first line: a store that cannot be listed prints none.
        let mut page = walk.next().await?;
        self.open(out)?;
        while let Some(rows) = page {
            for row in rows {
                if shown < limit {
                    self.row(&row, shown == 0, out)?;
                    shown += 1;
                }
            }
            page = if shown < limit { walk.next().await? } else { None };
        }
        self.close(shown, out)
    }

    fn open(&self, out: &mut Output) -> Result<(), CommandError> {
        if self.json {
            out.write("[")?;
        } else {
            let head = self.columns("KEY", "STATE", "EXPIRES", "USER", "DATA");
            let style = out.style();
            out.line(style.paint(Role::MigrateHeading, head))?;
        }
        Ok(())
    }

    fn row(&self, row: &StoredRow, first: bool, out: &mut Output) -> Result<(), CommandError> {
        let StoredRow { key, loaded, expired } = row;
        if self.json {
            let json = session_json(key, loaded, *expired, self.full_keys)?;
            out.write(format_args!("{}\n{json}", if first { "" } else { "," }))?;
            return Ok(());
        }
        let mut data = repr(&Value::Dict(starred(&loaded.data)));
        if out.is_terminal() && data.chars().count() > WIDTH {
            data = data.chars().take(WIDTH - 1).chain(['…']).collect();
        }
        let state = state(loaded, *expired);
        let expires = loaded.expires.map_or_else(|| "-".to_owned(), shown_time);
        let user =
            user_of(&loaded.data).map_or_else(|| "-".to_owned(), |user| user.escape_debug().to_string());
        let line = self.columns(&shown_key(key, self.full_keys), state, &expires, &user, &data);
        if state == "alive" {
            out.line(line)?;
        } else {
            let style = out.style();
            out.line(style.paint(Role::Notice, line))?;
        }
        Ok(())
    }

    fn columns(&self, key: &str, state: &str, expires: &str, user: &str, data: &str) -> String {
        let width = if self.full_keys { 32 } else { 5 };
        format!("{key:<width$}  {state:<10}  {expires:<25}  {user:<8}  {data}")
    }

    fn close(&self, shown: u64, out: &mut Output) -> Result<(), CommandError> {
        if self.json {
            out.line(if shown == 0 { "]" } else { "\n]" })?;
        } else if out.is_terminal() {
            out.line(match shown {
                1 => "1 session".to_owned(),
                _ => format!("{shown} sessions"),
            })?;
        }
        Ok(())
    }
}
