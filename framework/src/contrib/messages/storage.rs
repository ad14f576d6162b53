//! The messages of one request: those that wait, those that are added.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::conf::core::CoreSettings;
use crate::conf::session::SessionSettings;
use crate::conf::settings::Settings;
use crate::contrib::messages::cookie::{COOKIE, CookieCodec};
use crate::contrib::messages::message::Message;
use crate::contrib::messages::settings::{MessageSettings, StorageKind};
use crate::contrib::messages::stored::{Item, NotMessages, Stored};
use crate::error::{Error, Result};
use crate::http::json as spaced_json;
use crate::http::request::HttpRequest;
use crate::http::request::notes::{Notes, WeakNotes};
use crate::http::response::HttpResponse;
use crate::http::set_cookie::SetCookie;
use crate::middleware::cache::personal::Personal;
use crate::serialize::json;
use crate::serialize::value::Value;
use crate::session::handle::Session;
use crate::signing::keys::SigningKeys;

/// The key of the messages in a session.
const SESSION_KEY: &str = "_messages";

/// What the storages of one site share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(super) messages: Arc<MessageSettings>,
    pub(super) session: Arc<SessionSettings>,
    pub(super) codec: CookieCodec,
}

impl Site {
    /// What these settings say.
    pub(super) fn new(settings: &Settings) -> Self {
        let codec = CookieCodec::new(&SigningKeys::of(&settings.section::<CoreSettings>()));
        Self { messages: settings.section(), session: settings.section(), codec }
    }
}

