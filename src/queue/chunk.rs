//! Events that travel together: their texts in the format's frame, and a mark for each.
//!
//! In: encoded events. Out: events that a batch takes all at once, unchanged, or one by one. U1: never more than its [`Shape`] allows,
//! except a first event, which always fits. U2: once [trimmed](Chunk::trim) its buffer is little larger than its events.
//! Deliberately not here: who may append, and what the events are charged to.

use crate::clock::Stamp;
use crate::format::{Frame, Overhead};
use crate::limits::{CHUNK_SLACK_BYTES, SPARE_CHUNK_BYTES};
use crate::mark::{Mark, NameId, Piece};

/// How large a chunk may be, and what surrounds its texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) events_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) overhead: Overhead,
    pub(crate) frame: Frame,
}

impl Shape {
    /// `weights`: see [`Chunk`].
    #[inline]
    fn holds(&self, events: usize, weights: usize) -> bool {
        events <= self.events_max && weights + self.overhead.per_batch <= self.bytes_max
    }
}

/// Whether more events may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Seal {
    #[default]
    Open,
    Sealed,
}

#[derive(Debug)]
pub(crate) struct Chunk {
    text: Vec<u8>,
    marks: Vec<Mark>,
    /// Bytes of its events, without the frame: what is charged for them.
    bytes: usize,
    /// The same with the overhead of each event: a running sum, because every call asks for it.
    weights: usize,
    /// When the oldest of its events was emitted.
    begun_at: Stamp,
    /// Whether one of its events has a name.
    named: bool,
    pub(crate) seal: Seal,
    /// Events that were copied out of it, from the first on, and their bytes.
    taken: (usize, usize),
}

impl Default for Chunk {
    fn default() -> Chunk {
        Chunk::of_buffers(Vec::new(), Vec::new())
    }
}

impl AsRef<Chunk> for Chunk {
    fn as_ref(&self) -> &Chunk {
        self
    }
}

impl Chunk {
    /// An empty chunk that reuses these buffers.
    pub(crate) fn of_buffers(mut text: Vec<u8>, mut marks: Vec<Mark>) -> Chunk {
        text.clear();
        marks.clear();
        Chunk {
            text,
            marks,
            bytes: 0,
            weights: 0,
            begun_at: Stamp::NEVER,
            named: false,
            seal: Seal::Open,
            taken: (0, 0),
        }
    }

    /// Makes room for this many bytes and events. If it must grow, it grows by a little more, so that the next chunks like it fit.
    pub(crate) fn make_room(&mut self, (bytes, events): (usize, usize)) {
        if self.text.capacity() < bytes {
            self.text.reserve_exact(bytes + bytes / 16);
        }
        if self.marks.capacity() < events {
            self.marks.reserve_exact(events);
        }
    }

