//! The functions that every template may call.
//!
//! | function | Django's tag |
//! |---|---|
//! | `{{ url(name="student:set") }}` | `{% url "student:set" %}` |
//! | `{{ url(name="student:archive", year=2003, slug="a") }}` | `{% url "student:archive" year=2003 slug="a" %}` |
//! | `{{ url(name="student:archive", args=[2003, "a"]) }}` | `{% url "student:archive" 2003 "a" %}` |
//! | `{{ url(name="student:tag", kwargs={"name": "a"}) }}`, for what the route calls `name` or `args` | `{% url "student:tag" name="a" %}` |
//! | `{{ static(path="site.css") }}` | `{% static "site.css" %}` |
//! | `{{ now(format="Y") }}` | `{% now "Y" %}` |
//! | `{{ querystring(page=2, sort=none) }}` | `{% querystring page=2 sort=None %}` |
//! | `{{ get_static_prefix() }}`, `{{ get_media_prefix() }}` | `{% get_static_prefix %}`, `{% get_media_prefix %}` |
//! | `{{ widthratio(value=v, max_value=m, max_width=100) }}` | `{% widthratio v m 100 %}` |
//! | `{{ firstof(of=[a, b, "none"]) }}` | `{% firstof a b "none" %}` |
//!
//! A name or arguments that no route has fail the page, with Django's words for what was tried.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use tera::{Error, Kwargs, Number, State, Tera, TeraResult};

use crate::routes::reverse::ReverseArgs;
use crate::routes::table::RouteTable;
use crate::serialize::value::Value;
use crate::template::engine::TemplateOptions;
use crate::template::filters::{now, number, quote, text, truth};
use crate::template::rendering::asked;

/// Teaches tera the functions.
pub(super) fn register(tera: &mut Tera, options: &TemplateOptions) {
    let static_files = Arc::clone(&options.static_files);
    let static_prefix = options.static_files.url().unwrap_or_default().to_owned();
    tera.register_function("get_static_prefix", move |_: Kwargs, _: &State<'_>| static_prefix.clone());
    let media_prefix = options.media_url.clone();
    tera.register_function("get_media_prefix", move |_: Kwargs, _: &State<'_>| media_prefix.clone());
    tera.register_function("widthratio", |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        let (value, max): (&tera::Value, &tera::Value) =
            (args.must_get("value")?, args.must_get("max_value")?);
        widthratio(value, max, args.must_get("max_width")?)
    });
    tera.register_function("firstof", |args: Kwargs, _: &State<'_>| -> TeraResult<tera::Value> {
        let of: &tera::Value = args.must_get("of")?;
        let items = of.as_array().ok_or_else(|| Error::message("firstof(): `of` is not a list"))?;
        Ok(items.iter().find(|item| truth(item)).cloned().unwrap_or_else(|| "".into()))
    });
    tera.register_function("static", move |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        static_files.url_of(args.must_get("path")?).map_err(|error| Error::message(error.to_string()))
    });
    let filters = options.filters.clone();
    tera.register_function("now", move |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        Ok(now(args.must_get("format")?, &filters))
    });
    tera.register_function("querystring", |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        Ok(asked(|asked| querystring(asked.query.as_deref().unwrap_or_default(), &args)))
    });
    let (routes, script_name) = (Arc::clone(&options.routes), options.script_name.clone());
    tera.register_function("url", move |args: Kwargs, _: &State<'_>| -> TeraResult<String> {
        url(&routes, script_name.as_deref(), &args)
    });
}

/// The query with those parameters set, or taken out by `none` (Django 5.2 `templatetags` `{% querystring %}`).
fn querystring(query: &str, args: &Kwargs) -> String {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut parameters: Vec<(String, Vec<String>)> = Vec::new();
    let mut set = |name: String, values: Vec<String>, add: bool| match parameters
        .iter_mut()
        .find(|(known, _)| *known == name)
    {
        Some((_, known)) if add => known.extend(values),
        Some((_, known)) => *known = values,
        None => parameters.push((name, values)),
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        set(decoded(name), vec![decoded(value)], true);
    }
    for (key, value) in args.iter() {
        let values = match value.as_array() {
            Some(values) => values.iter().map(text).collect(),
            None if value.is_none() => Vec::new(),
            None => vec![text(value)],
        };
        set(key.as_str().unwrap_or_default().to_owned(), values, false);
    }
    let quoted = |text: &str| quote(text, " ").replace(' ', "+");
    let pairs: Vec<String> = parameters
        .iter()
        .flat_map(|(name, values)| values.iter().map(|value| format!("{}={}", quoted(name), quoted(value))))
        .collect();
    match pairs.is_empty() && query.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    }
}

/// Django 5.2 `template/defaulttags.py`, `WidthRatioNode`: what is no number shows nothing, a share of nothing is 0.
fn widthratio(value: &tera::Value, max: &tera::Value, width: &tera::Value) -> TeraResult<String> {
    let width = number(width).ok_or_else(|| Error::message("widthratio(): `max_width` is no number"))?;
    let (Some(value), Some(max)) = (number(value), number(max)) else { return Ok(String::new()) };
    let ratio = value / max * width.trunc();
    Ok(match () {
        () if max == 0.0 => "0".to_owned(),
        () if !ratio.is_finite() => String::new(),
        // Halves go to the even neighbour; there is no -0.
        () => format!("{}", ratio.round_ties_even() + 0.0),
    })
}

fn url(routes: &RouteTable, script_name: Option<&str>, args: &Kwargs) -> TeraResult<String> {
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
            Some("kwargs") => {
                let map = value.as_map().ok_or_else(|| Error::message("url(): `kwargs` is not a map"))?;
                for (key, value) in map {
                    let key =
                        key.as_str().ok_or_else(|| Error::message("url(): a key of `kwargs` is no text"))?;
                    wanted = wanted.kwarg(key, argument(key, value)?);
                }
            }
            Some(key) => wanted = wanted.kwarg(key, argument(key, value)?),
        }
    }
    if let Some(script_name) = script_name {
        wanted = wanted.script_name(script_name);
    }
    if let Some(current_app) = asked(|asked| asked.current_app.clone()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers are those of Django's `{% querystring %}`.
    #[test]
    fn querystrings() {
        let check = |query: &str, args: &[(&'static str, tera::Value)], expected: &str| {
            let map = args.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
            assert_eq!(querystring(query, &Kwargs::new(Arc::new(map))), expected, "{query}");
        };
        check("", &[], "");
        check("a=1", &[], "?a=1");
        check("a=1&a=2&b=x+y", &[("c", 3.into())], "?a=1&a=2&b=x+y&c=3");
        check("a=1&a=2", &[("a", "é&".into())], "?a=%C3%A9%26");
        check("a=1", &[("a", tera::Value::none())], "?");
        check("", &[("a", vec![tera::Value::from(1), "b".into()].into())], "?a=1&a=b");
    }
}
