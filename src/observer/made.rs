//! For tests of an `Observer`: signals that no client has sent.

use super::Signal;
use crate::mode::Mode;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use std::time::Duration;

/// Signals for testing your own [`Observer`](super::Observer).
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl<'a> Signal<'a> {
    /// [`Signal::Delivered`].
    ///
    /// ```
    /// use overspill::{Observer, Signal};
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # #[derive(Default)]
    /// # struct Count(AtomicU64);
    /// # impl Observer for Count {
    /// #     fn signal(&self, signal: &Signal<'_>) {
    /// #         if let Signal::Delivered { events, .. } = signal { self.0.fetch_add(*events, Ordering::Relaxed); }
    /// #     }
    /// # }
    /// let observer = Count::default(); // yours: it counts delivered events
    /// observer.signal(&Signal::delivered(500));
    /// observer.signal(&Signal::outage_began("status 503"));
    /// assert_eq!(observer.0.into_inner(), 500);
    /// ```
    pub fn delivered(events: u64) -> Signal<'a> {
        Signal::Delivered { events }
    }

    /// [`Signal::Spilled`].
    pub fn spilled(reason: Reason, maybe_delivered: MaybeDelivered, events: u64) -> Signal<'a> {
        Signal::Spilled { reason, maybe_delivered, events }
    }

    /// [`Signal::Lost`].
    pub fn lost(reason: LostReason, events: u64) -> Signal<'a> {
        Signal::Lost { reason, events }
    }

    /// [`Signal::PostEnded`].
    pub fn post_ended(batch: u64, events: u64, status: Option<u16>, took: Duration) -> Signal<'a> {
        Signal::PostEnded { batch, events, status, took }
    }

    /// [`Signal::OutageBegan`].
    pub fn outage_began(detail: &'a str) -> Signal<'a> {
        Signal::OutageBegan { detail }
    }

    /// [`Signal::OutageEnded`].
    pub fn outage_ended(lasted: Duration, spilled: u64) -> Signal<'a> {
        Signal::OutageEnded { lasted, spilled }
    }

    /// [`Signal::SomePostsFail`].
    pub fn some_posts_fail(failed: u64, posts: u64, within: Duration, detail: &'a str) -> Signal<'a> {
        Signal::SomePostsFail { failed, posts, within, detail }
    }

    /// [`Signal::NoPostsFail`].
    pub fn no_posts_fail(lasted: Duration, spilled: u64) -> Signal<'a> {
        Signal::NoPostsFail { lasted, spilled }
    }

    /// [`Signal::ModeChanged`].
    pub fn mode_changed(from: Mode, to: Mode) -> Signal<'a> {
        Signal::ModeChanged { from, to }
    }
}
