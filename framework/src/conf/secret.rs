//! Text that must never be shown.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// What stands for a secret wherever settings are shown.
pub const STARS: &str = "********************";

/// A secret: its `Debug` is stars.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for signing and connecting, never for showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STARS)
    }
}

/// The address of a server, a path or a name, which may carry a password as URLs do: `redis://:pw@host:6379/0`.
/// It is shown without it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Location(String);

impl Location {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The address with everything in it: for connecting, never for showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(&self.0))
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", mask_url(&self.0))
    }
}

/// A table that goes to a driver as it stands (`OPTIONS`). Members that sound like secrets are shown as stars.
#[derive(Clone, Default, PartialEq, serde::Deserialize)]
#[serde(transparent)]
pub struct Options(toml::Table);

impl Options {
    /// Wraps the table.
    #[must_use]
    pub const fn new(table: toml::Table) -> Self {
        Self(table)
    }

    /// These options, and over them those.
    #[must_use]
    pub fn overlaid_with(mut self, over: &Self) -> Self {
        self.0.extend(over.0.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// The table as it may be shown.
    #[must_use]
    pub fn masked(&self) -> toml::Table {
        mask_table(&self.0)
    }
}

impl Deref for Options {
    type Target = toml::Table;

    fn deref(&self) -> &toml::Table {
        &self.0
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.masked().fmt(f)
    }
}

/// Whether a member of a free table sounds like a secret (the words of Django 5.2 `views/debug.py`
/// `SafeExceptionReporterFilter.hidden_settings`).
#[must_use]
pub(crate) fn sounds_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = ["API", "AUTH", "TOKEN", "KEY", "SECRET", "PASS", "SIGNATURE", "CREDENTIAL"];
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// The text with the password of every `scheme://user:password@host` in it, and of every `?password=…`, as stars.
///
/// Everything between the first `:` behind the user and the last `@` counts as the password, so that one with a raw
/// `/`, `?` or `@` in it, which no parser would take, is not shown either.
#[must_use]
pub(crate) fn mask_url(text: &str) -> Cow<'_, str> {
    const MARK: &str = "://";
    let Some(first) = text.find(MARK) else { return Cow::Borrowed(text) };
    let mut masked = text[..scheme_start(text, first)].to_owned();
    let mut rest = &text[masked.len()..];
    while let Some(mark) = rest.find(MARK) {
        let (scheme, behind) = rest.split_at(mark + MARK.len());
        // Lists of servers are separated by commas or semicolons (Django 5.2 core/cache/backends/redis.py): each
        // further scheme begins a further URL.
        let end = behind.find(MARK).map_or(behind.len(), |next| scheme_start(behind, next));
        let (url, further) = behind.split_at(end);
        masked.push_str(scheme);
        mask_authority(url, &mut masked);
        rest = further;
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// Where the scheme before the `://` at `mark` begins.
fn scheme_start(text: &str, mark: usize) -> usize {
    let name = text[..mark].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    name.len()
}

fn mask_authority(url: &str, masked: &mut String) {
    let Some((credentials, host)) = url.rsplit_once('@') else { return mask_query(url, masked) };
    match credentials.split_once(':') {
        Some((user, _)) => {
            masked.push_str(user);
            masked.push(':');
            masked.push_str(STARS);
        }
        None => masked.push_str(credentials),
    }
    masked.push('@');
    mask_query(host, masked);
}

fn mask_query(url: &str, masked: &mut String) {
    let Some((address, query)) = url.split_once('?') else { return masked.push_str(url) };
    masked.push_str(address);
    for (index, pair) in query.split('&').enumerate() {
        masked.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) if sounds_secret(name) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(STARS);
            }
            _ => masked.push_str(pair),
        }
    }
}

fn mask_table(table: &toml::Table) -> toml::Table {
    table
        .iter()
        .map(|(name, value)| {
            let shown = if sounds_secret(name) { STARS.into() } else { mask_value(value) };
            (name.clone(), shown)
        })
        .collect()
}

fn mask_value(value: &toml::Value) -> toml::Value {
    match value {
        toml::Value::String(text) => mask_url(text).into_owned().into(),
        toml::Value::Table(table) => mask_table(table).into(),
        toml::Value::Array(list) => toml::Value::Array(list.iter().map(mask_value).collect()),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_become_stars() {
        let cases = [
            ("plain text", "plain text"),
            ("/var/tmp/a:b@c", "/var/tmp/a:b@c"),
            ("redis://localhost:6379/1", "redis://localhost:6379/1"),
            ("redis://user@localhost", "redis://user@localhost"),
            ("redis://:pw@h/0", "redis://:*@h/0"),
            ("redis://u:pw@h:1/0,redis://u:pw@h:2/0", "redis://u:*@h:1/0,redis://u:*@h:2/0"),
            ("redis://u:pw@a;redis://b;rediss+x://:pw@c", "redis://u:*@a;redis://b;rediss+x://:*@c"),
            ("see redis://u:pw@h/0", "see redis://u:*@h/0"),
            // No parser takes these, and no message shows them either.
            ("mysql://u:p/w@h/n", "mysql://u:*@h/n"),
            ("mysql://u:p?w@h/n", "mysql://u:*@h/n"),
            ("mysql://u:p@w@h/n", "mysql://u:*@h/n"),
            ("postgres://h/n?user=u&password=pw", "postgres://h/n?user=u&password=*"),
            ("postgres://u:pw@h/n?sslmode=on&SSLPassword=pw", "postgres://u:*@h/n?sslmode=on&SSLPassword=*"),
            ("://", "://"),
        ];
        for (text, shown) in cases {
            assert_eq!(mask_url(text), shown.replace('*', STARS), "{text}");
        }
    }

    #[test]
    fn nothing_of_this_room_shows_a_secret() {
        let options: toml::Table = toml::from_str(
            "timeout = 5\nPASSWORD = 'pw'\nssl = {key = 'pw', urls = ['redis://:pw@h']}\nauth_token = ['pw']",
        )
        .unwrap();
        let shown = format!(
            "{:?} {:?} {:?}",
            Secret::new("pw"),
            Location::new("redis://:pw@h"),
            Options::new(options)
        );
        assert!(!shown.contains("pw"), "{shown}");
        assert!(shown.contains("timeout") && shown.contains("redis://:") && shown.contains("@h"), "{shown}");
    }
}
