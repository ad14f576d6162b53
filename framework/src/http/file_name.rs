//! The names of files that clients send: nothing of them may lead out of a folder.

use std::sync::LazyLock;

use regex::Regex;

/// The most characters of a name.
const MAX_LENGTH: usize = 255;

/// What Python's `str.isprintable` refuses: all that is no letter, mark, number, punctuation or symbol, but the space.
static UNPRINTABLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{C}\p{Z}&&[^ ]]").ok());

/// The name without its folders and without characters that cannot be seen; `None` when nothing is left of it
/// (Django 5.2 `http/multipartparser.py`, `sanitize_file_name`).
///
/// HTML entities are decoded first, since old browsers send them, so that `..&sol;x` is `x`.
///
/// ```
/// use nuages::http::file_name::sanitized;
///
/// assert_eq!(sanitized("../../etc/passwd").as_deref(), Some("passwd"));
/// assert_eq!(sanitized(r"C:\photos\me.png").as_deref(), Some("me.png"));
/// assert_eq!(sanitized(".."), None);
/// ```
#[must_use]
pub fn sanitized(name: &str) -> Option<String> {
    let name = htmlize::unescape(name);
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = match &*UNPRINTABLE {
        Some(unprintable) => unprintable.replace_all(name, "").into_owned(),
        None => name.chars().filter(|c| !c.is_control()).collect(),
    };
    (!matches!(name.as_str(), "" | "." | "..")).then_some(name)
}

/// The name cut to 255 characters in its middle, so that the extension stays (Django 5.2 `core/files/uploadedfile.py`).
#[must_use]
pub fn shortened(name: String) -> String {
    if name.chars().count() <= MAX_LENGTH {
        return name;
    }
    let (stem, extension) = split_extension(&name);
    let extension: String = extension.chars().take(MAX_LENGTH).collect();
    let left = MAX_LENGTH - extension.chars().count();
    stem.chars().take(left).collect::<String>() + &extension
}

/// A name of at most 255 bytes, as much as file systems take: the stem is cut, at the end of a character, and the extension only
/// if it alone is too long.
pub(crate) fn fitting(stem: &str, suffix: &str, extension: &str) -> String {
    let extension = cut(extension, MAX_LENGTH - suffix.len() - 1);
    let stem = cut(stem, MAX_LENGTH - suffix.len() - extension.len());
    format!("{stem}{suffix}{extension}")
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Stem and extension, as Python's `os.path.splitext`: dots at the beginning belong to the stem.
#[must_use]
pub fn split_extension(name: &str) -> (&str, &str) {
    let dots = name.len() - name.trim_start_matches('.').len();
    match name[dots..].rfind('.') {
        Some(at) => name.split_at(dots + at),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::vectors;

    #[test]
    fn names_are_made_safe_as_django_makes_them() {
        for case in vectors::load("file_names") {
            assert_eq!(sanitized(case["in"].as_str().unwrap()).as_deref(), case["out"].as_str(), "{case}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        assert_eq!(shortened("x".repeat(300) + ".txt"), "x".repeat(251) + ".txt");
        assert_eq!(shortened("x.".to_owned() + &"y".repeat(300)), ".".to_owned() + &"y".repeat(254));
        assert_eq!(shortened("a.txt".to_owned()), "a.txt");
        assert_eq!(split_extension("..a"), ("..a", ""));
    }

    #[test]
    fn names_fit_into_a_folder() {
        for (stem, suffix, extension) in [
            ("a", "", ".txt"),
            (&*"é".repeat(255), "", ".txt"),
            (&*"日".repeat(255), "_abcdefg", ".png"),
            ("a", "_abcdefg", &*format!(".{}", "é".repeat(254))),
            (&*"x".repeat(255), "_abcdefg", ""),
        ] {
            let name = fitting(stem, suffix, extension);
            assert!(name.len() <= 255 && name.contains(suffix), "{name}");
            assert!(name.starts_with(&stem[..stem.chars().next().unwrap().len_utf8()]), "{name}");
            assert!(extension.len() > 200 || name.ends_with(extension), "{name}");
        }
        assert_eq!(fitting("a", "", ".txt"), "a.txt");
    }

    proptest! {
        #[test]
        fn no_name_leads_elsewhere(name in any::<String>()) {
            if let Some(name) = sanitized(&name).map(shortened) {
                let path = std::path::Path::new("folder").join(&name);
                prop_assert_eq!(path.parent(), Some(std::path::Path::new("folder")));
                prop_assert!(!name.contains('\0') && !name.contains(['/', '\\']) && name != "..");
            }
        }
    }
}
