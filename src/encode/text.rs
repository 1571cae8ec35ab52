//! Text that fits into one printable line: strings with their escapes, and foreign text made fit to be shown.

use super::slot::{Cut, Slot};

const EIGHT: usize = size_of::<u64>();
const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A JSON string: copied and looked at in one go, and once more if it needs escapes.
#[inline]
pub(super) fn write_string(slot: &mut Slot<'_>, text: &str) -> Result<(), Cut> {
    slot.admit(text.len())?;
    // Its escapes only make it longer: what has no room now has none then.
    let room = slot.reserve(text.len() + 2)?;
    if let [open, contents @ .., close] = room {
        if copy_plain(contents, text.as_bytes()) {
            (*open, *close) = (b'"', b'"');
            slot.advance(text.len() + 2);
            return Ok(());
        }
    }
    slot.put(b"\"")?;
    write_escaped(slot, text)?;
    slot.put(b"\"")
}

/// What stands between the quotes.
pub(super) fn write_contents(slot: &mut Slot<'_>, text: &str) -> Result<(), Cut> {
    slot.admit(text.len())?;
    if is_plain(text.as_bytes()) { slot.put(text.as_bytes()) } else { write_escaped(slot, text) }
}

/// JSON that the user vouches for (`RawValue`): line breaks in it are white space between tokens.
pub(super) fn write_raw(slot: &mut Slot<'_>, json: &str) -> Result<(), Cut> {
    slot.admit(json.len())?;
    for (nth, line) in json.split(['\n', '\r', '\t']).enumerate() {
        if nth > 0 {
            slot.put(b" ")?;
        }
        write_runs(
            slot,
            line,
            |character| if is_unprintable(character) { Written::AsUnits } else { Written::AsIs },
        )?;
    }
    Ok(())
}

#[cold]
fn write_escaped(slot: &mut Slot<'_>, text: &str) -> Result<(), Cut> {
    write_runs(slot, text, |character| match character {
        '"' => Written::As(b"\\\""),
        '\\' => Written::As(b"\\\\"),
        '\n' => Written::As(b"\\n"),
        '\r' => Written::As(b"\\r"),
        '\t' => Written::As(b"\\t"),
        '\u{8}' => Written::As(b"\\b"),
        '\u{c}' => Written::As(b"\\f"),
        _ if is_unprintable(character) => Written::AsUnits,
        _ => Written::AsIs,
    })
}

/// How a character is written.
enum Written {
    AsIs,
    As(&'static [u8]),
    /// `\uXXXX`, once or as a surrogate pair.
    AsUnits,
}

/// Runs of characters that stay as they are go out whole.
fn write_runs(slot: &mut Slot<'_>, text: &str, how: impl Fn(char) -> Written) -> Result<(), Cut> {
    let mut written = 0;
    for (at, character) in text.char_indices() {
        let escape = match how(character) {
            Written::AsIs => continue,
            Written::As(escape) => Some(escape),
            Written::AsUnits => None,
        };
        slot.put(&text.as_bytes()[written..at])?;
        written = at + character.len_utf8();
        match escape {
            Some(escape) => slot.put(escape)?,
            None => write_units(slot, character)?,
        }
    }
    slot.put(&text.as_bytes()[written..])
}

fn write_units(slot: &mut Slot<'_>, character: char) -> Result<(), Cut> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for unit in character.encode_utf16(&mut [0; 2]) {
        let digit = |shift: u16| DIGITS[usize::from(*unit >> shift & 0xf)];
        slot.put(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)])?;
    }
    Ok(())
}

/// No byte in it needs a second look: printable ASCII, without quote and backslash.
pub(super) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|&byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
}

/// Copies, and says whether the text is [plain](is_plain). Eight bytes at a time, the last eight overlapping those before; a
/// shorter text in two halves of one word, or byte by byte. Both have the same length.
#[inline]
fn copy_plain(to: &mut [u8], from: &[u8]) -> bool {
    if let (Some(to_last), Some(last)) = (to.last_chunk_mut::<EIGHT>(), from.last_chunk::<EIGHT>()) {
        let mut found = unplain(u64::from_le_bytes(*last));
        *to_last = *last;
        for (to, from) in to.chunks_exact_mut(EIGHT).zip(from.chunks_exact(EIGHT)) {
            let mut eight = [0; EIGHT];
            eight.copy_from_slice(from);
            to.copy_from_slice(&eight);
            found |= unplain(u64::from_le_bytes(eight));
        }
        return found & HIGH_BITS == 0;
    }
    match (from.first_chunk::<4>(), from.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            copy(to, from);
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            unplain(u64::from(first) << 32 | u64::from(last)) & HIGH_BITS == 0
        }
        _ => {
            to.copy_from_slice(from);
            is_plain(from)
        }
    }
}

/// A high bit is set if one of the eight bytes is below 0x20, above 0x7e, a quote or a backslash; in which of them does not
/// matter. Each term sets the high bit of the byte that it looks for: 0x7f by carrying into it, the others by borrowing. What is
/// carried or borrowed across bytes comes out of one that has its high bit set by that very term, or by itself.
#[inline]
fn unplain(word: u64) -> u64 {
    let delete = word.wrapping_add(LOW_BITS);
    let control = word.wrapping_sub(LOW_BITS * 0x20);
    let quote = (word ^ (LOW_BITS * b'"' as u64)).wrapping_sub(LOW_BITS);
    let backslash = (word ^ (LOW_BITS * b'\\' as u64)).wrapping_sub(LOW_BITS);
    word | delete | control | quote | backslash
}

/// Copies, without a call for what is short: two overlapping moves of a fixed length.
///
/// Both have the same length.
#[inline]
pub(super) fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        4..8 => ends::<4>(to, from),
        8..16 => ends::<8>(to, from),
        16..=32 => ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// The first and the last `N` bytes: all of them, of up to twice as many.
#[inline]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    let last = from.len() - N;
    to[..N].copy_from_slice(&from[..N]);
    to[last..].copy_from_slice(&from[last..]);
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and Unicode's format characters (category Cf:
/// bidi marks, zero-width joiners, tags): whatever may break a line, hide text or turn it round.
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2 | 0x180e
            | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff
            | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}
