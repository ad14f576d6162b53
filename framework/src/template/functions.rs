//! The functions that every template may call.
//!
//! | function | Django's tag |
//! |---|---|
//! | `{{ url(name="student:set") }}` | `{% url "student:set" %}` |
//! | `{{ url(name="student:archive", year=2003, slug="a") }}` | `{% url "student:archive" year=2003 slug="a" %}` |
//! | `{{ url(name="student:archive", args=[2003, "a"]) }}` | `{% url "student:archive" 2003 "a" %}` |
//! | `{{ static(path="site.css") }}` | `{% static "site.css" %}` |
//!
//! A name or arguments that no route has fail the page, with Django's words for what was tried.

use std::sync::Arc;

use tera::{Error, Kwargs, Number, State, Tera, TeraResult};

use crate::routes::reverse::ReverseArgs;
use crate::routes::table::RouteTable;
use crate::serialize::value::Value;
use crate::template::engine::TemplateOptions;

/// The name under which a context holds the namespace of the request's route, for `url()`.
pub(crate) const CURRENT_APP: &str = "__current_app";

/// Teaches tera the functions.
pub(super) fn register(tera: &mut Tera, options: &TemplateOptions) {
    let static_files = Arc::clone(&options.static_files);
    tera.register_function("static", move |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        static_files.url_of(args.must_get("path")?).map_err(|error| Error::message(error.to_string()))
    });
    let (routes, script_name) = (Arc::clone(&options.routes), options.script_name.clone());
    tera.register_function("url", move |args: Kwargs, state: &State<'_>| -> TeraResult<String> {
        url(&routes, script_name.as_deref(), &args, state)
    });
}

fn url(
    routes: &RouteTable,
    script_name: Option<&str>,
    args: &Kwargs,
    state: &State<'_>,
) -> TeraResult<String> {
    let name: &str = args.must_get("name")?;
    let mut wanted = ReverseArgs::new();
    for (key, value) in args.iter() {
        match key.as_str() {
            None | Some("name") => {}
            Some("args") => {
                let list = value.as_array().ok_or_else(|| Error::message("url(): `args` is not a list"))?;
                for value in list {
                    wanted = wanted.arg(argument("args", value)?);
                }
            }
            Some(key) => wanted = wanted.kwarg(key, argument(key, value)?),
        }
    }
    if let Some(script_name) = script_name {
        wanted = wanted.script_name(script_name);
    }
    if let Some(current_app) = state.get::<String>(CURRENT_APP)? {
        wanted = wanted.current_app(current_app);
    }
    routes.reverse(name, wanted).map_err(|error| Error::message(format!("NoReverseMatch: {error}")))
}

/// A template's value as a part of a URL.
fn argument(name: &str, value: &tera::Value) -> TeraResult<Value> {
    if let Some(text) = value.as_str() {
        return Ok(text.into());
    }
    if let Some(truth) = value.as_bool() {
        return Ok(truth.into());
    }
    match value.as_number() {
        Some(Number::Integer(number)) => Ok(number.into()),
        Some(Number::Float(number)) => Ok(number.into()),
        _ => {
            let kind = value.name();
            Err(Error::message(format!(
                "url(): `{name}` is {kind}, and only text and numbers can be part of a URL"
            )))
        }
    }
}
