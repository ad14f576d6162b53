//! Template texts become compiled templates, or the list of everything that is wrong with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use tera::{ErrorKind, ReportError, Tera};

use crate::checks::CheckMessage;
use crate::template::loader::{self, Source};
use crate::template::uses::{self, Mentions, Uses};

/// Every template of the site, compiled.
#[derive(Default)]
pub(super) struct Compiled {
    pub(super) tera: Tera,
    pub(super) uses: HashMap<String, Arc<Uses>>,
    pub(super) sources: BTreeMap<String, Source>,
}

/// Compiles them all; `bare` knows the functions and filters, and no template.
pub(super) fn compile(bare: &Tera, sources: BTreeMap<String, Source>) -> Result<Compiled, Vec<CheckMessage>> {
    let mentions: BTreeMap<&str, Mentions> =
        sources.iter().map(|(name, source)| (name.as_str(), uses::mentions(&source.text))).collect();
    let mut tera = bare.clone();
    if let Err(error) = tera.add_raw_templates(sources.iter().map(|(name, source)| (name, &source.text))) {
        let mut faults = faults(bare, &sources, &mentions);
        if faults.is_empty() {
            faults.push(CheckMessage::error("nuages.E031", error.to_string()));
        }
        return Err(faults);
    }
    let uses = close(&mentions);
    Ok(Compiled { tera, uses, sources })
}

/// For each template the names that it mentions together with its parents, what they include, and so on.
fn close(mentions: &BTreeMap<&str, Mentions>) -> HashMap<String, Arc<Uses>> {
    // A component's body lies in any template: whoever calls one may call each.
    let mut components = Uses::default();
    for found in mentions.values().filter(|found| found.defines_component) {
        components.merge(&found.uses);
    }
    let close_one = |name: &str| {
        let mut uses = Uses::default();
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![name]);
        while let Some(name) = waiting.pop() {
            let (Some(found), true) = (mentions.get(name), seen.insert(name)) else { continue };
            uses.merge(&found.uses);
            if found.calls_component {
                uses.merge(&components);
            }
            waiting.extend(found.templates.iter().map(|(name, _)| name.as_str()));
        }
        uses.set_templates(seen);
        uses
    };
    mentions.keys().map(|name| ((*name).to_owned(), Arc::new(close_one(name)))).collect()
}

/// Everything that is wrong, file by file: tera itself stops at the first template that it cannot read.
fn faults(
    bare: &Tera,
    sources: &BTreeMap<String, Source>,
    mentions: &BTreeMap<&str, Mentions>,
) -> Vec<CheckMessage> {
    let mut faults = Vec::new();
    let mut unsound: BTreeSet<&str> = BTreeSet::new();
    for (name, source) in sources {
        if let Err(error) = bare.clone().add_raw_template(name, &source.text)
            && let ErrorKind::SyntaxError(report) = error.kind()
        {
            unsound.insert(name);
            faults.push(report_fault(&source.file, report));
            continue;
        }
        for (wanted, line) in mentions.get(name.as_str()).map_or(&[][..], |found| &found.templates) {
            if !sources.contains_key(wanted) {
                unsound.insert(name);
                let message = format!("there is no template `{wanted}`");
                faults.push(placed_fault(&source.file, *line, None, &message));
            }
        }
    }
    // What stands on an unsound template cannot be judged.
    loop {
        let more: Vec<&str> = mentions
            .iter()
            .filter(|(name, found)| {
                !unsound.contains(*name)
                    && found.templates.iter().any(|(wanted, _)| unsound.contains(wanted.as_str()))
            })
            .map(|(name, _)| *name)
            .collect();
        if more.is_empty() {
            break;
        }
        unsound.extend(more);
    }
    let sound = sources.iter().filter(|(name, _)| !unsound.contains(name.as_str()));
    if let Err(error) = bare.clone().add_raw_templates(sound.map(|(name, source)| (name, &source.text))) {
        faults.extend(reference_faults(&error, sources));
    }
    faults
}

/// What tera finds when it ties the templates together: circles, and unknown filters, functions, blocks, components.
fn reference_faults(error: &tera::Error, sources: &BTreeMap<String, Source>) -> Vec<CheckMessage> {
    let file = |template| file_of(sources, template);
    match error.kind() {
        ErrorKind::CircularExtend { tpl, inheritance_chain: chain } => {
            let message = format!("this template extends itself: {tpl} -> {}", chain.join(" -> "));
            vec![loader::fault(file(tpl), message)]
        }
        ErrorKind::CircularInclude { tpl, include_chain: chain } => {
            vec![loader::fault(file(tpl), format!("this template includes itself: {}", chain.join(" -> ")))]
        }
        // Tera gives these as text alone: `error: MESSAGE`, ` --> TEMPLATE:LINE:COLUMN`, the line, and so on again.
        _ => {
            let text = error.to_string();
            let reports: Vec<CheckMessage> = text
                .split("\n\n")
                .filter_map(|report| {
                    let mut lines = report.lines();
                    let message = lines.next()?.trim_start_matches("error: ");
                    let mut place = lines.next()?.trim_start().strip_prefix("--> ")?.rsplitn(3, ':');
                    let column = place.next()?.parse().ok();
                    let line = place.next()?.parse().ok()?;
                    Some(placed_fault(file(place.next()?), line, column, message))
                })
                .collect();
            match reports.is_empty() {
                true => vec![CheckMessage::error("nuages.E031", text)],
                false => reports,
            }
        }
    }
}

fn file_of<'a>(sources: &'a BTreeMap<String, Source>, template: &'a str) -> &'a Path {
    sources.get(template).map_or(Path::new(template), |source| &source.file)
}

fn report_fault(file: &Path, report: &ReportError) -> CheckMessage {
    placed_fault(file, report.span().start_line, Some(report.span().start_col + 1), report.message())
}

fn placed_fault(file: &Path, line: usize, column: Option<usize>, message: &str) -> CheckMessage {
    let column = column.map(|column| format!(":{column}")).unwrap_or_default();
    CheckMessage::error("nuages.E031", message).object(format!("{}:{line}{column}", file.display()))
}
