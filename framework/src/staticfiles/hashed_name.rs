//! Names with the hash of their content in them, and the parts of a name as it stands in a style sheet.

use std::borrow::Cow;

use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;

/// The first twelve digits of the content's MD5 (Django 5.2 `contrib/staticfiles/storage.py`, `file_hash`).
pub(super) fn file_hash(content: &[u8]) -> String {
    let digest = Md5::digest(content);
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// `css/site.css` with that hash: `css/site.55e7cbb9ba48.css`.
pub(super) fn with_hash(path: &str, hash: &str) -> String {
    let (folder, file) = match path.rfind('/') {
        Some(slash) => path.split_at(slash + 1),
        None => ("", path),
    };
    let folder = match folder.trim_end_matches('/') {
        "" => folder.to_owned(),
        folder => format!("{folder}/"),
    };
    let leading = file.len() - file.trim_start_matches('.').len();
    let (stem, ending) = match file[leading..].rfind('.') {
        Some(dot) => file.split_at(leading + dot),
        None => (file, ""),
    };
    format!("{folder}{stem}.{hash}{ending}")
}

/// A name as it stands in a style sheet: `font.eot?#iefix`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NameParts<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) fragment: &'a str,
}

impl<'a> NameParts<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        let (rest, fragment) = name.split_once('#').unwrap_or((name, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { path, query, fragment }
    }

    /// The same with another path, put together again. A `?` that only keeps an old browser from reading on
    /// (`font.eot?#iefix`) stays, though nothing follows it.
    pub(super) fn with_path(&self, path: &str, keep_mark: bool) -> String {
        let mut whole = path.to_owned();
        if !self.query.is_empty() {
            whole.push('?');
            whole.push_str(self.query);
        } else if keep_mark {
            whole.push('?');
        }
        if !self.fragment.is_empty() {
            whole.push('#');
            whole.push_str(self.fragment);
        }
        whole
    }
}

/// Percent escapes as the characters they stand for (Python's `urllib.parse.unquote`).
pub(super) fn unquote(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_hashes() {
        let cases = [
            ("site.css", "site.H.css"),
            ("css/site.min.css", "css/site.min.H.css"),
            ("a//b.js", "a/b.H.js"),
            ("noext", "noext.H"),
            (".htaccess", ".htaccess.H"),
            ("d.x/noext", "d.x/noext.H"),
            ("a.tar.gz", "a.tar.H.gz"),
        ];
        for (name, hashed) in cases {
            assert_eq!(with_hash(name, "H"), hashed, "{name}");
        }
        assert_eq!(file_hash(b""), "d41d8cd98f00");
    }

    #[test]
    fn parts_of_names() {
        let parts = NameParts::of("f/a.eot?#iefix");
        assert_eq!((parts.path, parts.query, parts.fragment), ("f/a.eot", "", "iefix"));
        assert_eq!(parts.with_path("b", true), "b?#iefix");
        assert_eq!(NameParts::of("a?x=1#f").with_path("b", true), "b?x=1#f");
        assert_eq!(NameParts::of("a").with_path("b", false), "b");
    }
}
