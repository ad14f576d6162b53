//! Lines of a source file around the one that matters.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines before and after it.
const AROUND: usize = 6;

/// A file larger than this is no source that somebody wrote.
const LARGEST: u64 = 4 << 20;

/// Some lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The number of the first of them, from 1.
    pub(super) first: usize,
    /// The number of the line that matters.
    pub(super) line: usize,
    pub(super) lines: Vec<String>,
}

impl Excerpt {
    /// The lines around that one, if the file is there and has it.
    pub(super) fn of(file: &Path, line: usize) -> Option<Self> {
        if fs::metadata(file).ok().filter(fs::Metadata::is_file)?.len() > LARGEST {
            return None;
        }
        Self::cut(&fs::read_to_string(file).ok()?, line)
    }

    fn cut(text: &str, line: usize) -> Option<Self> {
        let first = line.saturating_sub(AROUND).max(1);
        let lines: Vec<String> =
            text.lines().skip(first - 1).take(line + AROUND + 1 - first).map(str::to_owned).collect();
        (line > 0 && first + lines.len() > line).then_some(Self { first, line, lines })
    }
}

/// The file that a compiler's path means: as it is, or below one of the folders above the site's own, which is where the
/// compiler ran.
pub(super) fn locate(file: &str, base_dir: &Path) -> Option<PathBuf> {
    let file = Path::new(file);
    if file.is_absolute() {
        return file.is_file().then(|| file.to_owned());
    }
    base_dir.ancestors().take(4).map(|folder| folder.join(file)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    #[test]
    fn lines_around_a_line() {
        let text: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        for (line, first, count) in [(1, 1, 7), (10, 4, 13), (20, 14, 7)] {
            let excerpt = Excerpt::cut(&text, line).unwrap();
            assert_eq!((excerpt.first, excerpt.lines.len()), (first, count), "{line}");
            assert_eq!(excerpt.lines[line - first], format!("line {line}"));
        }
        assert_eq!(Excerpt::cut(&text, 21), None);
        assert_eq!(Excerpt::cut(&text, 0), None);
    }
}
