//! `manage check`: what is wrong with the site (Django 5.2 `core/management/commands/check.py`).

use crate::apps::command::{CommandError, Output};
use crate::checks::{CheckMessage, Level};
use crate::conf::core::CoreSettings;
use crate::conf::deploy;
use crate::site::Built;

use super::report::report;
use super::site_command::{Console, SiteCommand};

/// The arguments of `manage check`.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// Labels of installed apps
    #[arg(value_name = "app_label")]
    labels: Vec<String>,
    /// Run only checks labeled with given tag.
    #[arg(short, long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// List available tags. Specify --deploy to include available deployment tags.
    #[arg(long)]
    list_tags: bool,
    /// Check deployment settings.
    #[arg(long)]
    deploy: bool,
    /// Message level that will cause the command to exit with a non-zero status. Default is ERROR.
    #[arg(long, value_enum, default_value = "ERROR", hide_default_value = true)]
    fail_level: FailLevel,
    /// Run database related checks against these aliases.
    #[arg(long = "database", value_name = "ALIAS")]
    databases: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "UPPER")]
enum FailLevel {
    Critical,
    Error,
    Warning,
    Info,
    Debug,
}

impl From<FailLevel> for Level {
    fn from(level: FailLevel) -> Self {
        match level {
            FailLevel::Critical => Self::Critical,
            FailLevel::Error => Self::Error,
            FailLevel::Warning => Self::Warning,
            FailLevel::Info => Self::Info,
            FailLevel::Debug => Self::Debug,
        }
    }
}

/// What `--tag` may say: the first part of the ids. `nuages` is for the checks that Django has no id for.
const TAGS: &[&str] = &["caches", "database", "nuages", "security", "sessions", "templates", "urls"];

impl SiteCommand for Check {
    const NAME: &'static str = "check";
    const HELP: &'static str = "Checks the entire project for potential problems.";

    async fn handle(self, built: Built, console: &mut Console) -> Result<(), CommandError> {
        if self.list_tags {
            console.out.line(TAGS.join("\n"))?;
            return Ok(());
        }
        if let Some(tag) = self.tags.iter().find(|tag| !TAGS.contains(&tag.as_str())) {
            return Err(CommandError::new(format!("There is no system check with the \"{tag}\" tag.")));
        }
        let settings = built.project.settings();
        let core = settings.section::<CoreSettings>();
        let label = |app: &str| app.rsplit('.').next().unwrap_or_default().to_owned();
        let labels: Vec<String> = core.installed_apps.iter().map(|app| label(app)).collect();
        if let Some(unknown) = self.labels.iter().find(|label| !labels.contains(label)) {
            return Err(CommandError::new(format!(
                "No installed app with label '{unknown}'. INSTALLED_APPS has {}.",
                labels.join(", ")
            )));
        }

        let mut messages = built.messages;
        if self.deploy {
            messages.extend(deploy::check(settings));
        }
        for alias in &self.databases {
            let database = built.project.databases().get(alias)?;
            if let Err(error) = database.probe().await {
                messages.push(CheckMessage::error("database.E001", error.to_string()).object(alias));
            }
        }
        if !self.tags.is_empty() {
            messages.retain(|message| {
                message.id.split('.').next().is_some_and(|tag| self.tags.iter().any(|asked| asked == tag))
            });
        }
        let silenced = &core.silenced_system_checks;
        show(&messages, silenced, self.fail_level.into(), true, &mut console.out, &mut console.err)
    }
}

/// Prints the messages where Django prints them: issues on the error stream, "no issues" on the other. Something as bad as
/// `fail_level` is a [`CommandError`] with the whole text.
pub(super) fn show(
    messages: &[CheckMessage],
    silenced: &[String],
    fail_level: Level,
    count: bool,
    out: &mut Output,
    err: &mut Output,
) -> Result<(), CommandError> {
    let report = report(messages, silenced, fail_level, count, err.style());
    if report.failed {
        err.line(&report.text)?;
        return Err(CommandError::new(""));
    }
    if report.has_issues {
        err.line(&report.text)?;
    } else if !report.text.is_empty() {
        out.line(&report.text)?;
    }
    Ok(())
}
