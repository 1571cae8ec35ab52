//! The sender's half of a shutdown, and its end when it is dropped in the middle.
//!
//! In: the deadline that a caller has set ([`Closing`](crate::closing::Closing)). Out: everything settled, and the end reported.
//! Not here: the caller's half (`shutdown.rs`).

use super::Sender;
use super::batch::Batch;
use crate::clock::Stamp;
use crate::outcome::Reason;
use crate::reentry;
use crate::sync::{Arc, yield_now};

impl Sender {
    /// When, after a call of shutdown, the waiting events must go to the log, and when the requests must be aborted.
    pub(super) fn closing_times(&self) -> (Stamp, Stamp) {
        let in_batches: usize = [&self.ready, &self.filling].into_iter().flatten().map(Batch::len).sum();
        // Events already on their way to the log come first.
        let log = &self.shared.log;
        let (spill_time, ahead) = (log.spill_time(), log.events());
        let time_to_spill =
            |events: usize| spill_time.saturating_mul(u32::try_from(events).unwrap_or(u32::MAX));
        let opened = self.opened.as_ref().map_or(0, |chunk| chunk.len());
        let waiting = in_batches + opened + self.shared.queue.len();
        let closing = &self.shared.closing;
        let flying = self.flights.open().0;
        (
            closing.latest_start(time_to_spill(ahead + waiting + flying)),
            closing.latest_start(time_to_spill(ahead + flying)),
        )
    }

    pub(super) fn heed_closing(&mut self, now: Stamp) {
        let (spill_at, abort_at) = self.closing_times();
        if now >= spill_at {
            while self.ready.is_some() || self.filling.is_some() || self.look().events > 0 {
                if let Some(mut batch) = self.ready.take().or_else(|| self.filling.take()) {
                    batch.spill_rest(Reason::Deadline, "shut down before it could be posted");
                    self.end(batch);
                }
                self.fill(now);
            }
        }
        if now >= abort_at {
            let aborted: Vec<Batch> = self.flights.abort().collect();
            for mut batch in aborted {
                batch.spill_rest(Reason::Deadline, "shut down before an answer came");
                self.end(batch);
            }
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.filling.is_none()
            && self.opened.is_none()
            && self.ready.is_none()
            && self.flights.is_empty()
            && self.shared.queue.is_drained()
            // Events that callers and the sender have handed over may still be on their way to the log: they must be counted too.
            && self.shared.is_settled()
    }

    pub(super) fn finish(&mut self) {
        let shared = &self.shared;
        shared.notices.shut_down(&self.shared.stats());
        shared.sender_ends();
    }

    /// Drops every batch, which settles what is open in it.
    pub(super) fn drop_in_hand(&mut self) {
        drop((self.filling.take(), self.ready.take()));
        self.flights.abort().for_each(drop);
    }

    /// For the copy in a forked child: the parent settles what it holds.
    fn forget(&mut self) {
        let held =
            (self.opened.take(), self.filling.take(), self.ready.take(), std::mem::take(&mut self.flights));
        std::mem::forget((held, Arc::clone(&self.shared)));
    }
}

/// T1, up to the end: a sender that is dropped in the middle closes the queue and writes to the log what it and the queue hold.
impl Drop for Sender {
    fn drop(&mut self) {
        if !self.shared.process.is_this() {
            return self.forget();
        }
        if self.shared.log.sender_has_left() {
            return;
        }
        let _sender = reentry::sender_thread();
        self.shared.queue.close();
        self.drop_in_hand();
        // The clock no longer matters; a caller that has announced an event pushes it within moments.
        let shared = Arc::clone(&self.shared);
        while !shared.queue.is_drained() || self.opened.is_some() {
            self.fill(Stamp::NEVER);
            self.drop_in_hand();
            yield_now();
        }
        // Events that the queue has refused may still be with their callers, or on their way to the log: the end is reported after them.
        shared.sender_ends_early();
    }
}
