//! The operations of the protocol, each a call on a session.

use std::collections::HashMap;

use nuages::cache::error::CacheError;
use nuages::db::timestamp::Timestamp;
use nuages::http::cookies::RequestCookies;
use nuages::prelude::*;
use nuages::serialize::datetime::DateTime;
use nuages::serialize::encode_error::EncodeError;
use nuages::serialize::json;
use nuages::serialize::value::{Dict, Key, Value};
use nuages::session::error::SessionError;
use nuages::session::expiry::{EXPIRY_KEY, Expiry, ExpiryError};
use nuages::session::key::SessionKey;
use nuages::session::store::StoreError;

use crate::tags::{self, BadTag};
use crate::{logs, rows};

/// The request itself is wrong: status 422.
#[derive(Debug)]
pub(crate) struct BadOp(pub(crate) String);

impl From<BadTag> for BadOp {
    fn from(BadTag(what): BadTag) -> Self {
        Self(what)
    }
}

/// The name of a Python exception: what an operation fails with.
pub(crate) struct Raised(pub(crate) &'static str);

impl From<SessionError> for Raised {
    fn from(error: SessionError) -> Self {
        Self(match &error {
            SessionError::Gone | SessionError::Interrupted => "UpdateError",
            SessionError::Exists(_) => "CreateError",
            SessionError::NoFreeKey(_) => "RuntimeError",
            SessionError::InvalidKey => "InvalidSessionKey",
            SessionError::Encode(error) => error.python_name(),
            SessionError::Expiry(ExpiryError::Overflow(_)) => "OverflowError",
            SessionError::Expiry(ExpiryError::Iso(_) | ExpiryError::Aware | ExpiryError::NoNumber(_)) => {
                "ValueError"
            }
            SessionError::Expiry(_) => "TypeError",
            SessionError::Store(StoreError::Unsupported { .. }) => "NotImplementedError",
            SessionError::Store(StoreError::Backend { source, .. }) if source.is::<std::io::Error>() => {
                "OSError"
            }
            SessionError::Store(StoreError::Backend { source, .. }) => {
                match source.downcast_ref::<CacheError>() {
                    Some(CacheError::InvalidKey { .. }) => "InvalidCacheKey",
                    // What Redis says no to: a time beyond its clock.
                    Some(CacheError::Server { source, .. })
                        if source.to_string().contains("invalid expire") =>
                    {
                        "ResponseError"
                    }
                    Some(CacheError::Server { .. } | CacheError::Timeout { .. }) => "ConnectionError",
                    _ => "Exception",
                }
            }
            SessionError::NoMiddleware => "AttributeError",
            _ => "Exception",
        })
    }
}

impl From<EncodeError> for Raised {
    fn from(error: EncodeError) -> Self {
        Self(error.python_name())
    }
}

/// Where the operations run: the request's session, its cookies, and the handles that were opened.
pub(crate) struct Bench<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) cookies: Option<&'a RequestCookies>,
    pub(crate) cookie_name: &'a str,
    pub(crate) project: &'a Project,
    pub(crate) handles: HashMap<String, Session>,
}

/// One operation's arguments, decoded.
struct Args(std::vec::IntoIter<Value>);

impl Args {
    fn next(&mut self) -> Option<Value> {
        self.0.next()
    }

    fn value(&mut self) -> Result<Value, BadOp> {
        self.next().ok_or_else(|| BadOp("an argument is missing".to_owned()))
    }

    fn key(&mut self) -> Result<Key, BadOp> {
        Key::try_from(self.value()?).map_err(|_| BadOp("a key must be hashable".to_owned()))
    }

    fn dict(&mut self) -> Result<Dict, BadOp> {
        match self.value()? {
            Value::Dict(dict) => Ok(dict),
            _ => Err(BadOp("an object is expected".to_owned())),
        }
    }

    fn bool(&mut self) -> Result<bool, BadOp> {
        self.value()?.as_bool().ok_or_else(|| BadOp("true or false is expected".to_owned()))
    }

    fn text(&mut self) -> Result<String, BadOp> {
        match self.value()? {
            Value::Str(text) => Ok(text),
            _ => Err(BadOp("text is expected".to_owned())),
        }
    }

