//! Chinese, Japanese and Korean charsets of one to three bytes a character, as Python reads and writes them.
//!
//! The tables are encoding_rs', which are the browsers'. Python's are the bare standards: what browsers added to them is broken
//! there, a few characters are other ones, and of a broken character the first byte alone is replaced.

use std::ops::RangeInclusive;

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GBK, SHIFT_JIS};

/// What tells Python's charset from the browsers'.
#[derive(Debug)]
pub(super) struct EastAsian {
    table: &'static Encoding,
    /// Both bytes of a pair are at least this one.
    lowest: u8,
    /// Pairs that the standard does not have.
    added: &'static [RangeInclusive<u16>],
    /// A browser's character, and Python's at the same place.
    exchanged: &'static [(char, char)],
}

const JIS: &[(char, char)] = &[('～', '〜'), ('∥', '‖'), ('－', '−'), ('￠', '¢'), ('￡', '£'), ('￢', '¬')];

static RULES: [EastAsian; 5] = [
    EastAsian {
        table: SHIFT_JIS,
        lowest: 0,
        added: &[0x8700..=0x87ff, 0xed00..=0xeeff, 0xfa00..=0xfcff],
        exchanged: JIS,
    },
    EastAsian { table: EUC_JP, lowest: 0xa1, added: &[0xad00..=0xadff, 0xf900..=0xfcff], exchanged: JIS },
    EastAsian { table: EUC_KR, lowest: 0xa1, added: &[0xa4d4..=0xa4d4], exchanged: &[] },
    EastAsian {
        table: GBK,
        lowest: 0,
        added: &[
            0xa2e3..=0xa2e3,
            0xa3a0..=0xa3a0,
            0xa6d9..=0xa6df,
            0xa6ec..=0xa6ed,
            0xa6f3..=0xa6f3,
            0xa8bc..=0xa8bc,
            0xa8bf..=0xa8bf,
            0xa989..=0xa995,
            0xfe50..=0xfea0,
        ],
        exchanged: &[],
    },
    EastAsian { table: BIG5, lowest: 0, added: &[], exchanged: &[] },
];

/// GB 2312 is what GBK has in bytes above 0xA0, but for what came later.
pub(super) static GB2312: EastAsian = EastAsian {
    table: GBK,
    lowest: 0xa1,
    added: &[0xa2a1..=0xa2aa, 0xa2e3..=0xa2e3, 0xa6d9..=0xa6f5, 0xa8bb..=0xa8c0],
    exchanged: &[('·', '・'), ('—', '―')],
};

/// The three-byte characters of EUC-JP begin with this one.
const JIS_X_0212: u8 = 0x8f;

impl EastAsian {
    /// The rules for that encoding; `None` when it is no such charset.
    pub(super) fn of(encoding: &'static Encoding) -> Option<&'static Self> {
        RULES.iter().find(|rules| rules.table == encoding)
    }

    /// The text of those bytes: `None` when they are broken and there is no replacement.
    pub(super) fn decode(&self, bytes: &[u8], replacement: Option<char>) -> Option<String> {
        let mut text = String::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let length = self.length(first);
            let Some((sequence, after)) = rest.split_at_checked(length) else {
                // What the end cuts off is replaced as a whole.
                text.push(replacement?);
                break;
            };
            if let Some(decoded) = self.character(sequence) {
                text.push(decoded);
                rest = after;
            } else {
                text.push(replacement?);
                rest = &rest[1..];
            }
        }
        Some(text)
    }

    /// The bytes of that text; `None` when it has a character that this charset lacks.
    pub(super) fn encode(&self, text: &str) -> Option<Vec<u8>> {
        let browsers =
            |c| self.exchanged.iter().find(|(_, own)| *own == c).map_or(c, |(browsers, _)| *browsers);
        let exchanged: String = text.chars().map(browsers).collect();
        let (bytes, _, lacking) = self.table.encode(&exchanged);
        (!lacking && self.decode(&bytes, None).as_deref() == Some(text)).then(|| bytes.into_owned())
    }

    /// How many bytes a character has that begins with this one.
    fn length(&self, first: u8) -> usize {
        match first {
            0..0x80 => 1,
            JIS_X_0212 if self.table == EUC_JP => 3,
            0x80 | 0xa0..=0xdf | 0xfd.. if self.table == SHIFT_JIS => 1,
            _ => 2,
        }
    }

    fn character(&self, sequence: &[u8]) -> Option<char> {
        let decoded = self.table.decode_without_bom_handling_and_without_replacement(sequence)?;
        let mut characters = decoded.chars();
        let character = characters.next().filter(|_| characters.next().is_none())?;
        match *sequence {
            [first] => return (first != 0x80).then_some(character),
            // Half-width katakana.
            [0x8e, _] if self.table == EUC_JP => return Some(character),
            [JIS_X_0212, ..] if self.table == EUC_JP => {
                return Some(if character == '～' { '~' } else { character });
            }
            [first, second, ..] => {
                let pair = u16::from_be_bytes([first, second]);
                let is_private = matches!(character, '\u{e000}'..='\u{f8ff}');
                let is_added = self.added.iter().any(|pairs| pairs.contains(&pair));
                if first == 0x80 || first.min(second) < self.lowest || is_private || is_added {
                    return None;
                }
            }
            [] => return None,
        }
        let own = self.exchanged.iter().find(|(browsers, _)| *browsers == character);
        Some(own.map_or(character, |(_, own)| *own))
    }
}
