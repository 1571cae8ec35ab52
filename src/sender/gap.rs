//! Time that passed without us: a machine that was suspended, a process that was frozen.
//!
//! In: both clocks, and when the sleeper should have woken. Out: whether there was a gap. A pure rule.
//!
//! G1: the monotonic clock may stand still meanwhile (suspend): then the wall clock is ahead of it. Or it goes on (SIGSTOP, a frozen
//!     container): then the sleeper wakes too late. A wall clock that was set looks the same, and costs new connections.

use crate::clock::Stamp;
use crate::limits::CLOCK_GAP;
use std::time::{Duration, SystemTime};

#[derive(Debug)]
pub(crate) struct Gap {
    at: Stamp,
    wall: SystemTime,
    found_at: Stamp,
}

/// Whether there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gapped {
    No,
    Yes,
}

impl Gap {
    pub(crate) fn new(now: Stamp, wall: SystemTime) -> Gap {
        Gap { at: now, wall, found_at: Stamp(0) }
    }

    /// At the end of a sleep that should have ended at `due`, or before.
    pub(crate) fn look(&mut self, now: Stamp, wall: SystemTime, due: Stamp) -> Gapped {
        let by_wall = wall.duration_since(self.wall).unwrap_or(Duration::ZERO);
        let (stood_still, overslept) = (by_wall.saturating_sub(now.since(self.at)), now.since(due));
        (self.at, self.wall) = (now, wall);
        if stood_still.max(overslept) < CLOCK_GAP {
            return Gapped::No;
        }
        self.found_at = now;
        Gapped::Yes
    }

    /// Whether a gap lies within the time since then: what was late may be so because of it.
    pub(crate) fn since(&self, began: Stamp) -> bool {
        began < self.found_at
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp(0).after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_gap_is_seen_whether_the_monotonic_clock_stood_still_or_went_on() {
        let wall = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 + seconds);
        for (what, now, by_wall, due, gapped) in [
            ("a turn", 1, 1, 1, Gapped::No),
            ("a long sleep", 3600, 3600, 3600, Gapped::No),
            ("woken early", 5, 5, 100, Gapped::No),
            ("without a timer", 500, 500, u64::MAX, Gapped::No),
            ("a busy machine", 2, 2, 1, Gapped::No),
            ("suspended", 1, 7, 1, Gapped::Yes),
            ("frozen", 7, 7, 1, Gapped::Yes),
            ("the wall clock was set back", 1, 0, 1, Gapped::No),
        ] {
            let mut gap = Gap::new(at(0), wall(0));
            let due = if due == u64::MAX { Stamp::NEVER } else { at(due) };
            assert_eq!(gap.look(at(now), wall(by_wall), due), gapped, "{what}");
            assert_eq!((gap.since(at(0)), gap.since(at(now))), (gapped == Gapped::Yes, false), "{what}");
        }
    }
}
