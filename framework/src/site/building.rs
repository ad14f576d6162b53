//! From a [`Site`] and its settings to something that answers: every name is resolved, and every fault gathered.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Built, Site};
use crate::apps::app::App;
use crate::cache::caches::{Caches, CachesSite};
use crate::checks::{CheckMessage, Level};
use crate::conf::caches::CachesSettings;
use crate::conf::core::CoreSettings;
use crate::conf::databases::DatabasesSettings;
use crate::conf::section::nearest;
use crate::conf::session::SessionSettings;
use crate::conf::settings::Settings;
use crate::conf::staticfiles::StaticFilesSettings;
use crate::conf::templates::TemplatesSettings;
use crate::conf::time_zone::TimeZone;
use crate::context_processors::BUILT_IN;
use crate::contrib::messages::middleware as messages;
use crate::contrib::staticfiles::app::STATICFILES_APP;
use crate::db::database::Databases;
use crate::db::migrations::loader::Migrations;
use crate::middleware::cache::{CacheMiddleware, FetchFromCacheMiddleware, UpdateCacheMiddleware};
use crate::middleware::clickjacking::XFrameOptionsMiddleware;
use crate::middleware::common::CommonMiddleware;
use crate::middleware::conditional_get::ConditionalGetMiddleware;
use crate::middleware::csrf::{self, CsrfViewMiddleware, protection::CsrfProtection};
use crate::middleware::def::{Layer, MiddlewareDef};
use crate::middleware::gzip::GZipMiddleware;
use crate::middleware::onion::Onion;
use crate::middleware::security::SecurityMiddleware;
use crate::project::{Parts, Project};
use crate::routes::table::RouteTable;
use crate::session::backends::ENGINES;
use crate::session::codec::{SALT, SessionCodec};
use crate::session::engine::{EngineDef, EngineParts, SessionEngine};
use crate::session::expiry::ExpiryPolicy;
use crate::session::serializers::{SERIALIZERS, SerializerDef};
use crate::signing::keys::SigningKeys;
use crate::staticfiles::files::{StaticFiles, under_script_name};
use crate::template::engine::{TemplateOptions, Templates};
use crate::template::filters::FilterSettings;
use crate::template::processor::ContextProcessorDef;
use crate::urls::compile::compile;
use crate::views::defaults;

/// The middleware that belongs to no app.
const MIDDLEWARE: &[MiddlewareDef] = &[
    MiddlewareDef::halves::<SecurityMiddleware>("django.middleware.security.SecurityMiddleware"),
    MiddlewareDef::of::<UpdateCacheMiddleware>("django.middleware.cache.UpdateCacheMiddleware"),
    MiddlewareDef::of::<FetchFromCacheMiddleware>("django.middleware.cache.FetchFromCacheMiddleware"),
    MiddlewareDef::of::<CacheMiddleware>("django.middleware.cache.CacheMiddleware"),
    MiddlewareDef::of::<GZipMiddleware>("django.middleware.gzip.GZipMiddleware"),
    MiddlewareDef::of::<ConditionalGetMiddleware>("django.middleware.http.ConditionalGetMiddleware"),
    MiddlewareDef::halves::<CommonMiddleware>("django.middleware.common.CommonMiddleware"),
    MiddlewareDef::halves_with_view::<CsrfViewMiddleware>(csrf::NAME),
    MiddlewareDef::halves::<XFrameOptionsMiddleware>(
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ),
];

/// Gathers faults over every part before it gives up.
pub(super) struct Builder {
    pub(super) site: Site,
    pub(super) settings: Arc<Settings>,
    pub(super) faults: Vec<CheckMessage>,
}

