//! The log queue as seen from outside: its progress, its speed, and what happens to it at a deadline.

use super::stall::NextWrite;
use super::{LaneCounts, LogQueue, SenderPart, Urgency, Work};
use crate::limits::{LOG_STALL, SPILL_TIME_PER_EVENT};
use crate::sync::plain::Ordering;
use crate::sync::{Arc, lock};
use std::time::Duration;

impl LogQueue {
    /// A write begins; an earlier write of the same batch has ended.
    pub(crate) fn write_begins(&self) {
        self.end_write(NextWrite::Begins);
    }

    /// Records that `events` events took `time` to write.
    pub(crate) fn took(&self, time: Duration, events: u32) {
        // The time for only a few events is mostly noise.
        if events >= 16 {
            let spill_time = (self.spill_time() + 2 * time / events) / 2;
            let nanos = spill_time.max(SPILL_TIME_PER_EVENT).as_nanos();
            self.spill_time.store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Recent time to write one event.
    pub(crate) fn spill_time(&self) -> Duration {
        Duration::from_nanos(self.spill_time.load(Ordering::Relaxed))
    }

    /// Events that wait to be written.
    pub(crate) fn events(&self) -> usize {
        let state = lock(&self.state);
        state.callers.len() + state.batch_events
    }

    /// Whether the sender has ended.
    pub(crate) fn sender_has_left(&self) -> bool {
        lock(&self.state).sender == SenderPart::Gone
    }

    /// Everything that was ever put in.
    pub(crate) fn position(&self) -> LaneCounts {
        lock(&self.state).put
    }

    /// Asks the writer to report from now on, until `position` is done. Returns how much is done already.
    pub(crate) fn want(self: &Arc<Self>, position: LaneCounts) -> LaneCounts {
        let mut state = lock(&self.state);
        let done = state.done;
        if !done.reaches(position) {
            state.wanted = Some(state.wanted.unwrap_or_default().max(position));
            if state.is_empty() {
                // The last entry is being written.
                return done;
            }
            let by_sender = state.sender == SenderPart::Writes;
            self.see_to_it(state, if by_sender { Urgency::Usual } else { Urgency::Urgent });
        }
        done
    }

    /// Waits until everything now in the queue is written, or writes it here if the sender writes. Waits at most [`LOG_STALL`].
    pub(crate) fn catch_up(self: &Arc<Self>) {
        let state = lock(&self.state);
        let (position, sender) = (state.put, state.sender);
        if state.done.reaches(position) {
            return;
        }
        if sender == SenderPart::Writes {
            drop(state);
            self.write_here();
        } else {
            self.see_to_it(state, Urgency::Urgent);
            self.wait_for(position, LOG_STALL);
        }
    }

    /// Takes out the events that nobody has begun to write.
    pub(crate) fn take_over(&self) -> Vec<Work> {
        let mut state = lock(&self.state);
        let mut events: Vec<Work> = std::mem::take(&mut state.callers).into();
        state.done.callers += events.len() as u64;
        state.bytes = 0;
        for work in std::mem::take(&mut state.others) {
            if let Work::Batch(batch) = &work {
                state.batches -= 1;
                state.batch_events -= batch.events();
                state.done.others += 1;
                events.push(work);
            } else {
                state.others.push_back(work);
            }
        }
        drop(state);
        self.room.notify_all();
        self.done.notify_all();
        events
    }

    #[cfg(all(test, overspill_shuttle))]
    pub(crate) fn on_a_thread(&self) {
        lock(&self.state).sender = SenderPart::StandsBy;
    }
}
