//! Chunks that have ended, to be used again.
//!
//! In: chunks, by the sender. Out: the same, to a shard that will soon need one. Callers only try: who finds the pile busy asks again with its
//! next event, because it asks long before it needs one. A word, a pointer and nothing else: what a caller touches here another core wrote.

use super::Chunk;
use crate::sync::{Mutex, lock};

#[derive(Debug)]
pub(crate) struct Spares {
    #[expect(clippy::vec_box, reason = "a pointer travels on, through the channel and from shard to sender")]
    pile: Mutex<Vec<Box<Chunk>>>,
    max: usize,
}

/// What a caller got.
#[derive(Debug)]
pub(crate) enum Found {
    One(Box<Chunk>),
    Nothing,
    /// Somebody else is there.
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
    /// For one who pops or pushes a pointer: for the sender, not for callers.
    pub(crate) fn take(&self) -> Option<Box<Chunk>> {
        lock(&self.pile).pop()
    }

    /// # Blocking
    /// As [`take`](Spares::take).
    pub(crate) fn give(&self, chunk: Box<Chunk>) {
        let mut pile = lock(&self.pile);
        let beyond = if pile.len() < self.max {
            pile.push(chunk);
            None
        } else {
            Some(chunk)
        };
        drop(pile);
        // Freed here, which is what keeps the spares bounded, and with the pile in nobody's hand.
        drop(beyond);
    }
}