impl Builder {
    pub(super) fn build(mut self) -> Result<Built, Vec<CheckMessage>> {
        let core = self.settings.section::<CoreSettings>();
        let apps = self.installed(&core);
        let databases = self.databases();
        let caches = self.caches(&core, databases.as_ref());
        let migrations = self.migrations(&apps, databases.as_ref());
        let compiled = compile(std::mem::take(&mut self.site.urls).under_debug(core.debug));
        // Django does not look for slashes at the beginning where none is appended at the end.
        let wanted = |message: &CheckMessage| core.append_slash || message.id != "urls.W002";
        self.faults.extend(compiled.messages.into_iter().filter(wanted));
        let routes = Arc::new(compiled.table);
        let static_files = Arc::new(self.static_files(&core, &apps));
        let templates = self.templates(&core, &apps, &routes, &static_files);
        let sessions = self.sessions(&core, databases.as_ref(), caches.as_ref());
        let middleware = self.middleware(&core, &apps);
        let parts = self.parts();
        let (Some(databases), Some(caches), Some(templates), Some(sessions)) =
            (databases, caches, templates, sessions)
        else {
            return Err(self.faults);
        };
        let project = Arc::new(Project {
            base_dir: self.site.base_dir.clone(),
            settings: Arc::clone(&self.settings),
            core: Arc::clone(&core),
            security: self.settings.section(),
            databases,
            caches,
            migrations,
            routes,
            static_files,
            templates,
            sessions,
            parts,
        });
        let layers = self.layers(&middleware, &project);
        let before_views = layers.iter().filter_map(|layer| layer.view.clone()).collect();
        let layers = layers.into_iter().filter_map(|layer| layer.around).collect();
        let mut error_handlers = std::mem::take(&mut self.site.error_handlers);
        defaults::complete(&mut error_handlers);
        if self.faults.iter().any(|fault| fault.level >= Level::Error) {
            return Err(self.faults);
        }
        let commands =
            apps.iter().flat_map(|app| app.commands().iter().map(|command| (app.name(), *command)));
        Ok(Built {
            commands: commands.collect(),
            onion: Onion::new(Arc::clone(&project), layers, compiled.views)
                .with_view_layers(before_views)
                .with_error_handlers(error_handlers),
            project,
            messages: self.faults,
        })
    }

    /// The apps of `INSTALLED_APPS`, in that order.
    fn installed(&mut self, core: &CoreSettings) -> Vec<Arc<dyn App>> {
        let mut apps: Vec<Arc<dyn App>> = Vec::new();
        for name in &core.installed_apps {
            match self.site.apps.iter().find(|app| app.name() == name) {
                None => {
                    let known: Vec<&str> = self.site.apps.iter().map(|app| app.name()).collect();
                    self.unknown("nuages.E001", "INSTALLED_APPS", name, "app", &known);
                }
                Some(app) if apps.iter().any(|other| other.label() == app.label()) => {
                    let message = format!(
                        "INSTALLED_APPS: the label {:?} of {name:?} isn't unique: another app has it",
                        app.label()
                    );
                    self.fault("INSTALLED_APPS", name, CheckMessage::error("nuages.E002", message));
                }
                Some(app) => apps.push(Arc::clone(app)),
            }
        }
        apps
    }

    fn databases(&mut self) -> Option<Databases> {
        let settings = self.settings.section::<DatabasesSettings>();
        let databases = Databases::from_settings(&settings, &self.site.base_dir);
        databases.map_err(|faults| self.faults.extend(faults)).ok()
    }

    fn caches(&mut self, core: &CoreSettings, databases: Option<&Databases>) -> Option<Caches> {
        let settings = self.settings.section::<CachesSettings>();
        let zone = if core.use_tz { None } else { TimeZone::named(&core.time_zone) };
        let site =
            CachesSite { base_dir: &self.site.base_dir, databases: databases?, naive_zone: zone.as_ref() };
        let caches = Caches::from_settings(&settings, &self.site.caches, site);
        caches.map_err(|faults| self.faults.extend(faults)).ok()
    }

    /// The migrations of the installed apps, each with something to run on the default database.
    fn migrations(&mut self, apps: &[Arc<dyn App>], databases: Option<&Databases>) -> Migrations {
        let brought = apps.iter().map(|app| (app.label(), app.migrations()));
        let (migrations, faults) = Migrations::load(&self.site.base_dir, brought);
        self.faults.extend(faults);
        if let Some(Ok(db)) = databases.map(Databases::default_database) {
            self.faults.extend(migrations.check_vendor(db.vendor()));
        }
        migrations
    }

