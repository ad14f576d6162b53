//! Messages as Django writes them: `["__json_message",0,20,"text","tags"]`, a list of which is JSON (Django 5.2
//! `contrib/messages/storage/cookie.py`).

use crate::contrib::messages::message::Message;
use crate::serialize::json;
use crate::serialize::value::Value;

/// What a message's list begins with.
const MESSAGE: &str = "__json_message";

/// Something that was stored: a message, unless whoever has the key wrote something else.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A message.
    Message(Message),
    /// What Django would hand to a template as it is. It is kept as long as nobody reads.
    Other(Value),
}

/// What a store held.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Stored {
    pub(super) items: Vec<Item>,
    /// More messages can be put behind these: false for a text, which has a length and no end.
    pub(super) takes_more: bool,
}

/// What was stored cannot be a list of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is stored in the place of messages is {0}, and no list")]
pub(super) struct NotMessages(pub(super) &'static str);

impl Item {
    /// As it is stored.
    pub(super) fn to_value(&self) -> Value {
        let message = match self {
            Self::Message(message) => message,
            Self::Other(value) => return value.clone(),
        };
        let mut list = vec![
            Value::from(MESSAGE),
            Value::Int(message.safe.into()),
            Value::Int(message.level),
            Value::from(message.text.as_str()),
        ];
        list.extend(message.extra_tags.as_deref().map(Value::from));
        Value::List(list)
    }

    fn from_value(value: Value) -> Self {
        match message(&value) {
            Some(message) => Self::Message(message),
            None => Self::Other(value),
        }
    }
}

fn message(value: &Value) -> Option<Message> {
    let Value::List(list) = value else { return None };
    let (safe, level, text, extra) = match list.as_slice() {
        [Value::Str(mark), safe, Value::Int(level), Value::Str(text)] if mark == MESSAGE => {
            (safe, level, text, None)
        }
        [Value::Str(mark), safe, Value::Int(level), Value::Str(text), extra] if mark == MESSAGE => {
            (safe, level, text, Some(extra))
        }
        _ => return None,
    };
    let extra = match extra {
        None | Some(Value::None) => None,
        Some(Value::Str(tags)) => Some(tags.as_str()),
        Some(_) => return None,
    };
    let message = Message::new(*level, text.as_str()).extra_tags(extra);
    match safe {
        Value::Int(0) | Value::Bool(false) => Some(message),
        Value::Int(_) | Value::Bool(true) => Some(message.safe()),
        _ => None,
    }
}

impl Stored {
    /// Nothing.
    pub(super) const fn none() -> Self {
        Self { items: Vec::new(), takes_more: true }
    }

    /// What a value holds: `None` for what is false in Python.
    pub(super) fn from_value(value: Value) -> Result<Option<Self>, NotMessages> {
        match value {
            Value::None | Value::Bool(false) | Value::Int(0) => Ok(None),
            Value::List(items) if items.is_empty() => Ok(Some(Self::none())),
            Value::List(items) if items.first() != Some(&Value::from(MESSAGE)) => {
                Ok(Some(Self { items: items.into_iter().map(Item::from_value).collect(), takes_more: true }))
            }
            Value::Dict(dict) if dict.is_empty() => Ok(None),
            Value::Str(text) if text.is_empty() => Ok(None),
            Value::Str(text) => {
                let letters = text.chars().map(|letter| Item::Other(Value::from(letter.to_string())));
                Ok(Some(Self { items: letters.collect(), takes_more: false }))
            }
            other => Err(NotMessages(other.type_name())),
        }
    }
}

/// The compact JSON of each, as the cookie has it. What cannot be JSON was not read from any.
pub(super) fn parts(items: &[Item]) -> Vec<String> {
    let text = |item: &Item| json::dumps(&item.to_value()).ok().and_then(|text| String::from_utf8(text).ok());
    items.iter().filter_map(text).collect()
}
