//! Time that passed without us: the machine was suspended, or the process frozen.
//!
//! In: the time, how long the machine has slept so far, and when the sleeper should have woken. Out: whether there was a gap. A pure
//! rule.
//!
//! GP1: if the monotonic clock stands still meanwhile (suspend), the machine reports for how long. If it goes on (SIGSTOP, a frozen
//!     container), the sleeper wakes too late.

use crate::clock::Stamp;
use crate::limits::CLOCK_GAP;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Gap {
    suspended: Duration,
    found_at: Stamp,
}

/// Whether there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gapped {
    No,
    Yes,
}

impl Gap {
    pub(crate) fn new(suspended: Duration) -> Gap {
        Gap { suspended, found_at: Stamp(0) }
    }

    /// Called at the end of a sleep that should have ended at `due`, or before.
    pub(crate) fn look(&mut self, now: Stamp, suspended: Duration, due: Stamp) -> Gapped {
        let stood_still = suspended.saturating_sub(self.suspended);
        self.suspended = suspended;
        if stood_still.max(now.since(due)) < CLOCK_GAP {
            return Gapped::No;
        }
        self.found_at = now;
        Gapped::Yes
    }

    /// Whether there was a gap since then, which may be why something was late.
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
        for (what, now, slept, due, gapped) in [
            ("a turn", 1, 0, 1, Gapped::No),
            ("a long sleep", 3600, 0, 3600, Gapped::No),
            ("woken early", 5, 0, 100, Gapped::No),
            ("without a timer", 500, 0, u64::MAX, Gapped::No),
            ("a busy machine", 2, 0, 1, Gapped::No),
            ("suspended", 1, 6, 1, Gapped::Yes),
            ("suspended, without a timer", 1, 6, u64::MAX, Gapped::Yes),
            ("frozen", 7, 0, 1, Gapped::Yes),
        ] {
            let before = Duration::from_secs(100);
            let mut gap = Gap::new(before);
            let due = if due == u64::MAX { Stamp::NEVER } else { at(due) };
            let suspended = before + Duration::from_secs(slept);
            assert_eq!(gap.look(at(now), suspended, due), gapped, "{what}");
            assert_eq!((gap.since(at(0)), gap.since(at(now))), (gapped == Gapped::Yes, false), "{what}");
            assert_eq!(gap.look(at(now), suspended, Stamp::NEVER), Gapped::No, "{what}: once");
        }
    }
}
