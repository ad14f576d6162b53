//! A site that does to its session whatever a driver asks for, over HTTP.
//!
//! An ordinary site written against nuages: `tests/conformance` starts it beside the same site on Django and compares
//! every answer and everything that is stored. It listens on 127.0.0.1:`PORT` with the settings of `SITE_SETTINGS`, a JSON
//! object; the
//! environment's `NUAGES_…` comes on top of them.

mod custom_db;
mod failing_cache;
mod logs;
mod no_clear_expired;
mod objects;
mod ops;
mod rows;
mod tags;
mod views;

use std::env;
use std::error::Error as StdError;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;

use nuages::conf::server::ServerSettings;
use nuages::conf::session::SessionSettings;
use nuages::conf::source::SettingsSource;
use nuages::prelude::*;
use nuages::server::onion_service::OnionService;
use nuages::server::serve::serve;
use nuages::server::signals::EndSignals;
use tokio::net::TcpListener;

use crate::logs::LogHeader;
use crate::objects::Objects;

/// What the protocol fixes; `SITE_SETTINGS` comes on top.
const SETTINGS: &str = r#"
    DEBUG = false
    SECRET_KEY = "conformance-default-secret-key"
    ALLOWED_HOSTS = ["*"]
    USE_TZ = true
    TIME_ZONE = "UTC"
    DATA_UPLOAD_MAX_MEMORY_SIZE = false
    INSTALLED_APPS = ["django.contrib.sessions"]
    DATABASES = { default = { ENGINE = "django.db.backends.sqlite3", NAME = ":memory:" } }
    # What stops the start of a site, and the driver asks for: a cookie with SameSite=None but not Secure (E128), a folder
    # for sessions that does not exist (E021), a cache that CACHES lacks (E022).
    SILENCED_SYSTEM_CHECKS = ["nuages.E021", "nuages.E022", "nuages.E128"]
    # What nuages does otherwise than Django on purpose is switched to Django's way: see docs/DIFFERENCES.md.
    SESSION_SAVE_STRATEGY = "overwrite"
    SESSION_ENFORCE_EXPIRY = false
    SESSION_COOKIE_MAX_SIZE = false
    SESSION_DJANGO_FAULTS = true
    MIDDLEWARE = ["exerciser.middleware.LogHeader", "django.contrib.sessions.middleware.SessionMiddleware"]
"#;

fn site() -> Site {
    let objects = Arc::new(Objects::default());
    let others = Arc::clone(&objects);
    Site::new(env!("CARGO_MANIFEST_DIR"))
        .cache_backend(failing_cache::BACKEND)
        .session_engine(custom_db::ENGINE)
        .session_engine(no_clear_expired::ENGINE)
        .middleware(MiddlewareDef::of::<LogHeader>("exerciser.middleware.LogHeader"))
        .urls(urls![
            path("ops/", views::ops),
            path("noop/", views::noop),
            path("read/", views::read),
            path("set/", views::set),
            path("sleepset/", views::sleepset),
            path("error/", views::error),
            path("raise/", views::raise),
            path("headers/", views::headers),
            path("object/", move |request: HttpRequest| Arc::clone(&objects).open(request)),
            path("object/<int:number>/", move |request: HttpRequest, number: u32| {
                Arc::clone(&others).one(request, number)
            }),
        ])
}

fn settings() -> Result<SettingsSource, Box<dyn StdError>> {
    let text = env::var("SITE_SETTINGS").unwrap_or_else(|_| "{}".to_owned());
    let mut given: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)?;
    // The driver says each database twice, as a URL and member by member; a site's settings say it once.
    let databases = given.get_mut("DATABASES").and_then(|databases| databases.as_object_mut());
    for entry in databases.into_iter().flat_map(|databases| databases.values_mut()) {
        if let Some(entry) = entry.as_object_mut().filter(|entry| entry.contains_key("ENGINE")) {
            entry.remove("URL");
        }
    }
    // Django's way, as above, of a cache.
    let caches = given.get_mut("CACHES").and_then(|caches| caches.as_object_mut());
    for entry in
        caches.into_iter().flat_map(|caches| caches.values_mut()).filter_map(|entry| entry.as_object_mut())
    {
        if entry.get("BACKEND").is_some_and(|backend| backend == nuages::cache::memcached::BACKEND.name) {
            let options = entry.entry("OPTIONS").or_insert_with(|| serde_json::json!({}));
            if let Some(options) = options.as_object_mut() {
                options.insert("django_faults".to_owned(), true.into());
            }
        }
    }
    let fixed = SettingsSource::text("exerciser", SETTINGS).in_dir(env!("CARGO_MANIFEST_DIR"));
    Ok(fixed.under(SettingsSource::json(given)).process_environment())
}

/// The name of the session cookie.
fn cookie_name(project: &Project) -> String {
    project.settings().section::<SessionSettings>().cookie_name.clone()
}

async fn run() -> Result<(), Box<dyn StdError>> {
    let port: u16 = env::var("PORT")?.parse()?;
    let site = site()
        .build(&settings()?)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let mut end = EndSignals::listen()?;
    let shutdown = async move {
        end.next().await;
    };
    let settings = site.project.settings().section::<ServerSettings>();
    serve(vec![listener], OnionService::new(Arc::new(site.onion)), &settings, None, shutdown).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    logs::collect();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
