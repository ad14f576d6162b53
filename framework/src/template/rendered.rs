//! What was rendered, for tests: left among the extensions of a response.

use std::sync::Arc;

use tera::Value;

use crate::template::context::Context;
use crate::template::engine::Template;

/// The templates and the values of a page.
#[derive(Clone)]
pub struct Rendered {
    templates: Arc<[String]>,
    context: Arc<tera::Context>,
}

impl Rendered {
    pub(crate) fn of(template: &Template, context: &Context) -> Self {
        Self {
            templates: template.uses().templates().map(str::to_owned).collect(),
            context: Arc::new(context.values()),
        }
    }

    /// The template, its parents, and what they include.
    #[must_use]
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// What the template had under that name.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.context.get(name)
    }
}

/// Without the values: a context may hold what no log should.
impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered").field("templates", &self.templates).finish_non_exhaustive()
    }
}
