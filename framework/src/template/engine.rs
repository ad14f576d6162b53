//! The templates of the site.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tera::{ErrorKind, Tera};

use crate::checks::CheckMessage;
use crate::routes::table::RouteTable;
use crate::staticfiles::files::StaticFiles;
use crate::template::compile::{self, Compiled};
use crate::template::context::Context;
use crate::template::error::{Place, TemplateError};
use crate::template::escape::escape_html;
use crate::template::filters::{self, FilterSettings};
use crate::template::functions;
use crate::template::loader::{self, Stamp};
use crate::template::processor::ContextProcessorDef;
use crate::template::uses::Uses;
use crate::template::{rendered, rendering};

/// Teaches tera filters, functions and tests of a site's own.
pub type TemplateExtension = fn(&mut Tera);

/// What the templates are made from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TemplateOptions {
    /// The folders, first come first served: the project's `templates/`, then each app's, in the order of
    /// `INSTALLED_APPS`. One that is not there has no templates.
    pub dirs: Vec<PathBuf>,
    /// The context processors, in the order of `TEMPLATES`.
    pub processors: Vec<ContextProcessorDef>,
    /// The static files, for `static()`.
    pub static_files: Arc<StaticFiles>,
    /// The routes, for `url()`.
    pub routes: Arc<RouteTable>,
    /// What the filters know of the site.
    pub filters: FilterSettings,
    /// `FORCE_SCRIPT_NAME`: what stands before every path of the site.
    pub script_name: Option<String>,
    /// `OPTIONS.autoescape` of `TEMPLATES`: whether templates escape what they print, whatever their names.
    pub autoescape: bool,
    /// `DEBUG`: whether [`Templates::refresh`] looks for changed files.
    pub debug: bool,
    /// `MEDIA_URL` under the script name, for `get_media_prefix()`.
    pub media_url: String,
    /// What apps and site teach tera: filters, functions, tests. A later one replaces what has its name.
    pub extensions: Vec<TemplateExtension>,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            dirs: Vec::new(),
            processors: Vec::new(),
            static_files: Arc::default(),
            routes: Arc::default(),
            filters: FilterSettings::default(),
            script_name: None,
            autoescape: true,
            debug: false,
            media_url: String::new(),
            extensions: Vec::new(),
        }
    }
}

/// Every template of the site, compiled.
pub struct Templates {
    options: Arc<TemplateOptions>,
    bare: Arc<Tera>,
    current: Mutex<Arc<Compiled>>,
    /// What the files looked like when `current` was made, under `DEBUG`.
    stamp: Mutex<Arc<Stamp>>,
}

impl Templates {
    /// Reads and compiles every template.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with file and line.
    pub fn load(options: TemplateOptions) -> Result<Self, Vec<CheckMessage>> {
        let mut bare = Tera::default();
        bare.set_escape_fn(escape_html);
        // Every name ends with nothing: Django escapes whatever the file is called.
        bare.autoescape_on(if options.autoescape { vec![""] } else { Vec::new() });
        functions::register(&mut bare, &options);
        filters::register(&mut bare, &options.filters);
        options.extensions.iter().for_each(|extend| extend(&mut bare));
        let stamp = if options.debug { Stamp::take(&options.dirs) } else { Stamp::default() };
        let compiled = read(&bare, &options)?;
        Ok(Self {
            options: Arc::new(options),
            bare: Arc::new(bare),
            current: Mutex::new(Arc::new(compiled)),
            stamp: Mutex::new(Arc::new(stamp)),
        })
    }

    /// The template of that name.
    ///
    /// # Errors
    /// [`TemplateError::DoesNotExist`] names the files that would have been it.
    pub fn get(&self, name: &str) -> Result<Template, TemplateError> {
        let compiled = Arc::clone(&lock(&self.current));
        match compiled.uses.get(name).map(Arc::clone) {
            Some(uses) => Ok(Template { compiled, name: name.to_owned(), uses }),
            None => Err(loader::does_not_exist(name, &self.options.dirs, compiled.sources.keys())),
        }
    }

    /// The first of those templates that there is (Django's `select_template`).
    ///
    /// # Errors
    /// [`TemplateError::DoesNotExist`] names all of them, and every file that would have been one.
    pub fn select(&self, names: &[&str]) -> Result<Template, TemplateError> {
        let (mut all_tried, mut near) = (Vec::new(), None);
        for name in names {
            match self.get(name) {
                Err(TemplateError::DoesNotExist { tried, nearest, .. }) => {
                    all_tried.extend(tried);
                    near = near.or(nearest);
                }
                outcome => return outcome,
            }
        }
        Err(TemplateError::DoesNotExist { name: names.join(", "), tried: all_tried, nearest: near })
    }