    /// Its size: the text with its frame, and the events.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.text.len(), self.marks.len())
    }

    /// The size that it will have when full, estimated when it is half full; at most that of a spare one.
    pub(crate) fn size_to_come(&self, shape: &Shape) -> (usize, usize) {
        ((2 * self.text.len()).min(SPARE_CHUNK_BYTES), (2 * self.marks.len()).min(shape.events_max))
    }

    pub(crate) fn empty(&mut self) {
        *self = Chunk::of_buffers(std::mem::take(&mut self.text), std::mem::take(&mut self.marks));
    }

    pub(crate) fn into_buffers(self) -> (Vec<u8>, Vec<Mark>) {
        (self.text, self.marks)
    }

    /// Events that are left in it.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.marks.len() - self.taken.0
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the events that are left in it.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes - self.taken.1
    }

    pub(crate) fn begun_at(&self) -> Stamp {
        self.begun_at
    }

    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    /// Whether it is worth keeping, and not too large for that.
    pub(crate) fn is_good_spare(&self) -> bool {
        (1..=SPARE_CHUNK_BYTES).contains(&self.text.capacity())
    }

    #[inline]
    pub(crate) fn has_room(&self, bytes: usize, shape: &Shape) -> bool {
        let weights = self.weights + bytes + shape.overhead.per_event;
        shape.holds(self.marks.len() + 1, weights) || self.marks.is_empty()
    }

    /// Whether not even an event of one byte has room.
    #[inline]
    pub(crate) fn is_full(&self, shape: &Shape) -> bool {
        !self.has_room(1, shape)
    }

    #[inline]
    pub(crate) fn is_half_full(&self, shape: &Shape) -> bool {
        2 * self.marks.len() >= shape.events_max || 2 * self.bytes >= shape.bytes_max
    }

    #[inline]
    pub(crate) fn append(&mut self, piece: Piece<'_>, shape: &Shape) {
        let Frame { before, between, behind } = shape.frame;
        let front = if self.marks.is_empty() { before } else { between };
        let needed = front.len() + piece.text.len() + behind.len();
        if self.text.capacity() - self.text.len() < needed {
            self.grow(needed);
        }
        match front {
            &[byte] => self.text.push(byte),
            several => self.text.extend_from_slice(several),
        }
        self.text.extend_from_slice(piece.text);
        self.marks.push(Mark::open(piece.emitted_at, piece.name, self.text.len()));
        self.bytes += piece.text.len();
        self.weights += piece.text.len() + shape.overhead.per_event;
        self.begun_at = self.begun_at.min(piece.emitted_at);
        self.named |= piece.name != NameId::NONE;
    }

    /// A small chunk doubles, a large one grows by a quarter: growing costs little, and little is wasted.
    #[cold]
    fn grow(&mut self, needed: usize) {
        let capacity = self.text.capacity();
        let more = if capacity < 8 * CHUNK_SLACK_BYTES { capacity.max(16 * needed) } else { capacity / 4 };
        self.text.reserve_exact(needed.max(more.min(8 * CHUNK_SLACK_BYTES)));
    }

    /// Whether all of another's events have room.
    pub(crate) fn has_room_for(&self, other: &Chunk, shape: &Shape) -> bool {
        let weights = self.weights + other.bytes() + other.len() * shape.overhead.per_event;
        shape.holds(self.marks.len() + other.len(), weights)
    }

    /// Copies all of another's events.
    pub(crate) fn append_all(&mut self, other: &Chunk, shape: &Shape) {
        (0..other.len())
            .filter_map(|nth| other.piece(nth, &shape.frame))
            .for_each(|piece| self.append(piece, shape));
    }

    /// The nth of the events that are left.
    pub(crate) fn piece(&self, nth: usize, frame: &Frame) -> Option<Piece<'_>> {
        let nth = self.taken.0 + nth;
        let mark = self.marks.get(nth)?;
        let start = match nth.checked_sub(1) {
            None => frame.before.len(),
            Some(last) => self.marks[last].end() + frame.between.len(),
        };
        Some(Piece { text: &self.text[start..mark.end()], emitted_at: mark.emitted_at(), name: mark.name() })
    }

    /// Counts the first of the events that are left as copied.
    pub(crate) fn take_first(&mut self, bytes: usize) {
        self.taken = (self.taken.0 + 1, self.taken.1 + bytes);
    }

    /// Shrinks the buffer (U2). In place with most allocators, and rare: a reused buffer has grown with events like these.
    pub(crate) fn trim(&mut self, frame: &Frame) {
        let len = self.text.len() + frame.behind.len();
        if self.text.capacity() > held_max(len) + CHUNK_SLACK_BYTES {
            self.text.shrink_to(len + len / 16);
        }
    }
}

/// Maximum bytes that trimmed chunks hold for events of this many bytes, without [`CHUNK_SLACK_BYTES`] for each.
pub(crate) fn held_max(texts: usize) -> usize {
    texts.saturating_add(texts / 8)
}
