//! The app's row in the table of apps.

use crate::apps::app::App;
use crate::apps::command::CommandDef;
use crate::contrib::staticfiles::collectstatic::CollectStatic;
use crate::contrib::staticfiles::findstatic::FindStatic;
use crate::contrib::staticfiles::middleware::{NAME, StaticFilesMiddleware};
use crate::middleware::def::MiddlewareDef;

/// Its name in `INSTALLED_APPS`.
pub const STATICFILES_APP: &str = "django.contrib.staticfiles";

/// `"django.contrib.staticfiles"` in `INSTALLED_APPS`.
#[derive(Debug, Clone, Copy, Default)]
pub struct StaticFilesApp;

impl App for StaticFilesApp {
    fn name(&self) -> &'static str {
        STATICFILES_APP
    }

    fn middleware(&self) -> &'static [MiddlewareDef] {
        const { &[MiddlewareDef::of::<StaticFilesMiddleware>(NAME)] }
    }

    fn commands(&self) -> &'static [CommandDef] {
        const { &[CommandDef::of::<CollectStatic>(), CommandDef::of::<FindStatic>()] }
    }
}
