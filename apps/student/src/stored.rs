//! What is stored for this visitor, as the page shows it.

use nuages::conf::session::SessionSettings;
use nuages::db::sql::Sql;
use nuages::db::timestamp::Timestamp;
use nuages::error::Result;
use nuages::http::request::HttpRequest;
use nuages::http::response::HttpResponse;
use nuages::http::set_cookie::SetCookie;
use nuages::on_pool;
use serde::Serialize;

static ROW: Sql = Sql::new("SELECT session_data, expire_date FROM django_session WHERE session_key = ?");

/// The session as this request sees it, and its row as the database has it.
#[derive(Debug, Serialize)]
pub(crate) struct Stored {
    /// The dict, as indented JSON.
    dict: String,
    /// The key's first letters: whoever knows it all is the visitor.
    key: Option<String>,
    row: Option<Row>,
    /// What the browser sent, shortened too.
    cookie: Option<String>,
    /// What the next save sends to the browser.
    set_cookie: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    /// Signed, as Django writes it.
    session_data: String,
    expire_date: String,
}

impl Stored {
    pub(crate) async fn of(request: &HttpRequest) -> Result<Self> {
        let dict = serde_json::to_string_pretty(&request.session.dict().await?)?;
        let settings = request.project().settings().section::<SessionSettings>();
        let key = request.session.session_key();
        let row = match &key {
            Some(key) if settings.engine.ends_with("db") => row(request, key.as_str()).await?,
            _ => None,
        };
        let cookie = request.cookies().get(&settings.cookie_name);
        Ok(Self {
            dict,
            row,
            cookie: cookie.map(|value| format!("{}={}", settings.cookie_name, shortened(value))),
            set_cookie: set_cookie(request, &settings, key.as_ref().map(|key| key.as_str())).await?,
            key: key.map(|key| shortened(key.as_str())),
        })
    }
}

/// The first letters.
fn shortened(secret: &str) -> String {
    let shown: String = secret.chars().take(4).collect();
    format!("{shown}...")
}

async fn set_cookie(
    request: &HttpRequest,
    settings: &SessionSettings,
    key: Option<&str>,
) -> Result<Option<String>> {
    let Some(key) = key else { return Ok(None) };
    let mut cookie = SetCookie::new(&settings.cookie_name, shortened(key))
        .path(settings.cookie_path.as_str())
        .domain(settings.cookie_domain.as_deref())
        .secure(settings.cookie_secure)
        .http_only(settings.cookie_httponly)
        .same_site(settings.cookie_samesite.map(|same_site| same_site.as_str()));
    if !request.session.get_expire_at_browser_close().await? {
        cookie = cookie.max_age(request.session.get_expiry_age().await?);
    }
    let response = HttpResponse::default().with_cookie(cookie)?;
    Ok(response.cookies().get(&settings.cookie_name).map(|morsel| morsel.output()))
}

async fn row(request: &HttpRequest, key: &str) -> Result<Option<Row>> {
    let db = request.project().db()?;
    let row: Option<(String, Timestamp)> =
        on_pool!(db, pool => sqlx::query_as(ROW.on(db)).bind(key).fetch_optional(pool).await?);
    Ok(row.map(|(session_data, expire_date)| Row { session_data, expire_date: expire_date.to_string() }))
}
