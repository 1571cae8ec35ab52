//! How often a repeating notice is written.
//!
//! In: the time. Out: whether to write it now, and how many were left out since the last one.

use crate::clock::Stamp;
use crate::limits::{NOTICE_EVERY, SWITCH_NOTICES};
use crate::sync::plain::{AtomicU64, Ordering};

/// A notice that may repeat, and when it was last written.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    said_at: AtomicU64,
    pub(super) left_out: AtomicU64,
    /// How many more times it may be written before repeats are left out, and how many of these are used.
    again_max: u64,
    again: AtomicU64,
}

impl Throttle {
    /// For what a person does, possibly a few times in a row: the last one must not be left out.
    pub(super) fn of_switches() -> Throttle {
        Throttle { again_max: SWITCH_NOTICES - 1, ..Throttle::default() }
    }

    /// If it is time to write again, how many were left out since the last one.
    pub(super) fn speak(&self, now: Stamp) -> Option<u64> {
        // 0 means "never", so stamps are stored plus one.
        let said_at = self.said_at.load(Ordering::Relaxed);
        let due = said_at == 0 || now.since(Stamp(said_at - 1)) >= NOTICE_EVERY;
        if due
            && self.said_at.compare_exchange(said_at, now.0 + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            self.again.store(0, Ordering::Relaxed);
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        if self.again.fetch_add(1, Ordering::Relaxed) < self.again_max {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}
