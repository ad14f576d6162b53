//! A file, or a part of one, as a response's body: read piece by piece, never on a runtime thread.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream;
use tokio::task::spawn_blocking;

use crate::error::BoxError;
use crate::http::body::Body;

/// How much of a file is in memory at once, for one response.
const PIECE: usize = 128 * 1024;

/// Those bytes of the file as a body: as bytes if they are few, otherwise as a stream. A file that turns out shorter breaks
/// the connection off: the client was promised more.
///
/// The first piece is read at once, so this is called where blocking is allowed; what is small needs no second.
///
/// # Errors
/// When the file cannot be read.
pub fn file_body(file: File, range: Range<u64>) -> io::Result<Body> {
    let begun = Begun::new(file, &range)?;
    Ok(match begun.left {
        0 => Body::Bytes(begun.piece),
        _ => begun.stream(),
    })
}

/// Those bytes of the file as a stream, however few (Django's `FileResponse`, whose content no middleware looks into).
///
/// # Errors
/// As [`file_body`].
pub fn file_stream(file: File, range: Range<u64>) -> io::Result<Body> {
    Ok(Begun::new(file, &range)?.stream())
}

/// A file of which the first piece is read.
struct Begun {
    piece: Bytes,
    file: File,
    left: u64,
}

impl Begun {
    fn new(mut file: File, range: &Range<u64>) -> io::Result<Self> {
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start))?;
        }
        let mut left = range.end.saturating_sub(range.start);
        let piece = read_piece(&mut file, &mut left)?;
        Ok(Self { piece, file, left })
    }

    fn stream(self) -> Body {
        Body::stream(stream::unfold(Some(self), |state| async move {
            let Self { piece, mut file, mut left } = state?;
            if left == 0 {
                return Some((Ok(piece), None));
            }
            let next = spawn_blocking(move || {
                let piece = read_piece(&mut file, &mut left)?;
                io::Result::Ok(Self { piece, file, left })
            });
            match next.await {
                Ok(Ok(next)) => Some((Ok(piece), Some(next))),
                Ok(Err(error)) => Some((Err(BoxError::from(error)), None)),
                Err(error) => Some((Err(BoxError::from(error)), None)),
            }
        }))
    }
}

/// Reads as much as fits, and takes it off what is left.
fn read_piece(file: &mut File, left: &mut u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(PIECE);
    let mut piece = vec![0; wanted];
    file.read_exact(&mut piece)?;
    *left -= wanted as u64;
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::StreamExt;

    use super::*;

    async fn read(bytes: &[u8], range: Range<u64>) -> Result<Vec<u8>, BoxError> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::Start(0))?;
        match file_body(file, range)? {
            Body::Bytes(bytes) => Ok(bytes.to_vec()),
            Body::Stream(stream) => {
                let mut all = Vec::new();
                let mut stream = stream.into_inner();
                while let Some(piece) = stream.next().await {
                    all.extend_from_slice(&piece?);
                }
                Ok(all)
            }
        }
    }

    #[tokio::test]
    async fn parts_of_a_file() {
        let long: Vec<u8> = (0..PIECE * 2 + 7).map(|at| (at % 251) as u8).collect();
        let end = long.len() as u64;
        for range in [0..0, 0..1, 5..9, 0..end, 1..end, PIECE as u64..end, 0..PIECE as u64, end..end] {
            let (start, stop) = (range.start as usize, range.end as usize);
            assert_eq!(read(&long, range.clone()).await.unwrap(), long[start..stop], "{range:?}");
        }
        assert!(read(b"short", 0..6).await.is_err());
        assert!(read(&long, 0..end + 1).await.is_err());
    }
}
