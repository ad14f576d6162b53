//! What was rendered, for tests.

use std::sync::{Arc, Mutex, PoisonError};

use tera::Value;

use crate::template::engine::Template;

tokio::task_local! {
    /// Where the templates of a task are noted, within [`recording`]. A template may be rendered where no request is at hand, so
    /// nothing else is on the way to every one of them.
    static RECORD: Arc<Mutex<Vec<Rendered>>>;
}

/// Runs the future, and says which templates it rendered, in their order: whatever rendered them, as long as it is the same task.
pub(crate) async fn recording<T>(future: impl Future<Output = T>) -> (T, Vec<Rendered>) {
    let record = Arc::default();
    let output = RECORD.scope(Arc::clone(&record), future).await;
    // Each entry is whole: it was made before it was put there.
    let rendered = std::mem::take(&mut *record.lock().unwrap_or_else(PoisonError::into_inner));
    (output, rendered)
}

/// Notes that a template is being rendered, where somebody wants to know.
pub(super) fn note(template: &Template, context: &tera::Context) {
    // Outside of `recording` there is no record.
    let _ = RECORD.try_with(|record| {
        let rendered = Rendered {
            templates: template.uses().templates().map(str::to_owned).collect(),
            context: Arc::new(context.clone()),
        };
        record.lock().unwrap_or_else(PoisonError::into_inner).push(rendered);
    });
}

/// The templates and the values of a page.
#[derive(Clone)]
pub struct Rendered {
    templates: Arc<[String]>,
    context: Arc<tera::Context>,
}

impl Rendered {
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
