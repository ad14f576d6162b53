//! The session as a struct of the site's own.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::serialize::de::from_value;
use crate::serialize::ser::to_value;
use crate::serialize::value::{Dict, Value};
use crate::session::error::SessionError;
use crate::session::handle::Session;

/// What a [`SessionError::Value`] names when it is about the whole session.
const WHOLE: &str = "(the whole session)";

impl Session {
    /// The session as a struct: its fields are the session's keys, other keys are left alone.
    ///
    /// With `#[serde(default)]` a key that is absent is the field's default.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, Default, Serialize, Deserialize)]
    /// #[serde(default)]
    /// struct Visitor {
    ///     name: Option<String>,
    ///     visits: u64,
    /// }
    ///
    /// async fn hello(request: HttpRequest) -> Result<HttpResponse> {
    ///     let visitor = request.session.edit(|visitor: &mut Visitor| visitor.visits += 1).await?;
    ///     let name = visitor.name.as_deref().unwrap_or("Guest");
    ///     Ok(HttpResponse::text(format!("{name}, visit {}", visitor.visits)))
    /// }
    /// ```
    ///
    /// # Errors
    /// When a field's value is of another kind than the field, or the store fails.
    pub async fn view<T: DeserializeOwned>(&self) -> Result<T, SessionError> {
        from_value(Value::Dict(self.dict().await?)).map_err(whole)
    }

    /// Changes the session through a struct, and gives the struct as it is then.
    ///
    /// The fields that the closure changed are set, a field that is no longer serialized is removed; every other key stays
    /// as it is, so that concurrent requests keep each other's. A session that is not changed is not modified.
    ///
    /// # Errors
    /// As [`Session::view`], and when the struct is not serialized as a map.
    pub async fn edit<T: Serialize + DeserializeOwned>(
        &self,
        change: impl FnOnce(&mut T),
    ) -> Result<T, SessionError> {
        let mut view: T = self.view().await?;
        let before = fields(&view)?;
        change(&mut view);
        let after = fields(&view)?;
        for key in before.keys().filter(|key| after.get_key(key).is_none()) {
            self.remove_value(key.clone()).await?;
        }
        for (key, value) in after {
            if before.get_key(&key) != Some(&value) {
                self.set_value(key, value).await?;
            }
        }
        Ok(view)
    }
}

fn fields<T: Serialize>(view: &T) -> Result<Dict, SessionError> {
    match to_value(view).map_err(whole)? {
        Value::Dict(fields) => Ok(fields),
        other => from_value(other).map_err(whole),
    }
}

fn whole(source: crate::serialize::convert_error::ConvertError) -> SessionError {
    SessionError::Value { key: WHOLE.to_owned(), source }
}
