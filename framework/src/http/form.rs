//! A form becomes fields and files: what `request.post()` and `request.files()` give.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::BodyStream;
use indexmap::IndexMap;
use tempfile::NamedTempFile;

use crate::conf::core::CoreSettings;
use crate::error::Error;
use crate::http::charset::Charset;
use crate::http::file_name::{sanitized, shortened, split_extension};
use crate::http::multipart::base64::Base64Reader;
use crate::http::multipart::part::PartHead;
use crate::http::multipart::{Event, MultipartError, MultipartParser};
use crate::http::query_dict::{QueryDict, TooManyFields};
use crate::http::request_body::{BodyError, UnreadBody};
use crate::http::uploaded_file::{Content, Files, Storing, UploadedFile};

/// What a form brought.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub(crate) post: QueryDict,
    pub(crate) files: Files,
}

/// Why a form cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// The body cannot be had, or is too big.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// It is no multipart body.
    #[error(transparent)]
    Multipart(#[from] MultipartError),
    /// It has more fields than `DATA_UPLOAD_MAX_NUMBER_FIELDS`.
    #[error(transparent)]
    TooManyFields(#[from] TooManyFields),
    /// It has more files than `DATA_UPLOAD_MAX_NUMBER_FILES`.
    #[error("more than {limit} files were sent, and DATA_UPLOAD_MAX_NUMBER_FILES allows no more")]
    TooManyFiles {
        /// How many may be.
        limit: usize,
    },
    /// A urlencoded form is in another charset than UTF-8.
    #[error("a form of the type 'application/x-www-form-urlencoded' must be in UTF-8")]
    NotUtf8,
    /// A file could not be put into `FILE_UPLOAD_TEMP_DIR`.
    #[error("an uploaded file cannot be put into {folder}")]
    TemporaryFile {
        /// The folder.
        folder: PathBuf,
        /// What the file system says.
        #[source]
        source: Arc<std::io::Error>,
    },
}

impl FormError {
    /// 400 for what the client did, 500 for a full disk.
    pub(crate) fn into_error(self) -> Error {
        let reason = self.to_string();
        match self {
            Self::Body(error) => error.into_error(),
            Self::Multipart(_) | Self::NotUtf8 => Error::bad_request(reason),
            Self::TooManyFields(_) => Error::suspicious("TooManyFieldsSent", reason),
            Self::TooManyFiles { .. } => Error::suspicious("TooManyFilesSent", reason),
            Self::TemporaryFile { .. } => Error::from(self),
        }
    }
}

/// Reads a multipart body to its end.
///
/// Fields are held in memory, at most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes of them; files as well while all of them together
/// have no more than `FILE_UPLOAD_MAX_MEMORY_SIZE` bytes, else on disk.
pub(crate) async fn read_multipart(
    content_type: &str,
    charset: Charset,
    settings: &CoreSettings,
    body: UnreadBody,
) -> Result<Form, FormError> {
    let mut parser = MultipartParser::new(content_type)?;
    let mut reader = Reader::new(charset, settings);
    let mut body = BodyStream::new(body);
    while let Some(frame) = body.next().await {
        let frame = frame.map_err(|error| BodyError::of(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        // A client may send any number of bytes at once: little by little they stay little.
        for piece in data.chunks(PIECE) {
            parser.push(piece);
            reader.take_all(&mut parser).await?;
        }
    }
    parser.close();
    reader.take_all(&mut parser).await?;
    Ok(reader.form)
}

const PIECE: usize = 65_536;

/// So many bytes of a file are written to disk at once.
const WRITTEN_AT_ONCE: usize = 131_072;

struct Reader<'a> {
    settings: &'a CoreSettings,
    storing: Arc<Storing>,
    charset: Charset,
    form: Form,
    part: Part,
    /// The file that was read last: it counts when something follows it. A body that breaks off in a file, with or without
    /// its length being right, brings no such file.
    finished: Option<(String, UploadedFile)>,
    /// Fields that were begun, and parts that are none.
    fields: usize,
    files: usize,
    /// What fields cost so far: their bytes, the characters of their names, and two for `&=`.
    field_bytes: usize,
    /// What files in memory have so far.
    file_bytes: usize,
}

/// The part that is being read.
enum Part {
    /// Nothing is kept of it.
    Dropped,
    Field {
        name: String,
        raw: Vec<u8>,
        is_base64: bool,
    },
    File(Box<FilePart>),
}

struct FilePart {
    field: String,
    name: String,
    content_type: (String, IndexMap<String, String>),
    base64: Option<FileBase64>,
    size: u64,
    memory: Vec<u8>,
    disk: Option<NamedTempFile>,
}

/// A file in base64: white space is nothing, and the rest must come in groups of four.
#[derive(Default)]
struct FileBase64 {
    reader: Base64Reader,
    characters: usize,
}

impl<'a> Reader<'a> {
    fn new(charset: Charset, settings: &'a CoreSettings) -> Self {
        Self {
            settings,
            storing: Arc::new(Storing::of(settings)),
            charset,
            form: Form::default(),
            part: Part::Dropped,
            finished: None,
            fields: 0,
            files: 0,
            field_bytes: 0,
            file_bytes: 0,
        }
    }

    async fn take_all(&mut self, parser: &mut MultipartParser) -> Result<(), FormError> {
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Part(head) => {
                    if let Some((field, file)) = self.finished.take() {
                        self.form.files.push(field, file);
                    }
                    self.part = self.begin(&head)?;
                }
                Event::Data(data) => self.data(&data).await?,
                Event::End => self.end().await?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: &PartHead) -> Result<Part, FormError> {
        let file_name = head.file_name();
        if file_name.is_none() {
            self.fields += 1;
            // Two more may be: what stands before the first boundary and after the last are parts as well.
            if let Some(limit) = self.settings.data_upload_max_number_fields
                && self.fields > limit.saturating_add(2)
            {
                return Err(TooManyFields { fields: self.fields, limit }.into());
            }
        }
        let Some(name) = head.name() else { return Ok(Part::Dropped) };
        let name = self.text(name.as_bytes());
        let Some(file_name) = file_name else {
            self.count(name.chars().count() + 2)?;
            return Ok(Part::Field { name, raw: Vec::new(), is_base64: head.is_base64 });
        };
        self.files += 1;
        if let Some(limit) = self.settings.data_upload_max_number_files
            && self.files > limit
        {
            return Err(FormError::TooManyFiles { limit });
        }
        let Some(file_name) = sanitized(&self.text(file_name.as_bytes())) else { return Ok(Part::Dropped) };
        let content_type = head.content_type.clone().unwrap_or_default();
        Ok(Part::File(Box::new(FilePart {
            field: name,
            name: shortened(file_name),
            content_type: (content_type.value, content_type.parameters),
            base64: head.is_base64.then(FileBase64::default),
            size: 0,
            memory: Vec::new(),
            disk: None,
        })))
    }

    async fn data(&mut self, data: &Bytes) -> Result<(), FormError> {
        match &mut self.part {
            Part::Dropped => Ok(()),
            Part::Field { raw, .. } => {
                raw.extend_from_slice(data);
                self.count(data.len())
            }
            Part::File(file) => {
                let before = file.memory.len();
                match &mut file.base64 {
                    None => file.memory.extend_from_slice(data),
                    Some(base64) => base64.read(data, &mut file.memory),
                }
                let more = file.memory.len() - before;
                file.size += more as u64;
                self.file_bytes += more;
                let spills =
                    file.disk.is_some() || self.file_bytes > self.settings.file_upload_max_memory_size;
                if spills && (file.disk.is_none() || file.memory.len() >= WRITTEN_AT_ONCE) {
                    self.file_bytes -= file.memory.len();
                    return spill(file, self.settings).await;
                }
                Ok(())
            }
        }
    }

    async fn end(&mut self) -> Result<(), FormError> {
        match std::mem::replace(&mut self.part, Part::Dropped) {
            Part::Dropped => {}
            Part::Field { name, raw, is_base64 } => {
                let decoded = if is_base64 { decoded(&raw) } else { None };
                let text = self.text(decoded.as_deref().unwrap_or(&raw));
                self.form.post.appendlist(name, text);
            }
            Part::File(mut file) => {
                if file.base64.as_ref().is_some_and(|base64| !base64.is_whole()) {
                    return Err(MultipartError::Base64(file.name).into());
                }
                let content = if file.disk.is_some() {
                    self.file_bytes -= file.memory.len();
                    spill(&mut file, self.settings).await?;
                    None
                } else {
                    Some(Content::Memory(std::mem::take(&mut file.memory).into()))
                };
                let content = content
                    .or_else(|| file.disk.take().map(|disk| Content::Disk(Arc::new(disk.into_temp_path()))));
                let content = content.unwrap_or_else(|| Content::Memory(Bytes::new()));
                let FilePart { field, name, content_type, size, .. } = *file;
                let file = UploadedFile::new(name, content_type, (size, content), &self.storing);
                self.finished = Some((field, file));
            }
        }
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), FormError> {
        self.field_bytes = self.field_bytes.saturating_add(more);
        match self.settings.data_upload_max_memory_size {
            Some(limit) if self.field_bytes > limit => Err(BodyError::TooBig { limit }.into()),
            _ => Ok(()),
        }
    }

    fn text(&self, bytes: &[u8]) -> String {
        self.charset.decode_lossy(bytes).into_owned()
    }
}

impl FileBase64 {
    fn read(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.characters += data.iter().filter(|byte| !is_python_space(**byte)).count();
        self.reader.read(data, out);
    }

    fn is_whole(&self) -> bool {
        self.characters.is_multiple_of(4) && self.reader.finish().is_ok()
    }
}

/// What `bytes.split` splits at.
const fn is_python_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// A field's base64, if it can be decoded: else the field is kept as it was sent.
fn decoded(raw: &[u8]) -> Option<Vec<u8>> {
    let (mut reader, mut out) = (Base64Reader::default(), Vec::with_capacity(raw.len() / 4 * 3));
    reader.read(raw, &mut out);
    reader.finish().ok().map(|()| out)
}

/// Moves what is in memory to the disk.
async fn spill(file: &mut FilePart, settings: &CoreSettings) -> Result<(), FormError> {
    let folder = settings.file_upload_temp_dir.clone().unwrap_or_else(std::env::temp_dir);
    let (disk, memory) = (file.disk.take(), std::mem::take(&mut file.memory));
    let extension = split_extension(&file.name).1.to_owned();
    let into = folder.clone();
    let written = tokio::task::spawn_blocking(move || {
        let mut disk = match disk {
            Some(disk) => disk,
            None => {
                // The extension is the client's, but short and of plain characters, or it is left out.
                let plain =
                    extension.len() <= 16 && extension.bytes().skip(1).all(|b| b.is_ascii_alphanumeric());
                let suffix = if plain { format!(".upload{extension}") } else { ".upload".to_owned() };
                tempfile::Builder::new().prefix("nuages-").suffix(&suffix).tempfile_in(into)?
            }
        };
        disk.write_all(&memory)?;
        Ok(disk)
    });
    let written = written.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    file.disk =
        Some(written.map_err(|source| FormError::TemporaryFile { folder, source: Arc::new(source) })?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::file_response::FileResponse;
    use crate::http::header_parameters::HeaderParameters;
    use crate::http::vectors;

    fn settings() -> CoreSettings {
        CoreSettings::default()
    }

    async fn read(settings: &CoreSettings, content_type: &str, body: Vec<u8>) -> Result<Form, FormError> {
        let body = UnreadBody::new(Full::new(Bytes::from(body)).map_err(|never| match never {}));
        let header = HeaderParameters::parse(content_type).unwrap_or_default();
        // As a request decides.
        if header.value != "multipart/form-data" {
            return Ok(Form::default());
        }
        let charset = header.parameters.get("charset").and_then(|name| Charset::lookup(name));
        read_multipart(content_type, charset.unwrap_or_default(), settings, body).await
    }

    async fn shown(form: &Form) -> Value {
        let post: Vec<Value> = form.post.lists().map(|(name, values)| json!([name, values])).collect();
        let mut files = Vec::new();
        for (name, list) in form.files.lists() {
            let mut described = Vec::new();
            for file in list {
                let bytes: String = file.read().await.unwrap().iter().copied().map(char::from).collect();
                described.push(json!({
                    "name": file.name(),
                    "size": file.size(),
                    "content_type": file.content_type(),
                    "charset": file.charset().map(|text| text.bytes().map(char::from).collect::<String>()),
                    "bytes": bytes,
                }));
            }
            files.push(json!([name, described]));
        }
        json!({"POST": post, "FILES": files})
    }

    #[tokio::test]
    async fn forms_are_read_as_django_reads_them() {
        let mut spilled = settings();
        spilled.file_upload_max_memory_size = 0;
        for settings in [settings(), spilled] {
            for case in vectors::load("multipart") {
                let content_type: String =
                    vectors::bytes(&case["content_type_bytes"]).iter().copied().map(char::from).collect();
                let form = read(&settings, &content_type, vectors::bytes(&case["bytes"])).await;
                match form {
                    Ok(form) => {
                        let expected = json!({"POST": case["POST"], "FILES": case["FILES"]});
                        assert_eq!(shown(&form).await, expected, "{case}");
                    }
                    Err(error) => assert!(case["error"].is_string(), "{error:?}: {case}"),
                }
            }
        }
    }

    fn body(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut out = String::new();
        for (disposition, content) in parts {
            out.push_str(&format!(
                "--B\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n"
            ));
        }
        out.push_str("--B--\r\n");
        out.into_bytes()
    }

    const TYPE: &str = "multipart/form-data; boundary=B";

    #[tokio::test]
    async fn fields_and_files_are_limited() {
        let mut limits = settings();
        limits.data_upload_max_memory_size = Some(10);
        limits.data_upload_max_number_fields = Some(2);
        limits.data_upload_max_number_files = Some(1);
        let check = async |parts: &[(&str, &str)], fits: bool| {
            let outcome = read(&limits, TYPE, body(parts)).await;
            assert_eq!(outcome.is_ok(), fits, "{parts:?}: {outcome:?}");
        };
        check(&[("name=a", "1234567")], true).await;
        check(&[("name=a", "12345678")], false).await;
        check(&[("name=a", "1"), ("name=b", "1")], true).await;
        // The preamble and what follows the last boundary are counted too, so one more may be.
        check(&[("name=a", ""), ("name=b", ""), ("name=c", "")], false).await;
        check(&[("name=f; filename=x", &"z".repeat(1000))], true).await;
        check(&[("name=f; filename=x", ""), ("name=g; filename=..", "")], false).await;
    }

    #[tokio::test]
    async fn large_files_lie_on_disk_and_go_with_the_form() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.file_upload_max_memory_size = 100;
        settings.file_upload_temp_dir = Some(folder.path().to_owned());
        let (small, large) = ("s".repeat(50), "l".repeat(500_000));
        let parts = [("name=s; filename=s.txt", small.as_str()), ("name=l; filename=l.png", large.as_str())];
        let form = read(&settings, TYPE, body(&parts)).await.unwrap();
        let (small, file) = (form.files.get("s").unwrap(), form.files.get("l").unwrap());
        assert!(small.temporary_file_path().is_none());
        let path = file.temporary_file_path().unwrap();
        assert!(
            path.starts_with(folder.path()) && path.to_str().unwrap().ends_with(".upload.png"),
            "{path:?}"
        );
        assert_eq!((file.size(), file.read().await.unwrap()), (500_000, Bytes::from(large.clone())));
        let mut chunks = std::pin::pin!(file.chunks());
        let mut size = 0;
        while let Some(chunk) = chunks.next().await {
            size += chunk.unwrap().len();
        }
        assert_eq!(size, 500_000);
        let saved = folder.path().join("saved");
        assert_eq!(file.save_in(&saved).await.unwrap(), saved.join("l.png"));
        let second = file.save_in(&saved).await.unwrap();
        assert!(second != saved.join("l.png") && second.to_str().unwrap().ends_with(".png"), "{second:?}");
        assert_eq!(
            file.save(saved.join("l.png")).await.unwrap_err().kind(),
            std::io::ErrorKind::AlreadyExists
        );
        let names: Vec<&str> = form.files.keys().collect();
        assert_eq!((names, form.files.items().count()), (vec!["s", "l"], 2));
        // A response of a file outlives the form.
        let responses = [
            FileResponse::uploaded(small).await.unwrap(),
            FileResponse::uploaded(file).await.unwrap(),
            FileResponse::of_file("x.png", std::fs::File::open(path).unwrap()).await.unwrap(),
        ];
        let gone = path.to_owned();
        drop(form);
        for (response, (kind, size)) in
            responses.into_iter().zip([("text/plain", 50), ("image/png", 500_000), ("image/png", 500_000)])
        {
            let response = response.into_response().await.unwrap();
            assert_eq!(response.header("content-type"), Some(kind));
            let body = response.into_http().into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), size);
        }
        assert!(!gone.exists());
        settings.file_upload_temp_dir = Some(folder.path().join("missing"));
        let full = read(&settings, TYPE, body(&parts)).await;
        assert!(matches!(full, Err(FormError::TemporaryFile { .. })), "{full:?}");
    }

    /// The permission bits.
    #[cfg(unix)]
    fn mode(path: &std::path::Path) -> u32 {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn files_are_kept_as_the_settings_say() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.media_root = folder.path().join("media");
        settings.file_upload_permissions = Some(0o600);
        settings.file_upload_directory_permissions = Some(0o2771);
        let long = format!("name=f; filename=\"{}.png\"", "日".repeat(251));
        let form = read(&settings, TYPE, body(&[(&long, "x")])).await.unwrap();
        let file = form.files.get("f").unwrap();
        assert_eq!(file.name().chars().count(), 255);
        // A name of 255 characters may have more bytes than a file system takes.
        let first = file.save_in("photos/2026").await.unwrap();
        let second = file.save_in("photos/2026").await.unwrap();
        let photos = folder.path().join("media/photos");
        for path in [&first, &second] {
            assert_eq!(path.parent(), Some(&*photos.join("2026")));
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(name.len() <= 255 && name.len() > 250 && name.ends_with(".png"), "{name}");
            assert_eq!(mode(path), 0o600);
        }
        assert_ne!(first, second);
        for made in [&settings.media_root, &photos, &photos.join("2026")] {
            assert_eq!(mode(made), 0o2771, "{made:?}");
        }
        // All of a path is all of a path, and nothing leads out.
        let elsewhere = folder.path().join("elsewhere");
        assert_eq!(file.save_in(&elsewhere).await.unwrap().parent(), Some(&*elsewhere));
        for out in ["../out", "photos/../../out", ".."] {
            let error = file.save_in(out).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{out}");
        }
        assert!(!folder.path().join("out").exists());
    }

    proptest! {
        #[test]
        fn no_form_panics(disposition in "[ -~é]{0,60}", content in any::<String>(), head in "[ -~\r\n]{0,80}") {
            let text = format!("--B\r\nContent-Disposition: {disposition}\r\n{head}\r\n\r\n{content}\r\n--B--");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let _ = runtime.block_on(read(&settings(), TYPE, text.into_bytes()));
        }
    }
}
