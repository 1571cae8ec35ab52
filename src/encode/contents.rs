//! Text that is not entirely plain: other scripts, quotes, line breaks, unprintable characters.
//!
//! In: UTF-8, from the start of a character. Out: the text between the quotes of a JSON string.
//!
//! It costs no more than serde_json, which checks each byte. ASCII is processed eight bytes at a time, with escapes
//! in between ([`write_ascii`]). From the first non-ASCII character on, text is processed sixteen bytes at a time: it
//! is copied whole, and only the bytes that the window flags are checked ([`write_windows`]).
//!
//! - X1: each iteration reads something, or makes room for all of the remaining text; so the loop ends.
//! - X2: text that fits is never cut. Bytes beyond the text may be overwritten, but
//!   only within the room, and only text is counted.

use super::escape::{Escape, second_half, unprintable};
use super::slot::{Slot, SlotFull};
use super::text::{EIGHT, copy, unplain};
use super::window::{AHEAD, Script, WINDOW, suspicious};

/// Room for a window of nothing but short escapes, and for the moves that write the last of them.
const ROOM: usize = 4 * WINDOW;
/// Room for the longest escape, two times six bytes, and for the window after it.
const STEP: usize = 12 + WINDOW;

/// How many bytes were read, and how many were written.
type Moved = (usize, usize);
const NONE: Moved = (0, 0);

/// Writes the contents of a JSON string.
pub(super) fn write_escaped(slot: &mut Slot<'_>, text: &[u8]) -> Result<(), SlotFull> {
    let (mut rest, mut script) = (text, Script::of(text));
    loop {
        if script == Script::Unknown {
            let (read, written) = write_ascii(slot.vacant(), rest);
            slot.advance(written);
            rest = rest.get(read..).unwrap_or_default();
            script = Script::of(rest);
        }
        if script != Script::Unknown {
            let (read, written) = write_windows(slot.vacant(), rest, &mut script);
            slot.advance(written);
            rest = rest.get(read..).unwrap_or_default();
        }
        if rest.is_empty() {
            return Ok(());
        }
        // The room is used up.
        if rest.len() > slot.vacant().len() {
            slot.reserve(rest.len())?;
        } else {
            rest = put_window(slot, rest, &mut script)?;
        }
    }
}

/// Handles one window when all of the text might fit but there is no room to spare: writes exactly what it needs.
#[cold]
fn put_window<'t>(slot: &mut Slot<'_>, text: &'t [u8], script: &mut Script) -> Result<&'t [u8], SlotFull> {
    let (mut window, mut aside) = ([b' '; AHEAD], [0; ROOM]);
    let len = text.len().min(AHEAD);
    copy(&mut window[..len], &text[..len]);
    let found = suspicious(*script, &window);
    let (read, written) = write_each(&mut aside, &window, found, len.min(WINDOW), script);
    slot.put(&aside[..written])?;
    Ok(text.get(read..).unwrap_or_default())
}

/// Writes ASCII while there is room.
#[inline(never)]
fn write_ascii(to: &mut [u8], text: &[u8]) -> Moved {
    // Uses shrinking slices rather than growing indices, so that the compiler can see that they stay in bounds.
    let (mut rest, mut room) = (text, to);
    let (text_len, room_len) = (rest.len(), room.len());
    loop {
        if let (Some(word), Some(to)) = (rest.first_chunk::<EIGHT>(), room.first_chunk_mut::<EIGHT>()) {
            *to = *word;
            let plain = plain_in_front(u64::from_le_bytes(*word));
            (rest, room) = (&rest[plain..], &mut room[plain..]);
            if plain == EIGHT {
                continue;
            }
        } else if let (..EIGHT, Some(to)) = (rest.len(), room.get_mut(..rest.len())) {
            copy(to, rest);
            let plain = plain_in_front(short(rest)).min(rest.len());
            (rest, room) = (&rest[plain..], &mut room[plain..]);
        } else {
            break;
        }
        let Some((byte @ ..0x80, behind)) = rest.split_first() else { break };
        let escape = Escape::of_ascii(*byte);
        let Some(to) = room.first_chunk_mut() else { break };
        *to = escape.bytes();
        (rest, room) = (behind, &mut room[escape.len() % EIGHT..]);
    }
    (text_len - rest.len(), room_len - room.len())
}

/// How many of the eight bytes are plain, counted from the lowest.
#[inline(always)]
fn plain_in_front(word: u64) -> usize {
    (unplain(word).trailing_zeros() / 8) as usize
}

/// Fewer than eight bytes as a word, padded with zeros.
#[inline(always)]
fn short(text: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (text.len() & 3));
    }
    let byte = |at: usize| u64::from(text.get(at).copied().unwrap_or_default());
    byte(0) | byte(1) << 8 | byte(2) << 16
}

