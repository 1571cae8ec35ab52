//! The sender's end: chunks in the order in which it takes them, and what it sweeps together out of the shards.
//!
//! In: sealed chunks from the channel, events from the side door, partly full chunks from the shards. Out: chunks, whole or event by
//! event. N1: events of one shard keep their order: the channel is emptied first, while we hold the shard's latch.
//! N2: two neighbors, one of them not sealed, do not fit into one chunk: so swept chunks are at least half full on average.
//! N3: one thread at a time has the line: the sender, or the thread that takes over from it. Callers never ask for it.

use super::chunk::{Chunk, Seal};
use super::{Queue, Want};
use crate::clock::Stamp;
use crate::mark::Piece;
use crate::sync::LatchGuard;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(crate) struct Line {
    chunks: VecDeque<Box<Chunk>>,
    events: usize,
    bytes: usize,
    /// Sealed chunks.
    sealed: usize,
}

impl Line {
    fn push(&mut self, chunk: Box<Chunk>, queue: &Queue) {
        self.events += chunk.len();
        self.bytes += chunk.bytes();
        self.sealed += usize::from(chunk.seal == Seal::Sealed);
        if chunk.seal == Seal::Open {
            if let Some(last) = self.open_tail() {
                if last.has_room_for(&chunk, &queue.shape) {
                    last.append_all(&chunk, &queue.shape);
                    return queue.keep(chunk);
                }
                last.trim(&queue.shape.frame);
            }
        }
        self.chunks.push_back(chunk);
    }

    fn push_alone(&mut self, piece: Piece<'_>, queue: &Queue) {
        self.events += 1;
        self.bytes += piece.text.len();
        match self.open_tail().filter(|last| last.has_room(piece.text.len(), &queue.shape)) {
            Some(last) => last.append(piece, &queue.shape),
            None => {
                let mut chunk = queue.spares.take().unwrap_or_default();
                chunk.append(piece, &queue.shape);
                self.chunks.push_back(chunk);
            }
        }
    }

    /// The last chunk, if more may be added to it.
    fn open_tail(&mut self) -> Option<&mut Box<Chunk>> {
        self.chunks.back_mut().filter(|last| last.seal == Seal::Open)
    }
}

/// The line, while one thread holds it.
pub(crate) struct Pulling<'q> {
    pub(super) queue: &'q Queue,
    pub(super) line: LatchGuard<'q, Line>,
}

/// What waits in the queue, as the sender sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// When the oldest event was emitted.
    pub(crate) begun_at: Stamp,
    /// When the oldest event in a shard was emitted.
    pub(crate) in_shards_since: Stamp,
    /// Whether a chunk is sealed.
    pub(crate) sealed: bool,
    /// Charged bytes of everything that holds events, read before the rest: what arrives meanwhile shows only in the rest.
    pub(crate) held_bytes: usize,
}

impl Pulling<'_> {
    /// Takes in what callers have sealed, and what they put at the side door.
    pub(super) fn absorb(&mut self) {
        while let Ok(chunk) = self.queue.sealed.1.try_recv() {
            self.line.push(chunk, self.queue);
        }
        let mut alone = 0;
        while let Ok(event) = self.queue.alone.1.try_recv() {
            self.line.push_alone(event.piece(), self.queue);
            alone += 1;
        }
        if alone > 0 {
            // After the push: a thread that finds all announcements resolved finds the events in the line.
            self.queue.resolve(alone);
        }
    }

    pub(super) fn look(&mut self) -> Look {
        let held_bytes = self.queue.held_bytes();
        self.absorb();
        let front = self.line.chunks.front();
        let mut look = Look {
            events: self.line.events,
            bytes: self.line.bytes,
            begun_at: front.map_or(Stamp::NEVER, |chunk| chunk.begun_at()),
            in_shards_since: Stamp::NEVER,
            sealed: self.line.sealed > 0,
            held_bytes,
        };
        for held in self.queue.shards.iter().map(|shard| shard.0.held()) {
            look.events += held.events;
            look.bytes += held.bytes;
            look.in_shards_since = look.in_shards_since.min(held.begun_at);
        }
        look.begun_at = look.begun_at.min(look.in_shards_since);
        look
    }

    /// Brings everything in the shards into the line.
    pub(crate) fn sweep(&mut self) {
        for shard in &self.queue.shards {
            let held = shard.0.held();
            if held.events == 0 {
                continue;
            }
            // About as large as what is taken, so that the next callers find warm memory.
            let size = (held.bytes + (held.events + 2) * self.queue.between(), held.events);
            let mut spare = self.queue.spares.take().unwrap_or_default();
            spare.make_room(size);
            let mut spare = Some(spare);
            let taken = shard.0.take(&self.queue.budget.0, &mut spare, || {
                while let Ok(chunk) = self.queue.sealed.1.try_recv() {
                    self.line.push(chunk, self.queue);
                }
            });
            if let Some(spare) = spare {
                self.queue.keep(spare);
            }
            if let Some(chunk) = taken {
                self.line.push(chunk, self.queue);
            }
        }
        self.absorb();
    }

    /// Events in the line.
    pub(crate) fn len(&self) -> usize {
        self.line.events
    }

    /// The first chunk, if it is wanted. If a sealed chunk is wanted, so are the chunks before it.
    pub(crate) fn front(&self, want: Want) -> Option<&Chunk> {
        self.line.chunks.front().map(|chunk| &**chunk).filter(|_| want == Want::All || self.line.sealed > 0)
    }

    /// Takes the first chunk.
    pub(crate) fn pop(&mut self) -> Option<Box<Chunk>> {
        let chunk = self.line.chunks.pop_front()?;
        self.line.sealed -= usize::from(chunk.seal == Seal::Sealed);
        self.line.events -= chunk.len();
        self.line.bytes -= chunk.bytes();
        self.queue.budget.0.leave(chunk.len() as u64);
        Some(chunk)
    }
}
