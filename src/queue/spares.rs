//! Finished chunks, kept for reuse.
//!
//! In: chunks, from the sender. Out: the same chunks, for a shard that will soon need one. Callers only try the lock: if it is busy, they
//! try again with their next event, because they ask long before they need one. Only a pointer moves: the chunk's cache lines were written
//! by another core.

use super::Chunk;
use crate::sync::{Mutex, lock};

#[derive(Debug)]
pub(crate) struct Spares {
    #[expect(clippy::vec_box, reason = "only the pointer moves on: from shard to channel to sender")]
    pile: Mutex<Vec<Box<Chunk>>>,
    max: usize,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) enum Found {
    One(Box<Chunk>),
    Nothing,
    /// Another thread holds the lock.
    Busy,
}

impl Spares {
    pub(crate) fn new(max: usize) -> Spares {
        Spares { pile: Mutex::new(Vec::new()), max }
    }

    /// Never waits.
    #[inline]
    pub(crate) fn try_take(&self) -> Found {
        match self.pile.try_lock() {
            Ok(mut pile) => pile.pop().map_or(Found::Nothing, Found::One),
            Err(_) => Found::Busy,
        }
    }

    /// # Blocking
    /// While another thread pops or pushes a pointer: for the sender, not for callers.
    pub(crate) fn take(&self) -> Option<Box<Chunk>> {
        lock(&self.pile).pop()
    }

    /// # Blocking
    /// Like [`take`](Spares::take).
    pub(crate) fn give(&self, chunk: Box<Chunk>) {
        let mut pile = lock(&self.pile);
        let beyond = if pile.len() < self.max {
            pile.push(chunk);
            None
        } else {
            Some(chunk)
        };
        drop(pile);
        // Freed here, which keeps the spares bounded, and after the lock is released.
        drop(beyond);
    }
}
