//! Limits how many bytes per second go to the log, if the user sets a limit.
//!
//! The state is one number, the moment up to which the budget is used (the generic cell
//! rate algorithm), so callers and the sender share it without a lock. One second's
//! worth may come at once. A record longer than that passes when no budget is in use.

use crate::clock::Stamp;
use crate::limits::SPILL_BYTES_PER_SECOND;
use crate::sync::plain::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Rate {
    bytes_per_second: usize,
    used_until: AtomicU64,
}

const SECOND: u64 = 1_000_000_000;

impl Rate {
    pub(super) fn new(bytes_per_second: usize) -> Rate {
        Rate { bytes_per_second, used_until: AtomicU64::new(0) }
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.bytes_per_second != SPILL_BYTES_PER_SECOND
    }

    /// Whether `bytes` may be written now; if so, takes them from the budget.
    pub(super) fn admits(&self, now: Stamp, bytes: usize) -> bool {
        let take =
            |used_until| after(Stamp(used_until), now, bytes, self.bytes_per_second).map(|stamp| stamp.0);
        // Relaxed: the number is the whole state.
        self.used_until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// The moment up to which the budget is used after `bytes` more, if they fit.
fn after(used_until: Stamp, now: Stamp, bytes: usize, bytes_per_second: usize) -> Option<Stamp> {
    let cost = (bytes as u128 * u128::from(SECOND)) / (bytes_per_second as u128).max(1);
    let cost = u64::try_from(cost).unwrap_or(u64::MAX);
    let begin = used_until.max(now);
    let has_room = begin.0 - now.0 + cost.min(SECOND) <= SECOND;
    has_room.then(|| Stamp(begin.0.saturating_add(cost)))
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_second_of_bytes_may_come_at_once_and_more_over_time() {
        let ms = |millis: u64| Stamp(millis * 1_000_000);
        for (used, now, bytes, expected) in [
            (ms(0), ms(0), 1000, Some(ms(1000))),
            (ms(0), ms(0), 500, Some(ms(500))),
            (ms(500), ms(0), 500, Some(ms(1000))),
            (ms(500), ms(0), 501, None),
            (ms(1000), ms(100), 100, Some(ms(1100))),
            (ms(1000), ms(100), 101, None),
            (ms(1000), ms(5000), 1000, Some(ms(6000))),
            // Longer than the whole budget: passes only when nothing is in use, and then uses the budget for a while.
            (ms(0), ms(0), 5000, Some(ms(5000))),
            (ms(1), ms(0), 5000, None),
        ] {
            assert_eq!(after(used, now, bytes, 1000), expected, "{used:?} {now:?} {bytes}");
        }
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_is_admitted_than_the_rate_and_a_second_of_it(
            writes in proptest::collection::vec((0..300_u64, 1..2000_usize), 1..200),
            rate in 1000..5000_usize,
        ) {
            let budget = Rate::new(rate);
            let (mut now, mut admitted) = (Stamp(0), 0);
            for (wait, bytes) in writes {
                now = Stamp(now.0 + wait * 1_000_000);
                if bytes <= rate && budget.admits(now, bytes) {
                    admitted += bytes as u128;
                }
                let allowed = (u128::from(now.0) + u128::from(SECOND)) * rate as u128 / u128::from(SECOND);
                prop_assert!(admitted <= allowed + 200, "{admitted} {allowed}");
            }
        }
    }
}
