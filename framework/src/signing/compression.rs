//! zlib, as Python's `zlib.compress` and `zlib.decompress`, without paying for its memory each time.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// No data shorter than this is worth a `.`: the shortest zlib text for more than three bytes is 10 bytes (header 2,
/// block head 3 bits, a literal 8, a match 12, end 7, checksum 4 bytes), and it has to save two.
const SHORTEST: usize = 12;

/// Beyond this length nothing is known beforehand: looking would find a repetition, or room for a shorter text.
const KNOWABLE: usize = 32;

/// How many idle streams are kept: 270 KB for one that compresses, 10 to 45 KB for one that decompresses.
const IDLE: usize = 16;

/// Why bytes are no zlib text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZlibError {
    /// Not zlib's, or broken: Python's `zlib.error`.
    #[error("the bytes are not what zlib writes")]
    Broken,
    /// The end is missing: Python's `zlib.error`.
    #[error("the zlib data is incomplete")]
    Truncated,
    /// More comes out than is allowed: what Python would fill its memory with.
    #[error("the zlib data holds more than {limit} bytes")]
    TooBig {
        /// The most bytes allowed.
        limit: usize,
    },
}

/// Compressors and decompressors, each used by one caller at a time and kept for the next.
pub(super) struct Zlib {
    compressors: Mutex<Vec<Compress>>,
    decompressors: Mutex<Vec<Decompress>>,
}

impl Zlib {
    pub(super) const fn new() -> Self {
        Self { compressors: Mutex::new(Vec::new()), decompressors: Mutex::new(Vec::new()) }
    }

    /// The data as zlib text of the default level, if that is shorter by two bytes at least: one for the `.`.
    pub(super) fn compress_if_shorter(&self, data: &[u8]) -> Option<Vec<u8>> {
        if data.len() < SHORTEST || cannot_shrink(data) {
            return None;
        }
        let mut stream =
            take(&self.compressors).unwrap_or_else(|| Compress::new(Compression::default(), true));
        // What does not fit is not shorter.
        let mut compressed = Vec::with_capacity(data.len() - 2);
        let outcome = stream.compress_vec(data, &mut compressed, FlushCompress::Finish);
        stream.reset();
        give_back(&self.compressors, stream);
        matches!(outcome, Ok(Status::StreamEnd)).then_some(compressed)
    }

    /// The data of a zlib text, at most so many bytes of it. What follows the text is ignored, as Python does.
    pub(super) fn decompress(&self, text: &[u8], limit: usize) -> Result<Vec<u8>, ZlibError> {
        let mut stream = take(&self.decompressors).unwrap_or_else(|| Decompress::new(true));
        let outcome = inflate(&mut stream, text, limit);
        stream.reset(true);
        give_back(&self.decompressors, stream);
        outcome
    }
}

/// Whether no zlib text of short data saves two bytes, as far as that is known without trying. Trying costs more than all the
/// rest of signing: a stream clears 64 KiB before each use, and a small session is seldom shorter compressed.
///
/// Where no three bytes come twice, all that a block can hold is literals (RFC 1951 section 3.2.5: a match is three bytes at
/// least), and zlib writes so little as one block. Stored or with the fixed code, those take as many bits as they are. With a
/// code of its own, a block has a head of 29 bits at least (section 3.2.7), the lengths of its code not counted, and the
/// literals and the end of the block take no less than their entropy, as with every prefix code.
fn cannot_shrink(data: &[u8]) -> bool {
    if data.len() > KNOWABLE {
        return false;
    }
    let mut rest = data;
    while let [_, tail @ ..] = rest {
        if let Some(three) = rest.first_chunk::<3>()
            && tail.windows(3).any(|later| later == three)
        {
            return false;
        }
        rest = tail;
    }
    let mut counts = [0_u8; 256];
    for byte in data {
        counts[usize::from(*byte)] += 1;
    }
    let weight = |count: f64| count * count.log2();
    // The end of the block is one symbol more.
    let symbols = u8::try_from(data.len() + 1).map_or(0.0, f64::from);
    let repeated: f64 =
        counts.iter().filter(|count| **count > 1).map(|count| weight(f64::from(*count))).sum();
    // What rounding might add to the entropy is less than the hundredth of a bit.
    let bits = 29.0 + weight(symbols) - repeated - 0.01;
    let wrapping = 6.0;
    wrapping + (bits / 8.0).ceil() >= symbols - 2.0
}

fn inflate(stream: &mut Decompress, text: &[u8], limit: usize) -> Result<Vec<u8>, ZlibError> {
    let mut data =
        Vec::with_capacity(text.len().saturating_mul(4).clamp(64, 65_536).min(limit.saturating_add(1)));
    loop {
        let (read, written) = (stream.total_in(), data.len());
        let rest = usize::try_from(read).ok().and_then(|read| text.get(read..)).unwrap_or_default();
        let status =
            stream.decompress_vec(rest, &mut data, FlushDecompress::None).map_err(|_| ZlibError::Broken)?;
        if data.len() > limit {
            return Err(ZlibError::TooBig { limit });
        }
        if status == Status::StreamEnd {
            return Ok(data);
        }
        if data.len() == data.capacity() {
            // One byte beyond the limit, to see whether there is more.
            let room = data.len().max(64).min(limit.saturating_add(1) - data.len());
            data.reserve_exact(room);
        } else if stream.total_in() == read && data.len() == written {
            return Err(ZlibError::Truncated);
        }
    }
}

