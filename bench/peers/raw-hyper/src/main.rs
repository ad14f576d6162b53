//! Practical limit: hyper + tokio + hand-written routing + sqlx on SQLite, no framework.
//!
//! usage: raw-hyper PORT DBFILE
//! env:   READ_CONNS (default 2), WRITE_CONNS (default 1), SYNCHRONOUS (NORMAL, or FULL)

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tera::{Context, Tera};

const TWO_WEEKS: i64 = 14 * 24 * 3600;
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

type Reply = Response<Full<Bytes>>;
type Data = BTreeMap<String, Value>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

struct App {
    read: SqlitePool,
    write: SqlitePool,
    tera: Tera,
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
}

#[derive(Serialize)]
struct Row {
    id: u32,
    name: String,
    note: String,
}

fn rows() -> Vec<Row> {
    (1..=12)
        .map(|id| Row {
            id,
            name: format!("Row {id} <script>alert({id})</script>"),
            note: format!("fish & \"chips\" no. {id}"),
        })
        .collect()
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs() as i64)
}

fn reply(kind: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut r = Response::new(Full::new(body.into()));
    r.headers_mut().insert(CONTENT_TYPE, kind);
    r
}

fn status(code: StatusCode) -> Reply {
    let mut r = Response::new(Full::new(Bytes::new()));
    *r.status_mut() = code;
    r
}

fn sid(req: &Request<Incoming>) -> Option<&str> {
    req.headers()
        .get(COOKIE)?
        .to_str()
        .ok()?
        .split("; ")
        .find_map(|c| c.strip_prefix("sid="))
}

fn param<'a>(req: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    req.uri().query()?.split('&').find_map(|kv| {
        let (k, v) = kv.split_once('=')?;
        (k == name).then_some(v)
    })
}

fn new_id() -> String {
    use std::fmt::Write;
    let mut raw = [0u8; 16];
    getrandom::fill(&mut raw).expect("entropy");
    let mut s = String::with_capacity(32);
    for b in raw {
        let _ = write!(s, "{b:02x}");
    }
    s
}

impl App {
    async fn load(&self, key: &str) -> Result<Option<Data>, BoxError> {
        let text: Option<String> =
            sqlx::query_scalar("SELECT data FROM session WHERE key = ?1 AND expire > ?2")
                .bind(key)
                .bind(now())
                .fetch_optional(&self.read)
                .await?;
        Ok(match text {
            Some(t) => Some(serde_json::from_str(&t)?),
            None => None,
        })
    }

    async fn save(&self, key: &str, data: &Data) -> Result<(), BoxError> {
        sqlx::query("UPDATE session SET data = ?2, expire = ?3 WHERE key = ?1")
            .bind(key)
            .bind(serde_json::to_string(data)?)
            .bind(now() + TWO_WEEKS)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    async fn create(&self, data: &Data) -> Result<String, BoxError> {
        let key = new_id();
        sqlx::query("INSERT INTO session (key, data, expire) VALUES (?1, ?2, ?3)")
            .bind(&key)
            .bind(serde_json::to_string(data)?)
            .bind(now() + TWO_WEEKS)
            .execute(&self.write)
            .await?;
        Ok(key)
    }

    async fn store(&self, key: Option<&str>, data: &Data, body: String) -> Result<Reply, BoxError> {
        let mut r = reply(TEXT, body);
        let key = match key {
            Some(k) => {
                self.save(k, data).await?;
                k.to_owned()
            }
            None => self.create(data).await?,
        };
        let cookie = format!("sid={key}; Path=/; HttpOnly; SameSite=Lax; Max-Age={TWO_WEEKS}");
        r.headers_mut().insert(SET_COOKIE, cookie.try_into()?);
        Ok(r)
    }

    /// Loads the session of the request; the key is given back only if its row exists.
    async fn open<'r>(
        &self,
        req: &'r Request<Incoming>,
    ) -> Result<(Option<&'r str>, Data), BoxError> {
        if let Some(key) = sid(req)
            && let Some(data) = self.load(key).await?
        {
            return Ok((Some(key), data));
        }
        Ok((None, Data::new()))
    }

