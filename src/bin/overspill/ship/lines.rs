//! Turns lines into events: JSON objects unchanged, everything else as the text of a message.
//!
//! In: bytes as they arrive from a pipe. Out: events, in the order of their lines. SL1: every byte of a
//! non-empty line is in an event. SL2: no event is longer than the client accepts. SL3: at most one line is held.

use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Maximum bytes of a line in one event, as JSON writes them: below the client's `event_bytes_max` of 64
/// KiB, with room for the surrounding names and for common fields. A longer line becomes several events.
pub(crate) const LINE_BYTES_MAX: usize = 60 << 10;

/// What a line became.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ShippedEvent<'a> {
    /// A JSON object, byte for byte.
    Object(&'a RawValue),
    Text(ShippedText<'a>),
}

/// A line of text, or a piece of a long one.
#[derive(Debug, Serialize)]
pub(crate) struct ShippedText<'a> {
    message: Cow<'a, str>,
    /// The line was not UTF-8: invalid bytes appear as `\xNN`, and a backslash as two.
    #[serde(skip_serializing_if = "is_plain")]
    escaped: bool,
    /// The number of the line, from 1, if it was too long for one event,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// the number of this piece, from 1,
    #[serde(skip_serializing_if = "Option::is_none")]
    piece: Option<u64>,
    /// and in the last piece how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pieces: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires a reference")]
fn is_plain(escaped: &bool) -> bool {
    !escaped
}

/// What was read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineCounts {
    pub(crate) lines: u64,
    pub(crate) empty: u64,
    pub(crate) not_utf8: u64,
    pub(crate) too_long: u64,
    pub(crate) events: u64,
}

/// A stream of bytes on its way to becoming events.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    /// The part of the unfinished line that is not in an event yet.
    held: Vec<u8>,
    /// How many pieces of that line are in events.
    pieces: u64,
    escaped: u64,
    pub(crate) counts: LineCounts,
}

impl LineSplitter {
    /// Takes bytes, and emits every complete event.
    pub(crate) fn take(&mut self, mut bytes: &[u8], mut emit: impl FnMut(&ShippedEvent<'_>)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.held.is_empty() && self.pieces == 0 {
                self.end_line(line, &mut emit);
            } else {
                self.held.extend_from_slice(line);
                let held = std::mem::take(&mut self.held);
                self.end_line(&held, &mut emit);
                self.held = held;
                self.held.clear();
            }
        }
        self.held.extend_from_slice(bytes);
        let mut held = std::mem::take(&mut self.held);
        let mut from = 0;
        // Too long for one event, whatever follows.
        while held.len() - from > LINE_BYTES_MAX {
            from += self.piece(&held[from..], &mut emit);
        }
        held.drain(..from);
        self.held = held;
    }

    /// Emits the last line, which has no line break.
    pub(crate) fn end(&mut self, mut emit: impl FnMut(&ShippedEvent<'_>)) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() || self.pieces > 0 {
            self.end_line(&held, &mut emit);
        }
    }

    fn end_line(&mut self, line: &[u8], emit: &mut impl FnMut(&ShippedEvent<'_>)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.pieces == 0 {
            if line.trim_ascii().is_empty() {
                self.counts.lines += 1;
                self.counts.empty += 1;
                return;
            }
            if let Some(object) = object_of(line) {
                self.counts.lines += 1;
                self.counts.events += 1;
                return emit(&ShippedEvent::Object(object));
            }
        }
        let mut from = 0;
        while line.len() - from > fitting(&line[from..]) {
            from += self.piece(&line[from..], emit);
        }
        self.counts.lines += 1;
        let (message, escaped) = text_of(&line[from..]);
        let (mut number, mut piece) = (None, None);
        if self.pieces > 0 {
            self.counts.too_long += 1;
            (number, piece) = (Some(self.counts.lines), Some(self.pieces + 1));
        }
        self.escaped += u64::from(escaped);
        self.counts.not_utf8 += u64::from(self.escaped > 0);
        self.counts.events += 1;
        (self.pieces, self.escaped) = (0, 0);
        emit(&ShippedEvent::Text(ShippedText { message, escaped, line: number, piece, pieces: piece }));
    }

    /// Emits the longest prefix that one event can take, and returns its length.
    fn piece(&mut self, line: &[u8], emit: &mut impl FnMut(&ShippedEvent<'_>)) -> usize {
        let end = fitting(line);
        let (message, escaped) = text_of(&line[..end]);
        self.pieces += 1;
        self.escaped += u64::from(escaped);
        self.counts.events += 1;
        let (line, piece) = (Some(self.counts.lines + 1), Some(self.pieces));
        emit(&ShippedEvent::Text(ShippedText { message, escaped, line, piece, pieces: None }));
        end
    }
}

/// The line unchanged, if it is a JSON object and not too long.
fn object_of(line: &[u8]) -> Option<&RawValue> {
    let line = line.trim_ascii();
    if line.first() != Some(&b'{') || line.len() > LINE_BYTES_MAX {
        return None;
    }
    serde_json::from_str(std::str::from_utf8(line).ok()?).ok()
}

/// The line as text, and whether anything was escaped.
fn text_of(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    let Err(_) = std::str::from_utf8(bytes) else {
        return (String::from_utf8_lossy(bytes), false);
    };
    let mut text = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    (Cow::Owned(text), true)
}

/// How many bytes of the start one event can take, at least one character.
fn fitting(bytes: &[u8]) -> usize {
    // If there is invalid UTF-8, it is escaped, and so is every backslash. Only the start can fit.
    let beginning = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let valid = match std::str::from_utf8(beginning) {
        Ok(_) => true,
        // A character cut off at the end.
        Err(error) => error.error_len().is_none() && beginning.len() < bytes.len(),
    };
    let cost = |byte: u8| match (byte, valid) {
        (0..=0x1f | 0x7f, _) => 6,
        (b'"', _) | (b'\\', true) => 2,
        (b'\\', false) => 4,
        // Invisible characters are written as escapes.
        (0x80.., true) => 2,
        (0x80.., false) => 5,
        _ => 1,
    };
    let mut sum = 0;
    let fits = beginning.iter().take_while(|byte| {
        sum += cost(**byte);
        sum <= LINE_BYTES_MAX
    });
    let mut end = fits.count();
    if end == bytes.len() {
        return end;
    }
    // Moves the end back to the start of a character; none is longer than four bytes.
    let begins = |byte: u8| byte & 0xc0 != 0x80;
    let back = (0..4).find(|back| end > *back && begins(bytes[end - back])).unwrap_or(0);
    end -= back;
    end.max(1)
}
