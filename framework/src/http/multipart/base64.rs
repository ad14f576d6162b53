//! Base64 as Python's `binascii.a2b_base64` reads it, outside its strict mode, piece by piece.

/// Reads base64: characters outside the alphabet are skipped, and what follows the padding is not read any more.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base64Reader {
    /// How many characters of the present group of four came.
    filled: u8,
    /// The bits of them that are not written yet.
    left: u8,
    pads: u8,
    done: bool,
}

/// Base64 that ends in the middle of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incomplete;

impl Base64Reader {
    /// Appends what these characters stand for.
    pub(crate) fn read(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for &byte in text {
            if self.done {
                return;
            }
            if byte == b'=' {
                if self.filled >= 2 {
                    self.pads += 1;
                    self.done = self.filled + self.pads >= 4;
                }
                continue;
            }
            let Some(bits) = bits(byte) else { continue };
            self.pads = 0;
            match self.filled {
                0 => self.left = bits,
                1 => {
                    out.push(self.left << 2 | bits >> 4);
                    self.left = bits & 0x0f;
                }
                2 => {
                    out.push(self.left << 4 | bits >> 2);
                    self.left = bits & 0x03;
                }
                _ => out.push(self.left << 6 | bits),
            }
            self.filled = (self.filled + 1) % 4;
        }
    }

    /// Whether it ended where base64 may end.
    pub(crate) const fn finish(&self) -> Result<(), Incomplete> {
        if self.done || self.filled == 0 { Ok(()) } else { Err(Incomplete) }
    }
}

const fn bits(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python 3.11: `base64.b64decode(text)`; `None` is `binascii.Error`.
    #[test]
    fn it_reads_as_python_reads() {
        for (text, expected) in [
            ("", Some("")),
            ("aGVsbG8=", Some("hello")),
            ("aGVs\r\nbG8=", Some("hello")),
            ("aGVsbG8==", Some("hello")),
            ("aGVsbG8=aGVs", Some("hello")),
            ("YQ==YQ==", Some("a")),
            ("====", Some("")),
            ("!!!!", Some("")),
            ("YQ=", None),
            ("YQ", None),
            ("a", None),
            ("aGVsbG8", None),
        ] {
            let (mut reader, mut out) = (Base64Reader::default(), Vec::new());
            for byte in text.as_bytes() {
                reader.read(&[*byte], &mut out);
            }
            let outcome = reader.finish().ok().map(|()| String::from_utf8(out).unwrap());
            assert_eq!(outcome.as_deref(), expected, "{text}");
        }
    }
}
