//! The `Cache-Control` header, and what says with it how long a response may be kept.

use std::time::SystemTime;

use http::header::{CACHE_CONTROL, EXPIRES};
use http::{HeaderMap, HeaderValue};
use indexmap::IndexMap;
use time::OffsetDateTime;

use crate::http::date::http_date;
use crate::http::header_value::{HeaderError, header_value};

/// What one directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Directive<'a> {
    /// A bare name: `no-store`.
    Flag(&'a str),
    /// A name and a number: `max-age=60`.
    Seconds(&'a str, u64),
    /// A name and a text: `no-cache="Set-Cookie"`.
    Text(&'a str, &'a str),
}

/// A header that cannot be added to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CacheControlError {
    /// `max-age` is there already, and is no number that the smaller could be taken of.
    #[error("Cache-Control has max-age={0:?}, which is no number of seconds")]
    MaxAge(String),
    /// A directive holds a control character.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Adds directives to the `Cache-Control` header (Django 5.2 `utils/cache.py`).
///
/// A directive takes the place of one of the same name; only of two `max-age` the smaller stays, and several `no-cache`
/// stand beside one another unless one of them is bare. `private` and `public` replace each other.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use nuages::http::cache_control::{Directive, patch_cache_control};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("cache-control", HeaderValue::from_static("public, max-age=600"));
/// patch_cache_control(&mut headers, &[Directive::Flag("private"), Directive::Seconds("max-age", 60)])?;
/// assert_eq!(headers["cache-control"], "max-age=60, private");
/// # Ok::<(), nuages::http::cache_control::CacheControlError>(())
/// ```
///
/// # Errors
/// [`CacheControlError`], and nothing is changed.
pub fn patch_cache_control(
    headers: &mut HeaderMap,
    directives: &[Directive<'_>],
) -> Result<(), CacheControlError> {
    let lines: Vec<String> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect();
    let line = lines.join(", ");
    let mut all = parse(&line);
    let asks = |name: &str| directives.iter().any(|directive| directive.name() == name);
    if asks("public") {
        all.shift_remove("private");
    } else if asks("private") {
        all.shift_remove("public");
    }
    for directive in directives {
        let value = match directive {
            Directive::Flag(_) => None,
            Directive::Text(_, text) => Some((*text).to_owned()),
            Directive::Seconds("max-age", seconds) => {
                Some(smaller(all.get("max-age"), *seconds)?.to_string())
            }
            Directive::Seconds(_, seconds) => Some(seconds.to_string()),
        };
        add(&mut all, directive.name().to_owned(), value);
    }
    let mut text = String::with_capacity(line.len() + 32);
    let mut is_first = true;
    for (name, values) in &all {
        for value in values {
            // A line that begins with a comma has an empty directive, which stays.
            if !std::mem::take(&mut is_first) {
                text.push_str(", ");
            }
            text.push_str(name);
            if let Some(value) = value {
                text.push('=');
                text.push_str(value);
            }
        }
    }
    headers.insert(CACHE_CONTROL, header_value(&text)?);
    Ok(())
}

/// Forbids every cache to keep the response: `Cache-Control: max-age=0, no-cache, no-store, must-revalidate, private`,
/// and `Expires` now unless there is one.
///
/// # Errors
/// As [`patch_cache_control`].
pub fn add_never_cache_headers(headers: &mut HeaderMap) -> Result<(), CacheControlError> {
    patch_response_headers(headers, 0)?;
    let flags = ["no-cache", "no-store", "must-revalidate", "private"].map(Directive::Flag);
    patch_cache_control(headers, &flags)
}

/// Lets caches keep the response for so many seconds: `max-age`, and `Expires` unless there is one.
///
/// # Errors
/// As [`patch_cache_control`].
pub fn patch_response_headers(headers: &mut HeaderMap, seconds: u32) -> Result<(), CacheControlError> {
    patch_response_headers_at(headers, seconds, SystemTime::now().into())
}

fn patch_response_headers_at(
    headers: &mut HeaderMap,
    seconds: u32,
    now: OffsetDateTime,
) -> Result<(), CacheControlError> {
    if !headers.contains_key(EXPIRES) {
        let until = now.saturating_add(time::Duration::seconds(seconds.into()));
        let date = HeaderValue::try_from(http_date(until)).unwrap_or(HeaderValue::from_static("0"));
        headers.insert(EXPIRES, date);
    }
    patch_cache_control(headers, &[Directive::Seconds("max-age", seconds.into())])
}

/// The `max-age` of the `Cache-Control` header, in seconds; `None` when there is none, or no number; a bare one counts as 1.
#[must_use]
pub fn get_max_age(headers: &HeaderMap) -> Option<i64> {
    let line = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    match parse(line).get("max-age")?.last()? {
        None => Some(1),
        Some(text) => text.trim().parse().ok(),
    }
}

impl Directive<'_> {
    const fn name(&self) -> &str {
        match self {
            Self::Flag(name) | Self::Seconds(name, _) | Self::Text(name, _) => name,
        }
    }
}

/// Each directive's values: several for `no-cache`, which may name headers, one for the others.
type Directives = IndexMap<String, Vec<Option<String>>>;

fn parse(line: &str) -> Directives {
    let mut all = Directives::new();
    if line.is_empty() {
        return all;
    }
    for field in line.split(',').map(str::trim) {
        match field.split_once('=') {
            Some((name, value)) => add(&mut all, name.to_lowercase(), Some(value.to_owned())),
            None => add(&mut all, field.to_lowercase(), None),
        }
    }
    all
}

fn add(all: &mut Directives, name: String, value: Option<String>) {
    let repeats = name == "no-cache";
    let values = all.entry(name).or_default();
    if !repeats || value.is_none() || values.contains(&None) {
        let bare = repeats && (value.is_none() || values.contains(&None));
        values.clear();
        values.push(value.filter(|_| !bare));
    } else if !values.contains(&value) {
        values.push(value);
    }
}

/// A bare `max-age` counts as 1, as Python's `True` does.
fn smaller(there: Option<&Vec<Option<String>>>, seconds: u64) -> Result<i128, CacheControlError> {
    let seconds = i128::from(seconds);
    match there.and_then(|values| values.last()) {
        None => Ok(seconds),
        Some(None) => Ok(seconds.min(1)),
        Some(Some(text)) => match text.trim().parse::<i128>() {
            Ok(there) => Ok(there.min(seconds)),
            Err(_) => Err(CacheControlError::MaxAge(text.clone())),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http::vectors;

    fn sorted(line: &str) -> Vec<String> {
        let mut parts: Vec<String> = line.split(", ").map(str::to_owned).collect();
        parts.sort();
        parts
    }

    #[test]
    fn directives_are_added_as_django_adds_them() {
        for case in vectors::of("headers", "patch_cache_control") {
            let mut headers = HeaderMap::new();
            if let Some(existing) = case["existing"].as_str() {
                headers.insert(CACHE_CONTROL, HeaderValue::from_str(existing).unwrap());
            }
            let arguments: Vec<(String, Value)> = case["kwargs"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(k, v)| (k.replace('_', "-"), v.clone()))
                .collect();
            let directives: Vec<Directive<'_>> = arguments
                .iter()
                .map(|(name, value)| match value {
                    Value::Bool(true) => Directive::Flag(name),
                    // Python's text of anything else.
                    Value::Bool(false) => Directive::Text(name, "False"),
                    Value::Number(number) => Directive::Seconds(name, number.as_u64().unwrap()),
                    Value::String(text) => Directive::Text(name, text),
                    other => panic!("{other} of {case}"),
                })
                .collect();
            match patch_cache_control(&mut headers, &directives) {
                Ok(()) => {
                    let line = headers[CACHE_CONTROL].to_str().unwrap();
                    assert_eq!(
                        sorted(line),
                        sorted(case["out"]["cache_control"].as_str().unwrap_or_default()),
                        "{case}"
                    );
                    assert_eq!(get_max_age(&headers), case["out"]["max_age"].as_i64(), "{case}");
                }
                Err(error) => assert_eq!(case["out"]["error"], "ValueError", "{case}: {error}"),
            }
        }
    }

    #[test]
    fn times_are_djangos() {
        for case in vectors::of("headers", "patch_response_headers") {
            // Django takes a negative time for none.
            let seconds = case["kwargs"]["cache_timeout"].as_i64().unwrap_or(600).max(0);
            let now = OffsetDateTime::from_unix_timestamp(case["now"].as_f64().unwrap() as i64).unwrap();
            let mut headers = HeaderMap::new();
            patch_response_headers_at(&mut headers, u32::try_from(seconds).unwrap(), now).unwrap();
            for (name, value) in case["headers"].as_object().unwrap() {
                assert_eq!(headers[name.as_str()], value.as_str().unwrap(), "{case}");
            }
        }
        let never = &vectors::of("headers", "add_never_cache_headers")[0];
        let mut headers = HeaderMap::new();
        add_never_cache_headers(&mut headers).unwrap();
        assert_eq!(headers[CACHE_CONTROL], never["headers"]["Cache-Control"].as_str().unwrap());
        assert!(headers.contains_key(EXPIRES));
    }

    #[test]
    fn a_directive_cannot_end_the_header() {
        let mut headers = HeaderMap::new();
        let evil = Directive::Text("no-cache", "a\r\nSet-Cookie: b=c");
        assert!(matches!(patch_cache_control(&mut headers, &[evil]), Err(CacheControlError::Header(_))));
        assert!(headers.is_empty());
    }
}
