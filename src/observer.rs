//! The port for integrations: how others learn of outcomes, posts and outages without the core knowing them.

#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;

use crate::mode::Mode;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use std::time::Duration;

/// Something happened. Totals are in [`Stats`](crate::Stats); a signal is the edge. Fields may be added: a pattern ends with `..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// Events were delivered.
    #[non_exhaustive]
    Delivered {
        /// How many.
        events: u64,
    },
    /// Events were written to the log.
    #[non_exhaustive]
    Spilled {
        /// Why.
        reason: Reason,
        /// Whether they may be at the endpoint as well.
        maybe_delivered: MaybeDelivered,
        /// How many.
        events: u64,
    },
    /// Events were lost.
    #[non_exhaustive]
    Lost {
        /// Why.
        reason: LostReason,
        /// How many.
        events: u64,
    },
    /// A request ended.
    #[non_exhaustive]
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
    #[non_exhaustive]
    OutageBegan {
        /// Status or error kind, without URL and secrets.
        detail: &'a str,
    },
    /// The endpoint is back.
    #[non_exhaustive]
    OutageEnded {
        /// From the beginning of the outage.
        lasted: Duration,
        /// Events written to the log meanwhile, and those on their way there.
        spilled: u64,
    },
    /// A share of the posts fails, and others are delivered: perhaps one of several backends is bad. Told again every half minute as long
    /// as it lasts.
    #[non_exhaustive]
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
    #[non_exhaustive]
    NoPostsFail {
        /// Since the first [`SomePostsFail`](Signal::SomePostsFail).
        lasted: Duration,
        /// Events written to the log meanwhile.
        spilled: u64,
    },
    /// The mode was switched.
    #[non_exhaustive]
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
/// ```
/// use overspill::{Observer, Signal};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// /// For a readiness page that says so while events go to the log.
/// #[derive(Default)]
/// struct Out(AtomicBool);
///
/// impl Observer for Out {
///     fn signal(&self, signal: &Signal<'_>) {
///         match signal {
///             Signal::OutageBegan { .. } => self.0.store(true, Ordering::Relaxed),
///             Signal::OutageEnded { .. } => self.0.store(false, Ordering::Relaxed),
///             _ => {}
///         }
///     }
/// }
/// ```
///
/// # Blocking
/// Called on the thread where it happened: the sender's, the one that writes the log, a caller's for its own lost event, that of
/// `set_mode`, or of a `shutdown` that gives up the rest. Be quick: count, do not write. A panic is contained; what the observer emits is an echo and not an event.
pub trait Observer: Send + Sync + 'static {
    /// Takes note.
    fn signal(&self, signal: &Signal<'_>);
}

impl<T: Observer + ?Sized> Observer for Box<T> {
    fn signal(&self, signal: &Signal<'_>) {
        (**self).signal(signal);
    }
}

impl<T: Observer + ?Sized> Observer for std::sync::Arc<T> {
    fn signal(&self, signal: &Signal<'_>) {
        (**self).signal(signal);
    }
}
