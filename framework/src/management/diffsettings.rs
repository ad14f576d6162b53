//! `manage diffsettings`: which settings differ from the defaults (Django 5.2
//! `core/management/commands/diffsettings.py`). Values are written as TOML, secrets as stars.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;

use crate::apps::command::{Command, CommandError, Output};
use crate::apps::style::{Role, Style};
use crate::conf::fault::{SettingsFault, SettingsFaults};
use crate::conf::section::{Compared, SectionDef};
use crate::conf::settings::{SECTIONS, Settings};
use crate::conf::source::SettingsSource;
use crate::project::Project;

/// The arguments of `manage diffsettings`.
#[derive(Debug, clap::Args)]
pub(super) struct DiffSettings {
    /// Display all settings, regardless of their value. In "hash" mode, default values are prefixed by "###"
    #[arg(long)]
    all: bool,
    /// The settings file to compare the current settings against. Leave empty to compare against the defaults
    #[arg(long, value_name = "FILE")]
    default: Option<PathBuf>,
    /// Selects the output format. 'hash' mode displays each changed setting, with the settings that are the site's own
    /// followed by ###. 'unified' mode prefixes the default setting with a minus sign, followed by the changed setting
    /// prefixed with a plus sign
    #[arg(long, value_enum, default_value_t = Look::Hash)]
    output: Look,
}

/// How the differences are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Look {
    Hash,
    Unified,
}

impl Command for DiffSettings {
    const NAME: &'static str = "diffsettings";
    const HELP: &'static str = "Displays differences between the current settings and the defaults.";
    const CHECKS: bool = false;

    async fn handle(self, project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        let settings = project.settings();
        let base_dir = settings.base_dir().to_owned();
        let sections = settings.sections().to_vec();
        let default = self.default;
        let other = tokio::task::spawn_blocking(move || other(base_dir, default, &sections)).await??;
        for line in lines(&settings.compare(&other), self.all, self.output, out.style()) {
            out.line(line)?;
        }
        Ok(())
    }
}

/// What to compare with: the defaults, or a file, which need not be enough to start a site: a key may well be missing in
/// it.
fn other(
    base_dir: PathBuf,
    file: Option<PathBuf>,
    sections: &[SectionDef],
) -> Result<Settings, SettingsFaults> {
    let source = SettingsSource::empty(base_dir);
    let source = match file {
        Some(file) => source.file(file),
        None => source,
    };
    let (settings, mut faults) = Settings::read(&source, sections);
    faults.retain(|fault| !matches!(fault, SettingsFault::Illegal { .. }));
    SettingsFaults::new(faults).map_or(Ok(settings), Err)
}

