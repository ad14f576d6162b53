//! Pages in one cache: looking for them, and keeping them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{AGE, CACHE_CONTROL, EXPIRES, HeaderValue, VARY};
use http::{Method, StatusCode};

use crate::cache::backend::Timeout;
use crate::cache::error::CacheError;
use crate::cache::handle::Cache;
use crate::conf::page_cache::PageCacheSettings;
use crate::error::Result;
use crate::http::cache_control::{get_max_age, patch_response_headers};
use crate::http::date::parse_http_date;
use crate::http::header_text::header_text;
use crate::http::request::HttpRequest;
use crate::http::request::notes::Notes;
use crate::http::response::HttpResponse;
use crate::http::vary::{has_vary_header, patch_vary_headers};
use crate::middleware::cache::asked::{Asked, Plan};
use crate::middleware::cache::personal::Personal;
use crate::middleware::cache::stored_page::{restore, store};
use crate::project::Project;
use crate::serialize::value::Value;

/// Where pages are kept, and under which keys.
///
/// The keys are not Django's: what Django keeps there is a pickled `HttpResponse`, which means running the code that it names,
/// and what is kept here means nothing to Django. So neither finds the other's pages.
#[derive(Debug)]
pub(crate) struct PageCache {
    cache: Cache,
    settings: Arc<PageCacheSettings>,
    key_prefix: String,
    /// Language and time zone, which a page may depend on (Django 5.2 `utils/cache.py`, `_i18n_cache_key_suffix`).
    suffix: String,
    /// The language is in every key already.
    ignores_accept_language: bool,
}

impl PageCache {
    /// In the cache of that alias, with keys of that prefix.
    pub(crate) fn new(project: &Project, alias: &str, key_prefix: &str) -> Result<Self, CacheError> {
        let (core, settings) = (project.core(), project.settings().section::<PageCacheSettings>());
        let mut suffix = String::new();
        if core.use_i18n {
            suffix = format!(".{}", core.language_code);
        }
        if core.use_tz {
            suffix = format!("{suffix}.{}", core.time_zone);
        }
        Ok(Self {
            cache: project.caches().get(alias)?.clone(),
            key_prefix: key_prefix.to_owned(),
            settings,
            suffix,
            ignores_accept_language: core.use_i18n,
        })
    }

