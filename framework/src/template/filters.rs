//! Django's template filters, under Django's names (Django 5.2 `template/defaultfilters.py`).
//!
//! Tera's filters take named arguments, so Django's one argument is called `arg`:
//!
//! | Django | nuages |
//! |---|---|
//! | `{{ day\|date:"j F Y" }}` | `{{ day \| date(arg="j F Y") }}` |
//! | `{{ price\|floatformat:2 }}` | `{{ price \| floatformat(arg=2) }}` |
//! | `{{ name\|default:"Guest" }}` | `{{ name \| default(arg="Guest") }}`, also `default(value=…)` |
//! | `{{ names\|join:", " }}` | `{{ names \| join(arg=", ") }}`, also `join(sep=…)` |
//! | `{{ n }} book{{ n\|pluralize }}` | `{{ n }} book{{ n \| pluralize }}` |
//!
//! The results are Django's, to the byte, with Django's rules for what is escaped: text that is HTML already (`safe`, what
//! `linebreaks` makes) is not escaped again, and stays HTML through the filters that Django calls safe. They speak English, as
//! Django does under `LANGUAGE_CODE = "en-us"`.
//!
//! A point in time comes to a template as text (`2026-11-22T13:26:01+00:00`, `2026-11-22`, `13:26`), since that is what
//! `Serialize` makes of one; `date`, `time`, `timesince` and `timeuntil` read it. With `USE_TZ` an aware one is shown in
//! `TIME_ZONE`.
//!
//! Three of Django's tags are filters here: `{% for group in cities | regroup(by="country") %}`, each with `grouper` and `list`;
//! `{% filter spaceless %}…{% endfilter %}`; and `{{ day | timezone(arg="Asia/Thimphu") | date(arg="H:i") }}`, with `localtime` and
//! `utc`, for one point in time in another zone.
//!
//! A name that is not defined fails the page, as everywhere in tera, but for `default` and `default_if_none`.

mod dateformat;
mod dates;
mod entities;
mod html;
mod html_truncation;
mod lists;
mod moment;
mod numbers;
mod python;
mod stringformat;
mod text;
mod tokens;
mod urlize;

use std::sync::Arc;

use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::conf::time_zone::TimeZone;

/// What the filters know of the site.
#[derive(Debug, Clone)]
pub struct FilterSettings {
    /// `TIME_ZONE`
    pub zone: TimeZone,
    /// `USE_TZ`: whether aware points in time are shown in that zone.
    pub use_tz: bool,
}

impl Default for FilterSettings {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, use_tz: true }
    }
}

/// One call of a filter.
struct Call<'a> {
    /// The value before the `|`; for a filter of texts, as text.
    value: &'a Value,
    arg: Option<&'a Value>,
    autoescape: bool,
    settings: &'a FilterSettings,
}

/// A filter as it is kept in the table.
struct FilterDef {
    name: &'static str,
    /// Its argument's names; the first is ours.
    args: &'static [&'static str],
    needs_arg: bool,
    /// It works on text: anything else is made one first (Django's `stringfilter`).
    text: bool,
    /// HTML stays HTML through it (Django's `is_safe`).
    safe: bool,
    run: fn(&Call<'_>) -> TeraResult<Value>,
}

const ARG: &[&str] = &["arg"];

const fn def(name: &'static str, run: fn(&Call<'_>) -> TeraResult<Value>) -> FilterDef {
    FilterDef { name, args: ARG, needs_arg: false, text: false, safe: false, run }
}

impl FilterDef {
    const fn text(mut self) -> Self {
        self.text = true;
        self
    }

    const fn safe(mut self) -> Self {
        self.safe = true;
        self
    }

    const fn needs_arg(mut self) -> Self {
        self.needs_arg = true;
        self
    }

    const fn also(mut self, args: &'static [&'static str]) -> Self {
        self.args = args;
        self
    }
}

