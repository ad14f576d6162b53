//! When the session expires, asked of the session itself.

use crate::serialize::datetime::DateTime;
use crate::serialize::value::Value;
use crate::session::error::SessionError;
use crate::session::expiry::{EXPIRY_KEY, Expiry, ExpiryError};
use crate::session::handle::Session;

impl Session {
    /// Sets a custom expiry: seconds without a change, a duration from now, a point in time, until the browser closes, or
    /// [`Expiry::Default`] for what the settings say.
    ///
    /// # Errors
    /// When the time is beyond the year 9999, or the store fails.
    pub async fn set_expiry(&self, expiry: impl Into<Expiry>) -> Result<(), SessionError> {
        let now = self.policy()?.now();
        match expiry.into().to_value(now)? {
            Some(value) => self.set_value(EXPIRY_KEY, value).await,
            None => self.remove_value(EXPIRY_KEY).await.map(drop),
        }
    }

    /// The seconds until the session expires.
    ///
    /// # Errors
    /// When the expiry kept in the session is no time, or the store fails.
    pub async fn get_expiry_age(&self) -> Result<i64, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        let age = match self.expiry_age_of(expiry.as_ref(), None)? {
            Value::Int(seconds) => seconds,
            #[expect(clippy::cast_possible_truncation, reason = "saturates, as an age beyond 64 bits may")]
            Value::Float(seconds) => seconds as i64,
            Value::Bool(one) => one.into(),
            other => {
                return Err(
                    ExpiryError::Type(format!("an age is a number, not {}", other.type_name())).into()
                );
            }
        };
        Ok(self.absolute_seconds().await?.map_or(age, |left| age.min(left)))
    }

    /// The seconds until `SESSION_ABSOLUTE_AGE` ends the session, rounded down; `None` without such a limit. A session that
    /// was not saved yet begins now.
    pub(crate) async fn absolute_seconds(&self) -> Result<Option<i64>, SessionError> {
        let policy = self.policy()?;
        let Some(absolute) = policy.absolute_age else { return Ok(None) };
        let end = self.read(|dict| policy.end(dict)).await?;
        let left = end.and_then(|end| end.since(policy.now()).ok());
        Ok(Some(left.map_or(absolute, |left| left.as_seconds_floor())))
    }

    /// When the session expires: aware if `USE_TZ` is on.
    ///
    /// # Errors
    /// When the expiry kept in the session is no time, or the store fails.
    pub async fn get_expiry_date(&self) -> Result<DateTime, SessionError> {
        let policy = self.policy()?;
        Ok(self.read(|dict| policy.expires(dict, policy.now())).await??)
    }

    /// `get_expiry_age(modification=…, expiry=…)`: what the age would be, as the number Django gives, without loading.
    ///
    /// # Errors
    /// When `expiry` is no time, or naive where the modification is aware.
    pub fn expiry_age_of(
        &self,
        expiry: Option<&Value>,
        modification: Option<DateTime>,
    ) -> Result<Value, SessionError> {
        let policy = self.policy()?;
        Ok(policy.age(expiry, modification.unwrap_or_else(|| policy.now()))?)
    }

    /// `get_expiry_date(modification=…, expiry=…)`: when it would expire, without loading.
    ///
    /// # Errors
    /// When `expiry` is no time, or leads beyond the year 9999.
    pub fn expiry_date_of(
        &self,
        expiry: Option<&Value>,
        modification: Option<DateTime>,
    ) -> Result<DateTime, SessionError> {
        let policy = self.policy()?;
        Ok(policy.date(expiry, modification.unwrap_or_else(|| policy.now()))?)
    }

    /// Whether the cookie lasts only until the browser closes.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn get_expire_at_browser_close(&self) -> Result<bool, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        Ok(self.policy()?.at_browser_close(expiry.as_ref()))
    }

    /// `SESSION_COOKIE_AGE`, seconds, or what the engine has in its place.
    ///
    /// # Errors
    /// [`SessionError::NoMiddleware`]
    pub fn get_session_cookie_age(&self) -> Result<i64, SessionError> {
        Ok(self.policy()?.cookie_age)
    }

    /// Whether an unchanged session wants its expiry renewed, where `SESSION_TOUCH_INTERVAL` says how often: what is stored
    /// expires so much earlier than it would when stored now.
    pub(crate) async fn is_due(&self, interval: i64) -> Result<bool, SessionError> {
        let inner = self.inner()?;
        let policy = inner.engine.policy();
        self.ensure_loaded().await?;
        let (key, stored, renewed) = {
            let mut state = inner.lock();
            let Some(key) = state.key.clone().filter(|_| !state.stale) else { return Ok(true) };
            (key, state.expires, policy.expires(state.data().dict(), policy.now())?)
        };
        match stored {
            Some(stored) => Ok(renewed.since(stored).is_ok_and(|gain| gain.as_seconds_floor() >= interval)),
            // A cache does not say how long it keeps an entry: then this process remembers what it renewed.
            None => Ok(!inner.engine.renewed_within(&key, interval)),
        }
    }
}
