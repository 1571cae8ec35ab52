//! An encoded event: its JSON bytes, its number, the time it was emitted.
//!
//! In: bytes from `encode`. Out: an event on its way into a chunk or to the log, and the blocks for texts that do not fit
//! inline. Invariant E1: `text()` is complete, valid, printable one-line JSON once `encode` said so.

use crate::clock::Stamp;
use crate::limits::{EVENT_INLINE_BYTES, SPARE_BLOCKS_PER_CLASS, SPARE_BYTES_PER_CLASS};
use crate::mark::{NameId, Piece};
use crate::sync::FreeList;

/// A single event: in `emit`, on its way to the log, and at the side door.
pub(crate) struct Event {
    /// Its number among all events of this client, from 0: its identity in the log. Assigned when it is handed over to the log.
    pub(crate) seq: u64,
    pub(crate) emitted_at: Stamp,
    /// Present when the text has outgrown `inline`.
    block: Option<Box<[u8]>>,
    len: u32,
    pub(crate) name: NameId,
    inline: [u8; EVENT_INLINE_BYTES],
}

impl Event {
    /// An event without a text and without a number.
    pub(crate) fn vacant(emitted_at: Stamp) -> Event {
        Event { seq: 0, emitted_at, block: None, len: 0, name: NameId::NONE, inline: [0; EVENT_INLINE_BYTES] }
    }

    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        let len = self.len as usize;
        match &self.block {
            Some(block) => &block[..len],
            None => &self.inline[..len],
        }
    }

    /// A copy that takes no more room than it needs.
    pub(crate) fn copy(&self) -> Event {
        let block = self.block.is_some().then(|| Box::from(self.text()));
        Event {
            seq: self.seq,
            emitted_at: self.emitted_at,
            block,
            len: self.len,
            name: self.name,
            inline: self.inline,
        }
    }

    #[inline]
    pub(crate) fn piece(&self) -> Piece<'_> {
        Piece { text: self.text(), emitted_at: self.emitted_at, name: self.name }
    }

    /// The bytes charged for this event in the log's queue: its text, or the whole block that it occupies.
    pub(crate) fn charge(&self) -> usize {
        self.block.as_ref().map_or(self.len as usize, |block| block.len())
    }

    /// The room inside the event.
    pub(crate) fn inline_room(&mut self) -> &mut [u8] {
        &mut self.inline
    }

    /// Makes the first `len` bytes of the inline room, or of the block, the text.
    pub(crate) fn hold(&mut self, len: usize, block: Option<Box<[u8]>>) {
        // A text is at most 2 x EVENT_BYTES_LIMIT = 32 MiB long.
        self.len = len as u32;
        self.block = block;
    }

    #[cfg(test)]
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        let start = self.len as usize;
        let room = self.inline.get_mut(start..start + bytes.len()).ok_or("no room")?;
        room.copy_from_slice(bytes);
        self.len += bytes.len() as u32;
        Ok(())
    }

    /// Empties the event and gives back its block.
    pub(crate) fn take_block(&mut self) -> Option<Box<[u8]>> {
        self.len = 0;
        self.block.take()
    }
}

/// Blocks for texts that outgrow the inline room, in classes that double in size. Each class has a bounded stack of spares, so that a warm
/// client allocates nothing.
#[derive(Debug)]
pub(crate) struct Blocks {
    classes: Vec<FreeList<Box<[u8]>>>,
}

const SMALLEST_CLASS: usize = 512;

impl Blocks {
    /// Classes from 512 bytes up to the first that holds `block_bytes_max`.
    pub(crate) fn new(block_bytes_max: usize) -> Blocks {
        let classes =
            (0..classes_for(block_bytes_max)).map(|class| FreeList::new(spares_max(class))).collect();
        Blocks { classes }
    }

    /// A block of at least `bytes`; the caller never asks for more than `block_bytes_max`.
    pub(crate) fn take(&self, bytes: usize) -> Box<[u8]> {
        let class = class_of(bytes);
        self.classes
            .get(class)
            .and_then(FreeList::take)
            .unwrap_or_else(|| vec![0; class_bytes(class)].into_boxed_slice())
    }

    pub(crate) fn give(&self, block: Box<[u8]>) {
        if let Some(class) = self.classes.get(class_of(block.len())) {
            class.give(block);
        }
    }
}

/// Maximum bytes of all spare blocks together.
pub(crate) fn spare_bytes_max(block_bytes_max: usize) -> usize {
    (0..classes_for(block_bytes_max)).map(|class| spares_max(class) * class_bytes(class)).sum()
}

/// The size of the block for a text of this many bytes.
pub(crate) fn block_bytes(bytes: usize) -> usize {
    class_bytes(class_of(bytes))
}

/// The longest text that a budget of `bytes` can hold, inline or in a block that is charged whole.
pub(crate) fn largest_event(bytes: usize) -> usize {
    if bytes < SMALLEST_CLASS {
        bytes.min(EVENT_INLINE_BYTES)
    } else {
        SMALLEST_CLASS << (bytes / SMALLEST_CLASS).ilog2()
    }
}

fn classes_for(block_bytes_max: usize) -> usize {
    class_of(block_bytes_max) + 1
}

fn class_of(bytes: usize) -> usize {
    (bytes.max(SMALLEST_CLASS).next_power_of_two() / SMALLEST_CLASS).trailing_zeros() as usize
}

fn class_bytes(class: usize) -> usize {
    SMALLEST_CLASS << class
}

fn spares_max(class: usize) -> usize {
    (SPARE_BYTES_PER_CLASS / class_bytes(class)).clamp(1, SPARE_BLOCKS_PER_CLASS)
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_block_class_holds_what_it_is_asked_for_and_less_than_twice_as_much() {
        for bytes in [1, 211, 1024, 1025, 4096, 65_536, 65_537] {
            let class = class_bytes(class_of(bytes));
            assert!(class >= bytes && (class < 2 * bytes || class == SMALLEST_CLASS), "{bytes}: {class}");
        }
    }

    #[test]
    fn the_largest_event_of_a_budget_is_charged_no_more_than_the_budget() {
        let sizes: Vec<usize> = [100, 400, 1023, 1024, 5000, 65_536].map(largest_event).to_vec();
        assert_eq!(sizes, [100, 210, 512, 1024, 4096, 65_536]);
    }

    #[test]
    fn a_block_given_back_is_taken_again_instead_of_a_new_one() {
        let blocks = Blocks::new(4096);
        let first = blocks.take(2000);
        let address = first.as_ptr();
        blocks.give(first);
        let second = blocks.take(1500);
        assert_eq!(second.as_ptr(), address);
    }
}
