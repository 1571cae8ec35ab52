//! The ledger: what was emitted and how each event ended. All counting happens here, except that of events the queue has accepted.
//!
//! In: how events end. Out: [`Stats`], and the events' numbers.
//!
//! An event that a shard has accepted, or that was announced before the close, is in the queue's count and pending until it is settled. An
//! event after the close is counted separately, when it is settled. So nothing is pending once the sender has ended, although callers may
//! go on emitting.
//!
//! L1 (the law): in every snapshot `emitted = delivered + spilled + lost + pending`. `pending` is computed as a
//!    difference, so the equality is trivial; what must be argued is that it is never negative. A settlement
//!    happens after its event was accepted or announced; it adds with Release, and a snapshot reads the settled counters first,
//!    with Acquire, and the queue's count last. So a snapshot that sees a settlement also sees its event.
//! L2: each event is settled once. Those in hand, the sender's or on their way to the log, are claimed out of `in_hand` before they
//!    are counted; a thread that takes over at a deadline claims the rest, and a late one finds nothing to claim. `in_hand` is a number,
//!    not a list: a claim for an event that was taken over may use up the count of one that was taken in hand later. So a claim takes what
//!    is there, even if it is less than wanted: all or nothing would leave a remainder forever.
//! L3: at rest `pending` is zero; a container that lost an event would show here forever.

use crate::gate::Side;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use crate::sync::plain::AtomicU64 as PlainU64;
use crate::sync::{AtomicU64, Ordering, Padded};

/// For counters that no model checks.
const RELAXED: crate::sync::plain::Ordering = crate::sync::plain::Ordering::Relaxed;

pub(crate) const REASONS: usize = Reason::ALL.len();
pub(crate) const LOST_REASONS: usize = LostReason::ALL.len();

/// One client's counters: written once per batch or on slow paths, and not by callers whose events are accepted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    settled: Padded<Settled>,
    numbers: AtomicU64,
}

#[derive(Debug, Default)]
struct Settled {
    in_hand: AtomicU64,
    delivered: AtomicU64,
    /// Announced before the close.
    open: Undelivered,
    /// Announced after the close.
    closed: Undelivered,
    maybe_delivered: AtomicU64,
    echoes: AtomicU64,
    posts: AtomicU64,
    posts_failed: AtomicU64,
    /// The failed posts by reason.
    posts_failed_by: [PlainU64; REASONS],
    outages: PlainU64,
}

#[derive(Debug, Default)]
struct Undelivered {
    spilled: [AtomicU64; REASONS],
    lost: [AtomicU64; LOST_REASONS],
}

impl Undelivered {
    fn totals(&self) -> ([u64; REASONS], [u64; LOST_REASONS]) {
        // Acquire: L1.
        let load = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        (
            std::array::from_fn(|nth| load(&self.spilled[nth])),
            std::array::from_fn(|nth| load(&self.lost[nth])),
        )
    }
}

/// How some events ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Delivered,
    Spilled(Reason, MaybeDelivered),
    Lost(LostReason),
}

impl Ledger {
    /// Hands out this many consecutive numbers, from 0 and none twice; returns the first. Events get them when they are posted or handed
    /// over to the log.
    pub(crate) fn numbers(&self, events: u64) -> u64 {
        // Relaxed: the numbers only name events; no other memory depends on them.
        self.numbers.fetch_add(events, Ordering::Relaxed)
    }

    /// Settles events that nobody holds.
    pub(crate) fn settle(&self, events: u64, side: Side, ending: Ending) {
        let books = &self.settled.0;
        let undelivered = match side {
            Side::Open => &books.open,
            Side::Closed => &books.closed,
        };
        let counter = match ending {
            Ending::Delivered => &books.delivered,
            Ending::Spilled(reason, maybe) => {
                if maybe == MaybeDelivered::Yes {
                    books.maybe_delivered.fetch_add(events, Ordering::Relaxed);
                }
                &undelivered.spilled[reason.index()]
            }
            Ending::Lost(reason) => &undelivered.lost[reason.index()],
        };
        counter.fetch_add(events, Ordering::Release);
    }

    /// Counts events that the sender has pulled out of the queue, or that the queue has refused to a caller.
    pub(crate) fn take_in_hand(&self, events: u64) {
        self.settled.0.in_hand.fetch_add(events, Ordering::AcqRel);
    }

    /// Settles those of these events in hand that have not been taken over (L2). Returns `true` if none has.
    pub(crate) fn settle_in_hand(&self, events: u64, ending: Ending) -> bool {
        let in_hand = self.settled.0.in_hand.fetch_update(Ordering::AcqRel, Ordering::Acquire, |in_hand| {
            Some(in_hand.saturating_sub(events))
        });
        // The update never declines; either way this is what was in hand.
        let claimed = in_hand.unwrap_or_else(|in_hand| in_hand).min(events);
        self.settle(claimed, Side::Open, ending);
        claimed == events
    }

