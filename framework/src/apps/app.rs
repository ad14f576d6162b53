//! An app: what `INSTALLED_APPS` chooses and orders.

use crate::apps::command::CommandDef;
use crate::middleware::def::MiddlewareDef;

/// What an app brings (Django's `AppConfig`).
pub trait App: Send + Sync + 'static {
    /// The name in `INSTALLED_APPS`: `"shop"`, `"django.contrib.sessions"`.
    fn name(&self) -> &'static str;

    /// The short name: of its migrations, its templates' folder, its commands' section in `manage help`.
    fn label(&self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
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
