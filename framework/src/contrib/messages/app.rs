//! The messages app's row in the table of apps.

use crate::apps::app::App;
use crate::conf::section::SectionDef;
use crate::context_processors;
use crate::contrib::messages::context_processors::MessagesProcessor;
use crate::contrib::messages::middleware::{MessageMiddleware, NAME};
use crate::contrib::messages::settings::MessageSettings;
use crate::middleware::def::MiddlewareDef;
use crate::template::processor::ContextProcessorDef;

/// `"django.contrib.messages"` in `INSTALLED_APPS`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessagesApp;

impl App for MessagesApp {
    fn name(&self) -> &'static str {
        "django.contrib.messages"
    }

    fn settings(&self) -> &'static [SectionDef] {
        const { &[SectionDef::of::<MessageSettings>()] }
    }

    fn context_processors(&self) -> &'static [ContextProcessorDef] {
        const { &[context_processors::of::<MessagesProcessor>()] }
    }

    fn middleware(&self) -> &'static [MiddlewareDef] {
        const { &[MiddlewareDef::halves::<MessageMiddleware>(NAME)] }
    }
}
