//! Context processors: what every template that is rendered for a request may use, by Django's names
//! (Django 5.2 `template/context_processors.py`).
//!
//! `TEMPLATES` chooses and orders them; an app brings its own.
//!
//! ```
//! use nuages::context;
//! use nuages::context_processors::{self, ContextProcessor};
//! use nuages::error::Result;
//! use nuages::http::request::HttpRequest;
//! use nuages::template::context::Context;
//! use nuages::template::processor::ContextProcessorDef;
//! use nuages::template::uses::Uses;
//!
//! /// `{{ debug_build }}`
//! struct DebugBuild;
//!
//! impl ContextProcessor for DebugBuild {
//!     const NAME: &'static str = "shop.context_processors.debug_build";
//!
//!     async fn process(_request: &HttpRequest, _uses: &Uses) -> Result<Context> {
//!         Ok(context! { debug_build: cfg!(debug_assertions) })
//!     }
//! }
//!
//! const PROCESSORS: &[ContextProcessorDef] = &[context_processors::of::<DebugBuild>()];
//! ```

use std::marker::PhantomData;

use futures_core::future::BoxFuture;
use tera::value::Key;
use tera::{Map, Value};

use crate::context;
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::routes::resolved::ResolverMatch;
use crate::staticfiles::files::under_script_name;
use crate::template::context::Context;
use crate::template::processor::{AnyRequest, ContextProcessorDef, Process};
use crate::template::uses::Uses;

/// Adds to the context of every template that is rendered for a request. What the view gave stays on top.
pub trait ContextProcessor: 'static {
    /// The dotted name in `TEMPLATES`.
    const NAME: &'static str;

    /// What it adds. `uses` tells what the template mentions: what it does not mention need not be worked out.
    ///
    /// # Errors
    /// Whatever it says becomes the response.
    fn process(request: &HttpRequest, uses: &Uses) -> impl Future<Output = Result<Context>> + Send;
}

/// The row of that processor.
#[must_use]
pub const fn of<P: ContextProcessor>() -> ContextProcessorDef {
    ContextProcessorDef { name: P::NAME, process: const { &OfType::<P>(PhantomData) } }
}

/// The row of a function, `async fn(&HttpRequest) -> Result<Context>`, under that dotted name; see
/// [`Site::context_processor`](crate::site::Site::context_processor) for an example.
///
/// It runs for every template that is rendered for a request. What costs something is better a [`ContextProcessor`], which is told
/// what the template mentions.
#[must_use]
pub fn function<F>(name: &'static str, function: &'static F) -> ContextProcessorDef
where
    F: for<'a> ContextProcessorFn<&'a HttpRequest>,
{
    ContextProcessorDef { name, process: Box::leak(Box::new(OfFunction(function))) }
}

/// A function that is a context processor.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a context processor",
    label = "not a context processor",
    note = "a context processor is `async fn(request: &HttpRequest) -> Result<Context>`"
)]
pub trait ContextProcessorFn<R>: Send + Sync + 'static {
    /// What it gives.
    type Future: Future<Output = Result<Context>> + Send;

    /// Adds to the context.
    fn call(&self, request: R) -> Self::Future;
}

impl<R, F, Fut> ContextProcessorFn<R> for F
where
    F: Fn(R) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Context>> + Send,
{
    type Future = Fut;

    fn call(&self, request: R) -> Fut {
        self(request)
    }
}

struct OfType<P>(PhantomData<fn() -> P>);

impl<P: ContextProcessor> Process for OfType<P> {
    fn process<'a>(&'a self, request: &'a AnyRequest, uses: &'a Uses) -> BoxFuture<'a, Result<Context>> {
        Box::pin(async move { P::process(http_request(request)?, uses).await })
    }
}

struct OfFunction<F: 'static>(&'static F);

impl<F: for<'a> ContextProcessorFn<&'a HttpRequest>> Process for OfFunction<F> {
    fn process<'a>(&'a self, request: &'a AnyRequest, _uses: &'a Uses) -> BoxFuture<'a, Result<Context>> {
        Box::pin(async move { self.0.call(http_request(request)?).await })
    }
}

fn http_request(request: &AnyRequest) -> Result<&HttpRequest> {
    request
        .downcast_ref::<HttpRequest>()
        .ok_or_else(|| Error::internal("a context processor was not given a request"))
}

/// The processors that need no app: every site may name them.
pub const BUILT_IN: &[ContextProcessorDef] =
    &[of::<Request>(), of::<Debug>(), of::<Csrf>(), of::<Static>(), of::<Media>(), of::<Tz>()];

/// `django.template.context_processors.csrf`: adds nothing. `csrf_token` and `csrf_input` are given to every template that
/// mentions them, as Django gives `csrf_token` without being told to.
#[derive(Debug)]
pub struct Csrf;

impl ContextProcessor for Csrf {
    const NAME: &'static str = "django.template.context_processors.csrf";

    async fn process(_request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        Ok(Context::new())
    }
}

/// `django.template.context_processors.static`: `{{ STATIC_URL }}`.
#[derive(Debug)]
pub struct Static;

impl ContextProcessor for Static {
    const NAME: &'static str = "django.template.context_processors.static";

    async fn process(request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        Ok(context! { STATIC_URL: request.project().static_files().url() })
    }
}

/// `django.template.context_processors.media`: `{{ MEDIA_URL }}`.
#[derive(Debug)]
pub struct Media;

