//! A form with files, as a browser sends it (RFC 7578).

/// A file of a form.
///
/// ```
/// use nuages::test::multipart::FormFile;
///
/// let file = FormFile::new("tune.txt", "Nuages").content_type("text/plain");
/// assert_eq!(file.name, "tune.txt");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormFile {
    /// The file's name.
    pub name: String,
    /// Its content.
    pub content: Vec<u8>,
    /// Its content type.
    pub content_type: String,
}

impl FormFile {
    /// A file of that name and content; the type is what the name says.
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        let name = name.into();
        let kind = crate::http::mime_types::guess_type(&name).content_type;
        let content_type = kind.unwrap_or("application/octet-stream").to_owned();
        Self { name, content: content.into(), content_type }
    }

    /// The same with another type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }
}

/// What stands between the parts; Django's test client has its own, too.
const BOUNDARY: &str = "nuagesTestBoundaryD9r5pQ2k";

/// The content type of such a body.
pub(super) fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The body.
pub(super) fn encode(fields: &[(String, String)], files: &[(String, FormFile)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    for (name, file) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            quoted(name),
            quoted(&file.name),
            file.content_type.replace(['\r', '\n'], "")
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&file.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Quotes and line ends as browsers escape them.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_as_a_browser_sends_it() {
        let fields = [("a".to_owned(), "1".to_owned())];
        let files = [("f\"".to_owned(), FormFile::new("x.txt", "y"))];
        let body = String::from_utf8(encode(&fields, &files)).unwrap();
        let expected = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                        --B\r\nContent-Disposition: form-data; name=\"f%22\"; filename=\"x.txt\"\r\n\
                        Content-Type: text/plain\r\n\r\ny\r\n--B--\r\n";
        assert_eq!(body, expected.replace("--B", &format!("--{BOUNDARY}")));
    }
}