    /// Renders the template of that name, without a request and so without context processors.
    ///
    /// # Errors
    /// When there is no such template, or it fails: with template and line.
    pub fn render(&self, name: &str, context: Context) -> Result<String, TemplateError> {
        self.get(name)?.render(context)
    }

    /// The context processors, in the order of `TEMPLATES`.
    #[must_use]
    pub fn processors(&self) -> &[ContextProcessorDef] {
        &self.options.processors
    }

    /// Under `DEBUG`, reads the templates again if a file changed since; otherwise does nothing.
    ///
    /// # Errors
    /// When the changed templates do not compile. The earlier ones stay, and the next call looks again.
    pub async fn refresh(&self) -> Result<(), TemplateError> {
        if !self.options.debug {
            return Ok(());
        }
        let (options, bare, known) =
            (Arc::clone(&self.options), Arc::clone(&self.bare), Arc::clone(&lock(&self.stamp)));
        let reading = tokio::task::spawn_blocking(move || {
            let stamp = Stamp::take(&options.dirs);
            (stamp != *known).then(|| read(&bare, &options).map(|compiled| (compiled, stamp)))
        });
        match reading.await {
            Ok(Some(Ok((compiled, stamp)))) => {
                *lock(&self.current) = Arc::new(compiled);
                *lock(&self.stamp) = Arc::new(stamp);
                Ok(())
            }
            Ok(Some(Err(faults))) => Err(TemplateError::Broken(faults)),
            // The runtime is being shut down: the templates that are there serve the last requests.
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

impl Default for Templates {
    /// No template.
    fn default() -> Self {
        Self {
            options: Arc::default(),
            bare: Arc::default(),
            current: Mutex::default(),
            stamp: Mutex::default(),
        }
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("options", &self.options)
            .field("templates", &lock(&self.current).sources.len())
            .finish_non_exhaustive()
    }
}

/// One template, as it was when it was asked for.
pub struct Template {
    compiled: Arc<Compiled>,
    name: String,
    uses: Arc<Uses>,
}

impl Template {
    /// Which names it mentions, with its parents and what it includes.
    #[must_use]
    pub fn uses(&self) -> &Uses {
        &self.uses
    }

    /// Renders it.
    ///
    /// # Errors
    /// When a variable is not defined, a function fails, …: with template and line.
    pub fn render(&self, context: Context) -> Result<String, TemplateError> {
        let (context, asked) = context.into_tera()?;
        rendered::note(self, &context);
        let (page, suspicious) = rendering::within(asked, || self.compiled.tera.render(&self.name, &context));
        page.map_err(|error| match self.explain(error) {
            TemplateError::Render { place, message, .. } if suspicious => {
                TemplateError::Suspicious { place, message }
            }
            error => error,
        })
    }

    fn explain(&self, error: tera::Error) -> TemplateError {
        let nowhere = Place {
            template: self.name.clone(),
            file: self.compiled.sources.get(&self.name).map(|source| source.file.clone()),
            line: 0,
            column: 0,
            width: 0,
            text: String::new(),
        };
        let ErrorKind::RenderingError(report) = error.kind() else {
            return TemplateError::Render {
                place: Box::new(nowhere),
                message: error.to_string(),
                source: Some(error),
            };
        };
        let (span, template) = (report.span(), report.filename());
        let source = self.compiled.sources.get(template);
        let text = source.map_or("", |source| &source.text);
        let expression = text.get(span.range.clone()).unwrap_or_default();
        let message = match report.message() {
            "Tried to render a variable that is undefined" => format!("`{expression}` is not defined"),
            message => message.to_owned(),
        };
        let place = Place {
            template: template.to_owned(),
            file: source.map(|source| source.file.clone()),
            line: span.start_line,
            column: span.start_col + 1,
            width: if span.end_line == span.start_line {
                span.end_col.saturating_sub(span.start_col)
            } else {
                1
            },
            text: text.lines().nth(span.start_line.saturating_sub(1)).unwrap_or_default().to_owned(),
        };
        TemplateError::Render { place: Box::new(place), message, source: None }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("name", &self.name).finish_non_exhaustive()
    }
}

fn read(bare: &Tera, options: &TemplateOptions) -> Result<Compiled, Vec<CheckMessage>> {
    let (sources, mut faults) = loader::read_all(&options.dirs);
    match compile::compile(bare, sources) {
        Ok(compiled) if faults.is_empty() => Ok(compiled),
        Ok(_) => Err(faults),
        Err(more) => {
            faults.extend(more);
            Err(faults)
        }
    }
}

/// What lies behind these locks is replaced whole, so a panic elsewhere cannot have left it half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