impl ContextProcessor for Media {
    const NAME: &'static str = "django.template.context_processors.media";

    async fn process(request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        let core = request.project().core();
        Ok(context! { MEDIA_URL: under_script_name(&core.media_url, core) })
    }
}

/// `django.template.context_processors.tz`: `{{ TIME_ZONE }}`.
#[derive(Debug)]
pub struct Tz;

impl ContextProcessor for Tz {
    const NAME: &'static str = "django.template.context_processors.tz";

    async fn process(request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        Ok(context! { TIME_ZONE: request.project().core().time_zone })
    }
}

/// `django.template.context_processors.request`: `{{ request.path }}`, `{{ request.session.name }}`, …
///
/// | in a template | |
/// |---|---|
/// | `request.method`, `request.scheme`, `request.is_secure` | |
/// | `request.path`, `request.path_info`, `request.get_full_path` | |
/// | `request.get_host` | a host that `ALLOWED_HOSTS` does not have is a 400 |
/// | `request.content_type` | |
/// | `request.GET` | of a name that is there more than once, the last value |
/// | `request.COOKIES` | |
/// | `request.headers` | by their names in lower case: `request.headers["user-agent"]`; those of plain ASCII |
/// | `request.get_port`, `request.encoding` | |
/// | `request.resolver_match` | `url_name`, `view_name`, `app_name`, `app_names`, `namespace`, `namespaces`, `route`, `args`, `kwargs` |
/// | `request.session` | the session's dict: loaded, and marked as accessed, if the template mentions it |
///
/// Only what the template mentions is worked out ([`Uses`]); `{% set r = request %}` mentions it all.
#[derive(Debug)]
pub struct Request;

impl ContextProcessor for Request {
    const NAME: &'static str = "django.template.context_processors.request";

    async fn process(request: &HttpRequest, uses: &Uses) -> Result<Context> {
        let mut context = Context::new();
        if !uses.name("request") {
            return Ok(context);
        }
        let wanted = |attribute| uses.attribute("request", attribute);
        let mut map = Map::new();
        let mut put = |name: &'static str, value: Value| drop(map.insert(name.into(), value));
        if wanted("method") {
            put("method", request.method().as_str().into());
        }
        if wanted("scheme") {
            put("scheme", request.scheme().into());
        }
        if wanted("is_secure") {
            put("is_secure", request.is_secure().into());
        }
        if wanted("path") {
            put("path", request.path().into());
        }
        if wanted("path_info") {
            put("path_info", request.path_info().into());
        }
        if wanted("get_full_path") {
            put("get_full_path", request.get_full_path().into());
        }
        if wanted("get_host") {
            put("get_host", request.get_host()?.into());
        }
        if wanted("get_port") {
            put("get_port", request.get_port().into_owned().into());
        }
        if wanted("encoding") {
            put("encoding", request.encoding().map_or_else(Value::none, |charset| charset.name().into()));
        }
        if wanted("content_type") {
            put("content_type", request.content_type().into());
        }
        if wanted("GET") {
            put("GET", text_map(request.query()?.items()));
        }
        if wanted("COOKIES") {
            put("COOKIES", text_map(request.cookies().iter()));
        }
        if wanted("headers") {
            let headers = request.headers().iter();
            put(
                "headers",
                text_map(headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))),
            );
        }
        if wanted("resolver_match")
            && let Some(found) = request.resolver_match()
        {
            put("resolver_match", resolver_match(&found)?);
        }
        if wanted("session") {
            put("session", Value::try_from_serializable(&request.session.dict().await?)?);
        }
        context.insert_value("request", map.into());
        Ok(context)
    }
}

fn resolver_match(found: &ResolverMatch<'_>) -> Result<Value> {
    let list = |names: Vec<&str>| Value::from(names.into_iter().map(Value::from).collect::<Vec<_>>());
    let mut kwargs = Map::new();
    for (name, value) in found.kwargs() {
        kwargs.insert(name.to_owned().into(), Value::try_from_serializable(&value)?);
    }
    let mut map = Map::new();
    map.insert("url_name".into(), found.url_name().into());
    map.insert("view_name".into(), found.view_name().into());
    map.insert("app_name".into(), found.app_name().into());
    map.insert("namespace".into(), found.namespace().into());
    map.insert("route".into(), found.route().into());
    map.insert("app_names".into(), list(found.app_names().collect()));
    map.insert("namespaces".into(), list(found.namespaces().collect()));
    map.insert("args".into(), Value::try_from_serializable(&found.args())?);
    map.insert("kwargs".into(), kwargs.into());
    Ok(map.into())
}

fn text_map<'a>(items: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    items.map(|(name, value)| (Key::from(name.to_owned()), Value::from(value))).collect::<Map>().into()
}

/// `django.template.context_processors.debug`: `debug` is true under `DEBUG` for a client of `INTERNAL_IPS`. It is not there
/// otherwise, as in Django: write `{% if debug %}`.
#[derive(Debug)]
pub struct Debug;

impl ContextProcessor for Debug {
    const NAME: &'static str = "django.template.context_processors.debug";

    async fn process(request: &HttpRequest, _uses: &Uses) -> Result<Context> {
        let core = request.project().core();
        let internal = || request.remote_addr().is_some_and(|from| core.internal_ips.contains(&from.ip()));
        Ok(if core.debug && internal() {
            context! { debug: true }
        } else {
            Context::new()
        })
    }
}
