//! `staticfiles.json`: which file has which hashed name (Django 5.2 `ManifestFilesMixin`, manifest format 1.1).

use std::fs;
use std::io;
use std::path::Path;

use indexmap::IndexMap;
use serde::Deserialize;

use super::error::StaticFilesError;
use super::hashed_name::file_hash;

/// The name of the file in `STATIC_ROOT`.
pub const FILE: &str = "staticfiles.json";

/// What the file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The hashed name of each file, in the order in which they were made.
    pub paths: IndexMap<String, String>,
    /// The hash of all of them.
    pub hash: String,
}

#[derive(Deserialize)]
struct Stored {
    version: Option<String>,
    #[serde(default)]
    paths: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    hash: String,
}

impl Manifest {
    /// A manifest of those names.
    #[must_use]
    pub fn new(paths: IndexMap<String, String>) -> Self {
        let mut sorted: Vec<(&String, &String)> = paths.iter().collect();
        sorted.sort();
        let mut text = String::from("[");
        for (index, (name, hashed)) in sorted.into_iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            text.push('[');
            push_json(&mut text, name);
            text.push_str(", ");
            push_json(&mut text, hashed);
            text.push(']');
        }
        text.push(']');
        Self { paths, hash: file_hash(text.as_bytes()) }
    }

    /// The manifest of that folder: an empty one where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read, or makes no sense.
    pub fn read(location: &Path) -> Result<Self, StaticFilesError> {
        let file = location.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(StaticFilesError::file(file)(error)),
        };
        let stored: Stored = match serde_json::from_slice(&text) {
            Ok(stored) => stored,
            Err(error) => return Err(StaticFilesError::Manifest { file, reason: error.to_string() }),
        };
        if !matches!(stored.version.as_deref(), Some("1.0" | "1.1")) {
            let reason = format!("its version is {}", stored.version.as_deref().unwrap_or("not said"));
            return Err(StaticFilesError::Manifest { file, reason });
        }
        let mut paths = IndexMap::new();
        for (name, hashed) in stored.paths {
            let serde_json::Value::String(hashed) = hashed else {
                return Err(StaticFilesError::Manifest { file, reason: format!("{name:?} has no name") });
            };
            paths.insert(name, hashed);
        }
        Ok(Self { paths, hash: stored.hash })
    }

    /// The file's text, to the byte as Django writes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\"paths\": {");
        for (index, (name, hashed)) in self.paths.iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            push_json(&mut text, name);
            text.push_str(": ");
            push_json(&mut text, hashed);
        }
        text.push_str("}, \"version\": \"1.1\", \"hash\": ");
        push_json(&mut text, &self.hash);
        text.push('}');
        text
    }
}

/// The text as Python's `json.dumps` writes it: all beyond ASCII escaped.
fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Django 5.2.19 wrote for the same names.
    #[test]
    fn bytes_are_djangos() {
        let paths = [("b/é.css", "b/é.0123456789ab.css"), ("a\"😀.js", "a\"😀.ba9876543210.js")];
        let paths = paths.into_iter().map(|(name, hashed)| (name.to_owned(), hashed.to_owned()));
        let manifest = Manifest::new(paths.collect());
        let text = "{\"paths\": {\"b/\\u00e9.css\": \"b/\\u00e9.0123456789ab.css\", \"a\\\"\\ud83d\\ude00.js\": \
                    \"a\\\"\\ud83d\\ude00.ba9876543210.js\"}, \"version\": \"1.1\", \"hash\": \"HASH\"}";
        assert_eq!(manifest.to_json(), text.replace("HASH", &manifest.hash));
        assert_eq!(manifest.hash, "0ef2fb295422");
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), Manifest::default());
        fs::write(folder.path().join(FILE), manifest.to_json()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
        for broken in ["", "{", "{\"version\": \"2.0\"}", "{\"paths\": {}}", "[]"] {
            fs::write(folder.path().join(FILE), broken).unwrap();
            assert!(Manifest::read(folder.path()).is_err(), "{broken}");
        }
    }
}