    fn static_files(&mut self, core: &CoreSettings, apps: &[Arc<dyn App>]) -> StaticFiles {
        let settings = self.settings.section::<StaticFilesSettings>();
        let folders: Vec<PathBuf> = apps.iter().filter_map(|app| app.static_files()).collect();
        let installed = apps.iter().any(|app| app.name() == STATICFILES_APP);
        let (files, faults) =
            StaticFiles::from_settings(&settings, core, &self.site.base_dir, &folders, installed);
        self.faults.extend(faults);
        files
    }

    fn templates(
        &mut self,
        core: &CoreSettings,
        apps: &[Arc<dyn App>],
        routes: &Arc<RouteTable>,
        static_files: &Arc<StaticFiles>,
    ) -> Option<Templates> {
        let settings = self.settings.section::<TemplatesSettings>();
        let engine = settings.templates.first().cloned().unwrap_or_default();
        let mut dirs: Vec<PathBuf> = engine.dirs.iter().map(|dir| self.site.base_dir.join(dir)).collect();
        if engine.app_dirs {
            dirs.extend(apps.iter().filter_map(|app| app.templates()));
        }
        let known: Vec<ContextProcessorDef> = BUILT_IN
            .iter()
            .chain(apps.iter().flat_map(|app| app.context_processors()))
            .chain(&self.site.context_processors)
            .copied()
            .collect();
        let mut processors = Vec::new();
        for name in &engine.options.context_processors {
            match known.iter().find(|def| def.name == name) {
                Some(def) => processors.push(*def),
                None => {
                    let names: Vec<&str> = known.iter().map(|def| def.name).collect();
                    self.unknown("nuages.E006", "TEMPLATES", name, "context processor", &names);
                }
            }
        }
        let mut options = TemplateOptions::default();
        options.dirs = dirs;
        options.processors = processors;
        options.static_files = Arc::clone(static_files);
        options.routes = Arc::clone(routes);
        options.filters = FilterSettings {
            zone: TimeZone::named(&core.time_zone).unwrap_or(TimeZone::UTC),
            use_tz: core.use_tz,
        };
        options.script_name = core.force_script_name.clone();
        options.autoescape = engine.options.autoescape;
        options.debug = core.debug;
        options.media_url = under_script_name(&core.media_url, core);
        let of_apps = apps.iter().flat_map(|app| app.template_extensions());
        options.extensions = of_apps.chain(&self.site.template_extensions).copied().collect();
        Templates::load(options).map_err(|faults| self.faults.extend(faults)).ok()
    }

    fn sessions(
        &mut self,
        core: &CoreSettings,
        databases: Option<&Databases>,
        caches: Option<&Caches>,
    ) -> Option<Arc<SessionEngine>> {
        let settings = self.settings.section::<SessionSettings>();
        let serializers: Vec<SerializerDef> =
            SERIALIZERS.iter().chain(&self.site.serializers).copied().collect();
        let serializer = serializers.iter().find(|def| def.name == settings.serializer);
        if serializer.is_none() {
            let names: Vec<&str> = serializers.iter().map(|def| def.name).collect();
            self.unknown("nuages.E004", "SESSION_SERIALIZER", &settings.serializer, "serializer", &names);
        }
        let engines: Vec<EngineDef> = ENGINES.iter().chain(&self.site.engines).copied().collect();
        let engine = engines.iter().find(|def| def.name == settings.engine);
        if engine.is_none() {
            let names: Vec<&str> = engines.iter().map(|def| def.name).collect();
            self.unknown("nuages.E003", "SESSION_ENGINE", &settings.engine, "engine", &names);
        }
        let zone = TimeZone::named(&core.time_zone);
        if zone.is_none() {
            let message = format!("TIME_ZONE: there is no time zone {:?}", core.time_zone);
            let hint = "Use a name of the IANA database, such as \"UTC\" or \"Europe/Brussels\".";
            self.fault("TIME_ZONE", &core.time_zone, CheckMessage::error("nuages.E007", message).hint(hint));
        }
        let (zone, serializer, engine) = (zone?, serializer?, engine?);
        let (databases, caches) = (databases?, caches?);
        let keys = SigningKeys::new(&core.secret_key, &core.secret_key_fallbacks);
        let codec = SessionCodec::new(&keys, SALT, (serializer.build)());
        let policy = Arc::new(ExpiryPolicy {
            cookie_age: settings.cookie_age,
            expire_at_browser_close: settings.expire_at_browser_close,
            naive_zone: (!core.use_tz).then(|| zone.clone()),
            absolute_age: settings.absolute_age.map(|age| i64::try_from(age).unwrap_or(i64::MAX)),
            enforce: settings.enforce_expiry,
        });
        let parts = EngineParts {
            settings: &settings,
            core,
            base_dir: &self.site.base_dir,
            databases,
            caches,
            codec: &codec,
            policy: &policy,
            zone: &zone,
        };
        match (engine.build)(parts) {
            Ok(engine) => Some(Arc::new(match self.site.around_store.take() {
                Some(wrap) => engine.around_store(wrap),
                None => engine,
            })),
            Err(faults) => {
                self.faults.extend(faults);
                None
            }
        }
    }

