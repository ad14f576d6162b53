//! The sessions app's row in the table of apps.

use crate::apps::app::App;
use crate::apps::command::CommandDef;
use crate::contrib::sessions::clearsessions::ClearSessions;
use crate::contrib::sessions::middleware::SessionMiddleware;
use crate::contrib::sessions::migrations::MIGRATIONS;
use crate::contrib::sessions::sessions_command::SessionsCommand;
use crate::db::migrations::migration::EmbeddedMigration;
use crate::middleware::def::MiddlewareDef;

/// `"django.contrib.sessions"` in `INSTALLED_APPS`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sessions;

impl App for Sessions {
    fn name(&self) -> &'static str {
        "django.contrib.sessions"
    }

    fn migrations(&self) -> &'static [EmbeddedMigration] {
        MIGRATIONS
    }

    fn middleware(&self) -> &'static [MiddlewareDef] {
        const {
            &[MiddlewareDef::halves::<SessionMiddleware>(
                "django.contrib.sessions.middleware.SessionMiddleware",
            )]
        }
    }

    fn commands(&self) -> &'static [CommandDef] {
        const { &[CommandDef::of::<ClearSessions>(), CommandDef::of::<SessionsCommand>()] }
    }
}
