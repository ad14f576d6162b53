//! `django.contrib.messages.context_processors.messages`: messages in templates.

use tera::{Map, Value};

use crate::context_processors::ContextProcessor;
use crate::contrib::messages::api::get_messages;
use crate::contrib::messages::message::{DEFAULT_LEVELS, Message};
use crate::error::Result;
use crate::http::request::HttpRequest;
use crate::template::context::Context;
use crate::template::uses::Uses;

/// `messages` and `DEFAULT_MESSAGE_LEVELS` for every template that mentions them:
///
/// ```html
/// {% for message in messages %}
///   <li class="{{ message.tags }}">{{ message.message }}</li>
/// {% endfor %}
/// ```
///
/// Each has `message`, `tags`, `level`, `level_tag`, `extra_tags`. A template that mentions `messages` has read them, if there are
/// any.
#[derive(Debug)]
pub struct MessagesProcessor;

impl ContextProcessor for MessagesProcessor {
    const NAME: &'static str = "django.contrib.messages.context_processors.messages";

    async fn process(request: &HttpRequest, uses: &Uses) -> Result<Context> {
        let mut context = Context::new();
        if uses.name("messages") {
            let messages = get_messages(request);
            let read = if messages.is_empty().await? { Vec::new() } else { messages.read().await? };
            context.insert_value("messages", read.iter().map(shown).collect::<Vec<_>>().into());
        }
        if uses.name("DEFAULT_MESSAGE_LEVELS") {
            let levels = DEFAULT_LEVELS.into_iter().map(|(name, level)| (name.into(), level.into()));
            context.insert_value("DEFAULT_MESSAGE_LEVELS", levels.collect::<Map>().into());
        }
        Ok(context)
    }
}

fn shown(message: &Message) -> Value {
    let mut map = Map::new();
    let text = if message.is_safe() { Value::safe_string(message.text()) } else { message.text().into() };
    map.insert("message".into(), text);
    map.insert("level".into(), message.level().into());
    map.insert("level_tag".into(), message.level_tag().into());
    map.insert("extra_tags".into(), message.extra().unwrap_or_default().into());
    map.insert("tags".into(), message.tags().into());
    map.into()
}