    /// What `MIDDLEWARE` names, outermost first.
    fn middleware(&mut self, core: &CoreSettings, apps: &[Arc<dyn App>]) -> Vec<MiddlewareDef> {
        let known: Vec<MiddlewareDef> = MIDDLEWARE
            .iter()
            .chain(self.site.apps.iter().flat_map(|app| app.middleware()))
            .chain(&self.site.middleware)
            .copied()
            .collect();
        let offered = |app: &dyn App, name: &str| app.middleware().iter().any(|def| def.name == name);
        let mut chosen = Vec::new();
        for name in &core.middleware {
            let Some(def) = known.iter().find(|def| def.name == name) else {
                let names: Vec<&str> = known.iter().map(|def| def.name).collect();
                self.unknown("nuages.E005", "MIDDLEWARE", name, "middleware", &names);
                continue;
            };
            chosen.push(*def);
            let owner = self.site.apps.iter().find(|app| offered(&***app, name));
            if let Some(owner) = owner
                && !apps.iter().any(|app| app.name() == owner.name())
            {
                let message =
                    format!("MIDDLEWARE has {name:?}, but INSTALLED_APPS lacks its app {:?}", owner.name());
                let warning = CheckMessage::warning("nuages.W001", message)
                    .hint("Its migrations and commands are not there without it.");
                self.fault("MIDDLEWARE", name, warning);
            }
        }
        chosen
    }

    /// What the floors above keep with the project.
    fn parts(&mut self) -> Parts {
        let mut parts = Parts::default();
        match CsrfProtection::new(&self.settings, &self.site.csrf_failure_views) {
            Ok(protection) => parts.insert(protection),
            Err(fault) => self.fault("CSRF_FAILURE_VIEW", "", fault),
        }
        if let Some(messages) = messages::site(&self.settings) {
            parts.insert(messages);
        }
        parts
    }

    /// The layers, outermost first.
    fn layers(&mut self, middleware: &[MiddlewareDef], project: &Project) -> Vec<Layer> {
        let mut layers = Vec::new();
        for def in middleware {
            match def.build(project) {
                Ok(layer) => layers.push(layer),
                Err(faults) => self.faults.extend(faults),
            }
        }
        layers
    }

    /// Notes what is wrong with that name in a setting, and where it was written.
    fn fault(&mut self, setting: &str, name: &str, mut message: CheckMessage) {
        message.object = self.settings.place(setting, name).map(ToString::to_string);
        self.faults.push(message);
    }

    /// Notes a name in a setting that nothing has: says the nearest one, and all there are.
    fn unknown(&mut self, id: &'static str, setting: &str, name: &str, kind: &str, known: &[&str]) {
        let listed = known.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let near = nearest(name, known.iter().copied())
            .map_or_else(String::new, |near| format!("Did you mean \"{near}\"? "));
        let message = CheckMessage::error(id, format!("{setting}: there is no {kind} \"{name}\""))
            .hint(format!("{near}There are: {listed}."));
        self.fault(setting, name, message);
    }
}
