//! How often writes to the log were stuck, and for how long. Only statistics use this.
//!
//! - WS1: one thread writes ([LQ1](super)), so one thread counts; a reader also sees the current write.
//! - WS2: a reported value never decreases. When a write ends, it first stops being the current one and is then counted:
//!   in between it is missing, but never counted twice, and the highest value ever reported stands in for it.
//! - WS3: whatever was reported of a current write is counted when it ends: after reading the clock, a
//!   reader checks again that the write is still current, and the end of the write is measured after that.

use super::LogQueue;
use crate::clock::Stamp;
use crate::limits::LOG_STALL;
use crate::sync::plain::{AtomicU64, Ordering};
use std::time::Duration;

/// The clock's last tick is 1 to 10 ms old. If a write is closer than this to a stall, the exact time is read.
const TICK: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Stalls {
    /// The writes that have ended.
    ended: StallCounts,
    /// The highest values ever reported.
    told: StallCounts,
}

#[derive(Debug, Default)]
struct StallCounts {
    stalls: AtomicU64,
    nanos: AtomicU64,
}

/// Writes that took [`LOG_STALL`] or longer, including the current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stalled {
    pub(crate) stalls: u64,
    pub(crate) lasted: Duration,
    /// How long the current write has lasted; zero if there is none.
    pub(crate) write_lasts: Duration,
}

/// Whether the thread goes straight on to another write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextWrite {
    Begins,
    None,
}

impl LogQueue {
    /// Ends the current write, if there is one, and begins the next one.
    pub(super) fn end_write(&self, next: NextWrite) {
        let now = self.clock.last_tick();
        // Relaxed: only the writing thread stores it, and this is that thread.
        let before = self.write_began.load(Ordering::Relaxed);
        let began = if next == NextWrite::Begins { now.0 + 1 } else { 0 };
        self.write_began.store(began, Ordering::Release);
        let lasted = |now: Stamp| now.since(Stamp(before.saturating_sub(1)));
        if before == 0 || lasted(now) + TICK < LOG_STALL {
            return;
        }
        // After the store: WS3.
        let lasted = lasted(self.clock.now());
        if lasted >= LOG_STALL {
            // Release, for WS2: a reader that sees the counts also sees the store before them.
            self.stalls.ended.nanos.fetch_add(nanos(lasted), Ordering::Release);
            self.stalls.ended.stalls.fetch_add(1, Ordering::Release);
        }
    }

    /// Takes no lock.
    pub(crate) fn stalled(&self) -> Stalled {
        let StallCounts { stalls, nanos: total } = &self.stalls.ended;
        let ended = (stalls.load(Ordering::Acquire), total.load(Ordering::Acquire));
        let write_lasts = match self.write_began.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            began => {
                let lasts = self.clock.now().since(Stamp(began - 1));
                // WS3. Acquire: the clock is read before this load.
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
