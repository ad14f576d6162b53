//! The collected files as they are served: known by their URLs since the start, so that no request can ask for another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::http::file_request::FileState;
use crate::http::mime_types::guess_type;
use crate::staticfiles::error::StaticFilesError;
use crate::staticfiles::files::StaticFiles;
use crate::staticfiles::finders::walk;
use crate::staticfiles::ignore::Patterns;
use crate::staticfiles::manifest::FILE as MANIFEST_FILE;

/// The codings of files that may lie beside a file, the better one first: `site.css.br`, `site.css.gz`.
const VARIANTS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Files by their paths below `STATIC_URL`, unescaped.
#[derive(Debug, Default)]
pub(super) struct Served {
    files: HashMap<String, ServedFile>,
}

/// A file.
#[derive(Debug)]
pub(super) struct ServedFile {
    pub(super) path: PathBuf,
    pub(super) content_type: String,
    /// The coding that its own name says: `archive.tar.gz` is one file, not a variant of another.
    pub(super) encoding: Option<&'static str>,
    /// The name has the hash of the content in it: what is cached never gets old.
    pub(super) immutable: bool,
    /// The same content, packed: the coding, and the file. One that is older than the file is none.
    pub(super) variants: Vec<(&'static str, PathBuf)>,
}

impl Served {
    /// Looks at every file below the folder. A folder that is not there has none.
    pub(super) fn of(location: &Path, files: &StaticFiles) -> Result<Self, StaticFilesError> {
        let mut paths = Vec::new();
        if location.is_dir() {
            let hidden = Patterns::new([".collecting-*"]);
            walk(location, "", &hidden, &mut Vec::new(), &mut paths)?;
        }
        let hashed = files.storage().hashed.as_ref();
        let known: std::collections::HashSet<&str> = paths.iter().map(String::as_str).collect();
        let hashed_names: std::collections::HashSet<&str> =
            hashed.iter().flat_map(|hashed| hashed.manifest.paths.values()).map(String::as_str).collect();
        let mut served = HashMap::new();
        for path in &paths {
            let is_variant = VARIANTS
                .iter()
                .any(|(_, ending)| path.strip_suffix(ending).is_some_and(|plain| known.contains(plain)));
            if path == MANIFEST_FILE || is_variant {
                continue;
            }
            let kind = guess_type(path);
            let variants = VARIANTS.iter().filter_map(|(coding, ending)| {
                let variant = format!("{path}{ending}");
                let is_there = known.contains(variant.as_str());
                is_there.then(|| (*coding, location.join(variant)))
            });
            let variants = variants.filter(|(_, variant)| !is_stale(variant, &location.join(path)));
            let file = ServedFile {
                path: location.join(path),
                content_type: with_charset(kind.content_type.unwrap_or("application/octet-stream")),
                encoding: kind.encoding,
                immutable: hashed_names.contains(path.as_str()),
                variants: variants.collect(),
            };
            served.insert(path.clone(), file);
        }
        Ok(Self { files: served })
    }

    pub(super) fn get(&self, path: &str) -> Option<&ServedFile> {
        self.files.get(path)
    }
}

/// Whether the file was changed since it was packed. What packs gives the file's own time to the packed one, some in whole
/// seconds.
fn is_stale(variant: &Path, plain: &Path) -> bool {
    let seconds = |path: &Path| path.metadata().ok().and_then(|about| FileState::of(&about).modified);
    seconds(variant) < seconds(plain)
}

/// Text is UTF-8, unless it says something else of itself.
fn with_charset(content_type: &str) -> String {
    let is_text = content_type.starts_with("text/")
        || matches!(
            content_type,
            "application/javascript" | "application/json" | "application/manifest+json"
        );
    if is_text { format!("{content_type}; charset=utf-8") } else { content_type.to_owned() }
}
