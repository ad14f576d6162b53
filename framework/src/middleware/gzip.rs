//! `django.middleware.gzip.GZipMiddleware`: compressed answers for clients that take them.

use std::io::{self, Write as _};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue};

use crate::checks::CheckMessage;
use crate::error::{BoxError, Error, Result};
use crate::http::body::{Body, BodyStream};
use crate::http::header_text::header_text;
use crate::http::header_value::header_number;
use crate::http::request::HttpRequest;
use crate::http::response::HttpResponse;
use crate::http::vary::patch_vary_headers;
use crate::middleware::def::FromProject;
use crate::middleware::onion::{Middleware, Next};
use crate::project::Project;

/// Below this many bytes nothing is compressed.
const WORTH_IT: usize = 200;

/// The name of the file in the gzip header is a random number of letters below this one: so the length of an answer tells
/// less of what is in it (BREACH).
const MAX_RANDOM_BYTES: u8 = 100;

/// From so many bytes on another thread compresses, so that other requests do not wait.
const LONG: usize = 32 << 10;

/// The gzip middleware (Django 5.2 `middleware/gzip.py`).
///
/// Answers of 200 bytes and more are compressed for a client whose `Accept-Encoding` has the word `gzip`, unless the view has
/// set a `Content-Encoding`, it is a part of a file (206), or the result is no shorter; `Vary: Accept-Encoding` is added whoever
/// asks, a strong `ETag` becomes a weak one, and `Accept-Ranges` goes. The gzip header holds a file name of random length. Of a stream, each piece goes out as soon as it
/// is there.
#[derive(Debug, Clone, Copy, Default)]
pub struct GZipMiddleware;

impl FromProject for GZipMiddleware {
    fn from_project(_project: &Project) -> Result<Self, Vec<CheckMessage>> {
        Ok(Self)
    }
}

#[async_trait]
impl Middleware for GZipMiddleware {
    async fn handle(&self, request: HttpRequest, next: Next<'_>) -> Result<HttpResponse> {
        let accepted = accepts_gzip(request.headers());
        compress(next.run(request).await, accepted).await
    }
}

/// Whether the client's `Accept-Encoding` has the word. What `q` says does not count, and case does, as in Django.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let Some(line) = header_text(headers, "accept-encoding") else { return false };
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices("gzip")
        .any(|(at, word)| !line[..at].ends_with(is_letter) && !line[at + word.len()..].starts_with(is_letter))
}

/// Compresses the response if that is worth it and the client takes it.
///
/// # Errors
/// When the operating system gives no random bytes.
pub(crate) async fn compress(mut response: HttpResponse, accepted: bool) -> Result<HttpResponse> {
    if response.content().is_some_and(|content| content.len() < WORTH_IT)
        || response.headers.contains_key(CONTENT_ENCODING)
    {
        return Ok(response);
    }
    patch_vary_headers(&mut response.headers, &["Accept-Encoding"]);
    // The range counts the bytes of the file: packed, the part would fit nowhere (RFC 9110 section 14.4).
    if !accepted || response.headers.contains_key(CONTENT_RANGE) {
        return Ok(response);
    }
    match response.take_body() {
        Body::Stream(pieces) => {
            response.set_body(compress_stream(pieces)?);
            response.headers.remove(CONTENT_LENGTH);
        }
        Body::Bytes(content) => {
            let compressed = compress_bytes(content.clone()).await?;
            if compressed.len() >= content.len() {
                response.set_body(Body::Bytes(content));
                return Ok(response);
            }
            response.headers.insert(CONTENT_LENGTH, header_number(compressed.len() as u64));
            response.set_body(Body::Bytes(compressed.into()));
        }
    }
    if let Some(etag) = response.headers.get(ETAG)
        && etag.as_bytes().first() == Some(&b'"')
    {
        // Two characters more of what a header may hold.
        let weak = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat())?;
        response.headers.insert(ETAG, weak);
    }
    // The next packed file has other bytes: nobody can ask for a part of this one.
    response.headers.remove(ACCEPT_RANGES);
    response.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(response)
}

async fn compress_bytes(content: Bytes) -> Result<Vec<u8>> {
    let long = content.len() >= LONG;
    let mut encoder = encoder(content.len() / 2)?;
    let work = move || {
        encoder.write_all(&content)?;
        encoder.finish()
    };
    Ok(if long { tokio::task::spawn_blocking(work).await?? } else { work()? })
}

fn encoder(capacity: usize) -> Result<GzEncoder<Vec<u8>>> {
    let name = vec![b'a'; random_length()?.into()];
    Ok(GzBuilder::new().filename(name).write(Vec::with_capacity(capacity), Compression::new(6)))
}

/// 0 to 99, each as likely.
fn random_length() -> Result<u8> {
    let fair = u8::MAX - u8::MAX % MAX_RANDOM_BYTES;
    let mut byte = [0];
    loop {
        getrandom::fill(&mut byte).map_err(|error| Error::internal(format!("no random bytes: {error}")))?;
        if byte[0] < fair {
            return Ok(byte[0] % MAX_RANDOM_BYTES);
        }
    }
}

/// The pieces as one gzip file, each complete when it goes out.
fn compress_stream(pieces: BodyStream) -> Result<Body> {
    let state = Some((pieces.into_inner(), encoder(0)?));
    let compressed = stream::unfold(state, async |state| {
        let (mut pieces, encoder) = state?;
        let piece = match pieces.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => return Some((Err(error), None)),
            None => return Some((encoder.finish().map(Bytes::from).map_err(BoxError::from), None)),
        };
        match compress_piece(encoder, piece).await {
            Ok((compressed, encoder)) => Some((Ok(compressed), Some((pieces, encoder)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Body::stream(compressed))
}

async fn compress_piece(
    mut encoder: GzEncoder<Vec<u8>>,
    piece: Bytes,
) -> Result<(Bytes, GzEncoder<Vec<u8>>), BoxError> {
    let long = piece.len() >= LONG;
    let work = move || -> io::Result<_> {
        encoder.write_all(&piece)?;
        encoder.flush()?;
        Ok((std::mem::take(encoder.get_mut()).into(), encoder))
    };
    Ok(if long { tokio::task::spawn_blocking(work).await?? } else { work()? })
}

#[cfg(test)]
mod tests;
