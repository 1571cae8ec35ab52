//! Several events in one record: a JSON array of their exact texts, as long as one line may be.
//!
//! In: texts of events with consecutive numbers. Out: the array; and back again, from the array to the same texts.
//! K1: a pack is bounded like a part of a long event, before and after a formatter has escaped it.
//! K2: what `unpack` gives back is, text for text, what was added; from a text that is no array of so many values it
//! gives nothing. Text that claims to be JSON (`RawValue`) is taken on trust, as in a body.

use super::parts::escaped_len;
use crate::limits::{PART_BYTES_MAX, PART_ESCAPED_BYTES_MAX};
use crate::sync::FreeList;

/// How the sender writes events to the log that it has together: in an outage, at a shutdown, after a failed post.
///
/// What a caller writes itself, because the queue is full or the mode is LogOnly, is always one record per event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpillPacking {
    /// One record per event, the default: anything that reads lines can count, search and alert on single events.
    #[default]
    OneByOne,
    /// Several events per record, `v` = 2: as many as fit into [`PART_BYTES_MAX`] and have consecutive numbers. Most of what
    /// a record costs is the record; but who reads the log must know that `event` is then an array of
    /// [`events`](super::Record::events) events.
    Packed,
}

impl SpillPacking {
    const ALL: [SpillPacking; 2] = [SpillPacking::OneByOne, SpillPacking::Packed];

    /// The name that `OVERSPILL_SPILL_PACKING` takes: `one_by_one`, `packed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            SpillPacking::OneByOne => "one_by_one",
            SpillPacking::Packed => "packed",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<SpillPacking> {
        SpillPacking::ALL.into_iter().find(|packing| packing.as_str() == name)
    }

    /// What the client holds in order to pack batches of so many events.
    pub(crate) fn bytes_max(self, batch_events_max: usize) -> usize {
        match self {
            SpillPacking::OneByOne => 0,
            SpillPacking::Packed => PART_BYTES_MAX + batch_events_max * size_of::<u32>(),
        }
    }
}

/// Room to pack in, for the one sender there is, kept between batches.
#[derive(Debug)]
pub(crate) enum Packing {
    OneByOne,
    Packed(FreeList<Pack>),
}

impl Packing {
    pub(crate) fn new(choice: SpillPacking) -> Packing {
        match choice {
            SpillPacking::OneByOne => Packing::OneByOne,
            SpillPacking::Packed => Packing::Packed(FreeList::new(1)),
        }
    }
}

/// An array in the making, and the order in which a batch's events go into it.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    text: Vec<u8>,
    /// How long a formatter may make `text`.
    escaped: usize,
    /// Which events of the batch, in the order of their numbers.
    pub(crate) order: Vec<u32>,
}

impl Pack {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.escaped = 0;
    }

    /// Takes the event in, or says that the record would be too long for it.
    pub(crate) fn add(&mut self, text: &[u8]) -> Packed {
        // A bracket or a comma before it, and the bracket at the end.
        if self.text.len() + text.len() + 2 > PART_BYTES_MAX {
            return Packed::NoRoom;
        }
        let escaped = self.escaped + escaped_len(text) + 1;
        if escaped + 1 > PART_ESCAPED_BYTES_MAX {
            return Packed::NoRoom;
        }
        self.text.reserve_exact(PART_BYTES_MAX - self.text.len());
        self.text.push(if self.text.is_empty() { b'[' } else { b',' });
        self.text.extend_from_slice(text);
        self.escaped = escaped;
        Packed::Yes
    }

    /// The finished array.
    pub(crate) fn close(&mut self) -> &[u8] {
        self.text.push(b']');
        &self.text
    }
}

/// Whether an event found room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    Yes,
    NoRoom,
}

/// The texts of the `events` values of a JSON array, or `None` if it is not that.
pub(super) fn unpack(array: &str, events: u32) -> Option<Vec<&str>> {
    let inside = array.strip_prefix('[')?.strip_suffix(']')?;
    let mut texts = Vec::new();
    let (mut begin, mut depth, mut place) = (0, 0_usize, Place::Between);
    // All that matters is ASCII, which is never a part of another character.
    for (at, byte) in inside.bytes().enumerate() {
        place = match (place, byte) {
            (Place::InString, b'\\') => Place::Escaped,
            (Place::InString, b'"') => Place::Between,
            (Place::InString | Place::Escaped, _) => Place::InString,
            (Place::Between, b'"') => Place::InString,
            (Place::Between, b'[' | b'{') => {
                depth += 1;
                Place::Between
            }
            (Place::Between, b']' | b'}') => {
                depth = depth.checked_sub(1)?;
                Place::Between
            }
            (Place::Between, b',') if depth == 0 => {
                texts.push(&inside[begin..at]);
                begin = at + 1;
                Place::Between
            }
            (Place::Between, _) => Place::Between,
        };
    }
    texts.push(&inside[begin..]);
    let whole = depth == 0 && place == Place::Between && texts.iter().all(|text| !text.is_empty());
    (whole && u32::try_from(texts.len()) == Ok(events)).then_some(texts)
}

/// Where in a JSON text one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    InString,
    /// Behind a backslash.
    Escaped,
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
