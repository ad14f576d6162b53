//! `django.contrib.messages.middleware.MessageMiddleware`: messages wait from one page to the next.

use std::sync::Arc;

use async_trait::async_trait;

use crate::checks::CheckMessage;
use crate::contrib::messages::cookie::CookieCodec;
use crate::contrib::messages::settings::{MessageSettings, StorageKind};
use crate::contrib::messages::storage::{Site, Storage};
use crate::error::{Error, Result};
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;
use crate::signing::keys::SigningKeys;

/// The name in `MIDDLEWARE`.
pub(super) const NAME: &str = "django.contrib.messages.middleware.MessageMiddleware";
const SESSIONS: &str = "django.contrib.sessions.middleware.SessionMiddleware";

/// The message middleware (Django 5.2 `contrib/messages/middleware.py`).
///
/// A request whose view neither adds nor reads messages opens no cookie and no session.
#[derive(Debug)]
pub struct MessageMiddleware {
    site: Arc<Site>,
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
        let keys = SigningKeys::new(&core.secret_key, &core.secret_key_fallbacks);
        let site = Site { messages, session: settings.section(), codec: CookieCodec::new(&keys) };
        Ok(Self { site: Arc::new(site), debug: core.debug })
    }
}

#[async_trait]
impl Middleware for MessageMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        let storage = Storage::of(&request, &self.site);
        let storage = request.notes().get_or_insert_with(|| storage);
        let mut response = next.run(request).await;
        let unstored = storage.update(&mut response).await?;
        if unstored > 0 && self.debug {
            return Err(Error::internal(format!(
                "Not all temporary messages could be stored: {unstored} are left."
            )));
        }
        if unstored > 0 {
            tracing::warn!(target: "django.contrib.messages", unstored, "messages did not fit into the cookie");
        }
        Ok(response)
    }
}