/// The messages of one request (Django's `request._messages`), shared by the view, its templates and the middleware.
pub(super) struct Storage {
    site: Arc<Site>,
    cookie: Option<Box<str>>,
    session: Session,
    notes: WeakNotes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` until somebody asks.
    loaded: Option<Stored>,
    queued: Vec<Message>,
    used: bool,
    added_new: bool,
    level: Option<i64>,
    /// Where the fallback storage found something.
    in_cookie: bool,
    in_session: bool,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Storage")
            .field("used", &state.used)
            .field("queued", &state.queued.len())
            .finish_non_exhaustive()
    }
}

impl Storage {
    /// That of the request, made when it is first asked for; `None` on a site without the middleware.
    pub(super) fn find(request: &HttpRequest) -> Option<Arc<Self>> {
        if let Some(found) = request.noted().and_then(Notes::get::<Self>) {
            return Some(found);
        }
        let made = Self::of(request, &request.project().part::<Site>()?);
        Some(request.notes().get_or_insert_with(|| made))
    }

    /// That of the request.
    pub(super) fn of(request: &HttpRequest, site: &Arc<Site>) -> Self {
        let cookie = match site.messages.storage {
            StorageKind::Session => None,
            StorageKind::Cookie | StorageKind::Fallback => request.cookies().get(COOKIE).map(Into::into),
        };
        Self {
            site: Arc::clone(site),
            cookie,
            session: request.session.clone(),
            notes: request.notes().downgrade(),
            state: Mutex::default(),
        }
    }

    /// Adds a message, unless it is empty or below the level.
    pub(super) fn add(&self, message: Message) {
        let mut state = self.lock();
        let least = *state.level.get_or_insert(self.site.messages.level);
        if message.text.is_empty() || message.level < least {
            return;
        }
        state.added_new = true;
        state.queued.push(message);
    }

    /// All of them, which are read with that.
    pub(super) async fn read(&self) -> Result<Vec<Message>> {
        self.lock().used = true;
        self.load().await?;
        if let Some(notes) = self.notes.upgrade() {
            Personal::note(&notes);
        }
        let mut state = self.lock();
        let queued = std::mem::take(&mut state.queued);
        let loaded = state.loaded.get_or_insert_with(Stored::none);
        if !queued.is_empty() {
            loaded.extend(queued)?;
        }
        let tags = &self.site.messages.tags;
        let messages = loaded.items.iter().map(|item| match item {
            Item::Message(message) => Ok(message.clone().tagged(tags)),
            Item::Other(other) => Err(NotMessages(other.type_name())),
        });
        Ok(messages.collect::<Result<_, _>>()?)
    }

    /// How many there are.
    pub(super) async fn len(&self) -> Result<usize> {
        self.load().await?;
        let state = self.lock();
        Ok(state.loaded.as_ref().map_or(0, |loaded| loaded.items.len()) + state.queued.len())
    }

    /// The least level that is not dropped.
    pub(super) fn level(&self) -> i64 {
        *self.lock().level.get_or_insert(self.site.messages.level)
    }

    /// Says the least level; `None`: that of the settings.
    pub(super) fn set_level(&self, level: Option<i64>) {
        self.lock().level = level;
    }

    /// Says whether they count as read.
    pub(super) fn set_used(&self, used: bool) {
        self.lock().used = used;
    }

    /// Puts what is not read yet where it waits for the next page, and returns how many did not fit.
    pub(super) async fn update(&self, response: &mut HttpResponse) -> Result<usize> {
        let (used, added_new) = {
            let state = self.lock();
            (state.used, state.added_new)
        };
        if !used && !added_new {
            return Ok(0);
        }
        if !used {
            self.load().await?;
        }
        let items = {
            let mut state = self.lock();
            let mut loaded =
                if used { Stored::none() } else { state.loaded.take().unwrap_or_else(Stored::none) };
            loaded.extend(std::mem::take(&mut state.queued))?;
            loaded.items
        };
        match self.site.messages.storage {
            StorageKind::Cookie => self.store_in_cookie(items, false, response).map(|left| left.len()),
            StorageKind::Session => self.store_in_session(items).await.map(|()| 0),
            StorageKind::Fallback => self.store_in_both(items, response).await,
        }
    }

    async fn store_in_both(&self, items: Vec<Item>, response: &mut HttpResponse) -> Result<usize> {
        let (in_cookie, in_session) = {
            let state = self.lock();
            (state.in_cookie, state.in_session)
        };
        let mut left = Vec::new();
        if !items.is_empty() {
            left = self.store_in_cookie(items, true, response)?;
        } else if in_cookie {
            self.store_in_cookie(Vec::new(), true, response)?;
        }
        if !left.is_empty() || in_session {
            self.store_in_session(left).await?;
        }
        Ok(0)
    }

    fn store_in_cookie(
        &self,
        items: Vec<Item>,
        keep_oldest: bool,
        response: &mut HttpResponse,
    ) -> Result<Vec<Item>> {
        let settings = &*self.site.session;
        let written = self.site.codec.write(items, keep_oldest);
        let cookie = match written.value {
            Some(value) => SetCookie::new(COOKIE, value)
                .secure(settings.cookie_secure)
                .http_only(settings.cookie_httponly),
            None => SetCookie::deletion(COOKIE),
        };
        let same_site = settings.cookie_samesite.map(|same_site| same_site.as_str());
        response.set_cookie(cookie.domain(settings.cookie_domain.as_deref()).same_site(same_site))?;
        Ok(written.left)
    }

    async fn store_in_session(&self, items: Vec<Item>) -> Result<()> {
        let session = self.session.current();
        if items.is_empty() {
            session.pop_value(SESSION_KEY).await?;
            return Ok(());
        }
        let list = Value::List(items.iter().map(Item::to_value).collect());
        let text = String::from_utf8(spaced_json::dumps(&list)?)?;
        Ok(session.set(SESSION_KEY, text).await?)
    }

    /// Makes sure that what waits is loaded.
    async fn load(&self) -> Result<()> {
        if self.lock().loaded.is_some() {
            return Ok(());
        }
        let mut stored = Stored::none();
        let kind = self.site.messages.storage;
        let mut asks_session = kind == StorageKind::Session;
        if kind != StorageKind::Session {
            let found = self.site.codec.read(self.cookie.as_deref())?;
            let mut state = self.lock();
            if kind == StorageKind::Cookie {
                state.used |= found.bad;
            } else if let Some(in_cookie) = &found.stored {
                state.in_cookie = !in_cookie.items.is_empty();
                asks_session = found.more;
            }
            stored = found.stored.unwrap_or_else(Stored::none);
        }
        if asks_session && let Some(more) = self.load_session().await? {
            self.lock().in_session = !more.items.is_empty();
            if stored.items.is_empty() {
                stored = more;
            } else {
                stored.items.extend(more.items);
            }
        }
        // This storage makes one list of what its parts hold, whatever that is.
        stored.takes_more |= kind == StorageKind::Fallback;
        self.lock().loaded.get_or_insert(stored);
        Ok(())
    }

    async fn load_session(&self) -> Result<Option<Stored>> {
        let value = self.session.current().get_value(SESSION_KEY).await?;
        let value = match value {
            Some(Value::Str(text)) if !text.is_empty() => json::loads(text.as_bytes())?,
            other => other.unwrap_or_default(),
        };
        Ok(Stored::from_value(value)?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    /// Puts messages behind what is there.
    fn extend(&mut self, messages: Vec<Message>) -> Result<(), Error> {
        if !self.takes_more {
            return Err(Error::from(NotMessages("str")));
        }
        self.items.extend(messages.into_iter().map(Item::Message));
        Ok(())
    }
}
