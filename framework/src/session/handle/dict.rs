//! Reading and changing the dict, and the test cookie, which is a key in it.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::serialize::de::from_value;
use crate::serialize::ser::to_value;
use crate::serialize::value::{Dict, Key, Value};
use crate::session::data::Modify;
use crate::session::error::SessionError;
use crate::session::handle::Session;

/// What Django puts into the test cookie.
const TEST_COOKIE: (&str, &str) = ("testcookie", "worked");

impl Session {
    /// The value under the key, or `None`.
    ///
    /// # Errors
    /// When the value is not a `T`, or the store fails.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        typed(key, self.get_value(key).await?)
    }

    /// The value under the key, or the default (`session.get(key, default)`).
    ///
    /// # Errors
    /// When the value is not a `T`, or the store fails.
    pub async fn get_or<T: DeserializeOwned>(&self, key: &str, default: T) -> Result<T, SessionError> {
        Ok(self.get(key).await?.unwrap_or(default))
    }

    /// The value under the key as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get_value(&self, key: &str) -> Result<Option<Value>, SessionError> {
        self.read(|dict| dict.get(key).cloned()).await
    }

    /// `session[key] = value`
    ///
    /// # Errors
    /// When `value` has no form in a session, or the store fails.
    pub async fn set(&self, key: &str, value: impl Serialize) -> Result<(), SessionError> {
        let value = to_value(&value).map_err(|source| SessionError::Value { key: key.to_owned(), source })?;
        self.set_value(key, value).await
    }

    /// `session[key] = value` of a value as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_value(&self, key: impl Into<Key>, value: impl Into<Value>) -> Result<(), SessionError> {
        let (key, value) = (key.into(), value.into());
        self.change(|data| data.insert(key, value)).await
    }

    /// `del session[key]`: whether it was there. Where it was not, Django raises `KeyError`; nothing is modified.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove(&self, key: &str) -> Result<bool, SessionError> {
        Ok(self.remove_value(key).await?.is_some())
    }

    /// [`Session::remove`] of a key of any kind: the value that was there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_value(&self, key: impl Into<Key>) -> Result<Option<Value>, SessionError> {
        let key = key.into();
        self.change(|data| data.remove(&key)).await
    }

    /// Takes the value out.
    ///
    /// # Errors
    /// When the value is not a `T` (it is taken out all the same), or the store fails.
    pub async fn pop<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        typed(key, self.pop_value(key).await?)
    }

    /// Takes the value out, as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pop_value(&self, key: impl Into<Key>) -> Result<Option<Value>, SessionError> {
        let before = self.modified();
        self.ensure_loaded().await?;
        if self.inner()?.engine.quirks().pop_forgets_renewal && !before {
            self.set_modified(false);
        }
        self.remove_value(key).await
    }

    /// Whether there is a value under the key (`key in session`, `has_key`).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn contains_key(&self, key: &str) -> Result<bool, SessionError> {
        self.read(|dict| dict.contains_key(key)).await
    }

    /// The keys, in their order. Keys that are not text, which other serializers than JSON may hold, are left out:
    /// [`Session::dict`] has them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self) -> Result<Vec<String>, SessionError> {
        self.read(|dict| dict.keys().filter_map(Key::as_str).map(str::to_owned).collect()).await
    }

    /// The values, in the order of the keys.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn values(&self) -> Result<Vec<Value>, SessionError> {
        self.read(|dict| dict.values().cloned().collect()).await
    }

    /// Keys and values, in their order, but for keys that are not text.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn items(&self) -> Result<Vec<(String, Value)>, SessionError> {
        self.read(|dict| {
            dict.iter().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))).collect()
        })
        .await
    }

    /// The whole dict.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dict(&self) -> Result<Dict, SessionError> {
        self.read(Dict::clone).await
    }

    /// The value under the key; where there is none, `default` is put there.
    ///
    /// # Errors
    /// When the value is not a `T`, `default` has no form in a session, or the store fails.
    pub async fn setdefault<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        default: T,
    ) -> Result<T, SessionError> {
        let bad = |source| SessionError::Value { key: key.to_owned(), source };
        let value = self.setdefault_value(key, to_value(&default).map_err(bad)?).await?;
        from_value(value).map_err(bad)
    }

    /// [`Session::setdefault`] of a value as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn setdefault_value(&self, key: impl Into<Key>, default: Value) -> Result<Value, SessionError> {
        let key = key.into();
        self.change(move |data| {
            if let Some(value) = data.dict().get_key(&key) {
                return Ok(value.clone());
            }
            let value = default.clone();
            // What another request put there meanwhile stays.
            let keep: Modify = Arc::new(move |stored| Ok(stored.unwrap_or(&default).clone()));
            data.modify(key, keep)?;
            Ok(value)
        })
        .await?
    }

    /// Sets several keys.
    ///
    /// # Errors
    /// When a value has no form in a session (nothing is set then), or the store fails.
    pub async fn update<K, V>(&self, items: impl IntoIterator<Item = (K, V)>) -> Result<(), SessionError>
    where
        K: Into<String>,
        V: Serialize,
    {
        let mut values = Vec::new();
        for (key, value) in items {
            let key = key.into();
            match to_value(&value) {
                Ok(value) => values.push((Key::from(key), value)),
                Err(source) => return Err(SessionError::Value { key, source }),
            }
        }
        self.change(|data| data.extend(values)).await
    }

    /// Sets several keys to values as they are stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn update_values(&self, items: Dict) -> Result<(), SessionError> {
        self.change(|data| data.extend(items)).await
    }

    /// Computes a key's value from the one that is stored, such that concurrent requests lose no step: the closure is run
    /// again when another request stored something meanwhile. Gives the new value as this request sees it.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # async fn view(request: HttpRequest) -> Result<HttpResponse> {
    /// let visits = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    /// # Ok(HttpResponse::new(visits.to_string()))
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the stored value is not a `T`, the new one has no form in a session, or the store fails.
    pub async fn modify<T, R>(
        &self,
        key: &str,
        change: impl Fn(Option<T>) -> R + Send + Sync + 'static,
    ) -> Result<R, SessionError>
    where
        T: DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let name = key.to_owned();
        let modify: Modify = Arc::new(move |stored| {
            let stored = typed(&name, stored.cloned())?;
            to_value(&change(stored)).map_err(|source| SessionError::Value { key: name.clone(), source })
        });
        let value = self
            .change(|data| {
                data.modify(key.into(), modify)?;
                Ok::<_, SessionError>(data.dict().get(key).cloned().unwrap_or(Value::None))
            })
            .await??;
        from_value(value).map_err(|source| SessionError::Value { key: key.to_owned(), source })
    }

    /// Removes every key, without loading them first. The session keeps its own key.
    ///
    /// # Errors
    /// [`SessionError::NoMiddleware`]
    pub fn clear(&self) -> Result<(), SessionError> {
        let mut state = self.inner()?.lock();
        state.accessed = true;
        state.data().clear();
        Ok(())
    }
}

impl Session {
    /// Sets the test cookie: [`Session::test_cookie_worked`] tells in the visitor's next request whether it came back.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_test_cookie(&self) -> Result<(), SessionError> {
        let (key, value) = TEST_COOKIE;
        self.set_value(key, value).await
    }

    /// Whether the browser sent the test cookie back.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn test_cookie_worked(&self) -> Result<bool, SessionError> {
        let (key, value) = TEST_COOKIE;
        self.read(|dict| dict.get(key).and_then(Value::as_str) == Some(value)).await
    }

    /// Deletes the test cookie: whether it was there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_test_cookie(&self) -> Result<bool, SessionError> {
        self.remove(TEST_COOKIE.0).await
    }
}

fn typed<T: DeserializeOwned>(key: &str, value: Option<Value>) -> Result<Option<T>, SessionError> {
    value.map(from_value).transpose().map_err(|source| SessionError::Value { key: key.to_owned(), source })
}
