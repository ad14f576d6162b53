//! `django.contrib.sessions.middleware.SessionMiddleware`: gives every request its session and saves it after the view.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use time::OffsetDateTime;

use crate::checks::CheckMessage;
use crate::conf::session::SessionSettings;
use crate::contrib::sessions::decision::{Decision, Outcome, decide};
use crate::error::Result;
use crate::http::date::http_date;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::http::set_cookie::SetCookie;
use crate::http::vary::patch_vary_headers;
use crate::middleware::def::FromProject;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::onion::Next;
use crate::project::Project;
use crate::serialize::value::Value;
use crate::session::engine::SessionEngine;
use crate::session::error::SessionError;
use crate::session::expiry::{EXPIRY_KEY, ExpiryError};
use crate::session::handle::Session;
use crate::session::key::SessionKey;

/// The session middleware (Django 5.2 `contrib/sessions/middleware.py`).
///
/// A request whose view never touches `request.session` costs no store operation, gets no cookie and no `Vary`.
#[derive(Debug)]
pub struct SessionMiddleware {
    engine: Arc<SessionEngine>,
    settings: Arc<SessionSettings>,
}

impl FromProject for SessionMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self { engine: Arc::clone(project.sessions()), settings: project.settings().section() })
    }
}

/// How long the cookie lasts: `None` until the browser closes.
type CookieAge = Option<(i64, String)>;

impl SessionMiddleware {
    fn deletion(&self) -> SetCookie {
        let settings = &*self.settings;
        SetCookie::deletion(&settings.cookie_name)
            .path(settings.cookie_path.as_str())
            .domain(settings.cookie_domain.as_deref())
            .same_site(settings.cookie_samesite.map(|same_site| same_site.as_str()))
            .partitioned(settings.cookie_partitioned)
            // A partitioned cookie is another one than the same without.
            .secure(settings.cookie_partitioned)
    }

    fn cookie(&self, key: &str, age: CookieAge) -> SetCookie {
        let settings = &*self.settings;
        let mut cookie = SetCookie::new(&settings.cookie_name, key)
            .path(settings.cookie_path.as_str())
            .domain(settings.cookie_domain.as_deref())
            .secure(settings.cookie_secure)
            .http_only(settings.cookie_httponly)
            .same_site(settings.cookie_samesite.map(|same_site| same_site.as_str()))
            .partitioned(settings.cookie_partitioned);
        if let Some((seconds, expires)) = age {
            cookie = cookie.max_age(seconds).expires(expires);
        }
        cookie
    }

    /// Worked out before the session is saved, as in Django: a session whose expiry makes no sense is not saved.
    async fn cookie_age(&self, session: &Session) -> Result<CookieAge, SessionError> {
        let expiry = session.get_value(EXPIRY_KEY).await?;
        if self.engine.policy().at_browser_close(expiry.as_ref()) {
            return Ok(None);
        }
        let age = session.expiry_age_of(expiry.as_ref(), None)?;
        let (whole, fraction) = match age {
            Value::Int(seconds) => (seconds, 0.0),
            Value::Bool(one) => (i64::from(one), 0.0),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "Python's int(); what is beyond 64 bits has no date below"
            )]
            Value::Float(seconds) if seconds.is_finite() => (seconds as i64, seconds.fract()),
            Value::Float(_) | Value::BigInt(_) => return Err(out_of_range(&age)),
            other => {
                return Err(
                    ExpiryError::Type(format!("an age is a number, not {}", other.type_name())).into()
                );
            }
        };
        let (whole, fraction) = match session.absolute_seconds().await? {
            Some(left) if left <= whole => (left, 0.0),
            _ => (whole, fraction),
        };
        let expires = time::Duration::seconds(whole)
            .checked_add(time::Duration::seconds_f64(fraction))
            .and_then(|left| OffsetDateTime::now_utc().checked_add(left))
            .filter(|expires| (1..=9999).contains(&expires.year()))
            .ok_or_else(|| out_of_range(&Value::Int(whole)))?;
        Ok(Some((whole, http_date(expires))))
    }

    /// Whether an unchanged session is saved, and its cookie sent again, to live longer.
    async fn renews(&self, session: &Session, empty: bool) -> Result<bool> {
        let settings = &*self.settings;
        if !settings.save_every_request || settings.touch_interval == 0 || empty {
            return Ok(settings.save_every_request);
        }
        Ok(session.is_due(i64::try_from(settings.touch_interval).unwrap_or(i64::MAX)).await?)
    }

    async fn save(&self, session: &Session, response: &mut HttpResponse) -> Result<()> {
        let age = self.cookie_age(session).await?;
        session.save().await.map_err(|error| match error {
            SessionError::Gone => SessionError::Interrupted,
            error => error,
        })?;
        let key = session.session_key();
        response.set_cookie(self.cookie(key.as_ref().map_or("", |key| key.as_str()), age))?;
        Ok(())
    }
}

fn out_of_range(age: &Value) -> SessionError {
    ExpiryError::Overflow(format!("{age:?} seconds from now")).into()
}

impl SessionMiddleware {
    /// What waits for the store: the response is the one that is to be changed.
    async fn finish(
        &self,
        session: &Session,
        mut outcome: Outcome,
        response: &mut HttpResponse,
    ) -> Result<()> {
        outcome.modified = outcome.modified || self.renews(session, outcome.empty).await?;
        match decide(outcome, response.status) {
            Decision::Leave => return Ok(()),
            Decision::Vary => {}
            Decision::Delete => response.set_cookie(self.deletion())?,
            Decision::Save => self.save(session, response).await?,
            Decision::Withhold => {
                self.cookie_age(session).await?;
                if !outcome.accessed {
                    return Ok(());
                }
            }
        }
        patch_vary_headers(&mut response.headers, &["Cookie"]);
        Ok(())
    }
}

/// What the view left of the session that the request came with.
fn outcome(kept: &Kept) -> Option<Outcome> {
    let flags = kept.session.as_ref()?.current_flags()?;
    Some(Outcome { sent: kept.flag, empty: flags.empty, accessed: flags.accessed, modified: flags.modified })
}

impl Halves for SessionMiddleware {
    fn before(&self, request: &mut HttpRequest, next: Next<'_>) -> Before {
        if let Err(error) = self.engine.check() {
            return Before::Fail(error.into());
        }
        let cookie = request.cookies().get(&self.settings.cookie_name);
        let sent = cookie.is_some();
        let session = Session::new(request.sessions().clone(), cookie.and_then(SessionKey::parse));
        request.session = session.clone();
        next.line.note_session(&session);
        Before::Next(Kept { session: Some(session), flag: sent })
    }

    fn after(&self, kept: &Kept, _next: Next<'_>, response: &mut HttpResponse) -> After {
        let Some(outcome) = outcome(kept) else { return After::Done(Ok(())) };
        // Most requests leave their session as it is, and wait for nothing.
        if !self.settings.save_every_request {
            match decide(outcome, response.status) {
                Decision::Leave => return After::Done(Ok(())),
                Decision::Vary => {
                    patch_vary_headers(&mut response.headers, &["Cookie"]);
                    return After::Done(Ok(()));
                }
                Decision::Delete | Decision::Save | Decision::Withhold => {}
            }
        }
        After::Wait
    }

    fn wait_after<'a>(
        &'a self,
        kept: &'a Kept,
        _next: Next<'a>,
        response: &'a mut HttpResponse,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match (&kept.session, outcome(kept)) {
                (Some(session), Some(outcome)) => self.finish(&session.current(), outcome, response).await,
                _ => Ok(()),
            }
        })
    }
}
