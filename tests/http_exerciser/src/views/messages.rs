//! Operations on messages.

use nuages::contrib::messages::{self, Message, Messages};
use nuages::prelude::*;
use serde_json::{Value, json};

use crate::values::answer;

/// The results of the operations in the body, in order.
pub(crate) async fn messages(request: HttpRequest) -> Result<HttpResponse> {
    let operations: Vec<Vec<Value>> = serde_json::from_slice(&request.body().await?)?;
    let storage = messages::get_messages(&request);
    // Python's int(None), where nothing has asked for the level before.
    let mut asked_for_level = false;
    let mut results = Vec::with_capacity(operations.len());
    for operation in &operations {
        let [name, arguments @ ..] = operation.as_slice() else {
            return Err(Error::internal("an operation has a name"));
        };
        let name = name.as_str().unwrap_or_default();
        match (name, arguments) {
            ("set_level", [Value::Null]) if !asked_for_level && storage.is_installed() => {
                return Err(Error::internal("int() argument must be a number, not 'NoneType'"));
            }
            ("len" | "read" | "unread", _) => {}
            // An empty message is dropped before its level counts.
            ("add" | "add_safe", [_, text, ..]) if text == "" => {}
            ("debug" | "info" | "success" | "warning" | "error", [text, ..]) if text == "" => {}
            _ => asked_for_level = true,
        }
        results.push(run(&request, &storage, name, arguments).await?);
    }
    answer(&Value::Array(results))
}

async fn run(request: &HttpRequest, storage: &Messages, name: &str, arguments: &[Value]) -> Result<Value> {
    let text = |at: usize| arguments.get(at).and_then(Value::as_str).unwrap_or_default();
    let level = || arguments.first().and_then(Value::as_i64);
    // Absent is no text, null is none.
    let tags = |at: usize| match arguments.get(at) {
        None => Some(""),
        Some(tags) => tags.as_str(),
    };
    match name {
        "add" => {
            let message = Message::new(level().unwrap_or_default(), text(1)).extra_tags(tags(2));
            messages::add(request, message)?;
        }
        "add_safe" => messages::add(request, Message::new(level().unwrap_or_default(), text(1)).safe())?,
        "debug" | "info" | "success" | "warning" | "error" => {
            let level = messages::DEFAULT_LEVELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let level = level.map_or(0, |(_, level)| *level);
            messages::add(request, Message::new(level, text(0)).extra_tags(tags(1)))?;
        }
        "repeat" => {
            for number in 0..arguments.get(2).and_then(Value::as_u64).unwrap_or_default() {
                messages::add_message(
                    request,
                    level().unwrap_or_default(),
                    format!("{}{number}", text(1)),
                    "",
                )?;
            }
        }
        "read" => return Ok(storage.read().await?.iter().map(shown).collect()),
        "len" => return Ok(storage.len().await?.into()),
        "unread" => storage.set_used(false),
        "set_level" => return Ok(storage.set_level(level()).into()),
        "get_level" => return Ok(storage.level().into()),
        other => return Err(Error::internal(format!("there is no operation {other:?}"))),
    }
    Ok(Value::Null)
}

fn shown(message: &Message) -> Value {
    json!({
        "level": message.level(),
        "level_tag": message.level_tag(),
        "tags": message.tags(),
        "extra_tags": message.extra(),
        "message": message.text(),
        "safe": message.is_safe(),
    })
}
