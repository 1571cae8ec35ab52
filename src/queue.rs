//! The bounded channel between callers and sender; both ends live here, so neither can go before the other.
//!
//! In: encoded events from any thread. Out: the same events, in order, to the sender; or given back with the
//! reason why there was no room. Also here: the byte budget over queue, batches and requests in flight, and the
//! protocol by which a sleeping sender is woken.
//!
//! Q1: an event is in the channel, with the caller, or with the sender; a refused push gives it back.
//! Q2: charged bytes never exceed `queue_bytes_max`: charged before the push, discharged when settled.
//! Q3: no push succeeds after `close` has been seen by [`Queue::is_drained`]: every pusher announces itself at the gate
//!     before it pushes, and all that were announced before the close must be resolved: pulled, or refused.
//! Q4: a sender that sleeps is woken by the push it waits for: it arms the gate, and does not sleep if the count it gets
//!     there is more than what is resolved; an announcement behind that sees it armed and, once pushed, looks whether to wake
//!     (G1). A busy sender is never woken, a filling one once per batch.
//!
//! Deliberately not here: what becomes of a refused event, and counting.

use crate::event::Event;
use crate::gate::{Gate, Side};
use crate::limits::{BATCHES_IN_BUDGET, QUEUE_NAP_EIGHTHS, QUEUE_RELIEF_EIGHTHS};
use crate::queue_share::QueueShare;
use crate::sync::{AtomicU64, Bell, Ordering, Padded, channel, plain};

/// Why a push was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// No slot, or no bytes in the budget.
    NoRoom,
    /// Closed for good.
    Closed,
}

/// What every push writes, on one cache line.
#[derive(Debug, Default)]
struct Entrance {
    gate: Gate,
    /// Charged bytes: queue, batches, requests in flight.
    bytes: AtomicU64,
}

/// When a sleeping sender wants to be woken: at so many announcements, or at so many charged bytes.
#[derive(Debug)]
struct Wake {
    announced: AtomicU64,
    bytes: AtomicU64,
}

/// Somebody has rung already, or nobody ever slept.
const NEVER: u64 = u64::MAX;

/// The queue of one client.
pub(crate) struct Queue {
    push_end: channel::Sender<Event>,
    pull_end: channel::Receiver<Event>,
    events_max: usize,
    bytes_max: u64,
    /// The share of `bytes_max` that is to be used, as [`QueueShare::ALL`] has it. Shares only lower Q2's maximum.
    share: plain::AtomicU8,
    /// The length at which a sender that cannot post relieves the channel.
    relief_events: usize,
    /// The length at which a nap ends.
    nap_events: usize,
    entrance: Padded<Entrance>,
    /// Announcements that will push no more: pulled, or refused.
    resolved: Padded<AtomicU64>,
    wake: Padded<Wake>,
    bell: Bell,
}

impl Queue {
    pub(crate) fn new(events_max: usize, bytes_max: usize) -> Queue {
        let (push_end, pull_end) = channel::bounded(events_max);
        Queue {
            push_end,
            pull_end,
            events_max,
            bytes_max: bytes_max as u64,
            share: plain::AtomicU8::new(QueueShare::Whole as u8),
            relief_events: (events_max * QUEUE_RELIEF_EIGHTHS / 8).max(1),
            nap_events: (events_max * QUEUE_NAP_EIGHTHS / 8).max(1),
            entrance: Padded::default(),
            resolved: Padded(AtomicU64::new(0)),
            wake: Padded(Wake { announced: AtomicU64::new(NEVER), bytes: AtomicU64::new(NEVER) }),
            bell: Bell::default(),
        }
    }

    /// Where every event is announced.
    #[inline]
    pub(crate) fn gate(&self) -> &Gate {
        &self.entrance.0.gate
    }

