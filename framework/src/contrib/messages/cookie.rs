//! Messages in a cookie: signed, compressed when that is shorter, 2,048 bytes at most (Django 5.2
//! `contrib/messages/storage/cookie.py`).

use crate::contrib::messages::stored::{Item, NotMessages, Stored, parts};
use crate::serialize::json;
use crate::serialize::value::Value;
use crate::signing::codec::SignedCodec;
use crate::signing::keys::SigningKeys;

/// The cookie's name.
pub(super) const COOKIE: &str = "messages";

/// Half of what some servers allow for all headers of a response.
const MAX_SIZE: usize = 2048;

/// The last item of a cookie that could not hold all.
const NOT_FINISHED: &str = "__messagesnotfinished__";

/// Writes and reads the cookie of one site.
#[derive(Debug)]
pub(super) struct CookieCodec(SignedCodec);

/// What a cookie held.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `None` if there was no cookie, or one that nobody with the key wrote.
    pub(super) stored: Option<Stored>,
    /// There were more, elsewhere.
    pub(super) more: bool,
    /// The browser should forget it.
    pub(super) bad: bool,
}

/// What became of messages that were to go into a cookie.
pub(super) struct Written {
    /// The cookie's value; `None` if there is nothing to say.
    pub(super) value: Option<String>,
    /// Those that did not fit.
    pub(super) left: Vec<Item>,
}

impl CookieCodec {
    pub(super) fn new(keys: &SigningKeys) -> Self {
        Self(SignedCodec::new(&keys.prefixed(b"django.http.cookies"), "django.contrib.messages"))
    }

    /// Reads a cookie.
    ///
    /// # Errors
    /// When somebody with the key wrote what is no list.
    pub(super) fn read(&self, cookie: Option<&str>) -> Result<Found, NotMessages> {
        let Some(cookie) = cookie.filter(|cookie| !cookie.is_empty()) else { return Ok(Found::default()) };
        let value = self.0.loads(cookie, None).ok().and_then(|text| json::loads(&text).ok());
        let Some(value) = value else { return Ok(Found { bad: true, ..Found::default() }) };
        let mut stored = Stored::from_value(value)?;
        let mut more = false;
        if let Some(stored) = &mut stored
            && stored.items.last() == Some(&Item::Other(Value::from(NOT_FINISHED)))
        {
            stored.items.pop();
            more = true;
        }
        Ok(Found { stored, more, bad: false })
    }

    /// Writes as many as fit: of too many the oldest go first, or with `keep_oldest` the newest.
    pub(super) fn write(&self, mut items: Vec<Item>, keep_oldest: bool) -> Written {
        if items.is_empty() {
            return Written { value: None, left: Vec::new() };
        }
        let parts = parts(&items);
        let whole = self.sign(&parts, false);
        if whole.len() <= MAX_SIZE {
            return Written { value: Some(whole), left: Vec::new() };
        }
        if keep_oldest {
            let kept = keep_left(parts.len(), |end| self.sign(&parts[..end], true).len() > MAX_SIZE);
            let left = items.split_off(kept.min(items.len()));
            Written { value: Some(self.sign(&parts[..kept], true)), left }
        } else {
            let dropped = keep_right(parts.len(), |start| self.sign(&parts[start..], true).len() > MAX_SIZE);
            items.truncate(dropped);
            Written { value: Some(self.sign(&parts[dropped..], true)), left: items }
        }
    }

    /// The value; `unfinished` adds the item that says so.
    fn sign(&self, parts: &[String], unfinished: bool) -> String {
        let mut text = String::from("[");
        let end = unfinished.then(|| format!("\"{NOT_FINISHED}\""));
        for (number, part) in parts.iter().chain(&end).enumerate() {
            if number > 0 {
                text.push(',');
            }
            text.push_str(part);
        }
        text.push(']');
        self.0.dumps(text.as_bytes(), true)
    }
}

/// How many of the first fit, as Django's `bisect_keep_left` finds it: compression may let more fit than fewer, so how it is
/// looked for counts.
fn keep_left(count: usize, too_large: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if too_large(middle + 1) { high = middle } else { low = middle + 1 }
    }
    low
}

/// How many of the first must go for the rest to fit, as Django's `bisect_keep_right` finds it.
fn keep_right(count: usize, too_large: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        if too_large(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests;
