//! A site: settings, apps and URLs become something that answers.

mod building;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;

use self::building::Builder;
use crate::apps::app::App;
use crate::apps::command::CommandDef;
use crate::cache::caches::CacheBackendDef;
use crate::checks::CheckMessage;
use crate::conf::section::SectionDef;
use crate::conf::settings::Settings;
use crate::conf::source::SettingsSource;
use crate::contrib::messages::app::MessagesApp;
use crate::contrib::sessions::app::Sessions;
use crate::contrib::staticfiles::app::StaticFilesApp;
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::MiddlewareDef;
use crate::middleware::error_handlers::ErrorHandlers;
use crate::middleware::onion::Onion;
use crate::project::Project;
use crate::session::engine::EngineDef;
use crate::session::serializers::SerializerDef;
use crate::session::store::SessionStore;
use crate::template::engine::TemplateExtension;
use crate::template::processor::ContextProcessorDef;
use crate::urls::declare::Urls;
use crate::urls::view::View;
use crate::urls::views::AnyView;
use crate::views::csrf::csrf_failure;

/// A site, as `manage/src/main.rs` puts it together.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use nuages::prelude::*;
///
/// async fn hello(_: HttpRequest) -> Result<HttpResponse> {
///     Ok(HttpResponse::new("Hello!"))
/// }
///
/// fn main() -> ExitCode {
///     nuages::manage(Site::new(env!("CARGO_MANIFEST_DIR")).urls(urls![path("", hello)]))
/// }
/// ```
pub struct Site {
    base_dir: PathBuf,
    urls: Urls,
    apps: Vec<Arc<dyn App>>,
    middleware: Vec<MiddlewareDef>,
    context_processors: Vec<ContextProcessorDef>,
    template_extensions: Vec<TemplateExtension>,
    caches: Vec<CacheBackendDef>,
    engines: Vec<EngineDef>,
    serializers: Vec<SerializerDef>,
    csrf_failure_views: Vec<(String, AnyView)>,
    error_handlers: ErrorHandlers,
    around_store: Option<AroundStore>,
}