    async fn handle(&self, req: Request<Incoming>) -> Result<Reply, BoxError> {
        let path = req.uri().path();
        match path {
            "/plaintext" => return Ok(reply(TEXT, "Hello, World!")),
            "/json" => {
                let body = serde_json::to_vec(&Message { message: "Hello, World!" })?;
                return Ok(reply(JSON, body));
            }
            "/template" => {
                let mut cx = Context::new();
                cx.insert("title", "Twelve rows");
                cx.insert("rows", &rows());
                return Ok(reply(HTML, self.tera.render("rows.html", &cx)?));
            }
            "/session/read" => {
                let (_, data) = self.open(&req).await?;
                let text = match data.get("visits").and_then(Value::as_i64) {
                    Some(n) => n.to_string(),
                    None => "none".into(),
                };
                return Ok(reply(TEXT, text));
            }
            "/session/write" => {
                let (key, mut data) = self.open(&req).await?;
                let n = data.get("visits").and_then(Value::as_i64).unwrap_or(0) + 1;
                data.insert("visits".into(), n.into());
                return self.store(key, &data, n.to_string()).await;
            }
            // Floor for a session write: one statement, atomic, no load.
            "/session/write-one-update" => {
                let n: Option<i64> = sqlx::query_scalar(
                    "UPDATE session SET data = json_set(data, '$.visits', \
                     json_extract(data, '$.visits') + 1), expire = ?2 WHERE key = ?1 \
                     RETURNING json_extract(data, '$.visits')",
                )
                .bind(sid(&req).unwrap_or(""))
                .bind(now() + TWO_WEEKS)
                .fetch_optional(&self.write)
                .await?;
                return Ok(match n {
                    Some(n) => reply(TEXT, n.to_string()),
                    None => status(StatusCode::NOT_FOUND),
                });
            }
            "/session/set" => {
                let Some(k) = param(&req, "k") else {
                    return Ok(status(StatusCode::BAD_REQUEST));
                };
                // A hand-written handler loads where it likes; "touch" loads before the wait.
                let (key, mut data);
                if param(&req, "touch").is_some() {
                    (key, data) = self.open(&req).await?;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                } else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    (key, data) = self.open(&req).await?;
                }
                data.insert(k.to_owned(), 1.into());
                return self.store(key, &data, "ok".into()).await;
            }
            "/session/get" => {
                let (_, data) = self.open(&req).await?;
                let text = match data.get(param(&req, "k").unwrap_or("")) {
                    Some(v) => v.to_string(),
                    None => "none".into(),
                };
                return Ok(reply(TEXT, text));
            }
            _ => {}
        }
        let mut seg = path.split('/').skip(1);
        let parts = (seg.next(), seg.next(), seg.next(), seg.next(), seg.next());
        Ok(match parts {
            (Some("users"), Some(id), Some("posts"), Some(slug), None) => pair(None, id, slug),
            (Some(area), Some("about"), None, None, None) => match filler(area) {
                Some(n) => reply(TEXT, format!("area {n}")),
                None => status(StatusCode::NOT_FOUND),
            },
            (Some(area), Some(id), Some("items"), Some(slug), None) => match filler(area) {
                Some(n) => pair(Some(n), id, slug),
                None => status(StatusCode::NOT_FOUND),
            },
            _ => status(StatusCode::NOT_FOUND),
        })
    }
}

/// The 92 filler routes: /area0../area45 with "about" and "<int>/items/<slug>".
fn filler(segment: &str) -> Option<u32> {
    let n = segment.strip_prefix("area")?.parse().ok()?;
    (n < 46).then_some(n)
}

fn pair(area: Option<u32>, id: &str, slug: &str) -> Reply {
    let slug_ok = !slug.is_empty()
        && slug
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    match id.parse::<u64>() {
        Ok(id) if slug_ok => match area {
            None => reply(TEXT, format!("{id} {slug}")),
            Some(n) => reply(TEXT, format!("area {n} {id} {slug}")),
        },
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn env_u32(name: &str, default: u32) -> u32 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().ok_or("port")?.parse()?;
    let db = args.next().ok_or("database file")?;

    let synchronous = match std::env::var("SYNCHRONOUS").as_deref() {
        Ok("FULL") => SqliteSynchronous::Full,
        _ => SqliteSynchronous::Normal,
    };
    let options = SqliteConnectOptions::new()
        .filename(&db)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5));
    let write = SqlitePoolOptions::new()
        .max_connections(env_u32("WRITE_CONNS", 1))
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await?;
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS session (key TEXT PRIMARY KEY NOT NULL, \
         data TEXT NOT NULL, expire INTEGER NOT NULL) WITHOUT ROWID",
    )
    .execute(&write)
    .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(env_u32("READ_CONNS", 2))
        .test_before_acquire(false)
        .connect_with(options.read_only(true).create_if_missing(false))
        .await?;

    let mut tera = Tera::default();
    tera.add_raw_template("rows.html", include_str!("../templates/rows.html"))?;
    let app = Arc::new(App { read, write, tera });

    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        let app = app.clone();
        tokio::spawn(async move {
            let service = service_fn(move |req| {
                let app = app.clone();
                async move {
                    Ok::<_, Infallible>(app.handle(req).await.unwrap_or_else(|e| {
                        eprintln!("error: {e}");
                        status(StatusCode::INTERNAL_SERVER_ERROR)
                    }))
                }
            });
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
