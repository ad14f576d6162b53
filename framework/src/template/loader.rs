//! The template files of the site, by the name that `render` and `{% include %}` say.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::checks::CheckMessage;
use crate::template::error::TemplateError;
use crate::template::uses::extended;

/// A template's file and text.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    pub(super) text: String,
}

/// What the folders held when they were read: tells whether they changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Stamp {
    /// Looks at every file without reading it. A file that cannot be looked at is as one that is not there.
    pub(super) fn take(dirs: &[PathBuf]) -> Self {
        let mut files = BTreeMap::new();
        for dir in dirs {
            let mut look = |file: PathBuf| {
                if let Ok(about) = fs::metadata(&file) {
                    files.insert(file, (about.modified().ok(), about.len()));
                }
            };
            // A folder that cannot be listed has no files to compare; `read_all` is where that is reported.
            walk(dir, &mut look).unwrap_or_default();
        }
        Self(files)
    }
}

/// Reads every template: where two folders have the same name, the earlier folder's file is the template
/// (Django 5.2 `template/loaders/filesystem.py`: `DIRS` and then the apps, in their order).
pub(super) fn read_all(dirs: &[PathBuf]) -> (BTreeMap<String, Source>, Vec<CheckMessage>) {
    let (mut sources, mut faults) = (BTreeMap::new(), Vec::new());
    let mut hidden: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for dir in dirs {
        let mut files = Vec::new();
        if let Err(error) = walk(dir, &mut |file| files.push(file)) {
            faults.push(unreadable(dir, &error));
        }
        files.sort();
        for file in files {
            let Some(name) = name_of(dir, &file) else {
                faults.push(fault(&file, "the name of this template is not UTF-8").hint("Rename the file."));
                continue;
            };
            if sources.contains_key(&name) {
                hidden.entry(name).or_default().push(file);
                continue;
            }
            match read(file) {
                Ok(source) => drop(sources.insert(name, source)),
                Err(fault) => faults.push(fault),
            }
        }
    }
    for (name, files) in hidden {
        faults.extend(extend_hidden(&name, files, &mut sources).err());
    }
    (sources, faults)
}

fn read(file: PathBuf) -> Result<Source, CheckMessage> {
    match fs::read(&file).map(String::from_utf8) {
        Ok(Ok(text)) => Ok(Source { file, text }),
        Ok(Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
            Err(fault(&file, format!("line {line} of this template is not UTF-8"))
                .hint("Save it as UTF-8, or move what is no template out of the folder."))
        }
        Err(error) => Err(unreadable(&file, &error)),
    }
}

/// A template that extends its own name extends the file which it hides (Django 5.2 `template/loader_tags.py`): that one is the
/// template `name@2`, the one which that one hides and extends in turn `name@3`.
fn extend_hidden(
    name: &str,
    files: Vec<PathBuf>,
    sources: &mut BTreeMap<String, Source>,
) -> Result<(), CheckMessage> {
    let mut above = name.to_owned();
    for (number, file) in files.into_iter().enumerate() {
        let below = format!("{name}@{}", number + 2);
        if sources.contains_key(&below) {
            return Ok(());
        }
        let Some(source) = sources.get_mut(&above) else { return Ok(()) };
        let Some(place) = extended(&source.text).filter(|place| source.text[place.clone()] == *name) else {
            return Ok(());
        };
        let hidden = read(file)?;
        source.text.replace_range(place, &below);
        sources.insert(below.clone(), hidden);
        above = below;
    }
    Ok(())
}

/// The error for a name that no folder has.
pub(super) fn does_not_exist<'a>(
    name: &str,
    dirs: &[PathBuf],
    names: impl Iterator<Item = &'a String>,
) -> TemplateError {
    let nearest = names
        .map(|other| (strsim::normalized_damerau_levenshtein(name, other), other))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other.clone());
    TemplateError::DoesNotExist {
        name: name.to_owned(),
        tried: dirs.iter().map(|dir| dir.join(name)).collect(),
        nearest,
    }
}

/// Calls back with every file below the folder, but for hidden ones and editors' backups. No folder is no file.
fn walk(dir: &Path, found: &mut dyn FnMut(PathBuf)) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(b".") || name.ends_with(b"~") {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found(path);
        }
    }
    Ok(())
}

fn name_of(dir: &Path, file: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = file.strip_prefix(dir).ok()?.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// A fault of that file.
pub(super) fn fault(file: &Path, message: impl Into<String>) -> CheckMessage {
    CheckMessage::error("nuages.E030", message).object(file.display().to_string())
}

fn unreadable(path: &Path, error: &io::Error) -> CheckMessage {
    fault(path, format!("this cannot be read: {error}"))
        .hint("Is it readable for the user that the site runs as?")
}
