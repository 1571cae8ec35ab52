//! How long the sender may sleep while events keep coming, by the rate at which they came: until about a batch is there, or, while every
//! post hangs, until the queue is nearly full.
//!
//! In: how much had come by when. Out: a nap, or none. A pure rule.
//!
//! P1: a steady load wakes nobody: the sender naps until a batch is there, and no caller pays for waking it. Waking a thread is the
//!     most expensive thing that a call could do: fifty times the cost of all the rest.
//! P2: no event waits longer for a nap than for its batch: a nap is never longer than `batch_age_max`.
//! P3: a load that has ended is forgotten after the age of a batch; then the sender sleeps until the next event wakes it.
//!
//! Deliberately not here: what happens if more comes than was expected. The queue wakes the sender then, before it is full.

use super::batch::BatchLimits;
use crate::clock::Stamp;
use std::time::Duration;

/// Minimum time between two looks at the load: a shorter one sees mostly noise, and timers are no finer.
const LOOK_MIN: Duration = Duration::from_millis(1);
/// A look needs this many events, unless the age of a batch has passed.
const LOOK_EVENTS: f64 = 8.0;
/// Fewer than these within a batch's age are not worth a nap: waking up for nothing costs as much as being woken.
const NAP_EVENTS_MIN: f64 = 2.0;
/// A little more than a batch is better than a little less, which would cost a second nap.
const NAP_MARGIN: f64 = 1.05;
/// Maximum nap while every post hangs: no event waits for it, but a load that grows is seen once a second.
const RELIEF_NAP_MAX: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Pace {
    age_max: Duration,
    limits: BatchLimits,
    /// The last look: when, and what had been pulled by then.
    at: Stamp,
    events: u64,
    bytes: u64,
    events_per_second: f64,
    /// By events or by bytes, whichever fills a batch first.
    batches_per_second: f64,
}

impl Pace {
    pub(crate) fn new(age_max: Duration, limits: BatchLimits) -> Pace {
        Pace {
            age_max,
            limits,
            at: Stamp(0),
            events: 0,
            bytes: 0,
            events_per_second: 0.0,
            batches_per_second: 0.0,
        }
    }

    /// Looks at the events and bytes that have come since the client was built. Some bytes on their way between two threads may be missed
    /// for a moment.
    pub(crate) fn look(&mut self, now: Stamp, events: u64, bytes: u64) {
        let (events, bytes) = (events.max(self.events), bytes.max(self.bytes));
        let elapsed = now.since(self.at);
        let (came, seconds) = ((events - self.events) as f64, elapsed.as_secs_f64());
        // Bursts with pauses between them are one load: only the age of a batch tells that it has ended.
        let telling = came >= LOOK_EVENTS;
        if elapsed < LOOK_MIN || (!telling && elapsed < self.age_max) {
            return;
        }
        let batches = (came / self.limits.events_max as f64)
            .max((bytes - self.bytes) as f64 / self.limits.bytes_max as f64);
        let blend = |old: f64, new: f64| match (old, new) {
            // P3, and the first look at a load.
            (_, 0.0) | (0.0, _) => new,
            _ => (old + new) / 2.0,
        };
        self.events_per_second = blend(self.events_per_second, came / seconds);
        self.batches_per_second = blend(self.batches_per_second, batches / seconds);
        (self.at, self.events, self.bytes) = (now, events, bytes);
    }

    /// The time until a batch is full that is filled to this share; `None` if it is better to be woken by the next event.
    pub(crate) fn nap(&self, filled: f64) -> Option<Duration> {
        // P2.
        self.time_for(1.0 - filled, self.age_max)
    }

    /// The time until this many batches of the configured size have come while nothing leaves the queue; `None` as for [`nap`](Pace::nap).
    pub(crate) fn nap_before_relief(&self, batches: f64) -> Option<Duration> {
        self.time_for(batches, RELIEF_NAP_MAX)
    }

