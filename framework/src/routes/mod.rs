//! Routes as text: parse, match, reverse. No view, no request.
//!
//! * [`converter`]: what `<int:year>` may hold, and a site's own converters
//! * `route`: the text of one `path(…)` or `re_path(…)`, taken apart
//! * `pattern`: that text against a path
//! * [`tree`]: the URLconf as it was declared, includes in it
//! * [`table`]: every route of the site: path to route
//! * `index`: which routes to try for a path
//! * [`resolved`]: the route that was found, and all it knows
//! * [`reverse`]: name to path
//! * `normal_form`: an expression as the addresses it stands for
//! * `python_text`: the few places where Python's way of writing a value shows

pub mod converter;
pub(crate) mod index;
pub(crate) mod normal_form;
pub(crate) mod pattern;
pub(crate) mod python_text;
pub mod resolved;
pub mod reverse;
pub(crate) mod route;
pub mod table;
pub mod tree;

#[cfg(test)]
mod tests;
