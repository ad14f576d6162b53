//! The bytes of a pickle, read from front to back.

use crate::serialize::pickle::fault::DecodeError;

pub(super) struct Cursor<'a> {
    data: &'a [u8],
    /// Of the byte to be read next.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Where the byte to be read next is.
    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    /// So many bytes. A length is compared with what is there before anything is made of it.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let rest = &self.data[self.at..];
        let (taken, _) = rest.split_at_checked(length).ok_or(DecodeError::Truncated { offset: self.at })?;
        self.at += length;
        Ok(taken)
    }

    /// Whether so many bytes are left.
    pub(super) fn has(&self, length: u64) -> bool {
        usize::try_from(length).is_ok_and(|length| length <= self.data.len() - self.at)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let truncated = DecodeError::Truncated { offset: self.at };
        self.take(N)?.try_into().map_err(|_| truncated)
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    /// The bytes that follow a length of one byte.
    pub(super) fn counted8(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.byte()?;
        self.take(length.into())
    }

    /// The bytes that follow a length of four bytes.
    pub(super) fn counted32(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = u32::from_le_bytes(self.array()?);
        self.counted(length.into())
    }

    /// The bytes that follow a length of eight bytes.
    pub(super) fn counted64(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = u64::from_le_bytes(self.array()?);
        self.counted(length)
    }

    fn counted(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(length).map_err(|_| DecodeError::Truncated { offset: self.at })?;
        self.take(length)
    }

    /// The rest of the line, without its end.
    pub(super) fn line(&mut self) -> Result<&'a [u8], DecodeError> {
        let rest = &self.data[self.at..];
        let end = memchr::memchr(b'\n', rest).ok_or(DecodeError::Truncated { offset: self.at })?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    /// The rest of the line, which must be UTF-8.
    pub(super) fn text_line(&mut self, expected: &'static str) -> Result<&'a str, DecodeError> {
        let offset = self.at;
        std::str::from_utf8(self.line()?).map_err(|_| DecodeError::Argument { expected, offset })
    }
}
