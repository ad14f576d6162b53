//! The settings of the session framework.

use nuages::conf::section::{Compared, Section, SettingDef};
use nuages::conf::session::SessionSettings;
use nuages::prelude::*;
use serde::Serialize;

use crate::lesson::show;

/// Every `SESSION_*` setting in force, beside its default.
pub async fn settings(request: HttpRequest) -> Result<HttpResponse> {
    let in_force = request.project().settings().section::<SessionSettings>();
    let compared = in_force.compare(&SessionSettings::default());
    let rows: Vec<Row> = SessionSettings::SETTINGS.iter().zip(compared).map(Row::from).collect();
    show(&request, "settings", context! { rows }).await
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    value: String,
    default: String,
    changed: bool,
    effect: String,
}

impl From<(&SettingDef, Compared)> for Row {
    fn from((def, compared): (&SettingDef, Compared)) -> Self {
        // The documentation of a setting begins with its name and is Markdown.
        let effect = def.doc.split_once(": ").map_or(def.doc, |(_, effect)| effect);
        let effect = effect.trim().replace('`', "");
        Self {
            name: compared.name,
            value: compared.value.to_string(),
            default: compared.other.to_string(),
            changed: !compared.same,
            effect,
        }
    }
}