    fn time_for(&self, batches: f64, longest: Duration) -> Option<Duration> {
        if self.events_per_second * self.age_max.as_secs_f64() < NAP_EVENTS_MIN {
            return None;
        }
        let time = NAP_MARGIN * batches.max(0.0) / self.batches_per_second;
        // If `time` is not a number, `min` gives 1.0: the longest.
        Some(longest.mul_f64((time / longest.as_secs_f64()).min(1.0)).max(LOOK_MIN))
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::format::{Layout, Overhead};
    use proptest::prelude::*;

    const AGE: Duration = Duration::from_millis(200);

    fn pace() -> Pace {
        let overhead = Overhead { per_batch: 0, per_event: 0 };
        let layout = Layout::Encoded;
        Pace::new(AGE, BatchLimits { events_max: 500, bytes_max: 100_000, overhead, layout, growth_max: 1 })
    }

    fn at(millis: u64) -> Stamp {
        Stamp(millis * 1_000_000)
    }

    #[test]
    fn while_nothing_goes_out_a_nap_lasts_until_the_missing_batches_have_come_or_a_second() {
        let mut pace = pace();
        assert_eq!(pace.nap_before_relief(3.0), None, "no load");
        // A batch in 25 ms.
        pace.look(at(10), 200, 0);
        let naps: Vec<_> = [0.0, 0.4, 2.0, 12.0, 100.0]
            .iter()
            .filter_map(|&missing| pace.nap_before_relief(missing))
            .collect();
        assert_eq!(naps.iter().map(Duration::as_millis).collect::<Vec<_>>(), [1, 10, 52, 315, 1_000]);
    }

    #[test]
    fn a_steady_load_is_slept_through_until_a_batch_has_come() {
        let mut pace = pace();
        // 20 events a millisecond: a batch in 25.
        pace.look(at(10), 200, 0);
        assert_eq!(pace.nap(0.0).unwrap().as_millis(), 26);
        assert_eq!(pace.nap(0.8).unwrap().as_millis(), 5);
        assert_eq!(pace.nap(1.0), Some(LOOK_MIN));
    }

    #[test]
    fn large_events_fill_a_batch_by_their_bytes() {
        let mut pace = pace();
        pace.look(at(10), 20, 20_000);
        assert_eq!(pace.nap(0.0).unwrap().as_millis(), 52);
    }

    #[test]
    fn a_load_too_small_for_a_batch_is_looked_after_at_the_age_of_a_batch_and_a_smaller_one_not_at_all() {
        let mut pace = pace();
        pace.look(at(1000), 20, 0);
        assert_eq!(pace.nap(0.0), Some(AGE));
        let mut pace = self::pace();
        pace.look(at(1000), 9, 0);
        assert_eq!(pace.nap(0.0), None);
    }

    #[test]
    fn a_load_that_has_ended_is_forgotten_after_one_nap_and_a_pause_within_it_is_not() {
        let mut pace = pace();
        pace.look(at(1000), 1000, 0);
        pace.look(at(1004), 1000, 0);
        assert!(pace.nap(0.0).is_some(), "four events at that rate may be late");
        pace.look(at(1200), 1000, 0);
        assert_eq!(pace.nap(0.0), None);
    }

    proptest! {
        #[test]
        fn a_nap_is_never_longer_than_the_age_of_a_batch(
            looks in proptest::collection::vec((0_u64..10_000, 0_u64..1_000_000, 0_u64..10_000_000), 1..20),
            filled in 0.0_f64..2.0,
        ) {
            let mut pace = pace();
            let (mut now, mut events, mut bytes) = (0, 0, 0);
            for look in looks {
                (now, events, bytes) = (now + look.0, events + look.1, bytes + look.2);
                pace.look(at(now), events, bytes);
                prop_assert!(pace.nap(filled).is_none_or(|nap| nap >= LOOK_MIN && nap <= AGE));
            }
        }
    }
}
