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
            None => self.pop_value(EXPIRY_KEY).await.map(drop),
        }
    }

    /// The seconds until the session expires.
    ///
    /// # Errors
    /// When the expiry kept in the session is no time, or the store fails.
    pub async fn get_expiry_age(&self) -> Result<i64, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        let age = self.expiry_age_of(expiry.as_ref(), None)?;
        match age {
            Value::Int(seconds) => Ok(seconds),
            #[expect(clippy::cast_possible_truncation, reason = "saturates, as an age beyond 64 bits may")]
            Value::Float(seconds) => Ok(seconds as i64),
            Value::Bool(one) => Ok(one.into()),
            other => Err(ExpiryError::Type(format!("an age is a number, not {}", other.type_name())).into()),
        }
    }

    /// When the session expires: aware if `USE_TZ` is on.
    ///
    /// # Errors
    /// When the expiry kept in the session is no time, or the store fails.
    pub async fn get_expiry_date(&self) -> Result<DateTime, SessionError> {
        let expiry = self.get_value(EXPIRY_KEY).await?;
        self.expiry_date_of(expiry.as_ref(), None)
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
}
