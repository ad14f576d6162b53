//! An app: what `INSTALLED_APPS` chooses and orders.

use std::path::PathBuf;

use crate::apps::command::CommandDef;
use crate::conf::section::SectionDef;
use crate::db::migrations::migration::EmbeddedMigration;
use crate::middleware::def::MiddlewareDef;
use crate::template::engine::TemplateExtension;
use crate::template::processor::ContextProcessorDef;

/// What an app brings (Django's `AppConfig`).
pub trait App: Send + Sync + 'static {
    /// The name in `INSTALLED_APPS`: `"shop"`, `"django.contrib.sessions"`.
    fn name(&self) -> &'static str;

    /// The short name: of its migrations, its templates' folder, its commands' section in `manage help`.
    fn label(&self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
    }

    /// The sections of settings that it reads.
    fn settings(&self) -> &'static [SectionDef] {
        &[]
    }

    /// The folder of its templates, which `APP_DIRS` of `TEMPLATES` has searched: `<crate>/templates`.
    fn templates(&self) -> Option<PathBuf> {
        None
    }

    /// The folder of its static files, which `AppDirectoriesFinder` searches: `<crate>/static`.
    fn static_files(&self) -> Option<PathBuf> {
        None
    }

    /// The context processors it offers to `TEMPLATES`.
    fn context_processors(&self) -> &'static [ContextProcessorDef] {
        &[]
    }

    /// What it teaches tera: filters, functions and tests of its own (Django's `templatetags`).
    fn template_extensions(&self) -> &'static [TemplateExtension] {
        &[]
    }

    /// The migrations that its program brings, beside those of the site's folder `migrations/<label>/`.
    fn migrations(&self) -> &'static [EmbeddedMigration] {
        &[]
    }

    /// The middleware it offers to `MIDDLEWARE`.
    fn middleware(&self) -> &'static [MiddlewareDef] {
        &[]
    }

    /// The management commands it adds.
    fn commands(&self) -> &'static [CommandDef] {
        &[]
    }
}
