//! What stands above the content of a part.

use indexmap::IndexMap;

use crate::http::header_parameters::HeaderParameters;

/// The head of a part: what is read of it, the last of each header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PartHead {
    /// The parameters of `Content-Disposition`, if there is one. Its value does not count: `attachment` is a field, too.
    pub(crate) disposition: Option<IndexMap<String, String>>,
    /// `Content-Type` and its parameters.
    pub(crate) content_type: Option<HeaderParameters>,
    /// `Content-Transfer-Encoding: base64`.
    pub(crate) is_base64: bool,
}

impl PartHead {
    /// Lines that are not UTF-8, that have no colon, or whose parameters are in an unknown charset count as not there.
    pub(crate) fn parse(head: &[u8]) -> Self {
        let mut parsed = Self::default();
        let mut rest = Some(head);
        while let Some(lines) = rest {
            let line = match memchr::memmem::find(lines, b"\r\n") {
                Some(end) => {
                    rest = Some(&lines[end + 2..]);
                    &lines[..end]
                }
                None => {
                    rest = None;
                    lines
                }
            };
            let Ok(line) = std::str::from_utf8(line) else { continue };
            let Ok(HeaderParameters { value, parameters }) = HeaderParameters::parse(line) else { continue };
            let Some((name, value)) = value.split_once(':') else { continue };
            match name {
                "content-disposition" => parsed.disposition = Some(parameters),
                "content-type" => {
                    parsed.content_type =
                        Some(HeaderParameters { value: value.trim().to_owned(), parameters });
                }
                "content-transfer-encoding" => parsed.is_base64 = value.trim() == "base64",
                _ => {}
            }
        }
        parsed
    }

    /// The field's name, without the space around it; `None` makes the part none that counts.
    pub(crate) fn name(&self) -> Option<&str> {
        let name = self.disposition.as_ref()?.get("name")?;
        Some(name.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}'))
    }

    /// The name of the file, if the part is one: an empty name makes a field.
    pub(crate) fn file_name(&self) -> Option<&str> {
        let name = self.disposition.as_ref()?.get("filename")?;
        Some(name.as_str()).filter(|name| !name.is_empty())
    }
}