/// Puts something around the session engine's store.
type AroundStore = Box<dyn FnOnce(Arc<dyn SessionStore>) -> Arc<dyn SessionStore> + Send + Sync>;

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("base_dir", &self.base_dir)
            .field("apps", &self.apps.iter().map(|app| app.name()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A site that answers.
#[derive(Debug)]
pub struct Built {
    /// What requests and commands ask.
    pub project: Arc<Project>,
    /// What answers requests.
    pub onion: Onion,
    /// The management commands of the installed apps, each with its app's name.
    pub commands: Vec<(&'static str, CommandDef)>,
    /// What is not wrong enough to stop the start.
    pub messages: Vec<CheckMessage>,
}

impl Site {
    /// A site in that folder, where `settings.toml`, `templates/` and `migrations/` are. The apps that nuages ships are linked.
    pub fn new(base_dir: impl Into<PathBuf>) -> Self {
        Self {
            base_dir: base_dir.into(),
            urls: Urls::default(),
            apps: vec![Arc::new(Sessions), Arc::new(MessagesApp), Arc::new(StaticFilesApp)],
            middleware: Vec::new(),
            context_processors: Vec::new(),
            template_extensions: Vec::new(),
            caches: Vec::new(),
            engines: Vec::new(),
            serializers: Vec::new(),
            csrf_failure_views: vec![(
                "django.views.csrf.csrf_failure".to_owned(),
                AnyView::new(csrf_failure),
            )],
            error_handlers: ErrorHandlers::default(),
            around_store: None,
        }
    }

    /// The site's URLs (Django's `ROOT_URLCONF`).
    #[must_use]
    pub fn urls(mut self, urls: Urls) -> Self {
        self.urls = urls;
        self
    }

    /// Links an app: `INSTALLED_APPS` chooses among the linked ones.
    #[must_use]
    pub fn app(mut self, app: impl App) -> Self {
        self.apps.push(Arc::new(app));
        self
    }

    /// Adds a middleware under a name of its own: `MIDDLEWARE` chooses and orders.
    #[must_use]
    pub fn middleware(mut self, def: MiddlewareDef) -> Self {
        self.middleware.push(def);
        self
    }

    /// Adds a context processor under a name of its own: `TEMPLATES` chooses and orders.
    ///
    /// ```
    /// use nuages::context_processors;
    /// use nuages::prelude::*;
    ///
    /// async fn opening_hours(request: &HttpRequest) -> Result<Context> {
    ///     Ok(context! { open: request.project().core().debug, hours: "9–17" })
    /// }
    /// let site = Site::new("shop")
    ///     .context_processor(context_processors::function("shop.context_processors.hours", &opening_hours));
    /// # let _ = site;
    /// ```
    #[must_use]
    pub fn context_processor(mut self, def: ContextProcessorDef) -> Self {
        self.context_processors.push(def);
        self
    }

    /// Teaches the templates filters, functions and tests of the site's own (Django's `templatetags`), after those of the apps.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::template::tera::{Kwargs, State, Tera};
    ///
    /// fn price(cents: i64, _: Kwargs, _: &State<'_>) -> String {
    ///     format!("{}.{:02} €", cents / 100, cents % 100)
    /// }
    /// fn extend(tera: &mut Tera) {
    ///     tera.register_filter("price", price);
    /// }
    /// let site = Site::new("shop").template_extensions(extend);
    /// # let _ = site;
    /// ```
    ///
    /// `{{ product.cents | price }}` is then `12.50 €`.
    #[must_use]
    pub fn template_extensions(mut self, extend: TemplateExtension) -> Self {
        self.template_extensions.push(extend);
        self
    }

    /// Adds a cache backend under a name of its own, for `BACKEND` in `CACHES`.
    #[must_use]
    pub fn cache_backend(mut self, def: CacheBackendDef) -> Self {
        self.caches.push(def);
        self
    }

    /// Adds a session engine under a name of its own, for `SESSION_ENGINE`.
    #[must_use]
    pub fn session_engine(mut self, def: EngineDef) -> Self {
        self.engines.push(def);
        self
    }

    /// Adds a session serializer under a name of its own, for `SESSION_SERIALIZER`.
    #[must_use]
    pub fn session_serializer(mut self, def: SerializerDef) -> Self {
        self.serializers.push(def);
        self
    }

    /// Adds a view for `CSRF_FAILURE_VIEW`, under that name: it is given the reason, which is for logs and developers.
    ///
    /// ```
    /// use nuages::prelude::*;
    ///
    /// async fn refused(_request: HttpRequest, _reason: String) -> Result<HttpResponse> {
    ///     Ok(HttpResponse::new("Please load the form again.").with_status(StatusCode::FORBIDDEN))
    /// }
    /// let site = Site::new("shop").csrf_failure_view("shop.views.refused", refused);
    /// # let _ = site;
    /// ```
    #[must_use]
    pub fn csrf_failure_view(mut self, name: impl Into<String>, view: impl View<(String,)>) -> Self {
        self.csrf_failure_views.push((name.into(), AnyView::new(view)));
        self
    }

    /// The view for requests that cannot be answered as they are (400), in place of
    /// [`bad_request`](crate::views::defaults::bad_request); under `DEBUG` a page for developers takes its place.
    ///
    /// A handler is given the request, with what the layers made of it, and the error. It says the status of its page itself.
    #[must_use]
    pub fn handler400<F, Fut>(self, view: F) -> Self
    where
        F: Fn(HttpRequest, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.handler(StatusCode::BAD_REQUEST, view)
    }

    /// The view for what a visitor may not see (403), in place of
    /// [`permission_denied`](crate::views::defaults::permission_denied); under `DEBUG`, too.
    #[must_use]
    pub fn handler403<F, Fut>(self, view: F) -> Self
    where
        F: Fn(HttpRequest, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.handler(StatusCode::FORBIDDEN, view)
    }

    /// The view for what is not there (404), in place of [`page_not_found`](crate::views::defaults::page_not_found); under
    /// `DEBUG` the page with the routes that were tried takes its place.
    ///
    /// ```
    /// use nuages::prelude::*;
    ///
    /// async fn lost(request: HttpRequest, _error: Error) -> Result<HttpResponse> {
    ///     render_with_status(&request, StatusCode::NOT_FOUND, "shop/lost.html", context! {}).await
    /// }
    /// let site = Site::new("shop").handler404(lost);
    /// # drop(site);
    /// ```
    #[must_use]
    pub fn handler404<F, Fut>(self, view: F) -> Self
    where
        F: Fn(HttpRequest, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.handler(StatusCode::NOT_FOUND, view)
    }

    /// The view for errors that nobody foresaw (500), in place of [`server_error`](crate::views::defaults::server_error); under
    /// `DEBUG` the page that tells of the error takes its place. It is not given the error: visitors are told nothing of it.
    ///
    /// If it fails itself, visitors get the plain page.
    #[must_use]
    pub fn handler500<F, Fut>(self, view: F) -> Self
    where
        F: Fn(HttpRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.handler(StatusCode::INTERNAL_SERVER_ERROR, move |request, _error| view(request))
    }

    fn handler<F, Fut>(mut self, status: StatusCode, view: F) -> Self
    where
        F: Fn(HttpRequest, Error) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<HttpResponse>> + Send + 'static,
    {
        self.error_handlers.set(status, view);
        self
    }

    /// Puts something around the session engine's store, whichever the settings choose: the test client's notes.
    pub(crate) fn around_session_store(
        mut self,
        wrap: impl FnOnce(Arc<dyn SessionStore>) -> Arc<dyn SessionStore> + Send + Sync + 'static,
    ) -> Self {
        self.around_store = Some(Box::new(wrap));
        self
    }

    /// The folder of the site.
    #[must_use]
    pub const fn base_dir(&self) -> &PathBuf {
        &self.base_dir
    }

    /// Reads the settings, resolves every name in them, compiles URLs and templates: all faults at once. No I/O but
    /// reading files; databases are connected to when something first asks.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn build(self, source: &SettingsSource) -> Result<Built, Vec<CheckMessage>> {
        let sections: Vec<SectionDef> = self.apps.iter().flat_map(|app| app.settings()).copied().collect();
        let (settings, faults) = Settings::read(source, &sections);
        let faults = faults.iter().map(CheckMessage::from).collect();
        Builder { site: self, settings: Arc::new(settings), faults }.build()
    }
}