    /// Announces and pushes, or gives the event back, with its number. Never waits. Whom `NoRoom` refuses has to
    /// [resolve](Queue::resolve_beside) the announcement.
    #[expect(
        clippy::result_large_err,
        reason = "a refused push gives the event back; a box would be an allocation"
    )]
    // Always: called, it is handed the event by a copy more.
    #[inline(always)]
    pub(crate) fn push(&self, mut event: Event) -> Result<(), (Event, Full)> {
        let pass = self.gate().announce();
        event.seq = pass.number();
        if pass.side() == Side::Closed {
            return Err((event, Full::Closed));
        }
        let charge = event.charge() as u64;
        // Relaxed: a sum of its own; nothing is read on the strength of it.
        let held = self.entrance.0.bytes.fetch_add(charge, Ordering::Relaxed) + charge;
        let refused = if held > self.budget_bytes() {
            event
        } else {
            match self.push_end.try_send(event) {
                Ok(()) => {
                    if pass.saw_armed() {
                        self.wake_for(pass.number() + 1, held);
                    }
                    return Ok(());
                }
                Err(full) => full.into_inner(),
            }
        };
        self.discharge(charge as usize);
        Err((refused, Full::NoRoom))
    }

    /// The caller's half of Q4, after its push. What it compares with may be what a later sleep wants: then it rings for that,
    /// at worst once too often.
    #[cold]
    fn wake_for(&self, announced: u64, held: u64) {
        let wake = &self.wake.0;
        let wanted = wake.announced.load(Ordering::Relaxed);
        if wanted == NEVER {
            return;
        }
        if (announced >= wanted || held >= wake.bytes.load(Ordering::Relaxed))
            && wake.announced.swap(NEVER, Ordering::AcqRel) != NEVER
        {
            self.bell.ring();
        }
    }

    /// The next event, if there is one. Only the sender calls this, and whoever takes over from it at the end; both
    /// [`resolve`](Queue::resolve) what they have pulled.
    #[inline]
    pub(crate) fn pull(&self) -> Option<Event> {
        self.pull_end.try_recv().ok()
    }

    /// So many announcements have been pulled or refused, and whoever did it answers for the events.
    pub(crate) fn resolve(&self, events: u64) {
        self.resolved.0.fetch_add(events, Ordering::AcqRel);
    }

    /// Like [`resolve`](Queue::resolve), for anybody but the sender. That of a closed queue may have found it not drained
    /// because of this very announcement, and fall asleep over a count that is complete by then.
    pub(crate) fn resolve_beside(&self, events: u64) {
        self.resolve(events);
        self.ring_if_closed();
    }

    /// The sender of a closed queue waits for what has just been done.
    pub(crate) fn ring_if_closed(&self) {
        if self.gate().is_closed_after_this() {
            self.ring();
        }
    }

    /// Events in the channel now.
    pub(crate) fn len(&self) -> usize {
        self.pull_end.len()
    }

    /// How many events may be in it.
    pub(crate) fn events_max(&self) -> usize {
        self.events_max
    }

    /// Gives settled bytes back to the budget.
    pub(crate) fn discharge(&self, bytes: usize) {
        self.entrance.0.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Charged bytes: queue, batches, requests in flight.
    pub(crate) fn held_bytes(&self) -> usize {
        self.entrance.0.bytes.load(Ordering::Relaxed) as usize
    }

    /// From now on pushes are refused. Idempotent.
    pub(crate) fn close(&self) {
        self.gate().close();
        self.ring();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.gate().is_closed()
    }

    /// Closed, and nothing is in the channel nor about to be pushed.
    pub(crate) fn is_drained(&self) -> bool {
        // Acquire: what was pulled or refused is seen by who finds the queue drained.
        let resolved = self.resolved.0.load(Ordering::Acquire);
        self.is_closed() && resolved == self.gate().announced()
    }

    /// Wakes the sender for something that is not an event.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// The sender is about to sleep and wants the next push to wake it. `false`: there is something to pull, or will be in a
    /// moment; do not sleep.
    pub(crate) fn arm_for_any(&self) -> bool {
        self.arm(1, NEVER)
    }

    /// The sender is about to sleep on a timer and wants to be woken when so many events more have come, or when so many
    /// bytes are charged. A push may ring before one that was announced earlier has arrived; the timer bounds what that can
    /// cost.
    pub(crate) fn arm_for_batch(&self, events_more: usize, bytes: usize) -> bool {
        self.arm(events_more as u64, bytes as u64) && self.holds_less_than(bytes)
    }

    /// The sender naps on a timer while events gather, and wants to be woken if far more come than it expects: at a quarter of the
    /// queue, half of the bytes that are left, or so many bytes charged.
    pub(crate) fn arm_for_nap(&self, bytes: usize) -> bool {
        let held = self.held_bytes() as u64;
        let half = held + self.budget_bytes().saturating_sub(held) / 2;
        self.arm(self.nap_events as u64, half.min(bytes as u64)) && self.holds_less_than(bytes)
    }

    /// For a sender that is armed: what was charged while it armed has rung for nobody. `false` and awake, if it is as much as this
    /// already.
    fn holds_less_than(&self, bytes: usize) -> bool {
        let less = self.held_bytes() < bytes;
        if !less {
            self.disarm();
        }
        less
    }

    /// The sender cannot post, and wants to be woken before callers meet a full queue.
    pub(crate) fn arm_for_relief(&self) -> bool {
        let armed = self.arm(self.relief_events as u64, self.relief_bytes());
        if armed && self.is_nearly_full() {
            self.disarm();
            return false;
        }
        armed
    }

    pub(crate) fn is_nearly_full(&self) -> bool {
        self.len() >= self.relief_events || self.held_bytes() as u64 >= self.relief_bytes()
    }

    /// The charged bytes at which a batch waits for no more company, see [`BATCHES_IN_BUDGET`].
    pub(crate) fn batch_bytes(&self) -> usize {
        (self.budget_bytes() / BATCHES_IN_BUDGET) as usize
    }

    fn relief_bytes(&self) -> u64 {
        self.budget_bytes() * QUEUE_RELIEF_EIGHTHS as u64 / 8
    }

    /// Sets the share of the budget that is to be used; the one before.
    pub(crate) fn set_queue_share(&self, share: QueueShare) -> QueueShare {
        let before = self.share.swap(share as u8, Ordering::Relaxed);
        QueueShare::ALL[usize::from(before) % QueueShare::ALL.len()]
    }

    pub(crate) fn queue_share(&self) -> QueueShare {
        // Relaxed: a figure by itself, and a moment late is early enough.
        QueueShare::ALL[usize::from(self.share.load(Ordering::Relaxed)) % QueueShare::ALL.len()]
    }

    #[inline]
    pub(crate) fn budget_bytes(&self) -> u64 {
        self.queue_share().of(self.bytes_max)
    }

    /// The sender is awake again.
    pub(crate) fn disarm(&self) {
        self.gate().disarm();
    }

    /// The sender's half of Q4.
    fn arm(&self, events_more: u64, bytes: u64) -> bool {
        let wanted = self.resolved.0.load(Ordering::Acquire) + events_more;
        // Relaxed: released by the arming, and read by those who have seen it.
        self.wake.0.bytes.store(bytes, Ordering::Relaxed);
        self.wake.0.announced.store(wanted, Ordering::Relaxed);
        if self.gate().arm() >= wanted {
            self.disarm();
            return false;
        }
        true
    }

    /// Resolves when the sender should look again.
    ///
    /// # Cancel safety
    /// Cancel safe: a ring that comes meanwhile is kept.
    pub(crate) async fn woken(&self) {
        self.bell.rung().await;
    }

    #[cfg(all(test, overspill_model))]
    pub(crate) fn wait(&self) {
        self.bell.wait();
    }
}

