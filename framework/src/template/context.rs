//! What a view hands to a template.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use tera::Value;

use crate::template::error::TemplateError;
use crate::template::rendering::Asked;

/// Names and values for a template, made with [`context!`](crate::context!).
///
/// A value is anything that is `Serialize`; it is converted once, when it is put in. A value that cannot be converted
/// (its `Serialize` fails) is remembered, and rendering reports it.
#[derive(Default)]
pub struct Context {
    data: tera::Context,
    fault: Option<Box<TemplateError>>,
    asked: Asked,
}

impl Context {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a value in, in place of what had that name.
    pub fn insert<T: Serialize + ?Sized>(&mut self, name: impl Into<Cow<'static, str>>, value: &T) {
        let name = name.into();
        match Value::try_from_serializable(value) {
            Ok(value) => self.data.insert_value(name, value),
            Err(source) => {
                self.fault
                    .get_or_insert_with(|| Box::new(TemplateError::Context { name: name.into(), source }));
            }
        }
    }

    /// Puts text in that is HTML already, and is not escaped again.
    pub fn insert_safe(&mut self, name: impl Into<Cow<'static, str>>, html: &str) {
        self.data.insert_value(name, Value::safe_string(html));
    }

    /// Puts in what is converted already.
    pub(crate) fn insert_value(&mut self, name: &'static str, value: Value) {
        self.data.insert_value(name, value);
    }

    /// Says for which request it is rendered.
    pub(crate) fn set_asked(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// Whether something has that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.data.contains_key(name)
    }

    /// The same with `over` on top: where both have a name, the value of `over` stays.
    #[must_use]
    pub fn with(mut self, over: Self) -> Self {
        self.data.extend(over.data);
        self.fault = self.fault.or(over.fault);
        self.asked.query = over.asked.query.or(self.asked.query);
        self.asked.current_app = over.asked.current_app.or(self.asked.current_app);
        self
    }

    /// The values as tera takes them.
    pub(super) fn into_tera(self) -> Result<(tera::Context, Asked), TemplateError> {
        match self.fault {
            Some(fault) => Err(*fault),
            None => Ok((self.data, self.asked)),
        }
    }
}

/// Without the values: a context may hold what no log should.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("fault", &self.fault).finish_non_exhaustive()
    }
}

/// A [`Context`]: `context! { name, title: "x", items: &list }`.
///
/// A bare name stands for the variable of that name. Values are borrowed, so nothing is moved.
///
/// ```
/// use nuages::context;
///
/// let name = String::from("Sonam");
/// let context = context! { name, visits: 3, tags: ["a", "b"] };
/// assert!(context.contains("name") && context.contains("tags"));
/// ```
#[macro_export]
macro_rules! context {
    (@insert $context:ident, $name:ident) => {
        $context.insert(::core::stringify!($name), &$name)
    };
    (@insert $context:ident, $name:ident, $value:expr) => {
        $context.insert(::core::stringify!($name), &$value)
    };
    () => {
        $crate::template::context::Context::new()
    };
    ($($name:ident $(: $value:expr)?),+ $(,)?) => {{
        let mut context = $crate::template::context::Context::new();
        $($crate::context!(@insert context, $name $(, $value)?);)+
        context
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_context_wins() -> Result<(), TemplateError> {
        let (merged, _) = context! { a: 1, b: 1 }.with(context! { b: 2 }).into_tera()?;
        assert_eq!(merged.get("a"), Some(&Value::from(1)));
        assert_eq!(merged.get("b"), Some(&Value::from(2)));
        Ok(())
    }

    #[test]
    fn a_value_that_cannot_be_converted_is_named() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("the pipe is broken"))
            }
        }
        let error = context! { fine: 1, pipe: Broken }.into_tera().unwrap_err().to_string();
        assert!(error.contains("`pipe`"), "{error}");
    }
}