    /// The page that is kept for this request. If there is none, the response is to be kept: noted on the request (Django's
    /// `process_request`).
    ///
    /// # Errors
    /// `DisallowedHost` (400).
    pub(crate) async fn fetch(&self, request: &HttpRequest) -> Result<Option<HttpResponse>> {
        let plan = request.notes().get_or_insert_with(Plan::default);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            plan.say(None);
            return Ok(None);
        }
        let asked = Asked::of(request)?;
        match self.find(&asked).await {
            Some(page) => {
                plan.say(None);
                Ok(Some(page))
            }
            None => {
                plan.say(Some(Arc::new(asked)));
                Ok(None)
            }
        }
    }

    async fn find(&self, asked: &Asked) -> Option<HttpResponse> {
        let names = names_in(&self.get(&self.header_key(asked)).await?)?;
        let get = Method::GET;
        let mut page = self.page(asked, get.as_str(), &names).await;
        if page.is_none() && asked.method() != get.as_str() {
            page = self.page(asked, asked.method(), &names).await;
        }
        let mut page = page?;
        let expires = page.headers.get(EXPIRES).and_then(|expires| parse_http_date(expires.to_str().ok()?));
        if let (Some(max_age), Some(expires)) = (get_max_age(&page.headers), expires) {
            let age = max_age.saturating_sub(expires.saturating_sub(now()));
            page.headers.insert(AGE, HeaderValue::from(age.max(0)));
        }
        Some(page)
    }

    async fn page(&self, asked: &Asked, method: &str, names: &[String]) -> Option<HttpResponse> {
        restore(&self.get(&self.page_key(asked, method, names)).await?)
    }

    /// Keeps the response if it may be, and says in its headers for how long; `seconds` is the view's own time (Django's
    /// `process_response`).
    ///
    /// # Errors
    /// When the response has a `max-age` that is no number.
    pub(crate) async fn update(
        &self,
        asked: &Asked,
        notes: &Notes,
        seconds: Option<u32>,
        response: &mut HttpResponse,
    ) -> Result<()> {
        let cache_control =
            header_text(&response.headers, CACHE_CONTROL.as_str()).unwrap_or_default().to_lowercase();
        let personal = !self.settings.personal_pages && is_personal(asked, notes, response);
        if response.is_streaming()
            || !matches!(response.status, StatusCode::OK | StatusCode::NOT_MODIFIED)
            || personal
            || (!response.cookies().is_empty() && has_vary_header(&response.headers, "Cookie"))
            || ["private", "no-cache", "no-store"].iter().any(|word| cache_control.contains(word))
            || has_vary_header(&response.headers, "*")
        {
            return Ok(());
        }
        let seconds = match (seconds, get_max_age(&response.headers)) {
            (Some(seconds), _) => i64::from(seconds),
            (None, Some(0)) => return Ok(()),
            (None, Some(max_age)) => max_age,
            (None, None) => i64::from(self.settings.seconds),
        };
        patch_response_headers(&mut response.headers, u32::try_from(seconds.max(0)).unwrap_or(u32::MAX))?;
        if asked.has_authorization() && !cache_control.contains("public") {
            patch_vary_headers(&mut response.headers, &["Authorization"]);
        }
        if !self.settings.personal_pages && asked.session.current().accessed() {
            patch_vary_headers(&mut response.headers, &["Cookie"]);
        }
        // Below 0 what was kept goes.
        if seconds != 0 && response.status == StatusCode::OK {
            self.keep(asked, seconds, response).await;
        }
        Ok(())
    }

    async fn keep(&self, asked: &Asked, seconds: i64, response: &HttpResponse) {
        let Some(page) = store(response) else { return };
        let names = self.varies_on(response);
        let key = self.page_key(asked, asked.method(), &names);
        let names = Value::List(names.into_iter().map(Value::Str).collect());
        self.set(&self.header_key(asked), &names, seconds).await;
        self.set(&key, &page, seconds).await;
    }

    /// The headers that the page depends on, in lower case, sorted.
    fn varies_on(&self, response: &HttpResponse) -> Vec<String> {
        let Some(vary) = header_text(&response.headers, VARY.as_str()) else { return Vec::new() };
        let mut names: Vec<String> = vary.split(',').map(|name| name.trim().to_lowercase()).collect();
        names.retain(|name| !(self.ignores_accept_language && name == "accept-language"));
        names.sort();
        names
    }

    /// Under which the names of the headers are kept.
    fn header_key(&self, asked: &Asked) -> String {
        format!("nuages.pages.headers.{}.{}{}", self.key_prefix, asked.address(), self.suffix)
    }

    /// Under which a page is kept.
    fn page_key(&self, asked: &Asked, method: &str, names: &[String]) -> String {
        let (address, digest) = (asked.address(), asked.digest(names));
        format!("nuages.pages.page.{}.{method}.{address}.{digest}{}", self.key_prefix, self.suffix)
    }

    async fn get(&self, key: &str) -> Option<Value> {
        let found = match self.cache.key(key) {
            Ok(key) => self.cache.backend().get(&key).await,
            Err(error) => Err(error),
        };
        found.unwrap_or_else(|error| {
            tracing::error!(target: "django.core.cache", "a page cannot be looked for: {error}");
            None
        })
    }

    async fn set(&self, key: &str, value: &Value, seconds: i64) {
        let kept = match self.cache.key(key) {
            Ok(key) => self.cache.backend().set(&key, value, self.cache.ttl(Timeout::Seconds(seconds))).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::error!(target: "django.core.cache", "a page cannot be kept: {error}");
        }
    }
}

/// Whether it is one visitor's page by the look of it. A session that was only read makes a page for each cookie.
fn is_personal(asked: &Asked, notes: &Notes, response: &HttpResponse) -> bool {
    !response.cookies().is_empty() || Personal::is_noted(notes) || asked.session.current().modified()
}

fn names_in(value: &Value) -> Option<Vec<String>> {
    let Value::List(names) = value else { return None };
    names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