    /// Text or null; null and absent are the same.
    fn text_or_none(&mut self) -> Result<Option<String>, BadOp> {
        match self.next() {
            None | Some(Value::None) => Ok(None),
            Some(Value::Str(text)) => Ok(Some(text)),
            Some(_) => Err(BadOp("text or null is expected".to_owned())),
        }
    }
}

/// `{"modification": …, "expiry": …}`, either of which may be absent.
#[derive(Default)]
struct When {
    modification: Option<DateTime>,
    expiry: Option<Value>,
}

impl When {
    fn of(args: &mut Args) -> Result<Self, BadOp> {
        let mut when = Self::default();
        let Some(members) = args.next() else { return Ok(when) };
        let Value::Dict(members) = members else { return Err(BadOp("an object is expected".to_owned())) };
        for (key, value) in members {
            match (key.as_str(), value) {
                (Some("modification"), Value::DateTime(at)) => when.modification = Some(at),
                (Some("expiry"), value) => when.expiry = Some(value),
                (key, _) => return Err(BadOp(format!("unknown member {key:?}"))),
            }
        }
        Ok(when)
    }
}

async fn expiry(session: &Session, when: &When) -> Result<Option<Value>, SessionError> {
    match &when.expiry {
        Some(expiry) => Ok(Some(expiry.clone())),
        None => session.get_value(EXPIRY_KEY).await,
    }
}

