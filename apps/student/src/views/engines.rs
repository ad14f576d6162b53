//! The engines that `SESSION_ENGINE` may name.

use nuages::conf::session::SessionSettings;
use nuages::prelude::*;
use serde::Serialize;

use crate::lesson::show;

/// The engine in force, `request.session.engine()`, beside the others.
pub async fn engines(request: HttpRequest) -> Result<HttpResponse> {
    let settings = request.project().settings().section::<SessionSettings>();
    let in_force = request.session.engine().map(|engine| engine.name().to_owned());
    let known = ENGINES.iter().find(|engine| Some(engine.name) == in_force.as_deref());
    let (serializer, strategy) = (&settings.serializer, settings.save_strategy.as_str());
    show(&request, "engines", context! { in_force, known, serializer, strategy, engines: ENGINES }).await
}

/// What one engine does with a session.
#[derive(Debug, Serialize)]
struct Engine {
    /// In `SESSION_ENGINE`.
    name: &'static str,
    short: &'static str,
    /// Whom it suits.
    suits: &'static str,
    /// Where the data lives.
    place: &'static str,
    /// What is there after a restart.
    restart: &'static str,
    /// How much a session may hold.
    size: &'static str,
    logout: &'static str,
    /// What becomes of two requests that save at once.
    concurrency: &'static str,
}

/// Django's five.
const ENGINES: &[Engine] = &[
    Engine {
        name: "django.contrib.sessions.backends.db",
        short: "db",
        suits: "The default: nothing to run but the database.",
        place: "A row of django_session, signed text.",
        restart: "Everything.",
        size: "What a row holds: practically any.",
        logout: "Deletes the row, at once and everywhere.",
        concurrency: "Merged key by key: UPDATE where the row is still what was read.",
    },
    Engine {
        name: "django.contrib.sessions.backends.cached_db",
        short: "cached_db",
        suits: "Much reading: the row, and a copy in a cache.",
        place: "A row of django_session, and an entry of a cache.",
        restart: "Everything; the cache fills again.",
        size: "As db, and what the cache takes: 1 MB in memcached.",
        logout: "Deletes row and entry. It holds even if the cache was down.",
        concurrency: "Merged key by key, by the row.",
    },
    Engine {
        name: "django.contrib.sessions.backends.cache",
        short: "cache",
        suits: "The fastest, for what may be lost.",
        place: "An entry of a cache: Redis, memcached, memory.",
        restart: "What the cache keeps: locmem and memcached, nothing.",
        size: "What the cache takes: 1 MB in memcached.",
        logout: "Deletes the entry.",
        concurrency: "Merged key by key: the cache compares and sets.",
    },
    Engine {
        name: "django.contrib.sessions.backends.file",
        short: "file",
        suits: "One machine without a database.",
        place: "A file of its own in one folder, signed text.",
        restart: "Everything, if the folder does.",
        size: "What the disk holds.",
        logout: "Deletes the file.",
        concurrency: "Merged key by key, under a lock on the file.",
    },
    Engine {
        name: "django.contrib.sessions.backends.signed_cookies",
        short: "signed_cookies",
        suits: "No store at all, for little and nothing secret.",
        place: "The visitor’s cookie: signed, but readable.",
        restart: "Everything: the server keeps nothing.",
        size: "4,096 bytes with name and signature; more is an error.",
        logout: "Takes the cookie back; a copy of it stays valid until it expires.",
        concurrency: "The last response wins: there is nothing to merge with.",
    },
];
