//! The port for integrations: how others learn of outcomes, posts and outages without the core knowing them.

use crate::mode::Mode;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use std::time::Duration;

/// Something happened. Totals are in [`Stats`](crate::Stats); a signal is the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// Events were delivered.
    Delivered {
        /// How many.
        events: u64,
    },
    /// Events were written to the log.
    Spilled {
        /// Why.
        reason: Reason,
        /// Whether they may be at the endpoint as well.
        maybe_delivered: MaybeDelivered,
        /// How many.
        events: u64,
    },
    /// Events were lost.
    Lost {
        /// Why.
        reason: LostReason,
        /// How many.
        events: u64,
    },
    /// A request ended.
    PostEnded {
        /// The number of the batch, as in the log.
        batch: u64,
        /// Events it carried.
        events: u64,
        /// The status of the answer, if there was one.
        status: Option<u16>,
        /// From handing over the request to the end of the answer.
        took: Duration,
    },
    /// The endpoint is out.
    OutageBegan {
        /// Status or error kind, without URL and secrets.
        detail: &'a str,
    },
    /// The endpoint is back.
    OutageEnded {
        /// From the beginning of the outage.
        lasted: Duration,
        /// Events written to the log meanwhile, and those on their way there.
        spilled: u64,
    },
    /// A share of the posts fails, and others are delivered: perhaps one of several backends is bad. Told again every half minute as long
    /// as it lasts.
    SomePostsFail {
        /// Posts that failed,
        failed: u64,
        /// of so many,
        posts: u64,
        /// within this time.
        within: Duration,
        /// Reason and status or error of the last of them, without URL and secrets.
        detail: &'a str,
    },
    /// Hardly any post fails any longer.
    NoPostsFail {
        /// Since the first [`SomePostsFail`](Signal::SomePostsFail).
        lasted: Duration,
        /// Events written to the log meanwhile.
        spilled: u64,
    },
    /// The mode was switched.
    ModeChanged {
        /// From this.
        from: Mode,
        /// To this.
        to: Mode,
    },
    /// The sender panicked and goes on; its batch is in the log.
    SenderRestarted,
}

/// Receives every [`Signal`] of a client.
///
/// # Blocking
/// Called on the thread where it happened: the sender's, the one that writes the log, a caller's for its own lost event, that of
/// `set_mode`, or of a `shutdown` that gives up the rest. Be quick: count, do not write. A panic is contained; what the observer emits is an echo and not an event.
pub trait Observer: Send + Sync + 'static {
    /// Takes note.
    fn signal(&self, signal: &Signal<'_>);
}

/// The observer of a client that has none.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Observer for Nobody {
    fn signal(&self, _: &Signal<'_>) {}
}