fn lines(settings: &[Compared], all: bool, look: Look, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    for setting in settings {
        let Compared { name, value, other, same } = setting;
        let own = !SECTIONS.iter().any(|section| section.settings.iter().any(|known| known.name == *name));
        match look {
            Look::Hash if *same && all => lines.push(format!("### {name} = {value}")),
            Look::Hash if !same && own => lines.push(format!("{name} = {value}  ###")),
            Look::Hash if !same => lines.push(format!("{name} = {value}")),
            Look::Unified if *same && all => lines.push(format!("  {name} = {value}")),
            Look::Unified if !same => {
                // Django knows no default of a site's own settings.
                if !own {
                    lines.push(style.paint(Role::Error, format_args!("- {name} = {other}")).to_string());
                }
                lines.push(style.paint(Role::Success, format_args!("+ {name} = {value}")).to_string());
            }
            Look::Hash | Look::Unified => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::settings_section! {
        /// A site's own section.
        struct ShopSettings, prefix "SHOP_" {
            /// Three letters.
            currency: String = "BTN",
            /// Parts of one.
            tax: f64 = 0.5,
        }
    }

    const SHOP: &[SectionDef] = &[SectionDef::of::<ShopSettings>()];

    const SETTINGS: &str = "
SECRET_KEY = 'sesame'
DEBUG = true
APPEND_SLASH = true
SESSION_COOKIE_SAMESITE = false
SHOP_CURRENCY = 'EUR'
SECURE_PROXY_SSL_HEADER = ['HTTP_X_FORWARDED_PROTO', 'https']
[DATABASES.default]
URL = 'postgres://web:sesame@db:5433/shop?sslpassword=sesame'
[CACHES.default]
BACKEND = 'django.core.cache.backends.redis.RedisCache'
LOCATION = 'redis://:sesame@cache/1'
";

    #[track_caller]
    fn check(file: Option<PathBuf>, look: Look, style: Style, expected: &[&str]) {
        let settings = Settings::from_toml(SETTINGS, SHOP).unwrap();
        let other = other(PathBuf::from("."), file, SHOP).unwrap();
        assert_eq!(lines(&settings.compare(&other), false, look, style), expected);
    }

    #[test]
    fn hash_shows_what_differs_and_no_secret() {
        check(
            None,
            Look::Hash,
            Style::plain(),
            &[
                r#"CACHES = { default = { BACKEND = "django.core.cache.backends.redis.RedisCache", LOCATION = "redis://:********************@cache/1" } }"#,
                r#"DATABASES = { default = { ENGINE = "django.db.backends.postgresql", NAME = "shop", USER = "web", PASSWORD = "********************", HOST = "db", PORT = 5433, OPTIONS = { sslpassword = "********************" } } }"#,
                "DEBUG = true",
                r#"SECRET_KEY = "********************""#,
                r#"SECURE_PROXY_SSL_HEADER = ["HTTP_X_FORWARDED_PROTO", "https"]"#,
                "SESSION_COOKIE_SAMESITE = false",
                r#"SHOP_CURRENCY = "EUR"  ###"#,
            ],
        );
    }

    #[test]
    fn a_file_stands_for_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.toml");
        // Another key looks alike and differs all the same; a file without a key would do too.
        let text = SETTINGS.replace("'sesame'", "'rumpelstiltskin'").replace("DEBUG = true", "DEBUG = false");
        std::fs::write(&path, text).unwrap();
        check(
            Some(path.clone()),
            Look::Unified,
            Style::plain(),
            &[
                "- DEBUG = false",
                "+ DEBUG = true",
                r#"- SECRET_KEY = "********************""#,
                r#"+ SECRET_KEY = "********************""#,
            ],
        );
        std::fs::write(&path, SETTINGS.replace("SECRET_KEY = 'sesame'", "")).unwrap();
        check(
            Some(path.clone()),
            Look::Unified,
            Style::coloured(),
            &[
                "\x1b[31;1m- SECRET_KEY = \"\"\x1b[0m",
                "\x1b[32;1m+ SECRET_KEY = \"********************\"\x1b[0m",
            ],
        );
        std::fs::write(&path, "DEBUG = 1").unwrap();
        let faults = other(folder.path().to_owned(), Some(path), SHOP).unwrap_err();
        assert_eq!(
            faults.to_string(),
            "the settings have a fault:\n\nother.toml:1: DEBUG is 1\n    allowed: true or false"
        );
    }

    #[test]
    fn all_shows_every_setting_in_order() {
        let settings = Settings::from_toml(SETTINGS, SHOP).unwrap();
        let compared = settings.compare(&other(PathBuf::from("."), None, SHOP).unwrap());
        let hash = lines(&compared, true, Look::Hash, Style::plain());
        let count: usize = settings.sections().iter().map(|section| section.settings.len()).sum();
        assert_eq!(hash.len(), count);
        assert!(hash.contains(&"### APPEND_SLASH = true".to_owned()));
        assert!(hash.contains(&"### SHOP_TAX = 0.5".to_owned()));
        assert!(!hash.iter().any(|line| line.contains("sesame")), "{hash:?}");
        let unified = lines(&compared, true, Look::Unified, Style::plain());
        assert!(unified.contains(&"  APPEND_SLASH = true".to_owned()));
        assert!(unified.contains(&"+ SHOP_CURRENCY = \"EUR\"".to_owned()));
        assert!(!unified.iter().any(|line| line.starts_with("- SHOP_")));
    }
}
