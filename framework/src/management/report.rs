//! The messages of the system checks as Django prints them (Django 5.2 `core/management/base.py`).

use std::fmt::Write as _;

use crate::apps::style::{Role, Style};
use crate::checks::{CheckMessage, Level};

/// What is to be printed, and whether it is a failure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// Empty when there is nothing to say.
    pub(super) text: String,
    /// Something is as bad as the level that fails.
    pub(super) failed: bool,
    /// Something is printed but for the count.
    pub(super) has_issues: bool,
}

/// Puts the messages in groups from the worst to the least. `silenced` holds ids that are only counted; with `count` the last
/// line says how many there are.
pub(super) fn report(
    messages: &[CheckMessage],
    silenced: &[String],
    fail_level: Level,
    count: bool,
    style: Style,
) -> Report {
    let visible: Vec<&CheckMessage> =
        messages.iter().filter(|message| !silenced.iter().any(|id| id == message.id)).collect();
    let failed = visible.iter().any(|message| message.level >= fail_level);
    let mut text = String::new();
    if failed {
        let header = style.paint(Role::Error, "SystemCheckError: System check identified some issues:\n");
        let _ = write!(text, "{header}");
    } else if !visible.is_empty() {
        text.push_str("System check identified some issues:\n");
    }
    for (level, heading) in GROUPS {
        let role = if level >= Level::Error { Role::Error } else { Role::Warning };
        let mut group: Vec<String> = visible
            .iter()
            .filter(|message| message.level == level)
            .map(|message| style.paint(role, message).to_string())
            .collect();
        if !group.is_empty() {
            group.sort();
            let _ = write!(text, "\n{heading}:\n{}\n", group.join("\n"));
        }
    }
    if count {
        if !visible.is_empty() {
            text.push('\n');
        }
        let issues = match visible.len() {
            0 => "no issues".to_owned(),
            1 => "1 issue".to_owned(),
            n => format!("{n} issues"),
        };
        let _ =
            write!(text, "System check identified {issues} ({} silenced).", messages.len() - visible.len());
    }
    Report { failed, has_issues: !visible.is_empty(), text: text.trim_end_matches('\n').to_owned() }
}

const GROUPS: [(Level, &str); 5] = [
    (Level::Critical, "CRITICALS"),
    (Level::Error, "ERRORS"),
    (Level::Warning, "WARNINGS"),
    (Level::Info, "INFOS"),
    (Level::Debug, "DEBUGS"),
];

#[cfg(test)]
mod tests {
    use super::report;
    use crate::apps::style::Style;
    use crate::checks::{CheckMessage, Level};

    /// The expected texts are Django's own output for the same messages.
    #[test]
    fn the_report_is_djangos() {
        let check =
            |messages: &[CheckMessage], silenced: &[&str], fail_level, count, expected: &str, failed| {
                let silenced: Vec<String> = silenced.iter().map(|id| (*id).to_owned()).collect();
                let got = report(messages, &silenced, fail_level, count, Style::plain());
                assert_eq!((got.text.as_str(), got.failed), (expected, failed));
            };
        check(&[], &[], Level::Error, false, "", false);
        check(&[], &[], Level::Error, true, "System check identified no issues (0 silenced).", false);
        let two = [
            CheckMessage::warning("security.W018", "You should not have DEBUG set to True in deployment."),
            CheckMessage::error("urls.E004", "Your URL pattern is invalid.")
                .object("shop")
                .hint("See path()."),
        ];
        let text = "SystemCheckError: System check identified some issues:\n\n\
            ERRORS:\nshop: (urls.E004) Your URL pattern is invalid.\n\tHINT: See path().\n\n\
            WARNINGS:\n?: (security.W018) You should not have DEBUG set to True in deployment.\n\n\
            System check identified 2 issues (0 silenced).";
        check(&two, &[], Level::Error, true, text, true);
        let text = "System check identified some issues:\n\n\
            WARNINGS:\n?: (security.W018) You should not have DEBUG set to True in deployment.\n\n\
            System check identified 1 issue (1 silenced).";
        check(&two, &["urls.E004"], Level::Error, true, text, false);
        let text = "SystemCheckError: System check identified some issues:\n\n\
            WARNINGS:\n?: (security.W018) You should not have DEBUG set to True in deployment.";
        check(&two[..1], &[], Level::Warning, false, text, true);
        check(&two, &["urls.E004", "security.W018"], Level::Debug, true, NONE_2, false);
    }

    const NONE_2: &str = "System check identified no issues (2 silenced).";
}