fn take<T>(idle: &Mutex<Vec<T>>) -> Option<T> {
    // A panic elsewhere leaves the list whole: it is only pushed to and popped from.
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give_back<T>(idle: &Mutex<Vec<T>>, stream: T) {
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.len() < IDLE {
        idle.push(stream);
    }
}

impl fmt::Debug for Zlib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zlib")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_pythons_zlib() {
        let zlib = Zlib::new();
        let data = "{\"a\":\"".to_owned() + &"b".repeat(50) + "\"}";
        for _ in 0..3 {
            let text = zlib.compress_if_shorter(data.as_bytes()).unwrap();
            // zlib.compress(data).hex() of Python 3.11.
            let expected = b"\x78\x9c\xab\x56\x4a\x54\xb2\x52\x4a\x22\x19\x28\xd5\x02\x00\x62\xb3\x15\x40";
            assert_eq!(text, expected);
            assert_eq!(zlib.decompress(&text, 1 << 20).unwrap(), data.as_bytes());
        }
    }

    #[test]
    fn only_when_shorter() {
        let zlib = Zlib::new();
        assert_eq!(zlib.compress_if_shorter(b""), None);
        assert_eq!(zlib.compress_if_shorter(&[b'a'; 12]), None);
        assert_eq!(zlib.compress_if_shorter(&[b'a'; 13]).map(|text| text.len()), Some(11));
        assert_eq!(zlib.compress_if_shorter(b"{\"name\":\"Sonam\",\"x\":1}"), None);
        // The shortest texts of all.
        for length in 0..SHORTEST {
            let mut whole = Vec::with_capacity(64);
            let mut stream = Compress::new(Compression::best(), true);
            stream.compress_vec(&vec![0; length], &mut whole, FlushCompress::Finish).unwrap();
            assert!(whole.len() + 1 >= length, "{length} bytes become {}", whole.len());
        }
    }

    #[test]
    fn a_bomb_is_an_error() {
        let zlib = Zlib::new();
        let text = zlib.compress_if_shorter(&vec![0; 1 << 20]).unwrap();
        assert!(text.len() < 2000);
        for limit in [0, 1, 100, 65_536, (1 << 20) - 1] {
            assert_eq!(zlib.decompress(&text, limit), Err(ZlibError::TooBig { limit }));
        }
        assert_eq!(zlib.decompress(&text, 1 << 20).unwrap().len(), 1 << 20);
        // A stream that failed is as good as new.
        assert_eq!(zlib.decompress(&text, usize::MAX).unwrap().len(), 1 << 20);
    }

    #[test]
    fn broken_texts() {
        let zlib = Zlib::new();
        let text = zlib.compress_if_shorter(&[b'x'; 300]).unwrap();
        assert_eq!(zlib.decompress(b"", 10), Err(ZlibError::Truncated));
        assert_eq!(zlib.decompress(b"hello", 10), Err(ZlibError::Broken));
        for end in 1..text.len() {
            assert_eq!(zlib.decompress(&text[..end], 1000), Err(ZlibError::Truncated), "{end}");
        }
        let mut changed = text.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(zlib.decompress(&changed, 1000), Err(ZlibError::Broken));
        // A preset dictionary is asked for.
        assert_eq!(zlib.decompress(b"\x78\xbb\x00\x00\x00\x01\x00", 10), Err(ZlibError::Broken));
        let trailing = [text.as_slice(), b"more"].concat();
        assert_eq!(zlib.decompress(&trailing, 1000).unwrap().len(), 300);
    }

    /// Whether a zlib text of the default level saves two bytes, found by trying.
    fn shrinks(data: &[u8]) -> bool {
        let mut whole = Vec::with_capacity(data.len() + 64);
        let mut stream = Compress::new(Compression::default(), true);
        stream.compress_vec(data, &mut whole, FlushCompress::Finish).unwrap();
        whole.len() + 2 <= data.len()
    }

    #[test]
    fn a_small_session_is_known_not_to_shrink() {
        for data in ["{\"visits\":1}", "{\"visits\":1234567}", "{\"name\":\"Tashi\"}"] {
            assert!(cannot_shrink(data.as_bytes()) && !shrinks(data.as_bytes()), "{data}");
        }
        for data in [&[b'a'; 13][..], &[b'a'; KNOWABLE], b"{\"abcabcabcabcabcabc\":1}", &[b'a'; KNOWABLE + 1]]
        {
            assert!(!cannot_shrink(data) && shrinks(data), "{data:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_known_not_to_shrink_does_not(
            data in (1_u8..=255).prop_flat_map(|top| proptest::collection::vec(0..=top, 0..=KNOWABLE))
        ) {
            prop_assert!(!(cannot_shrink(&data) && shrinks(&data)), "{:?}", data);
        }

        #[test]
        fn round_trip(data in proptest::collection::vec(0_u8..4, 0..2000)) {
            let zlib = Zlib::new();
            if let Some(text) = zlib.compress_if_shorter(&data) {
                prop_assert!(text.len() + 1 < data.len());
                prop_assert_eq!(zlib.decompress(&text, data.len()).unwrap(), data);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            let text = [b"\x78\x9c".as_slice(), &text].concat();
            prop_assert!(Zlib::new().decompress(&text, 5000).map_or(true, |data| data.len() <= 5000));
        }
    }
}
