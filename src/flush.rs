//! A flush: waits until everything emitted before it is settled. It changes nothing about delivery, except that a batch does not wait for
//! more events meanwhile.
//!
//! In: a caller with a deadline. Out: whether what was emitted before is delivered, written or lost by then.
//! FL1: the caller takes a number and rings. The sender sees the number, then sweeps what was pushed before into the line, whose length
//! says how far the flush reaches. It reports the number once it no longer holds any of these events ([`Flushes`]). Those that it has
//! handed over to the log by then are written when the log's thread says so.

use crate::queue::Queue;
use crate::shared::Shared;
use crate::waits::{Board, Goal, Reached};
use std::fmt;
use std::time::Instant;

/// Why a flush did not reach its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// Something emitted before the flush is not settled yet.
    DeadlinePassed,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the flush deadline passed before all events were settled")
    }
}

impl std::error::Error for FlushError {}

/// The caller's half.
impl Shared {
    pub(crate) async fn flush(&self, until: Instant) -> Result<(), FlushError> {
        let number = self.ask_for_flush();
        let reached = match self.board.wait(Goal::Flushed(number), until).await {
            Reached::Yes => self.board.wait(self.all_written(), until).await,
            Reached::No => Reached::No,
        };
        reached.ok_or(FlushError::DeadlinePassed)
    }

    /// # Blocking
    /// Until the end of the flush, or the deadline.
    pub(crate) fn flush_blocking(&self, until: Instant) -> Result<(), FlushError> {
        let number = self.ask_for_flush();
        let reached = match self.board.wait_blocking(Goal::Flushed(number), until) {
            Reached::Yes => self.board.wait_blocking(self.all_written(), until),
            Reached::No => Reached::No,
        };
        reached.ok_or(FlushError::DeadlinePassed)
    }

    /// Requests a flush from the sender; returns its number.
    pub(crate) fn ask_for_flush(&self) -> u64 {
        let number = self.board.ask_for_flush();
        self.queue.ring();
        number
    }

    /// Everything that is on its way to the log now.
    pub(crate) fn all_written(&self) -> Goal {
        let position = self.log.position();
        self.board.written(self.log.want(position));
        Goal::Written(position)
    }
}

/// The sender's half: the flush being waited for. Requests that come meanwhile are answered together by the next one.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    answered: u64,
    current: Option<Barrier>,
}

/// Everything pulled before this position must be settled.
#[derive(Debug, Clone, Copy)]
struct Barrier {
    number: u64,
    position: u64,
}

/// The sender's progress, in events that it has pulled out of the queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pulled {
    pub(crate) events: u64,
    /// Events of the chunk that is being copied: pulled, but not counted yet.
    pub(crate) opened: usize,
    /// The first that is not settled.
    pub(crate) first_unsettled: u64,
}

impl Flushes {
    /// Whether a flush waits for what is pulled at this position.
    pub(crate) fn waits_for(&self, position: u64) -> bool {
        self.current.is_some_and(|barrier| position < barrier.position)
    }

    /// Begins a flush that was requested, and reports one that is done.
    pub(crate) fn advance(&mut self, queue: &Queue, board: &Board, pulled: Pulled) {
        if self.current.is_none() {
            let asked = board.flushes_asked();
            if asked > self.answered {
                // FL1: first the number, then the sweep. The line is first in, first out.
                let mut line = queue.line();
                line.sweep();
                let queued = (pulled.opened + line.len()) as u64;
                self.current = Some(Barrier { number: asked, position: pulled.events + queued });
                // The batch that fills has not been checked against this flush yet: ring, so that it is.
                queue.ring();
            }
        }
        let Some(done) = self.current.filter(|barrier| {
            pulled.events >= barrier.position && pulled.first_unsettled >= barrier.position
        }) else {
            return;
        };
        self.answered = done.number;
        self.current = None;
        if board.flushes_asked() > self.answered {
            queue.ring();
        }
        board.flushed(done.number);
    }
}
