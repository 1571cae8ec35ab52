//! What a sleeping sender waits for, in terms of the queue.
//!
//! In: what the sender is about to do. Out: what should [wake](super::wake) it, or that it is there already.

use super::Queue;
use super::wake::Wanted;
use crate::limits::{BATCHES_IN_BUDGET, QUEUE_LATE_EIGHTHS, QUEUE_NAP_EIGHTHS, QUEUE_RELIEF_EIGHTHS};
use crate::sync::Ordering;

impl Queue {
    /// The sender is about to sleep until the next event. `false`: there is one, or will be in a moment; do not sleep.
    pub(crate) fn arm_for_any(&self) -> bool {
        self.wake.0.arm_for_any();
        let quiet = self.gate().announced_after_this() <= self.resolved.load(Ordering::Acquire)
            && self.shards.iter().all(|shard| shard.0.watch())
            && self.look().events == 0;
        // A watched shard clears the mark at its next event, even if the sender is awake by then.
        if !quiet {
            self.disarm();
        }
        quiet
    }

    /// The sender is about to sleep on a timer until `events` events are here, `bytes` bytes are charged, or a chunk is sealed. Room that
    /// shards have taken in advance may wake it early, never late.
    pub(crate) fn arm_for_batch(&self, events: usize, bytes: usize) -> bool {
        let sealed = self.wake.0.sealed() + 1;
        let budget = &self.budget.0;
        self.shards
            .iter()
            .filter(|shard| shard.0.credit().bytes > 0)
            .for_each(|shard| shard.0.give_back(budget));
        let events = (events as u64).min(self.nap_events());
        let wanted = Wanted { events, bytes: bytes as u64, sealed };
        self.wake.0.arm(wanted, || budget.taken()) && self.nothing_sealed()
    }

    /// The sender naps on a timer while events gather. Wakes it if far more arrive than expected: a quarter of the queue, half of the bytes
    /// left, or `bytes` bytes charged.
    pub(crate) fn arm_for_nap(&self, bytes: usize) -> bool {
        let budget = &self.budget.0;
        let held = budget.bytes();
        let half = held + budget.bytes_max().saturating_sub(held).div_ceil(2).max(1);
        let wanted = Wanted { events: self.nap_events(), bytes: half.min(bytes as u64), sealed: u64::MAX };
        self.wake.0.arm(wanted, || budget.taken())
    }

    /// The sender cannot post. Wakes it before callers meet a full queue.
    pub(crate) fn arm_for_relief(&self) -> bool {
        let wanted = Wanted { events: self.relief_events(), bytes: self.relief_bytes(), sealed: u64::MAX };
        self.wake.0.arm(wanted, || self.budget.0.taken())
    }

    /// For a sender that naps until relief is due: wakes it only if the queue fills faster than expected.
    pub(crate) fn arm_for_late_relief(&self) -> bool {
        let budget = &self.budget.0;
        let [events, bytes] =
            [budget.events_max(), budget.bytes_max()].map(|max| max * QUEUE_LATE_EIGHTHS as u64 / 8);
        let wanted = Wanted { events: events.max(1), bytes, sealed: u64::MAX };
        !self.is_nearly_full() && self.wake.0.arm(wanted, || budget.taken())
    }

    /// Events and bytes between the level at which relief is due and the one at which a caller wakes a sender that is late.
    pub(crate) fn relief_margin(&self) -> (u64, u64) {
        let margin = |max: u64| max * (QUEUE_LATE_EIGHTHS - QUEUE_RELIEF_EIGHTHS) as u64 / 8;
        (margin(self.budget.0.events_max()), margin(self.budget.0.bytes_max()))
    }

    /// Events and bytes that are missing until the queue is nearly full.
    pub(crate) fn until_relief(&self) -> (u64, u64) {
        let budget = &self.budget.0;
        (
            self.relief_events().saturating_sub(budget.events()),
            self.relief_bytes().saturating_sub(budget.bytes()),
        )
    }

    /// Whether no chunk is sealed: one that was sealed while the sender armed has not rung for it.
    fn nothing_sealed(&self) -> bool {
        let nothing = !self.look().sealed;
        if !nothing {
            self.disarm();
        }
        nothing
    }

    pub(crate) fn is_nearly_full(&self) -> bool {
        self.budget.0.events() >= self.relief_events() || self.budget.0.bytes() >= self.relief_bytes()
    }

    /// Whether the shards hold enough to be swept whatever its age.
    pub(crate) fn is_crowded(&self) -> bool {
        self.budget.0.events() >= self.nap_events()
    }

    /// The charged bytes at which a batch stops waiting for more events, see [`BATCHES_IN_BUDGET`].
    pub(crate) fn batch_bytes(&self) -> usize {
        (self.budget.0.bytes_max() / BATCHES_IN_BUDGET) as usize
    }

    fn nap_events(&self) -> u64 {
        (self.budget.0.events_max() * QUEUE_NAP_EIGHTHS as u64 / 8).max(1)
    }

    fn relief_events(&self) -> u64 {
        (self.budget.0.events_max() * QUEUE_RELIEF_EIGHTHS as u64 / 8).max(1)
    }

    fn relief_bytes(&self) -> u64 {
        self.budget.0.bytes_max() * QUEUE_RELIEF_EIGHTHS as u64 / 8
    }

    /// The sender is awake again.
    pub(crate) fn disarm(&self) {
        self.wake.0.disarm();
    }

    /// Resolves when the sender should look again.
    ///
    /// # Cancel safety
    /// Cancel safe: a ring that comes meanwhile is kept.
    pub(crate) async fn woken(&self) {
        self.wake.0.woken().await;
    }

    /// Whether the sender sleeps, and no call has rung for it.
    #[cfg(all(test, not(overspill_model)))]
    pub(crate) fn is_armed(&self) -> bool {
        self.wake.0.is_asleep()
    }

    #[cfg(all(test, not(overspill_model)))]
    pub(crate) fn sealed(&self) -> u64 {
        self.wake.0.sealed()
    }

    #[cfg(all(test, overspill_model))]
    pub(crate) fn wait(&self) {
        self.wake.0.wait();
    }
}
