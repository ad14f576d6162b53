//! Memcached's text protocol (memcached 1.6 `doc/protocol.txt`): the few commands that a cache needs.

use std::io::{self, ErrorKind};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::packed::Packed;

/// No line of an answer is longer: a key of 250 bytes and some numbers.
const LONGEST_LINE: u64 = 2048;

/// No value is longer than what `memcached -I` allows at most.
const LARGEST_VALUE: usize = 1 << 30;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp {
        host: String,
        port: u16,
    },
    #[cfg(unix)]
    Unix(String),
}

impl Address {
    /// As pymemcache reads a server: `host`, `host:port`, `[v6]:port`, `unix:/path`, `/path`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix:").or_else(|| text.starts_with('/').then_some(text)) {
            return (!path.is_empty()).then(|| Self::Unix(path.to_owned()));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (host, port.parse().ok()?),
            _ => (text, 11_211),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty() && !host.contains('/')).then(|| Self::Tcp { host: host.to_owned(), port })
    }

    /// pymemcache's name for it, which decides on its keys.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp { host, port } => format!("{host}:{port}"),
            #[cfg(unix)]
            Self::Unix(path) => path.clone(),
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A connection to a server. After an error, or a call that was dropped midway, it must not be used again.
pub(super) struct Connection {
    stream: BufStream<Box<dyn Stream>>,
}

/// What was found under a key.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: Bytes,
    pub(super) packed: Packed,
    /// Which of the values that ever were under the key it is.
    pub(super) unique: u64,
}

/// What a server says to a command that stores, deletes or touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// `STORED`, `DELETED`, `TOUCHED`, `OK`
    Done,
    /// `NOT_STORED`
    NotStored,
    /// `EXISTS`: another value than the one that was meant.
    Exists,
    /// `NOT_FOUND`
    NotFound,
}

/// What a server says to `incr` and `decr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    Is(u64),
    NotFound,
    NotANumber,
}

