//! Where the JSON is written: the event's inline room, then blocks of doubling size, up to a maximum.

use super::text::copy;
use crate::event::Blocks;
use std::io;

/// The text would exceed its maximum; the piece that was being written is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotFull;

/// The memory of one event.
pub(super) struct Slot<'e> {
    room: SlotMemory<'e>,
    len: usize,
    blocks: &'e Blocks,
    bytes_max: usize,
}

/// Both are an address and a length in the same place, so distinguishing them costs nothing.
enum SlotMemory<'e> {
    Inline(&'e mut [u8]),
    Block(Box<[u8]>),
}

impl<'e> Slot<'e> {
    pub(super) fn new(inline: &'e mut [u8], blocks: &'e Blocks, bytes_max: usize) -> Slot<'e> {
        Slot { room: SlotMemory::Inline(inline), len: 0, blocks, bytes_max }
    }

    /// The length of the text, and its block unless the text is inline.
    pub(super) fn into_text(self) -> (usize, Option<Box<[u8]>>) {
        match self.room {
            SlotMemory::Inline(_) => (self.len, None),
            SlotMemory::Block(block) => (self.len, Some(block)),
        }
    }

    /// Refuses a text that cannot fit before its bytes are scanned: it may be a gigabyte.
    #[inline]
    pub(super) fn admit(&self, bytes: usize) -> Result<(), SlotFull> {
        if bytes > self.bytes_max { Err(SlotFull) } else { Ok(()) }
    }

    #[inline]
    fn all(&mut self) -> &mut [u8] {
        match &mut self.room {
            SlotMemory::Inline(inline) => inline,
            SlotMemory::Block(block) => block,
        }
    }

    /// The bytes that are not text yet; [`advance`](Slot::advance) makes them text.
    #[inline]
    pub(super) fn vacant(&mut self) -> &mut [u8] {
        let len = self.len;
        // The text is never longer than the room; if it were, the empty slice here would show as a cut text.
        self.all().get_mut(len..).unwrap_or_default()
    }

    /// The next `bytes` bytes; [`advance`](Slot::advance) makes them text.
    #[inline]
    pub(super) fn reserve(&mut self, bytes: usize) -> Result<&mut [u8], SlotFull> {
        if self.vacant().len() < bytes {
            self.grow(bytes)?;
        }
        self.vacant().get_mut(..bytes).ok_or(SlotFull)
    }

    /// `bytes` more bytes to write to; they are part of the text from now on.
    #[inline]
    pub(super) fn room(&mut self, bytes: usize) -> Result<&mut [u8], SlotFull> {
        if self.vacant().len() < bytes {
            self.grow(bytes)?;
        }
        let start = self.len;
        self.len += bytes;
        self.all().get_mut(start..).and_then(|vacant| vacant.get_mut(..bytes)).ok_or(SlotFull)
    }

    /// The next `N` bytes, if they fit without growing; [`advance`](Slot::advance) makes them text.
    #[inline]
    pub(super) fn ahead<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.vacant().first_chunk_mut()
    }

    /// Makes this many of the bytes [`ahead`](Slot::ahead) text.
    #[inline]
    pub(super) fn advance(&mut self, bytes: usize) {
        self.len += bytes;
    }

    /// Appends bytes.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), SlotFull> {
        copy(self.room(bytes.len())?, bytes);
        Ok(())
    }

    #[cold]
    fn grow(&mut self, bytes: usize) -> Result<(), SlotFull> {
        let len = self.len + bytes;
        if len > self.bytes_max {
            return Err(SlotFull);
        }
        let mut larger = self.blocks.take(len);
        let text = match &self.room {
            SlotMemory::Inline(inline) => &inline[..self.len],
            SlotMemory::Block(block) => &block[..self.len],
        };
        larger[..text.len()].copy_from_slice(text);
        if let SlotMemory::Block(smaller) = std::mem::replace(&mut self.room, SlotMemory::Block(larger)) {
            self.blocks.give(smaller);
        }
        Ok(())
    }
}

/// For serde_json's code that writes numbers.
impl io::Write for Slot<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        // The kind is irrelevant; the caller only needs to know that it failed.
        self.put(bytes).map_err(|SlotFull| io::ErrorKind::FileTooLarge.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
