//! Text on one printable line: strings, most of which are plain and only copied, and ready-made JSON.

use super::contents::write_escaped;
use super::slot::{Slot, SlotFull};
use super::unprintable::is_unprintable;

pub(super) const EIGHT: usize = size_of::<u64>();
/// A longer text is checked block by block: if it is not plain, copying most of it would be wasted.
const LONG: usize = 64;
const BLOCK: usize = 32;
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Writes a JSON string: copied and checked in one pass, if it is [plain](is_plain).
#[inline]
pub(super) fn write_string(slot: &mut Slot<'_>, text: &str) -> Result<(), SlotFull> {
    slot.admit(text.len())?;
    // Escapes only make it longer, so text that does not fit now will not fit with them.
    let room = slot.reserve(text.len() + 2)?;
    let mut copied = 0;
    if let [open, contents @ .., close] = room {
        *open = b'"';
        copied = copy_plain(contents, text.as_bytes());
        if copied == text.len() {
            *close = b'"';
            slot.advance(text.len() + 2);
            return Ok(());
        }
    }
    slot.advance(1 + copied);
    write_rest(slot, text.as_bytes().get(copied..).unwrap_or_default())
}

/// Writes the rest of a string that is not plain, and the closing quote.
#[inline(never)]
fn write_rest(slot: &mut Slot<'_>, text: &[u8]) -> Result<(), SlotFull> {
    write_escaped(slot, text)?;
    slot.put(b"\"")
}

/// Writes the text between the quotes.
pub(super) fn write_contents(slot: &mut Slot<'_>, text: &str) -> Result<(), SlotFull> {
    slot.admit(text.len())?;
    if is_plain(text.as_bytes()) { slot.put(text.as_bytes()) } else { write_escaped(slot, text.as_bytes()) }
}

/// Writes JSON that the user guarantees (`RawValue`): line breaks in it are white space between tokens.
pub(super) fn write_raw(slot: &mut Slot<'_>, json: &str) -> Result<(), SlotFull> {
    slot.admit(json.len())?;
    let mut written = 0;
    for (at, character) in json.char_indices().filter(|(_, character)| is_unprintable(*character)) {
        slot.put(&json.as_bytes()[written..at])?;
        written = at + character.len_utf8();
        match character {
            '\n' | '\r' | '\t' => slot.put(b" ")?,
            _ => write_escaped(slot, character.encode_utf8(&mut [0; 4]).as_bytes())?,
        }
    }
    slot.put(&json.as_bytes()[written..])
}

/// Whether every byte can be copied unchecked: printable ASCII, without quotes and backslashes.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|&byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
}

/// Copies, and returns how many leading bytes are [plain](is_plain): all of them, or some of those
/// before the first that is not. Both slices have the same length.
#[inline]
fn copy_plain(to: &mut [u8], from: &[u8]) -> usize {
    let mut plain = 0;
    if from.len() > LONG {
        if !from[0].is_ascii() {
            return 0;
        }
        while let (true, Some(block), Some(to)) = (
            from.len() - plain > BLOCK,
            from.get(plain..).and_then(|from| from.first_chunk::<BLOCK>()),
            to.get_mut(plain..).and_then(|to| to.first_chunk_mut::<BLOCK>()),
        ) {
            *to = *block;
            if unplain_words(block) != 0 {
                return plain;
            }
            plain += BLOCK;
        }
    }
    let (Some(to), Some(rest)) = (to.get_mut(plain..), from.get(plain..)) else { return plain };
    if copy_if_plain(to, rest) { from.len() } else { plain }
}

/// Copies, and returns whether the text is plain. Works on eight bytes at a time, where the last eight
/// overlap the ones before; a shorter text is handled as two halves of one word, or byte by byte.
#[inline]
pub(super) fn copy_if_plain(to: &mut [u8], from: &[u8]) -> bool {
    if let (Some(to_last), Some(last)) = (to.last_chunk_mut::<EIGHT>(), from.last_chunk::<EIGHT>()) {
        let mut found = unplain(u64::from_le_bytes(*last));
        *to_last = *last;
        for (to, from) in to.chunks_exact_mut(EIGHT).zip(from.chunks_exact(EIGHT)) {
            to.copy_from_slice(from);
            found |= unplain_words(from);
        }
        return found == 0;
    }
    match (from.first_chunk::<4>(), from.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            copy(to, from);
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            unplain(u64::from(first) << 32 | u64::from(last)) == 0
        }
        _ => {
            to.copy_from_slice(from);
            is_plain(from)
        }
    }
}

/// The bits that [`unplain`] sets for any of the words.
#[inline]
fn unplain_words(words: &[u8]) -> u64 {
    words.chunks_exact(EIGHT).fold(0, |found, word| {
        let mut eight = [0; EIGHT];
        eight.copy_from_slice(word);
        found | unplain(u64::from_le_bytes(eight))
    })
}

/// Sets the high bit of each of the eight bytes that is below 0x20, above 0x7e, a quote or a backslash, and no other
/// bit. This is exact from the lowest byte up to the first such byte; above it, more bits may be set. Each term sets
/// the high bit of the bytes that it looks for: the term for 0x7f by carrying into it, the others by borrowing. A carry
/// or borrow across bytes comes only out of a byte whose own high bit is set, by that same term or from the start.
#[inline]
pub(super) fn unplain(word: u64) -> u64 {
    let delete = word.wrapping_add(LOW_BITS);
    let control = word.wrapping_sub(LOW_BITS * 0x20);
    let quote = (word ^ (LOW_BITS * b'"' as u64)).wrapping_sub(LOW_BITS);
    let backslash = (word ^ (LOW_BITS * b'\\' as u64)).wrapping_sub(LOW_BITS);
    (word | delete | control | quote | backslash) & HIGH_BITS
}

/// Copies without a call for a short text: two overlapping moves of a fixed length.
///
/// Both slices have the same length.
#[inline]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        4..8 => ends::<4>(to, from),
        8..16 => ends::<8>(to, from),
        16..=32 => ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` bytes, which is everything if there are at most twice as many.
#[inline]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    let last = from.len() - N;
    to[..N].copy_from_slice(&from[..N]);
    to[last..].copy_from_slice(&from[last..]);
}
