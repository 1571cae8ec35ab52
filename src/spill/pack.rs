//! Several events in one record: a JSON array of their exact texts that fits on one line.
//!
//! In: texts of events with consecutive sequence numbers. Out: the array; and the
//! reverse, from the array to the same texts.
//!
//! - PK1: once a formatter has escaped it, a pack is no longer than a part of a long event may be.
//! - PK2: `unpack` returns exactly the texts that were added, and nothing for a text that is not an array
//!   of the given number of values. Text that claims to be JSON (`RawValue`) is trusted, as in a body.

use super::Redact;
use super::parts::escaped_len;
use crate::names::names;
use crate::sync::{Arc, FreeList};

/// How the sender writes events to the log when it has several: in an outage, at a shutdown, after a failed post.
///
/// An event that a caller hands to the log, because the queue is full or the mode is LogOnly, is always one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SpillPacking {
    /// One record per event, the default: anything that reads lines can count, search and alert on single events.
    #[default]
    OneByOne,
    /// Several events per record: as many with consecutive numbers as fit on a line. Most of a record's cost is the record itself. Readers
    /// of the log must know that `spill_event` is an array of `spill_events` events if that is more than 1.
    Packed,
}

names!(SpillPacking, "a packing", { OneByOne = "one_by_one", Packed = "packed", });

impl SpillPacking {
    /// What the client holds to pack batches of at most this many events into lines of at most this length.
    pub(crate) fn bytes_max(self, line_bytes_max: usize, batch_events_max: usize) -> usize {
        match self {
            SpillPacking::OneByOne => 0,
            SpillPacking::Packed => line_bytes_max + batch_events_max * size_of::<u32>(),
        }
    }
}

/// The memory in which the sender packs events, kept between batches.
#[derive(Debug)]
pub(crate) enum PackMemory {
    OneByOne,
    Packed(PackPool),
}

impl PackMemory {
    /// `event_room` is the room for events in one record.
    pub(crate) fn new(choice: SpillPacking, event_room: usize, redact: Arc<Redact>) -> PackMemory {
        match choice {
            SpillPacking::OneByOne => PackMemory::OneByOne,
            SpillPacking::Packed => {
                PackMemory::Packed(PackPool { spare: FreeList::new(1), event_room, redact })
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct PackPool {
    spare: FreeList<Pack>,
    event_room: usize,
    redact: Arc<Redact>,
}

impl PackPool {
    pub(crate) fn take(&self) -> Pack {
        self.spare.take().unwrap_or_else(|| Pack::new(self.event_room, Arc::clone(&self.redact)))
    }

    pub(crate) fn give(&self, pack: Pack) {
        self.spare.give(pack);
    }
}

/// An array that is being built.
#[derive(Debug)]
pub(crate) struct Pack {
    text: Vec<u8>,
    /// The maximum length of `text` after a formatter has escaped it.
    escaped: usize,
    escaped_max: usize,
    redact: Arc<Redact>,
    redacted: bool,
}

impl Pack {
    fn new(escaped_max: usize, redact: Arc<Redact>) -> Pack {
        Pack { text: Vec::new(), escaped: 0, escaped_max, redact, redacted: false }
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.escaped = 0;
        self.redacted = false;
    }

    /// Whether an event in the pack differs from what the request carried.
    pub(crate) fn is_redacted(&self) -> bool {
        self.redacted
    }

    /// Adds the event, redacted, unless the record would then be too long. An event that cannot be
    /// redacted gets `NoRoom` too: it is then settled on its own.
    pub(crate) fn add(&mut self, text: &[u8]) -> PackFit {
        if self.redact.is_empty() {
            return self.add_redacted(text);
        }
        let redact = Arc::clone(&self.redact);
        let Some(redacted) = std::str::from_utf8(text).ok().and_then(|text| redact.apply(text)) else {
            return PackFit::NoRoom;
        };
        let packed = self.add_redacted(redacted.text.as_bytes());
        self.redacted |= packed == PackFit::Yes && redacted.is_changed();
        packed
    }

    fn add_redacted(&mut self, text: &[u8]) -> PackFit {
        // Escaping never shortens a text. The 2 are the bracket or comma in front, and the closing bracket.
        if self.text.len() + text.len() + 2 > self.escaped_max {
            return PackFit::NoRoom;
        }
        let escaped = self.escaped + escaped_len(text) + 1;
        if escaped + 1 > self.escaped_max {
            return PackFit::NoRoom;
        }
        self.text.reserve_exact(self.escaped_max - self.text.len());
        self.text.push(if self.text.is_empty() { b'[' } else { b',' });
        self.text.extend_from_slice(text);
        self.escaped = escaped;
        PackFit::Yes
    }

    /// The finished array.
    pub(crate) fn close(&mut self) -> &[u8] {
        self.text.push(b']');
        &self.text
    }
}

/// Whether the event was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PackFit {
    Yes,
    NoRoom,
}

/// The texts of the `events` values of a JSON array, or `None` if the text is not such an array.
pub(super) fn unpack(array: &str, events: u32) -> Option<Vec<&str>> {
    let inside = array.strip_prefix('[')?.strip_suffix(']')?;
    let mut texts = Vec::new();
    let (mut begin, mut depth, mut place) = (0, 0_usize, ScanState::Between);
    // Everything that matters here is ASCII, and an ASCII byte is never part of another character.
    for (at, byte) in inside.bytes().enumerate() {
        place = match (place, byte) {
            (ScanState::InString, b'\\') => ScanState::Escaped,
            (ScanState::InString, b'"') => ScanState::Between,
            (ScanState::InString | ScanState::Escaped, _) => ScanState::InString,
            (ScanState::Between, b'"') => ScanState::InString,
            (ScanState::Between, b'[' | b'{') => {
                depth += 1;
                ScanState::Between
            }
            (ScanState::Between, b']' | b'}') => {
                depth = depth.checked_sub(1)?;
                ScanState::Between
            }
            (ScanState::Between, b',') if depth == 0 => {
                texts.push(&inside[begin..at]);
                begin = at + 1;
                ScanState::Between
            }
            (ScanState::Between, _) => ScanState::Between,
        };
    }
    texts.push(&inside[begin..]);
    let whole = depth == 0 && place == ScanState::Between && texts.iter().all(|text| !text.is_empty());
    (whole && u32::try_from(texts.len()) == Ok(events)).then_some(texts)
}

/// The state of the scan of a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ScanState {
    Between,
    InString,
    /// After a backslash.
    Escaped,
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
