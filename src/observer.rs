//! The port for integrations: how others learn of outcomes, posts and outages without the core knowing them.

#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;

use crate::mode::Mode;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use std::time::Duration;

/// Something happened. A signal reports the change; totals are in [`Stats`](crate::Stats). Fields may be added, so a pattern ends with
/// `..`.
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
        /// The status of the reply, if there was one.
        status: Option<u16>,
        /// From handing over the request to the end of the reply.
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
        /// Since the beginning of the outage.
        lasted: Duration,
        /// Events written to the log meanwhile, or on their way there.
        spilled: u64,
    },
    /// Some of the posts fail while others are delivered: one of several backends may be bad. Repeated every half minute while it lasts.
    #[non_exhaustive]
    SomePostsFail {
        /// Posts that failed,
        failed: u64,
        /// out of this many,
        posts: u64,
        /// within this time.
        within: Duration,
        /// Reason and status or error of the last failed post, without URL and secrets.
        detail: &'a str,
    },
    /// Almost no post fails any more.
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
        /// The old mode.
        from: Mode,
        /// The new mode.
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
/// /// For a readiness page that shows when events go to the log.
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
/// Called on the thread where it happened: the sender's, the log's, a caller's for its own lost event, the one that calls `set_mode`, or
/// the one in a `shutdown` that gives up the rest. Be quick: count, do not write. A panic is contained. Anything the observer emits is an
/// echo, not an event.
pub trait Observer: Send + Sync + 'static {
    /// Receives one signal.
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
