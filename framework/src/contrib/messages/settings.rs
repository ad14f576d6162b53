//! `MESSAGE_*` (Django 5.2 `contrib/messages`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::conf::fault::SettingsFault;
use crate::conf::kind::{SettingKind, Shown};
use crate::conf::written::Written;

crate::setting_choice! {
    /// Where messages wait for the next page.
    pub enum StorageKind {
        /// In a cookie, and what does not fit in the session.
        Fallback = "django.contrib.messages.storage.fallback.FallbackStorage",
        /// In a cookie: what does not fit is lost, the oldest first.
        Cookie = "django.contrib.messages.storage.cookie.CookieStorage",
        /// In the session.
        Session = "django.contrib.messages.storage.session.SessionStorage",
    }
}

crate::settings_section! {
    /// The settings of the messages.
    pub struct MessageSettings, prefix "MESSAGE_" {
        /// `MESSAGE_LEVEL`: messages below this level are dropped when they are added.
        level: i64 = 20,
        /// `MESSAGE_STORAGE`: where they wait for the next page.
        storage: StorageKind = StorageKind::Fallback,
        /// `MESSAGE_TAGS`: the tag of each level, by the level's number, in place of Django's.
        tags: LevelTags = LevelTags::default(),
    }
}

/// A tag for each level: `{ 20 = "note", 50 = "critical" }`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LevelTags(BTreeMap<i64, String>);

impl LevelTags {
    /// The tag of that level; empty for one without a tag.
    #[must_use]
    pub fn tag(&self, level: i64) -> &str {
        match (self.0.get(&level), level) {
            (Some(tag), _) => tag,
            (None, 10) => "debug",
            (None, 20) => "info",
            (None, 25) => "success",
            (None, 30) => "warning",
            (None, 40) => "error",
            _ => "",
        }
    }
}

impl SettingKind for LevelTags {
    fn allowed() -> Cow<'static, str> {
        "a table of levels, as numbers, and their tags: { 20 = \"note\" }".into()
    }

    fn read(written: &Written, setting: &str, faults: &mut Vec<SettingsFault>) -> Option<Self> {
        let texts = BTreeMap::<String, String>::read(written, setting, faults)?;
        let tags = texts.into_iter().map(|(level, tag)| Some((level.parse().ok()?, tag)));
        let tags = tags.collect::<Option<_>>().map(Self);
        if tags.is_none() {
            faults.push(SettingsFault::wrong(written, setting, Self::allowed(), false));
        }
        tags
    }

    fn show(&self) -> Shown {
        Shown::Table(self.0.iter().map(|(level, tag)| (level.to_string(), tag.clone().into())).collect())
    }
}