#[cfg(all(test, overspill_model))]
mod model;

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::clock::Stamp;

    fn event(text: &[u8]) -> Event {
        let mut event = Event::vacant(Stamp(0));
        assert!(event.append(text).is_ok());
        event
    }

    #[test]
    fn a_push_without_a_slot_or_without_bytes_gives_the_event_back_and_charges_nothing() {
        let queue = Queue::new(2, 10);
        assert!(queue.push(event(b"12345")).is_ok());
        let (returned, why) = queue.push(event(b"123456")).err().unwrap();
        assert_eq!((returned.text(), why), (&b"123456"[..], Full::NoRoom));
        queue.resolve_beside(1);
        assert!(queue.push(event(b"1")).is_ok());
        assert!(queue.push(event(b"1")).is_err());
        assert_eq!(queue.held_bytes(), 6);
    }

    #[test]
    fn the_budget_is_free_again_only_when_the_event_is_settled() {
        let queue = Queue::new(8, 5);
        assert!(queue.push(event(b"12345")).is_ok());
        assert!(queue.pull().is_some());
        assert!(queue.push(event(b"1")).is_err());
        queue.resolve(1);
        queue.discharge(5);
        assert!(queue.push(event(b"1")).is_ok());
    }

    #[test]
    fn a_closed_queue_refuses_and_is_drained_once_the_rest_is_pulled() {
        let queue = Queue::new(8, 100);
        assert!(queue.push(event(b"1")).is_ok());
        queue.close();
        assert_eq!(queue.push(event(b"2")).err().unwrap().1, Full::Closed);
        assert!(!queue.is_drained());
        assert!(queue.pull().is_some());
        queue.resolve(1);
        assert!(queue.is_drained());
    }

    #[test]
    fn a_sender_does_not_fall_asleep_over_what_it_waits_for() {
        let queue = Queue::new(8, 100);
        assert!(queue.arm_for_any());
        assert!(queue.push(event(b"1")).is_ok());
        assert!(!queue.arm_for_any());
        assert!(queue.arm_for_batch(2, 50));
    }
}