const FILTERS: &[FilterDef] = &[
    def("add", numbers::add).needs_arg(),
    def("addslashes", text::addslashes).text().safe(),
    def("capfirst", text::capfirst).text().safe(),
    def("center", text::center).text().safe().needs_arg(),
    def("cut", text::cut).text().needs_arg(),
    def("date", dates::date).also(&["arg", "format"]),
    def("default", lists::default).needs_arg().also(&["arg", "value"]),
    def("default_if_none", lists::default_if_none).needs_arg().also(&["arg", "value"]),
    def("dictsort", lists::dictsort).needs_arg(),
    def("dictsortreversed", lists::dictsortreversed).needs_arg(),
    def("divisibleby", numbers::divisibleby).needs_arg(),
    def("escape", html::escape_filter).text().safe(),
    def("escapejs", html::escapejs).text(),
    def("escapeseq", html::escapeseq).safe(),
    def("filesizeformat", numbers::filesizeformat).safe(),
    def("first", lists::first),
    def("floatformat", numbers::floatformat).safe(),
    def("force_escape", html::force_escape).text().safe(),
    def("get_digit", numbers::get_digit).needs_arg(),
    def("iriencode", text::iriencode).text().safe(),
    def("join", lists::join).safe().needs_arg().also(&["arg", "sep"]),
    def("json_script", html::json_script).safe().also(&["arg", "element_id"]),
    def("last", lists::last).safe(),
    def("length", lists::length),
    def("linebreaks", html::linebreaks).text().safe(),
    def("linebreaksbr", html::linebreaksbr).text().safe(),
    def("linenumbers", html::linenumbers).text().safe(),
    def("ljust", text::ljust).text().safe().needs_arg(),
    def("localtime", dates::localtime),
    def("lower", text::lower).text().safe(),
    def("make_list", text::make_list).text(),
    def("phone2numeric", text::phone2numeric).text().safe(),
    def("pluralize", numbers::pluralize).also(&["arg", "plural"]),
    def("pprint", text::pprint).safe(),
    def("random", lists::random).safe(),
    def("regroup", lists::regroup).needs_arg().also(&["arg", "by"]),
    def("rjust", text::rjust).text().safe().needs_arg(),
    def("safe", html::safe).text().safe(),
    def("safeseq", html::safeseq).safe(),
    def("slice", lists::slice).safe().needs_arg(),
    def("slugify", text::slugify_filter).text().safe(),
    def("spaceless", html::spaceless).text().safe(),
    def("stringformat", stringformat::stringformat).safe().needs_arg(),
    def("striptags", html::striptags).text().safe(),
    def("time", dates::time).also(&["arg", "format"]),
    def("timesince", dates::timesince),
    def("timeuntil", dates::timeuntil),
    def("timezone", dates::timezone).needs_arg(),
    def("title", text::title).text().safe(),
    def("truncatechars", text::truncatechars).text().safe().needs_arg(),
    def("truncatechars_html", html_truncation::truncatechars_html).text().safe().needs_arg(),
    def("truncatewords", text::truncatewords).text().safe().needs_arg(),
    def("truncatewords_html", html_truncation::truncatewords_html).text().safe().needs_arg(),
    def("unordered_list", lists::unordered_list).safe(),
    def("upper", text::upper).text(),
    def("urlencode", text::urlencode).text(),
    def("utc", dates::utc),
    def("urlize", urlize::urlize).text().safe(),
    def("urlizetrunc", urlize::urlizetrunc).text().safe().needs_arg(),
    def("wordcount", text::wordcount).text(),
    def("wordwrap", text::wordwrap).text().safe().needs_arg(),
    def("yesno", lists::yesno),
];

/// This moment in that format, in the site's zone (`{% now %}`).
pub(super) fn now(format: &str, settings: &FilterSettings) -> String {
    dates::now(format, settings)
}

/// `str(value)`.
pub(super) fn text(value: &Value) -> String {
    python::text(value)
}

/// `bool(value)`.
pub(super) fn truth(value: &Value) -> bool {
    python::truth(value)
}

/// `float(value)`, if it is a number.
pub(super) fn number(value: &Value) -> Option<f64> {
    python::number(value).ok()
}

/// Python's `urllib.parse.quote`.
pub(super) fn quote(text: &str, safe: &str) -> String {
    text::quote(text, safe)
}

/// Teaches tera the filters.
pub(super) fn register(tera: &mut Tera, settings: &FilterSettings) {
    let settings = Arc::new(settings.clone());
    for def in FILTERS {
        let settings = Arc::clone(&settings);
        tera.register_filter(
            def.name,
            move |value: Value, kwargs: Kwargs, state: &State<'_>| -> TeraResult<Value> {
                let arg = argument(def, &kwargs)?;
                apply(def, value, arg.as_ref(), state.autoescaping_enabled(), &settings)
            },
        );
    }
}

/// The argument, under whichever of its names it was given.
fn argument(def: &FilterDef, kwargs: &Kwargs) -> TeraResult<Option<Value>> {
    let mut found = None;
    for (key, value) in kwargs.iter() {
        let name = key.as_str().unwrap_or_default();
        if !def.args.contains(&name) {
            let known = def.args.join("`, `");
            return Err(Error::message(format!(
                "{}: there is no argument `{name}`, only `{known}`",
                def.name
            )));
        }
        found = Some(value.clone());
    }
    if found.is_none() && def.needs_arg {
        return Err(Error::message(format!("{0}: say {0}(arg=…)", def.name)));
    }
    Ok(found)
}

/// Django's rules around every filter (Django 5.2 `template/base.py`, `FilterExpression.resolve`).
fn apply(
    def: &FilterDef,
    value: Value,
    arg: Option<&Value>,
    autoescape: bool,
    settings: &FilterSettings,
) -> TeraResult<Value> {
    if value.is_undefined() && !matches!(def.name, "default" | "default_if_none") {
        return Err(Error::message(format!("{}: the value is not defined", def.name)));
    }
    let was_safe = value.is_safe();
    let value = if def.text && !value.is_string() { Value::from(python::text(&value)) } else { value };
    let result = (def.run)(&Call { value: &value, arg, autoescape, settings })?;
    if def.safe && was_safe && !result.is_safe() {
        return Ok(match result.is_string() {
            true => result.mark_safe(),
            false => Value::safe_string(&python::text(&result)),
        });
    }
    Ok(result)
}

impl Call<'_> {
    /// The text of a filter of texts.
    fn text(&self) -> &str {
        self.value.as_str().unwrap_or_default()
    }

    /// The argument of a filter that needs one.
    fn arg(&self) -> TeraResult<&Value> {
        self.arg.ok_or_else(|| Error::message("the argument is missing"))
    }

    /// The argument as a whole number, as Python's `int()` reads it.
    fn int_arg(&self) -> TeraResult<i128> {
        python::int(self.arg()?).map_err(|fault| Error::message(fault.to_string()))
    }
}

#[cfg(test)]
mod tests;