    /// Settles whatever is in hand, in place of those who hold it.
    pub(crate) fn take_over(&self, ending: Ending) -> u64 {
        let events = self.settled.0.in_hand.swap(0, Ordering::AcqRel);
        self.settle(events, Side::Open, ending);
        events
    }

    pub(crate) fn echo(&self) {
        self.settled.0.echoes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn post(&self, end: PostEnd) {
        self.settled.0.posts.fetch_add(1, Ordering::Relaxed);
        if let PostEnd::Failed(reason) = end {
            self.settled.0.posts_failed.fetch_add(1, Ordering::Relaxed);
            self.settled.0.posts_failed_by[reason.index()].fetch_add(1, RELAXED);
        }
    }

    /// Counts an outage.
    pub(crate) fn outage(&self) {
        self.settled.0.outages.fetch_add(1, RELAXED);
    }

    /// The counters of one moment; `emitted` says how many events were accepted or announced before the close.
    pub(crate) fn totals(&self, emitted: impl FnOnce() -> u64) -> Totals {
        let books = &self.settled.0;
        let delivered = books.delivered.load(Ordering::Acquire);
        let (spilled_open, lost_open) = books.open.totals();
        let (spilled_closed, lost_closed) = books.closed.totals();
        // Last: L1.
        let announced = emitted();
        let sum = |spilled: &[u64], lost: &[u64]| spilled.iter().chain(lost).sum::<u64>();
        Totals {
            emitted: announced + sum(&spilled_closed, &lost_closed),
            // Saturating so that a bug shows as a wrong sum in a test, not as a panic in a service.
            pending: announced.saturating_sub(delivered + sum(&spilled_open, &lost_open)),
            delivered,
            spilled_by: std::array::from_fn(|nth| spilled_open[nth] + spilled_closed[nth]),
            lost_by: std::array::from_fn(|nth| lost_open[nth] + lost_closed[nth]),
            maybe_delivered: books.maybe_delivered.load(Ordering::Relaxed),
            echoes: books.echoes.load(Ordering::Relaxed),
            posts: books.posts.load(Ordering::Relaxed),
            posts_failed: books.posts_failed.load(Ordering::Relaxed),
            posts_failed_by: std::array::from_fn(|nth| books.posts_failed_by[nth].load(RELAXED)),
            outages: books.outages.load(RELAXED),
        }
    }
}

/// How a post ended, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostEnd {
    Succeeded,
    /// Why nothing of it was taken.
    Failed(Reason),
}

/// The counters of one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) emitted: u64,
    pub(crate) pending: u64,
    pub(crate) delivered: u64,
    pub(crate) spilled_by: [u64; REASONS],
    pub(crate) lost_by: [u64; LOST_REASONS],
    pub(crate) maybe_delivered: u64,
    pub(crate) echoes: u64,
    pub(crate) posts: u64,
    pub(crate) posts_failed: u64,
    pub(crate) posts_failed_by: [u64; REASONS],
    pub(crate) outages: u64,
}

impl Totals {
    /// Events written to the log since `before`.
    pub(crate) fn spilled_since(&self, before: &Totals) -> u64 {
        self.spilled_by.iter().sum::<u64>() - before.spilled_by.iter().sum::<u64>()
    }
}

#[cfg(all(test, overspill_model))]
mod model;

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::gate::Gate;

    #[test]
    fn what_was_taken_over_is_not_settled_again() {
        let (ledger, gate) = (Ledger::default(), Gate::default());
        gate.announce();
        ledger.take_in_hand(1);
        assert_eq!(ledger.take_over(Ending::Lost(LostReason::Deadline)), 1);
        assert!(!ledger.settle_in_hand(1, Ending::Delivered));
        let totals = ledger.totals(|| gate.announced());
        assert_eq!((totals.delivered, totals.lost_by.iter().sum::<u64>(), totals.pending), (0, 1, 0));
    }

    #[test]
    fn behind_the_close_an_event_counts_when_it_is_settled() {
        let (ledger, gate) = (Ledger::default(), Gate::default());
        gate.announce();
        gate.close();
        let late = gate.announce();
        let seen = || {
            let totals = ledger.totals(|| gate.announced());
            (totals.emitted, totals.pending)
        };
        assert_eq!(seen(), (1, 1));
        ledger.settle(1, late.side(), Ending::Spilled(Reason::Closed, MaybeDelivered::No));
        assert_eq!(seen(), (2, 1));
        ledger.settle(1, Side::Open, Ending::Delivered);
        assert_eq!(seen(), (2, 0));
    }
}
