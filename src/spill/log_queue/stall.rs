//! How often writes to the log were stuck, and for how long: for the books, and for nothing else.
//!
//! T1: one thread writes ([W1](super)), so one thread counts; who looks sees the write under way as well.
//! T2: what is told never goes down. A write that ends is first no longer under way, and then counted: in between it is missing, never
//!     there twice, and the most that was ever told stands in for it.
//! T3: what was told of a write under way is counted when it ends: who looks at the clock looks again whether it is still under way, and
//!     its end is measured after that.

use super::LogQueue;
use crate::clock::Stamp;
use crate::limits::LOG_STALL;
use crate::sync::plain::{AtomicU64, Ordering};
use std::time::Duration;

/// The clock's last tick is 1 to 10 ms old: nearer to a stall than this, the exact time is read.
const TICK: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Stalls {
    /// Of writes that have ended.
    ended: Counts,
    /// The most that was told.
    told: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    stalls: AtomicU64,
    nanos: AtomicU64,
}

/// Writes that took [`LOG_STALL`] or longer, the one under way included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stalled {
    pub(crate) stalls: u64,
    pub(crate) lasted: Duration,
    /// How long the write under way has lasted; zero: none is.
    pub(crate) write_lasts: Duration,
}

/// What is under way from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Write,
    Nothing,
}

impl LogQueue {
    /// The write under way, if there is one, ends now.
    pub(super) fn turn(&self, turn: Turn) {
        let now = self.clock.last_tick();
        // Relaxed: by the thread that writes, which has stored it.
        let before = self.write_began.load(Ordering::Relaxed);
        let began = if turn == Turn::Write { now.0 + 1 } else { 0 };
        self.write_began.store(began, Ordering::Release);
        let lasted = |now: Stamp| now.since(Stamp(before.saturating_sub(1)));
        if before == 0 || lasted(now) + TICK < LOG_STALL {
            return;
        }
        // After the store: T3.
        let lasted = lasted(self.clock.now());
        if lasted >= LOG_STALL {
            // Release: T2, who sees the counts sees the store before them.
            self.stalls.ended.nanos.fetch_add(nanos(lasted), Ordering::Release);
            self.stalls.ended.stalls.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes no lock.
    pub(crate) fn stalled(&self) -> Stalled {
        let Counts { stalls, nanos: total } = &self.stalls.ended;
        let ended = (stalls.load(Ordering::Acquire), total.load(Ordering::Acquire));
        let write_lasts = match self.write_began.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            began => {
                let lasts = self.clock.now().since(Stamp(began - 1));
                // T3. Acquire: the look at the clock stays before it.
                if self.write_began.load(Ordering::Acquire) == began { lasts } else { Duration::ZERO }
            }
        };
        let under_way = if write_lasts >= LOG_STALL { (1, nanos(write_lasts)) } else { (0, 0) };
        let most = |told: &AtomicU64, now: u64| told.fetch_max(now, Ordering::Relaxed).max(now);
        Stalled {
            stalls: most(&self.stalls.told.stalls, ended.0 + under_way.0),
            lasted: Duration::from_nanos(most(&self.stalls.told.nanos, ended.1.saturating_add(under_way.1))),
            write_lasts,
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
