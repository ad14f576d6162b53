//! `multipart/form-data` bodies (RFC 7578), cut into parts as Django 5.2 `http/multipartparser.py` cuts them.
//!
//! The parser is fed bytes and gives events; it does no I/O, holds little more than a boundary and a part's head, and gives
//! the same events however the bytes are cut into pieces.

pub(crate) mod base64;
pub(crate) mod part;

use bytes::{Bytes, BytesMut};
use memchr::memmem::{Finder, find};

use crate::http::header_parameters::HeaderParameters;
use crate::http::multipart::part::PartHead;

/// A part's head ends within so many bytes, or the body is refused.
const MAX_HEAD: usize = 1024;

const HEAD_END: &[u8] = b"\r\n\r\n";

/// Why a multipart body is refused: 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MultipartError {
    /// The `Content-Type` does not begin with `multipart/`, in lower case, or is not ASCII.
    #[error("{0:?} is no Content-Type of a multipart body")]
    ContentType(String),
    /// The boundary is missing, or has other than 1 to 201 printable ASCII characters, or ends in a space.
    #[error("{0:?} cannot be the boundary of a multipart body")]
    Boundary(String),
    /// A part's head does not end within 1024 bytes.
    #[error("the head of a part is over {MAX_HEAD} bytes")]
    HeadTooLarge,
    /// A file's base64 is broken or cut off.
    #[error("the base64 of file {0:?} cannot be decoded")]
    Base64(String),
}

/// What the parser finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A part begins. One without a head is a part as well: the preamble, for instance.
    Part(PartHead),
    /// Some of its content.
    Data(Bytes),
    /// It is over.
    End,
}

/// Cuts a body into parts.
pub(crate) struct MultipartParser {
    /// `--` and the boundary. It counts wherever it stands, and whatever follows it (Django asks no more).
    separator: Finder<'static>,
    buffer: BytesMut,
    /// The bytes of the buffer in which no separator begins.
    searched: usize,
    state: State,
    /// All bytes were fed.
    closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a part, if another byte comes.
    Between,
    Head,
    Content,
}

impl MultipartParser {
    /// A parser for a body of that `Content-Type`, as it was sent.
    pub(crate) fn new(content_type: &str) -> Result<Self, MultipartError> {
        if !content_type.starts_with("multipart/") || !content_type.is_ascii() {
            return Err(MultipartError::ContentType(content_type.to_owned()));
        }
        let mut parameters =
            HeaderParameters::parse(content_type).map(|header| header.parameters).unwrap_or_default();
        let boundary = parameters.swap_remove("boundary").unwrap_or_default();
        let fits = (1..=201).contains(&boundary.len())
            && boundary.bytes().all(|byte| matches!(byte, b' '..=b'~'))
            && !boundary.ends_with(' ');
        if !fits {
            return Err(MultipartError::Boundary(boundary));
        }
        let separator = Finder::new(format!("--{boundary}").as_bytes()).into_owned();
        Ok(Self { separator, buffer: BytesMut::new(), searched: 0, state: State::Between, closed: false })
    }

    /// More of the body.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// There is no more: a part that has no end ends here.
    pub(crate) const fn close(&mut self) {
        self.closed = true;
    }

    /// The next event; `None` until more bytes come, and after the last.
    pub(crate) fn next_event(&mut self) -> Result<Option<Event>, MultipartError> {
        loop {
            match self.state {
                State::Between if self.buffer.is_empty() => return Ok(None),
                State::Between => self.state = State::Head,
                State::Head => return self.head(),
                State::Content => return Ok(self.content()),
            }
        }
    }

    fn head(&mut self) -> Result<Option<Event>, MultipartError> {
        let separator = self.find_separator();
        let length = match separator {
            Some(at) => trimmed(&self.buffer[..at]),
            None if self.closed => self.buffer.len(),
            // Bytes that no separator and no line end before it can claim.
            None => self.buffer.len().saturating_sub(self.overlap()),
        };
        let is_whole = separator.is_some() || self.closed;
        if !is_whole && length < MAX_HEAD {
            return Ok(None);
        }
        let start = &self.buffer[..length.min(MAX_HEAD)];
        let head = match find(start, HEAD_END) {
            Some(end) => {
                let head = PartHead::parse(&start[..end]);
                self.consume(end + HEAD_END.len());
                head
            }
            None if length >= MAX_HEAD => return Err(MultipartError::HeadTooLarge),
            None => PartHead::default(),
        };
        self.state = State::Content;
        Ok(Some(Event::Part(head)))
    }

    fn content(&mut self) -> Option<Event> {
        match self.find_separator() {
            Some(at) => {
                let length = trimmed(&self.buffer[..at]);
                if length > 0 {
                    // The rest, with the separator, is left for the next call.
                    return Some(Event::Data(self.consume(length)));
                }
                self.consume(at + self.separator.needle().len());
                self.state = State::Between;
                Some(Event::End)
            }
            None => {
                let length = if self.closed {
                    self.buffer.len()
                } else {
                    self.buffer.len().saturating_sub(self.overlap())
                };
                if length > 0 {
                    return Some(Event::Data(self.consume(length)));
                }
                self.closed.then(|| {
                    self.state = State::Between;
                    Event::End
                })
            }
        }
    }

    /// So many bytes at the end may belong to a separator that is not whole yet, with the line end before it.
    fn overlap(&self) -> usize {
        self.separator.needle().len() + 1
    }

    fn find_separator(&mut self) -> Option<usize> {
        let from = self.searched.min(self.buffer.len());
        let found = self.separator.find(&self.buffer[from..]).map(|at| from + at);
        self.searched =
            found.unwrap_or_else(|| (self.buffer.len() + 1).saturating_sub(self.separator.needle().len()));
        found
    }

    fn consume(&mut self, length: usize) -> Bytes {
        self.searched = self.searched.saturating_sub(length);
        self.buffer.split_to(length).freeze()
    }
}

/// The length without one line feed and one carriage return at the end, each of which may be missing.
fn trimmed(content: &[u8]) -> usize {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    content.strip_suffix(b"\r").unwrap_or(content).len()
}

#[cfg(test)]
mod tests;