impl Connection {
    pub(super) async fn open(address: &Address) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            #[cfg(unix)]
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        };
        Ok(Self { stream: BufStream::new(stream) })
    }

    /// Whether an idle connection still lives: a server that went away has ended it, which shows without waiting.
    pub(super) fn is_open(&mut self) -> bool {
        self.stream.fill_buf().now_or_never().is_none()
    }

    pub(super) async fn get(&mut self, keys: &[&str]) -> io::Result<Vec<Found>> {
        self.stream.write_all(b"gets").await?;
        for key in keys {
            self.stream.write_all(b" ").await?;
            self.stream.write_all(key.as_bytes()).await?;
        }
        self.send(b"\r\n").await?;
        let mut found = Vec::new();
        loop {
            let line = self.line().await?;
            if &*line == b"END" {
                return Ok(found);
            }
            let (key, flags, length, unique) = value_line(&line).ok_or_else(|| complaint(&line))?;
            let mut data = BytesMut::zeroed(length + 2);
            self.stream.read_exact(&mut data).await?;
            if data.split_off(length) != b"\r\n"[..] {
                return Err(io::Error::new(ErrorKind::InvalidData, "a value without its end"));
            }
            let packed = Packed { flags, data: data.freeze() };
            found.push(Found { key: Bytes::copy_from_slice(key), packed, unique });
        }
    }

    /// `set`, `add`, `replace`; with `unique` `cas`.
    pub(super) async fn store(
        &mut self,
        command: &str,
        key: &str,
        packed: &Packed,
        expires: i64,
        unique: Option<u64>,
    ) -> io::Result<Answer> {
        let unique = unique.map_or_else(String::new, |unique| format!(" {unique}"));
        let head = format!("{command} {key} {} {expires} {}{unique}\r\n", packed.flags, packed.data.len());
        self.stream.write_all(head.as_bytes()).await?;
        self.stream.write_all(&packed.data).await?;
        self.send(b"\r\n").await?;
        self.answer().await
    }

    /// A command of one line: `delete`, `touch`, `flush_all`.
    pub(super) async fn command(&mut self, line: &str) -> io::Result<Answer> {
        self.stream.write_all(line.as_bytes()).await?;
        self.send(b"\r\n").await?;
        self.answer().await
    }

    /// `incr`, `decr`.
    pub(super) async fn count(&mut self, command: &str, key: &str, by: u64) -> io::Result<Sum> {
        self.send(format!("{command} {key} {by}\r\n").as_bytes()).await?;
        let line = self.line().await?;
        let number = std::str::from_utf8(&line).ok().and_then(|line| line.trim().parse().ok());
        match (&*line, number) {
            (_, Some(number)) => Ok(Sum::Is(number)),
            (b"NOT_FOUND", _) => Ok(Sum::NotFound),
            (line, _) if line.starts_with(b"CLIENT_ERROR") => Ok(Sum::NotANumber),
            (line, _) => Err(complaint(line)),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let line = self.line().await?;
        match &*line {
            b"STORED" | b"DELETED" | b"TOUCHED" | b"OK" => Ok(Answer::Done),
            b"NOT_STORED" => Ok(Answer::NotStored),
            b"EXISTS" => Ok(Answer::Exists),
            b"NOT_FOUND" => Ok(Answer::NotFound),
            line => Err(complaint(line)),
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::with_capacity(64);
        (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        match line.strip_suffix(b"\r\n") {
            Some(text) => Ok(text.to_vec()),
            None if line.is_empty() => Err(ErrorKind::UnexpectedEof.into()),
            None => Err(io::Error::new(ErrorKind::InvalidData, "an answer without its end")),
        }
    }
}

/// `VALUE <key> <flags> <bytes> <cas unique>`
fn value_line(line: &[u8]) -> Option<(&[u8], u32, usize, u64)> {
    let rest = line.strip_prefix(b"VALUE ")?;
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let (key, numbers) = rest.split_at(space);
    let mut numbers = std::str::from_utf8(numbers).ok()?.split_ascii_whitespace();
    let flags = numbers.next()?.parse().ok()?;
    let length = numbers.next()?.parse().ok().filter(|length| *length <= LARGEST_VALUE)?;
    let unique = numbers.next()?.parse().ok()?;
    Some((key, flags, length, unique))
}

/// `SERVER_ERROR object too large for cache`, and whatever else is no answer.
fn complaint(line: &[u8]) -> io::Error {
    io::Error::other(format!("the server said {:?}", String::from_utf8_lossy(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_pymemcache_reads_them() {
        for (text, name) in [
            ("localhost", Some("localhost:11211")),
            (" 127.0.0.1:11212 ", Some("127.0.0.1:11212")),
            ("[::1]:11213", Some("::1:11213")),
            ("[::1]", Some("::1:11211")),
            ("unix:/run/m.sock", Some("/run/m.sock")),
            ("/run/m.sock", Some("/run/m.sock")),
            ("", None),
            ("unix:", None),
            (":11211", None),
            ("host:port", None),
            ("host:99999", None),
            ("redis://host:6379/0", None),
        ] {
            assert_eq!(Address::parse(text).map(|address| address.name()).as_deref(), name, "{text}");
        }
    }

    /// A server that says that, whatever it is asked.
    async fn hears(answer: &'static [u8]) -> Connection {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            theirs.write_all(answer).await.unwrap();
            let _ = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
        });
        Connection { stream: BufStream::new(Box::new(ours)) }
    }

    #[tokio::test]
    async fn answers_are_understood_and_everything_else_is_an_error() {
        let found = hears(b"VALUE :1:k 16 4 9\r\nte\r\n\r\nEND\r\n").await.get(&[":1:k"]).await.unwrap();
        assert_eq!((&*found[0].key, found[0].packed.flags, found[0].unique), (&b":1:k"[..], 16, 9));
        assert_eq!(&*found[0].packed.data, b"te\r\n");
        for answer in [
            &b"SERVER_ERROR out of memory\r\n"[..],
            b"VALUE :1:k 16 4\r\ntext\r\nEND\r\n",
            b"VALUE :1:k 16 99999999999 9\r\ntext\r\nEND\r\n",
            b"VALUE :1:k x 4 9\r\ntext\r\nEND\r\n",
            b"VALUE :1:k 16 4 9\r\ntext..END\r\n",
            &[b'x'; 3000],
        ] {
            assert!(hears(answer).await.get(&[":1:k"]).await.is_err());
        }
        assert_eq!(hears(b"41\r\n").await.count("incr", "k", 1).await.unwrap(), Sum::Is(41));
        assert_eq!(hears(b"NOT_FOUND\r\n").await.count("incr", "k", 1).await.unwrap(), Sum::NotFound);
        assert_eq!(hears(b"CLIENT_ERROR no\r\n").await.count("incr", "k", 1).await.unwrap(), Sum::NotANumber);
        let error = hears(b"SERVER_ERROR object too large for cache\r\n").await.command("delete k").await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "the server said \"SERVER_ERROR object too large for cache\""
        );
    }
}
