//! What a view says and asks (Django 5.2 `contrib/messages/api.py`).

use std::sync::Arc;

use crate::contrib::messages::message::{DEBUG, ERROR, INFO, Message, SUCCESS, WARNING};
use crate::contrib::messages::settings::MessageSettings;
use crate::contrib::messages::storage::Storage;
use crate::error::Result;
use crate::http::request::HttpRequest;

/// A message was added to a request that did not pass the message middleware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("You cannot add messages without installing django.contrib.messages.middleware.MessageMiddleware")]
pub struct MessageFailure;

/// Adds a message, which the visitor sees with the next page: this one, if it shows messages. An empty one, and one below the
/// level (`MESSAGE_LEVEL`), is dropped.
///
/// ```
/// use nuages::contrib::messages::{self, Message, SUCCESS};
/// use nuages::prelude::*;
///
/// async fn buy(request: HttpRequest) -> Result<HttpResponse> {
///     messages::add(&request, Message::new(SUCCESS, "It is in your cart.").extra_tags("cart"))?;
///     redirect(&request, "shop:cart")
/// }
/// # let _ = buy;
/// ```
///
/// # Errors
/// [`MessageFailure`] without the middleware.
pub fn add(request: &HttpRequest, message: Message) -> Result<(), MessageFailure> {
    Storage::find(request).ok_or(MessageFailure)?.add(message);
    Ok(())
}

/// Adds a message of that level with tags of its own: as [`add`].
///
/// # Errors
/// As [`add`].
pub fn add_message(
    request: &HttpRequest,
    level: i64,
    text: impl Into<String>,
    extra_tags: &str,
) -> Result<(), MessageFailure> {
    add(request, Message::new(level, text).extra_tags(extra_tags))
}

/// Adds a message for developers: dropped unless `MESSAGE_LEVEL` is 10 or less.
///
/// # Errors
/// As [`add`].
pub fn debug(request: &HttpRequest, text: impl Into<String>) -> Result<(), MessageFailure> {
    add(request, Message::new(DEBUG, text))
}

/// Adds a message that tells something.
///
/// # Errors
/// As [`add`].
pub fn info(request: &HttpRequest, text: impl Into<String>) -> Result<(), MessageFailure> {
    add(request, Message::new(INFO, text))
}

/// Adds a message that something worked.
///
/// # Errors
/// As [`add`].
pub fn success(request: &HttpRequest, text: impl Into<String>) -> Result<(), MessageFailure> {
    add(request, Message::new(SUCCESS, text))
}

/// Adds a message that something worked, but.
///
/// # Errors
/// As [`add`].
pub fn warning(request: &HttpRequest, text: impl Into<String>) -> Result<(), MessageFailure> {
    add(request, Message::new(WARNING, text))
}

/// Adds a message that something did not work.
///
/// # Errors
/// As [`add`].
pub fn error(request: &HttpRequest, text: impl Into<String>) -> Result<(), MessageFailure> {
    add(request, Message::new(ERROR, text))
}

/// The messages of the request: none without the middleware.
///
/// A template has them as `messages`; a view that answers by itself reads them here.
///
/// ```
/// use nuages::contrib::messages;
/// use nuages::prelude::*;
///
/// async fn news(request: HttpRequest) -> Result<HttpResponse> {
///     let texts: Vec<String> =
///         messages::get_messages(&request).read().await?.iter().map(|one| one.text().to_owned()).collect();
///     HttpResponse::json(&texts)
/// }
/// # let _ = news;
/// ```
#[must_use]
pub fn get_messages(request: &HttpRequest) -> Messages {
    let default_level = request.project().settings().section::<MessageSettings>().level;
    Messages { storage: Storage::find(request), default_level }
}

/// The least level that is not dropped in this request.
#[must_use]
pub fn get_level(request: &HttpRequest) -> i64 {
    get_messages(request).level()
}

/// Says the least level that is not dropped in this request, `None`: that of the settings; `false` without the middleware.
pub fn set_level(request: &HttpRequest, level: Option<i64>) -> bool {
    get_messages(request).set_level(level)
}

/// The messages of one request: see [`get_messages`].
#[derive(Debug, Clone)]
pub struct Messages {
    storage: Option<Arc<Storage>>,
    default_level: i64,
}

impl Messages {
    /// All that wait and that were added, oldest first. With that they are read: the next page does not show them.
    ///
    /// # Errors
    /// When the session cannot be read, or somebody with the site's key stored something else.
    pub async fn read(&self) -> Result<Vec<Message>> {
        match &self.storage {
            Some(storage) => storage.read().await,
            None => Ok(Vec::new()),
        }
    }

    /// How many there are, without reading them.
    ///
    /// # Errors
    /// As [`Messages::read`].
    pub async fn len(&self) -> Result<usize> {
        match &self.storage {
            Some(storage) => storage.len().await,
            None => Ok(0),
        }
    }

    /// Whether there is none, without reading them.
    ///
    /// # Errors
    /// As [`Messages::read`].
    pub async fn is_empty(&self) -> Result<bool> {
        Ok(self.len().await? == 0)
    }

    /// Says whether they count as read: `false` keeps those that were not added since for the next page (Django's `storage.used`).
    pub fn set_used(&self, used: bool) {
        if let Some(storage) = &self.storage {
            storage.set_used(used);
        }
    }

    /// Whether the site has the message middleware.
    #[must_use]
    pub const fn is_installed(&self) -> bool {
        self.storage.is_some()
    }

    /// The least level that is not dropped.
    #[must_use]
    pub fn level(&self) -> i64 {
        self.storage.as_ref().map_or(self.default_level, |storage| storage.level())
    }

    /// Says the least level that is not dropped, `None`: that of the settings; `false` without the middleware.
    pub fn set_level(&self, level: Option<i64>) -> bool {
        if let Some(storage) = &self.storage {
            storage.set_level(level);
        }
        self.storage.is_some()
    }
}
