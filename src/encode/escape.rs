//! How a character that is not copied is written: as serde_json writes it, or as the equivalent `\uXXXX`.
//!
//! In: a character's bytes. Out: its [`Escape`], a word that is written in one move.

use super::unprintable::{is_unprintable_2, is_unprintable_3, is_unprintable_4};
use super::window::{AHEAD, WINDOW};

/// The escape of a character: up to six bytes, the first in the lowest byte of the
/// word, and their number in the highest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Escape(u64);

impl Escape {
    /// The escape of an ASCII character that is not copied.
    #[inline(always)]
    pub(super) fn of_ascii(byte: u8) -> Escape {
        ESCAPES[usize::from(byte & 0x7f)]
    }

    /// The [`len`](Escape::len) bytes of the escape, and the rest, which the caller overwrites.
    #[inline(always)]
    pub(super) fn bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    #[inline(always)]
    pub(super) fn len(self) -> usize {
        (self.0 >> 56) as usize
    }
}

/// The escape of the non-ASCII character that begins at `at`, and how many bytes the character has;
/// `None` if it is printable. For a character of four bytes it is the first half of the surrogate pair.
#[inline(always)]
pub(super) fn unprintable(window: &[u8; AHEAD], at: usize) -> Option<(Escape, usize)> {
    let at = at % WINDOW;
    let (a, b, c, d) = (window[at], window[at + 1], window[at + 2], window[at + 3]);
    match a {
        0xe0..0xf0 if is_unprintable_3([a, b, c]) => {
            Some((unit(u32::from(a & 0xf) << 12 | low(b) << 6 | low(c)), 3))
        }
        0xf0.. if is_unprintable_4([a, b, c, d]) => {
            let code = u32::from(a & 7) << 18 | low(b) << 12 | low(c) << 6;
            Some((unit(0xd800 | code.wrapping_sub(0x1_0000) >> 10), 4))
        }
        ..0xe0 if is_unprintable_2([a, b]) => Some((unit(u32::from(a & 0x1f) << 6 | low(b)), 2)),
        _ => None,
    }
}

/// The second half of the surrogate pair.
#[inline(always)]
pub(super) fn second_half(window: &[u8; AHEAD], at: usize) -> Escape {
    let at = at % WINDOW;
    unit(0xdc00 | u32::from(window[at + 2] & 0xf) << 6 | low(window[at + 3]))
}

/// The bits that a continuation byte of UTF-8 carries.
#[inline(always)]
fn low(byte: u8) -> u32 {
    u32::from(byte & 0x3f)
}

/// The escape `\uXXXX`.
#[inline(always)]
const fn unit(unit: u32) -> Escape {
    let (high, low) = (HEX[(unit >> 8 & 0xff) as usize], HEX[(unit & 0xff) as usize]);
    Escape(6 << 56 | (low as u64) << 32 | (high as u64) << 16 | (b'u' as u64) << 8 | b'\\' as u64)
}

/// A byte's two hexadecimal digits, the first in the lower byte.
static HEX: [u16; 256] = hex();

const fn hex() -> [u16; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        hex[byte] = u16::from_le_bytes([DIGITS[byte >> 4], DIGITS[byte & 0xf]]);
        byte += 1;
    }
    hex
}

/// Indexed by ASCII character.
static ESCAPES: [Escape; 128] = escapes();

const fn escapes() -> [Escape; 128] {
    let mut escapes = [Escape(0); 128];
    let mut byte = 0;
    while byte < 128 {
        let short = match byte as u8 {
            b'"' | b'\\' => byte as u8,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x8 => b'b',
            0xc => b'f',
            _ => 0,
        };
        escapes[byte] = match short {
            0 => unit(byte as u32),
            _ => Escape(2 << 56 | (short as u64) << 8 | b'\\' as u64),
        };
        byte += 1;
    }
    escapes
}