/// Writes text of any kind while there is room.
#[inline(always)]
fn write_windows(to: &mut [u8], text: &[u8], script: &mut Script) -> Moved {
    let (mut rest, mut room) = (text, to);
    let (text_len, room_len) = (rest.len(), room.len());
    while let (Some(window), Some(front)) = (rest.first_chunk::<AHEAD>(), room.first_chunk_mut::<WINDOW>()) {
        front.copy_from_slice(&window[..WINDOW]);
        let found = suspicious(*script, window);
        if found == 0 {
            (rest, room) = (&rest[WINDOW..], &mut room[WINDOW..]);
            continue;
        }
        // Escapes only make it longer, so text that does not fit now will not fit with them.
        if rest.len() > room.len() {
            break;
        }
        let (read, written) = write_window(room, window, found, WINDOW, script);
        if read == 0 {
            break;
        }
        (rest, room) = (&rest[read..], &mut room[written..]);
    }
    if rest.len() < AHEAD {
        // The end, padded with blanks.
        let mut padded = [b' '; 2 * AHEAD];
        pad(&mut padded, rest);
        let mut padded = &padded[..];
        while let (1.., Some(window)) = (rest.len(), padded.first_chunk()) {
            let found = suspicious(*script, window);
            let (read, written) = write_window(room, window, found, rest.len().min(WINDOW), script);
            if read == 0 {
                break;
            }
            (rest, padded, room) = (&rest[read..], &padded[read..], &mut room[written..]);
        }
    }
    (text_len - rest.len(), room_len - room.len())
}

/// Copies a text shorter than [`AHEAD`]: in two overlapping moves if it is at least as long as one.
#[inline(always)]
fn pad(padded: &mut [u8; 2 * AHEAD], end: &[u8]) {
    match (end.first_chunk::<WINDOW>(), end.last_chunk::<WINDOW>()) {
        (Some(first), Some(last)) if end.len() <= AHEAD => {
            padded[..WINDOW].copy_from_slice(first);
            padded[end.len() - WINDOW..][..WINDOW].copy_from_slice(last);
        }
        _ => copy(&mut padded[..end.len()], end),
    }
}

/// Writes the first `len` bytes of a window, and the remaining bytes of the last character if that
/// is escaped; or fewer, if there is no room for more.
#[inline(always)]
fn write_window(to: &mut [u8], window: &[u8; AHEAD], found: u32, len: usize, script: &mut Script) -> Moved {
    if found != 0 {
        return match to.first_chunk_mut() {
            Some(to) => write_each(to, window, found, len, script),
            None => write_aside(to, window, found, len, script),
        };
    }
    if let Some(front) = to.first_chunk_mut::<WINDOW>() {
        front.copy_from_slice(&window[..WINDOW]);
    } else {
        let Some(front) = to.get_mut(..len) else { return NONE };
        copy(front, &window[..len]);
    }
    (len, len)
}

/// Writes a window when there is no room to spare.
#[inline(never)]
fn write_aside(to: &mut [u8], window: &[u8; AHEAD], found: u32, len: usize, script: &mut Script) -> Moved {
    let mut aside = [0; ROOM];
    let (read, written) = write_each(&mut aside, window, found, len, script);
    let Some(to) = to.get_mut(..written) else { return NONE };
    copy(to, &aside[..written]);
    (read, written)
}

/// Writes the window, then over it the escape of each flagged character that needs one, each
/// followed by the rest of the window again.
#[inline(always)]
fn write_each(
    to: &mut [u8; ROOM],
    window: &[u8; AHEAD],
    mut found: u32,
    len: usize,
    script: &mut Script,
) -> Moved {
    to[..WINDOW].copy_from_slice(&window[..WINDOW]);
    let (mut read, mut written) = (0, 0);
    while found != 0 {
        let at = found.trailing_zeros() as usize % WINDOW;
        found &= found - 1;
        let first = window[at];
        let (escape, bytes) = if first < 0x80 {
            (Escape::of_ascii(first), 1)
        } else {
            let Some(escaped) = unprintable(window, at) else {
                *script = script.with(first, window[at + 1]);
                continue;
            };
            escaped
        };
        written += at - read;
        read = at;
        if written > ROOM - STEP {
            return (read, written);
        }
        put_at(to, written, escape.bytes());
        written += escape.len();
        if bytes == 4 {
            let second = second_half(window, at);
            put_at(to, written, second.bytes());
            written += second.len();
        }
        read += bytes;
        if let Some(behind) = window.get(read..).and_then(|behind| behind.first_chunk::<WINDOW>()) {
            put_at(to, written, *behind);
        }
    }
    if read < len { (len, written + len - read) } else { (read, written) }
}

#[inline(always)]
fn put_at<const N: usize>(to: &mut [u8; ROOM], at: usize, bytes: [u8; N]) {
    if let Some(to) = to.get_mut(at..).and_then(|to| to.first_chunk_mut()) {
        *to = bytes;
    }
}
