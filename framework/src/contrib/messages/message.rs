//! One message.

use crate::contrib::messages::settings::LevelTags;

/// For developers.
pub const DEBUG: i64 = 10;
/// Nothing was changed.
pub const INFO: i64 = 20;
/// It worked.
pub const SUCCESS: i64 = 25;
/// It worked, but.
pub const WARNING: i64 = 30;
/// It did not work.
pub const ERROR: i64 = 40;

/// Django's levels by their names, as templates know them.
pub const DEFAULT_LEVELS: [(&str, i64); 5] =
    [("DEBUG", DEBUG), ("INFO", INFO), ("SUCCESS", SUCCESS), ("WARNING", WARNING), ("ERROR", ERROR)];

/// A text that is shown to the visitor once, with the next page.
///
/// ```
/// use nuages::contrib::messages::{Message, SUCCESS};
///
/// let message = Message::new(SUCCESS, "It is in your cart.").extra_tags("cart");
/// assert_eq!(message.text(), "It is in your cart.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a message is shown when it is added to a request"]
pub struct Message {
    pub(super) level: i64,
    pub(super) text: String,
    pub(super) extra_tags: Option<String>,
    pub(super) safe: bool,
    level_tag: String,
}

impl Message {
    /// A message of that level.
    pub fn new(level: i64, text: impl Into<String>) -> Self {
        Self {
            level,
            text: text.into(),
            extra_tags: Some(String::new()),
            safe: false,
            level_tag: String::new(),
        }
    }

    /// Tags beside that of its level, for the page's style sheet.
    pub fn extra_tags<'a>(mut self, tags: impl Into<Option<&'a str>>) -> Self {
        self.extra_tags = tags.into().map(str::to_owned);
        self
    }

    /// Its text is HTML, and a template does not escape it: nothing in it may come from a visitor (Django's `mark_safe`).
    pub const fn safe(mut self) -> Self {
        self.safe = true;
        self
    }

    /// The same, with the tag that the settings give its level.
    pub(super) fn tagged(mut self, tags: &LevelTags) -> Self {
        tags.tag(self.level).clone_into(&mut self.level_tag);
        self
    }

    /// Its level.
    #[must_use]
    pub const fn level(&self) -> i64 {
        self.level
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether its text is HTML.
    #[must_use]
    pub const fn is_safe(&self) -> bool {
        self.safe
    }

    /// The tags that it was given beside that of its level.
    #[must_use]
    pub fn extra(&self) -> Option<&str> {
        self.extra_tags.as_deref()
    }

    /// The tag of its level (`MESSAGE_TAGS`), once it was read; empty for a level without one.
    #[must_use]
    pub fn level_tag(&self) -> &str {
        &self.level_tag
    }

    /// All its tags, with a space between them.
    #[must_use]
    pub fn tags(&self) -> String {
        let extra = self.extra().unwrap_or_default();
        let space = if extra.is_empty() || self.level_tag.is_empty() { "" } else { " " };
        format!("{extra}{space}{}", self.level_tag)
    }
}
