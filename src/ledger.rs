//! The books: what was emitted and how each event ended. All counting happens here, but for the numbers of the gate.
//!
//! In: how events end. Out: [`Stats`].
//!
//! An event that was announced before the close is in the gate's count, pending until it is settled. One that comes behind
//! the close counts when it is settled, in books of its own: so nothing is pending once the sender has ended, though callers go on.
//!
//! L1 (the law): in every snapshot `emitted = delivered + spilled + lost + pending`. `pending` is computed as a
//!    difference, so the equality is trivial; what has to be argued is that it is never negative. A settlement
//!    happens after its announcement; it adds with Release, and a snapshot reads the settled counters first, with
//!    Acquire, and the gate last. So every settlement that is seen brings its announcement along.
//! L2: each event is settled once. Those in hand, the sender's or on their way to the log, are claimed out of `in_hand` before they
//!    are counted; whoever takes over at a deadline claims the rest, and who comes late finds nothing to claim. `in_hand` is a number, not a list: what is taken in hand after that may be claimed for an event
//!    that was taken over. So one claims what is there, even if less than wanted: all or nothing would leave a rest for ever.
//! L3: at rest `pending` is zero; a container that lost an event would show here for ever.

use crate::gate::{Gate, Side};
use crate::mode::Mode;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use crate::sync::{AtomicU64, Ordering, Padded};
use std::fmt;

const REASONS: usize = Reason::ALL.len();
const LOST_REASONS: usize = LostReason::ALL.len();

/// One client's counters: written once per batch or on slow paths, and not by callers whose events are accepted.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    settled: Padded<Settled>,
}

#[derive(Debug, Default)]
struct Settled {
    in_hand: AtomicU64,
    delivered: AtomicU64,
    /// Announced before the close.
    open: Undelivered,
    /// Behind it.
    closed: Undelivered,
    maybe_delivered: AtomicU64,
    echoes: AtomicU64,
    posts: AtomicU64,
    posts_failed: AtomicU64,
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
    /// Settles events that are in nobody's hand.
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

    /// The sender has pulled so many events out of the queue, or a caller's was refused by it.
    pub(crate) fn take_in_hand(&self, events: u64) {
        self.settled.0.in_hand.fetch_add(events, Ordering::AcqRel);
    }

    /// Settles events that are in hand, as many of them as nobody has taken over (L2); `true` if all.
    pub(crate) fn settle_in_hand(&self, events: u64, ending: Ending) -> bool {
        let in_hand = self.settled.0.in_hand.fetch_update(Ordering::AcqRel, Ordering::Acquire, |in_hand| {
            Some(in_hand.saturating_sub(events))
        });
        // The update never declines; either way this is what was in hand.
        let claimed = in_hand.unwrap_or_else(|in_hand| in_hand).min(events);
        self.settle(claimed, Side::Open, ending);
        claimed == events
    }

    /// Settles whatever is in hand, in the stead of those who have it.
    pub(crate) fn take_over(&self, ending: Ending) -> u64 {
        let events = self.settled.0.in_hand.swap(0, Ordering::AcqRel);
        self.settle(events, Side::Open, ending);
        events
    }

    pub(crate) fn echo(&self) {
        self.settled.0.echoes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn post(&self, success: PostEnd) {
        self.settled.0.posts.fetch_add(1, Ordering::Relaxed);
        if success == PostEnd::Failed {
            self.settled.0.posts_failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters of one moment; `gate` is the one that the events came through.
    pub(crate) fn totals(&self, gate: &Gate) -> Totals {
        let books = &self.settled.0;
        let delivered = books.delivered.load(Ordering::Acquire);
        let (spilled_open, lost_open) = books.open.totals();
        let (spilled_closed, lost_closed) = books.closed.totals();
        // Last: L1.
        let announced = gate.announced();
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
        }
    }
}

/// How a post ended, for the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostEnd {
    Succeeded,
    Failed,
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
}

impl Totals {
    /// Events written to the log since then.
    pub(crate) fn spilled_since(&self, before: &Totals) -> u64 {
        self.spilled_by.iter().sum::<u64>() - before.spilled_by.iter().sum::<u64>()
    }
}

/// What the client thinks of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EndpointState {
    /// Posts are delivered, all or most of them, or none was made yet.
    #[default]
    Healthy,
    /// The last posts failed, not yet often enough to be an outage.
    Failing,
    /// Events go straight to the log until a probe succeeds.
    Out,
    /// Out, with a probe on its way.
    Probing,
}

impl EndpointState {
    /// The one name of this state in log records, metrics and `Display`.
    pub const fn as_str(self) -> &'static str {
        match self {
            EndpointState::Healthy => "healthy",
            EndpointState::Failing => "failing",
            EndpointState::Out => "out",
            EndpointState::Probing => "probing",
        }
    }
}

