//! How sessions are shown: nothing that opens one, nothing that a terminal would obey.

use serde::Serialize;

use crate::apps::command::{CommandError, Output};
use crate::contrib::sessions::sessions_command::selection::user_of;
use crate::serialize::repr::repr;
use crate::serialize::value::{DateTime, Dict, Value};
use crate::session::key::SessionKey;
use crate::session::store::Loaded;

/// What stands in the place of a secret.
const STARS: &str = "********";

/// The values that prove something: a login, a form's origin, the right to set a new password (Django 5.2
/// `contrib/auth/__init__.py`, `middleware/csrf.py`, `contrib/auth/views.py`).
const SECRETS: &[&str] = &["_auth_user_hash", "_csrftoken", "_password_reset_token"];

/// The dict with stars for its secrets.
pub(super) fn starred(data: &Dict) -> Dict {
    let mut shown = data.clone();
    for secret in SECRETS {
        if shown.contains_key(secret) {
            shown.insert(*secret, STARS);
        }
    }
    shown
}

/// A key as it may be shown.
pub(super) fn shown_key(key: &SessionKey, full: bool) -> String {
    let text = if full { key.as_str().to_owned() } else { key.shortened() };
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// To the second.
pub(super) fn shown_time(at: DateTime) -> String {
    match at {
        DateTime::Naive(at) => DateTime::Naive(at.replace_nanosecond(0).unwrap_or(at)).isoformat(),
        DateTime::Aware(at) => DateTime::Aware(at.replace_nanosecond(0).unwrap_or(at)).isoformat(),
    }
}

/// What there is to say of a session in one word.
pub(super) fn state(loaded: &Loaded, expired: bool) -> &'static str {
    if expired {
        "expired"
    } else if loaded.stale && loaded.data.is_empty() {
        // An empty dict is not stored, as a rule; what cannot be read counts as one.
        "unreadable"
    } else if loaded.stale {
        "fallback"
    } else {
        "alive"
    }
}

/// A session as JSON.
pub(super) fn session_json(
    key: &SessionKey,
    loaded: &Loaded,
    expired: bool,
    full: bool,
) -> Result<String, CommandError> {
    json(&SessionJson {
        key: if full { key.as_str().to_owned() } else { key.shortened() },
        state: state(loaded, expired),
        expires: loaded.expires.map(|at| at.isoformat()),
        user: user_of(&loaded.data),
        data: starred(&loaded.data),
    })
}

#[derive(Serialize)]
struct SessionJson<U> {
    key: String,
    state: &'static str,
    expires: Option<String>,
    user: U,
    data: Dict,
}

/// JSON on one line, ASCII alone; what JSON has no word for is text.
pub(super) fn json(object: &impl Serialize) -> Result<String, CommandError> {
    let mut out = String::new();
    // What is not printable ASCII can stand within strings alone.
    for c in serde_json::to_string(object)?.chars() {
        if matches!(c, ' '..='~') {
            out.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    Ok(out)
}

/// Names and texts under each other, then the dict, a line for each key.
pub(super) fn describe(
    out: &mut Output,
    fields: &[(&str, String)],
    data: Option<&Dict>,
) -> Result<(), CommandError> {
    for (name, text) in fields {
        out.line(format_args!("{name:<10} {text}"))?;
    }
    let Some(data) = data else { return Ok(()) };
    if data.is_empty() {
        out.line(format_args!("{:<10} {{}}", "Data"))?;
        return Ok(());
    }
    out.line("Data")?;
    for (key, value) in &starred(data) {
        let key: &Value = key.value();
        out.line(format_args!("  {}: {}", repr(key), repr(value)))?;
    }
    Ok(())
}