impl Bench<'_> {
    /// Runs the operations in order; one that fails does not stop the next.
    pub(crate) async fn run(&mut self, ops: Vec<Value>, trace: bool) -> Result<Value, BadOp> {
        let mut results = Vec::new();
        for op in ops {
            let Value::List(op) = op else { return Err(BadOp("an operation is a list".to_owned())) };
            let result = self.one(op).await?;
            results.push(if trace { self.trace(result) } else { result });
        }
        Ok(Value::List(results))
    }

    fn trace(&self, result: Value) -> Value {
        let present = self.session.engine().is_some();
        let flag = |flag: bool| if present { Value::Bool(flag) } else { Value::None };
        Value::Dict(Dict::from([
            ("result", result),
            ("accessed", flag(self.session.accessed())),
            ("modified", flag(self.session.modified())),
            ("session_key", key_of(self.session)),
        ]))
    }

    async fn one(&mut self, op: Vec<Value>) -> Result<Value, BadOp> {
        let mut items = op.into_iter();
        let name = |items: &mut std::vec::IntoIter<Value>| match items.next() {
            Some(Value::Str(name)) => Ok(name),
            _ => Err(BadOp("an operation begins with its name".to_owned())),
        };
        let mut operation = name(&mut items)?;
        match operation.as_str() {
            "open" => {
                let handle = name(&mut items)?;
                let mut args = Args(items.collect::<Vec<_>>().into_iter());
                let key = args.text_or_none()?;
                let engine = self.project.sessions();
                self.handles.insert(handle, engine.session(key.as_deref()));
                return Ok(Value::None);
            }
            "use" => {
                let handle = self.handle(&name(&mut items)?)?;
                self.session.replace(handle);
                return Ok(Value::None);
            }
            "drop_session" => {
                self.session.replace(Session::default());
                return Ok(Value::None);
            }
            _ => {}
        }
        let handle = if operation == "on" {
            let handle = name(&mut items)?;
            operation = name(&mut items)?;
            Some(handle)
        } else {
            None
        };
        let mut target = match &handle {
            Some(handle) => self.handle(handle)?,
            None => self.session.clone(),
        };
        let args = items.map(tags::decode).collect::<Result<Vec<_>, _>>()?;
        if operation == "exists" && matches!(args.first(), None | Some(Value::None)) {
            target = self.keyed(target, handle).await?;
        }
        Ok(match self.call(&target, &operation, Args(args.into_iter())).await? {
            Ok(value) => tags::encode(value),
            Err(Raised(exception)) => Value::Dict(Dict::from([("error", Value::from(exception))])),
        })
    }

    /// Django's file engine, asked whether `None` exists, makes up a key for a session that has none, and keeps it. Here
    /// `exists` is asked about a key, so this puts a session with a new key in the place of the one without.
    async fn keyed(&mut self, old: Session, handle: Option<String>) -> Result<Session, BadOp> {
        let engine = self.project.sessions();
        if engine.name() != nuages::session::backends::file::ENGINE.name || old.session_key().is_some() {
            return Ok(old);
        }
        let bad = |error: &dyn std::error::Error| BadOp(error.to_string());
        let key = SessionKey::generate().map_err(|error| bad(&error))?;
        let new = engine.session(Some(key.as_str()));
        let (accessed, modified) = (old.accessed(), old.modified());
        if accessed {
            let dict = old.dict().await.map_err(|error| bad(&error))?;
            new.clear().map_err(|error| bad(&error))?;
            new.update_values(dict).await.map_err(|error| bad(&error))?;
        }
        new.set_accessed(accessed);
        new.set_modified(modified);
        match handle {
            Some(handle) => drop(self.handles.insert(handle, new.clone())),
            None => self.session.replace(new.clone()),
        }
        Ok(new)
    }

    fn handle(&self, name: &str) -> Result<Session, BadOp> {
        self.handles.get(name).cloned().ok_or_else(|| BadOp(format!("no handle {name:?}")))
    }

    async fn call(&self, s: &Session, name: &str, mut args: Args) -> Result<Result<Value, Raised>, BadOp> {
        let absent = s.engine().is_none() && !matches!(name, "cookie" | "cookies" | "logs");
        if absent {
            return Ok(Err(Raised("AttributeError")));
        }
        let done = match name {
            "getitem" => {
                let key = args.key()?;
                dict(s).await.and_then(|dict| dict.get_key(&key).cloned().ok_or(Raised("KeyError")))
            }
            "get" => {
                let (key, default) = (args.key()?, args.next().unwrap_or(Value::None));
                dict(s).await.map(|dict| dict.get_key(&key).cloned().unwrap_or(default))
            }
            "set" => none(s.set_value(args.key()?, args.value()?).await),
            "del" => raised(s.remove_value(args.key()?).await)
                .and_then(|old| old.map(|_| Value::None).ok_or(Raised("KeyError"))),
            "pop" => {
                let (key, default) = (args.key()?, args.next());
                raised(s.pop_value(key).await).and_then(|old| old.or(default).ok_or(Raised("KeyError")))
            }
            "contains" | "has_key" => {
                let key = args.key()?;
                dict(s).await.map(|dict| Value::Bool(dict.get_key(&key).is_some()))
            }
            "keys" => dict(s).await.map(|dict| dict.into_iter().map(|(key, _)| key.into_value()).collect()),
            "values" => dict(s).await.map(|dict| dict.into_iter().map(|(_, value)| value).collect()),
            "items" => dict(s).await.map(|dict| {
                let pairs = dict.into_iter().map(|(key, value)| Value::List(vec![key.into_value(), value]));
                Value::List(pairs.collect())
            }),
            "setdefault" => raised(s.setdefault_value(args.key()?, args.value()?).await),
            "update" => none(s.update_values(args.dict()?).await),
            "clear" => none(s.clear()),
            "flush" => none(s.flush().await),
            "cycle_key" => none(s.cycle_key().await),
            "is_empty" => Ok(Value::Bool(s.is_empty())),
            "set_expiry" => none(s.set_expiry(Expiry::Other(args.value()?)).await),
            "get_expiry_age" => {
                let when = When::of(&mut args)?;
                match expiry(s, &when).await {
                    Ok(expiry) => raised(s.expiry_age_of(expiry.as_ref(), when.modification)),
                    Err(error) => Err(error.into()),
                }
            }
            "get_expiry_date" => {
                let when = When::of(&mut args)?;
                match expiry(s, &when).await {
                    Ok(expiry) => {
                        raised(s.expiry_date_of(expiry.as_ref(), when.modification)).map(Value::DateTime)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            "get_expire_at_browser_close" => raised(s.get_expire_at_browser_close().await).map(Value::Bool),
            "get_session_cookie_age" => raised(s.get_session_cookie_age()).map(Value::Int),
            "set_test_cookie" => none(s.set_test_cookie().await),
            "test_cookie_worked" => raised(s.test_cookie_worked().await).map(Value::Bool),
            "delete_test_cookie" => raised(s.delete_test_cookie().await)
                .and_then(|was_there| if was_there { Ok(Value::None) } else { Err(Raised("KeyError")) }),
            "session_key" => Ok(key_of(s)),
            "accessed" => Ok(Value::Bool(s.accessed())),
            "modified" => Ok(Value::Bool(s.modified())),
            "set_modified" => {
                s.set_modified(args.bool()?);
                Ok(Value::None)
            }
            "set_accessed" => {
                s.set_accessed(args.bool()?);
                Ok(Value::None)
            }
            "exists" => {
                let own = || s.session_key().map(|key| key.as_str().to_owned());
                let is_file = self.project.sessions().name() == nuages::session::backends::file::ENGINE.name;
                let key = args.text_or_none()?.or_else(|| own().filter(|_| is_file));
                raised(s.exists(&key.unwrap_or_default()).await).map(Value::Bool)
            }
            "save" | "create" => {
                let accessed = s.accessed();
                let done = match (name, args.next()) {
                    ("create", _) => s.create().await,
                    (_, Some(Value::Bool(true))) => s.save_new().await,
                    _ => s.save().await,
                };
                if let Err(SessionError::Store(StoreError::Unsupported { .. })) = done {
                    // A Python class without these methods fails before it looks at anything.
                    s.set_accessed(accessed);
                }
                none(done)
            }
            "delete" => none(s.delete(args.text_or_none()?.as_deref()).await),
            "load" => raised(s.load().await).map(Value::Dict),
            "encode" => raised_by(self.project.sessions().codec().encode(&args.dict()?)).map(Value::from),
            "decode" => Ok(Value::Dict(self.project.sessions().codec().decode(&args.text()?).data)),
            "clear_expired" => raised(s.clear_expired().await).map(|_| Value::None),
            "clearsessions" => match s.clear_expired().await {
                Ok(_) => Ok(Value::None),
                Err(SessionError::Store(StoreError::Unsupported { .. })) => Err(Raised("CommandError")),
                Err(error) => Err(error.into()),
            },
            "cookie" => Ok(self.cookies.and_then(|cookies| cookies.get(self.cookie_name)).into()),
            "cookies" => {
                let cookies = self.cookies.into_iter().flat_map(RequestCookies::iter);
                Ok(Value::Dict(cookies.collect()))
            }
            "logs" => Ok(logs::current()),
            "set_session_key" => Err(Raised("AttributeError")),
            "model_count" => rows::count(self.project).await,
            "model_get" => rows::get(self.project, &args.text()?).await,
            "model_save" => {
                let (key, data) = (args.text()?, args.dict()?);
                let Value::DateTime(expires) = args.value()? else {
                    return Err(BadOp("a $datetime is expected".to_owned()));
                };
                rows::save(self.project, &key, &data, expires).await
            }
            other => return Err(BadOp(format!("unknown operation {other:?}"))),
        };
        Ok(done)
    }
}

async fn dict(session: &Session) -> Result<Dict, Raised> {
    Ok(session.dict().await?)
}

fn raised<T>(done: Result<T, SessionError>) -> Result<T, Raised> {
    done.map_err(Raised::from)
}

fn raised_by<T>(done: Result<T, EncodeError>) -> Result<T, Raised> {
    done.map_err(Raised::from)
}

fn none(done: Result<(), SessionError>) -> Result<Value, Raised> {
    raised(done).map(|()| Value::None)
}

pub(crate) fn key_of(session: &Session) -> Value {
    session.session_key().map_or(Value::None, |key| Value::from(key.as_str()))
}

/// A stamp as the column holds it, for [`rows`].
pub(crate) fn stamp(at: DateTime) -> Timestamp {
    match at {
        DateTime::Aware(at) => Timestamp::from(at),
        DateTime::Naive(at) => Timestamp::from(at),
    }
}

/// The body of a request as JSON, in order and without a limit on its integers.
pub(crate) fn parse(body: &[u8]) -> Result<Dict, BadOp> {
    let text = std::str::from_utf8(body).map_err(|error| BadOp(error.to_string()))?;
    // The session's reader takes bytes for latin-1, as Django's does; what is beyond ASCII can only be inside of text.
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    match json::loads(ascii.as_bytes()) {
        Ok(Value::Dict(dict)) => Ok(dict),
        Ok(_) => Err(BadOp("an object is expected".to_owned())),
        Err(error) => Err(BadOp(error.to_string())),
    }
}