impl fmt::Display for EndpointState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A snapshot of the ledger. `emitted = delivered + spilled + lost + pending` holds in every one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events given to `emit` while the mode was not Off. One that comes after the client was closed counts once it is settled.
    pub emitted: u64,
    /// Answered with a 2xx.
    pub delivered: u64,
    /// Written in full to a log destination.
    pub spilled: u64,
    /// Put nowhere. Zero as long as the log works and the events are sound.
    pub lost: u64,
    /// In the queue, in a batch, in a request, or on its way to the log. Zero after a shutdown.
    pub pending: u64,
    /// Bytes that the events in queue, batches and requests are charged to `queue_bytes_max`.
    pub pending_bytes: usize,
    /// Of the spilled: how many may have been delivered as well.
    pub maybe_delivered: u64,
    /// Calls of `emit` out of overspill's own logging; not events.
    pub echoes: u64,
    /// Requests that have ended.
    pub posts: u64,
    /// Requests that ended without a 2xx.
    pub posts_failed: u64,
    /// Whether the endpoint is healthy, failing, out, or being probed.
    pub endpoint: EndpointState,
    /// The mode at the time of the snapshot.
    pub mode: Mode,
    spilled_by: [u64; REASONS],
    lost_by: [u64; LOST_REASONS],
}

impl Stats {
    pub(crate) fn new(totals: Totals, pending_bytes: usize, endpoint: EndpointState, mode: Mode) -> Stats {
        let spilled = totals.spilled_by.iter().sum();
        let lost = totals.lost_by.iter().sum();
        Stats {
            emitted: totals.emitted,
            delivered: totals.delivered,
            spilled,
            lost,
            pending: totals.pending,
            pending_bytes,
            maybe_delivered: totals.maybe_delivered,
            echoes: totals.echoes,
            posts: totals.posts,
            posts_failed: totals.posts_failed,
            endpoint,
            mode,
            spilled_by: totals.spilled_by,
            lost_by: totals.lost_by,
        }
    }

    /// How many events were spilled for this reason.
    pub fn spilled_by(&self, reason: Reason) -> u64 {
        self.spilled_by[reason.index()]
    }

    /// How many events were lost for this reason.
    pub fn lost_by(&self, reason: LostReason) -> u64 {
        self.lost_by[reason.index()]
    }
}

/// `emitted 1200 = delivered 700 + spilled 500 (outage 480, timeout 20) + lost 0 + pending 0 (0 B); endpoint out; mode on; posts 9, failed 3`
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "emitted {} = delivered {} + spilled {}", self.emitted, self.delivered, self.spilled)?;
        write_parts(f, Reason::ALL.iter().map(|&reason| (reason.as_str(), self.spilled_by(reason))))?;
        write!(f, " + lost {}", self.lost)?;
        write_parts(f, LostReason::ALL.iter().map(|&reason| (reason.as_str(), self.lost_by(reason))))?;
        write!(f, " + pending {} ({} B)", self.pending, self.pending_bytes)?;
        write!(
            f,
            "; endpoint {}; mode {}; posts {}, failed {}",
            self.endpoint, self.mode, self.posts, self.posts_failed
        )
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: impl Iterator<Item = (&'static str, u64)>) -> fmt::Result {
    let parts: Vec<String> =
        parts.filter(|&(_, count)| count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { Ok(()) } else { write!(f, " ({})", parts.join(", ")) }
}

#[cfg(all(test, overspill_model))]
mod model;

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_person_can_read_the_stats_at_a_glance() {
        let (ledger, gate) = (Ledger::default(), Gate::default());
        for _ in 0..5 {
            gate.announce();
        }
        ledger.take_in_hand(4);
        assert!(ledger.settle_in_hand(1, Ending::Delivered));
        assert!(ledger.settle_in_hand(2, Ending::Spilled(Reason::Outage, MaybeDelivered::No)));
        let stats = Stats::new(ledger.totals(&gate), 300, EndpointState::Out, Mode::On);
        assert_eq!(
            stats.to_string(),
            "emitted 5 = delivered 1 + spilled 2 (outage 2) + lost 0 + pending 2 (300 B); endpoint out; mode on; posts 0, failed 0"
        );
    }

    #[test]
    fn what_was_taken_over_is_not_settled_again() {
        let (ledger, gate) = (Ledger::default(), Gate::default());
        gate.announce();
        ledger.take_in_hand(1);
        assert_eq!(ledger.take_over(Ending::Lost(LostReason::Deadline)), 1);
        assert!(!ledger.settle_in_hand(1, Ending::Delivered));
        let stats = Stats::new(ledger.totals(&gate), 0, EndpointState::Healthy, Mode::On);
        assert_eq!((stats.delivered, stats.lost, stats.pending), (0, 1, 0));
    }

    #[test]
    fn behind_the_close_an_event_counts_when_it_is_settled() {
        let (ledger, gate) = (Ledger::default(), Gate::default());
        gate.announce();
        gate.close();
        let late = gate.announce();
        let seen = || {
            let totals = ledger.totals(&gate);
            (totals.emitted, totals.pending)
        };
        assert_eq!(seen(), (1, 1));
        ledger.settle(1, late.side(), Ending::Spilled(Reason::Closed, MaybeDelivered::No));
        assert_eq!(seen(), (2, 1));
        ledger.settle(1, Side::Open, Ending::Delivered);
        assert_eq!(seen(), (2, 0));
    }
}
