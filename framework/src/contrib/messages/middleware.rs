//! `django.contrib.messages.middleware.MessageMiddleware`: messages wait from one page to the next.

use futures_core::future::BoxFuture;

use crate::checks::CheckMessage;
use crate::conf::core::CoreSettings;
use crate::conf::settings::Settings;
use crate::contrib::messages::settings::{MessageSettings, StorageKind};
use crate::contrib::messages::storage::{Site, Storage};
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::request::notes::Notes;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::halves::{After, Before, Halves, Kept};
use crate::middleware::onion::Next;
use crate::project::Project;

/// The name in `MIDDLEWARE`.
pub(super) const NAME: &str = "django.contrib.messages.middleware.MessageMiddleware";
const SESSIONS: &str = "django.contrib.sessions.middleware.SessionMiddleware";

/// The message middleware (Django 5.2 `contrib/messages/middleware.py`).
///
/// A request whose view neither adds nor reads messages opens no cookie and no session.
#[derive(Debug)]
pub struct MessageMiddleware {
    debug: bool,
}

impl FromProject for MessageMiddleware {
    fn from_project(project: &Project) -> Result<Self, Vec<CheckMessage>> {
        let (core, settings) = (project.core(), project.settings());
        let messages = settings.section::<MessageSettings>();
        let place = |name: &str| core.middleware.iter().position(|one| one == name);
        let in_time = place(SESSIONS).is_some_and(|sessions| place(NAME).is_none_or(|own| sessions < own));
        if messages.storage != StorageKind::Cookie && !in_time {
            let storage = messages.storage.as_str();
            let message = format!(
                "MESSAGE_STORAGE {storage:?} keeps messages in the session, but MIDDLEWARE has no {SESSIONS:?} before \
                 {NAME:?}"
            );
            let hint = format!("Put it there, or set MESSAGE_STORAGE = {:?}.", StorageKind::Cookie.as_str());
            return Err(vec![CheckMessage::error("nuages.E018", message).hint(hint)]);
        }
        Ok(Self { debug: core.debug })
    }
}

/// What a site that has the middleware knows of messages: requests find it there when they first ask.
pub(crate) fn site(settings: &Settings) -> Option<Site> {
    let core = settings.section::<CoreSettings>();
    if !core.middleware.iter().any(|name| name == NAME) {
        return None;
    }
    Some(Site::new(settings))
}

impl MessageMiddleware {
    async fn store(&self, storage: &Storage, response: &mut HttpResponse) -> Result<()> {
        let unstored = storage.update(response).await?;
        if unstored > 0 && self.debug {
            return Err(Error::internal(format!(
                "Not all temporary messages could be stored: {unstored} are left."
            )));
        }
        if unstored > 0 {
            tracing::warn!(target: "django.contrib.messages", unstored, "messages did not fit into the cookie");
        }
        Ok(())
    }
}

impl Halves for MessageMiddleware {
    fn before(&self, _request: &mut HttpRequest, _next: Next<'_>) -> Before {
        Before::Next(Kept::NOTHING)
    }

    fn after(&self, _kept: &Kept, next: Next<'_>, _response: &mut HttpResponse) -> After {
        match next.line.notes().and_then(Notes::get::<Storage>) {
            Some(_) => After::Wait,
            // Nobody asked for messages.
            None => After::Done(Ok(())),
        }
    }

    fn wait_after<'a>(
        &'a self,
        _kept: &'a Kept,
        next: Next<'a>,
        response: &'a mut HttpResponse,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match next.line.notes().and_then(Notes::get::<Storage>) {
                Some(storage) => self.store(&storage, response).await,
                None => Ok(()),
            }
        })
    }
}
