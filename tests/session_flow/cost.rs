//! What a request costs: the calls that reach the store, counted by an engine of the site's own.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use nuages::prelude::*;
use nuages::serialize::value::Dict;
use nuages::session::backends::db::DbStore;
use nuages::session::engine::{EngineDef, EngineParts, SessionEngine};
use nuages::session::key::SessionKey;
use nuages::session::store::{
    Cleared, Load, Loaded, Residence, Saved, SessionStore, StoreError, StoredRow, Version,
};
use nuages::test::client::Client;

/// The db engine's store, which notes what it is asked for. `Debug` shows that.
struct Noting {
    store: DbStore,
    calls: Mutex<Vec<&'static str>>,
}

impl Noting {
    fn note(&self, call: &'static str) -> &DbStore {
        self.calls.lock().unwrap().push(call);
        &self.store
    }
}

impl fmt::Debug for Noting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.calls.lock().unwrap().join(" "))
    }
}

#[async_trait]
impl SessionStore for Noting {
    fn residence(&self) -> Residence {
        self.store.residence()
    }

    async fn load(&self, key: &SessionKey) -> Result<Load, StoreError> {
        self.note("load").load(key).await
    }

    async fn reload(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.note("reload").reload(key).await
    }

    async fn exists(&self, key: &SessionKey) -> Result<bool, StoreError> {
        self.note("exists").exists(key).await
    }

    async fn insert(&self, key: &SessionKey, data: &Dict) -> Result<Saved, StoreError> {
        self.note("insert").insert(key, data).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<Saved, StoreError> {
        self.note("update").update(key, data, expected).await
    }

    async fn touch(
        &self,
        key: &SessionKey,
        data: &Dict,
        expected: Option<&Version>,
    ) -> Result<(), StoreError> {
        self.note("touch").touch(key, data, expected).await
    }

    async fn delete(&self, key: &SessionKey, expected: Option<&Version>) -> Result<bool, StoreError> {
        self.note("delete").delete(key, expected).await
    }

    async fn clear_expired(&self, at_most: NonZeroU32) -> Result<Cleared, StoreError> {
        self.note("clear_expired").clear_expired(at_most).await
    }

    async fn count_expired(&self) -> Result<u64, StoreError> {
        self.note("count_expired").count_expired().await
    }

    async fn page(
        &self,
        after: Option<&SessionKey>,
        at_most: NonZeroU32,
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.note("page").page(after, at_most).await
    }
}

fn build(parts: EngineParts<'_>) -> Result<SessionEngine, Vec<CheckMessage>> {
    let database = parts.databases.default_database().expect("the test's database").clone();
    let store = DbStore::new(database, parts.codec.clone(), Arc::clone(parts.policy), parts.zone.clone());
    Ok(SessionEngine::new("tests.noting", Arc::new(Noting { store, calls: Mutex::default() }), parts))
}

async fn step(request: HttpRequest, step: String) -> Result<HttpResponse> {
    let session = &request.session;
    match step.as_str() {
        "untouched" => {}
        "known-of-itself" => {
            let _ = (session.session_key(), session.is_empty(), session.accessed(), session.modified());
            session.get_session_cookie_age()?;
        }
        "read" => drop(session.dict().await?),
        "read-often" => {
            for _ in 0..10 {
                session.get::<String>("name").await?;
                session.contains_key("name").await?;
            }
        }
        "set" => session.set("name", "Sonam").await?,
        "read-and-set-often" => {
            for n in 0..10 {
                session.get::<i64>("n").await?;
                session.set("n", n).await?;
            }
        }
        "setdefault" => drop(session.setdefault("name", "Pema".to_owned()).await?),
        "clear" => session.clear()?,
        "cycle-key" => session.cycle_key().await?,
        "flush" => session.flush().await?,
        "fail" => {
            session.set("name", "lost").await?;
            return Ok(HttpResponse::text("failed").with_status(StatusCode::INTERNAL_SERVER_ERROR));
        }
        other => return Err(Error::not_found(other)),
    }
    Ok(HttpResponse::text("done"))
}

async fn client(save_every_request: bool) -> Client {
    let site = Site::new("no-such-folder")
        .urls(urls![path("<slug:step>/", step)])
        .session_engine(EngineDef { name: "tests.noting", build });
    Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.sessions"])
        .setting("MIDDLEWARE", ["django.contrib.sessions.middleware.SessionMiddleware"])
        .setting("SESSION_ENGINE", "tests.noting")
        .setting("SESSION_SAVE_EVERY_REQUEST", save_every_request)
        .build()
        .await
        .unwrap()
}

/// Asks for the page, and compares the calls that the store got with those expected.
async fn check(client: &Client, page: &str, calls: &str) {
    let noted = || format!("{:?}", client.project().sessions().store());
    let before = noted();
    client.get(&format!("/{page}/")).await.unwrap();
    let after = noted();
    let new = after.strip_prefix(&before).expect("calls are only added").trim();
    assert_eq!(new, calls, "{page}");
}

#[tokio::test]
async fn an_untouched_session_costs_nothing() {
    let client = client(false).await;
    check(&client, "untouched", "").await;
    check(&client, "known-of-itself", "").await;
    check(&client, "no-such-page", "").await;
    check(&client, "set", "insert").await;
    check(&client, "untouched", "").await;
    check(&client, "known-of-itself", "").await;
    check(&client, "no-such-page", "").await;
    for cookie in ["", "x", "1234567", "long-enough-for-a-key"] {
        client.cookies().set("sessionid", cookie, "testserver");
        check(&client, "untouched", "").await;
    }
}

#[tokio::test]
async fn each_use_costs_one_read_and_one_write_at_most() {
    let client = client(false).await;
    check(&client, "read", "").await;
    check(&client, "flush", "").await;
    check(&client, "set", "insert").await;
    check(&client, "read", "load").await;
    check(&client, "read-often", "load").await;
    check(&client, "setdefault", "load").await;
    check(&client, "set", "load update").await;
    check(&client, "read-and-set-often", "load update").await;
    check(&client, "clear", "update").await;
    check(&client, "fail", "load").await;
    check(&client, "cycle-key", "load insert delete update").await;
    check(&client, "flush", "delete").await;
    client.cookies().set("sessionid", "names-nothing-at-all", "testserver");
    check(&client, "read", "load").await;
    client.cookies().set("sessionid", "short", "testserver");
    check(&client, "read", "").await;
}

#[tokio::test]
async fn save_every_request_touches_and_writes_no_data() {
    let client = client(true).await;
    check(&client, "untouched", "").await;
    check(&client, "set", "insert").await;
    check(&client, "untouched", "load touch").await;
    check(&client, "read", "load touch").await;
    check(&client, "set", "load update").await;
    check(&client, "flush", "delete").await;
    check(&client, "untouched", "").await;
}
