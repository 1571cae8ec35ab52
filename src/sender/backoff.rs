//! The delay before the next probe: exponential, jittered, from a seed; never shorter than the time between two posts.
//!
//! J1: a client that is out makes no more requests than a healthy one. So a fleet that is out is no more load than a healthy fleet, and
//! does not bring the endpoint down again while it recovers. A healthy client lets `batch_age_max` pass between its posts; so does a
//! probe, before its jitter.
//! J2: clients that lost the endpoint together, or that got the same `Retry-After` together, come back at different times.

use crate::limits::{PROBE_INTERVAL_FIRST, PROBE_INTERVAL_GROWTH, RETRY_AFTER_SPREAD};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Backoff {
    random: u64,
    /// Time between two posts of a healthy client.
    pace: Duration,
    interval_max: Duration,
}

impl Backoff {
    pub(crate) fn new(seed: u64, pace: Duration, interval_max: Duration) -> Backoff {
        // At most half: a user who sets a maximum interval near or below the pace wants to notice a recovery that quickly, and J2
        // still needs room for jitter.
        Backoff { random: seed, pace: pace.min(interval_max / 2), interval_max }
    }

    /// The interval within which the probe after `failed_probes` falls, once the pace has been kept.
    pub(crate) fn interval(&self, failed_probes: u32) -> Duration {
        // 64 steps exceed any maximum, and fit in a duration.
        let growth = PROBE_INTERVAL_GROWTH.powi(failed_probes.min(64) as i32);
        // At least as wide as the pace (J2): a fleet whose probes fall into a narrower interval would exceed its normal rate.
        let first = PROBE_INTERVAL_FIRST.max(self.pace);
        first.mul_f64(growth).min(self.interval_max - self.pace)
    }

    /// From a failure to the next probe; never less than `retry_after`, which is zero if the endpoint gave no hint.
    pub(crate) fn delay(&mut self, failed_probes: u32, retry_after: Duration) -> Duration {
        // 2^53 steps: what a double represents exactly.
        let share = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        // On top of the hint, not within it: every client may have got the same hint at the same moment.
        let spread = retry_after.mul_f64(RETRY_AFTER_SPREAD).min(self.interval_max);
        retry_after.max(self.pace) + self.interval(failed_probes).max(spread).mul_f64(share)
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread clients.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(200);
    const NO_HINT: Duration = Duration::ZERO;

    fn backoff(seed: u64, pace: Duration) -> Backoff {
        Backoff::new(seed, pace, Duration::from_secs(15))
    }

    #[test]
    fn intervals_grow_up_to_the_maximum_and_delays_fill_them() {
        let mut backoff = backoff(7, PACE);
        let intervals: Vec<u128> = (0..13).map(|nth| backoff.interval(nth).as_millis()).collect();
        assert_eq!(
            intervals,
            [200, 300, 450, 675, 1012, 1518, 2278, 3417, 5125, 7688, 11_533, 14_800, 14_800]
        );
        let delays: Vec<Duration> = (0..1000).map(|_| backoff.delay(0, NO_HINT)).collect();
        let mean = delays.iter().sum::<Duration>() / 1000;
        assert!(delays.iter().all(|delay| (PACE..=2 * PACE).contains(delay)));
        assert!((288..312).contains(&mean.as_millis()), "{mean:?}");
        assert!(backoff.delay(u32::MAX, NO_HINT) <= Duration::from_secs(15));
    }

    #[test]
    fn a_client_that_is_out_probes_no_more_often_than_it_would_post() {
        for pace in [1, 200, 1_000, 5_000].map(Duration::from_millis) {
            let mut backoff = backoff(7, pace);
            let soonest = (0..1000).map(|nth| backoff.delay(nth % 4, NO_HINT)).min().unwrap();
            assert!(soonest >= pace, "{soonest:?} at a pace of {pace:?}");
        }
    }

    #[test]
    fn clients_that_were_told_the_same_retry_after_come_back_apart_and_never_early() {
        for (hint, pace, spread) in [(20, 200, 10), (2, 5_000, 5), (600, 200, 15)] {
            let hint = Duration::from_secs(hint);
            let pace = Duration::from_millis(pace);
            let from = hint.max(pace);
            let mut returns = [0; 10];
            for seed in 0..1000 {
                let delay = backoff(seed, pace).delay(0, hint);
                assert!(delay >= hint, "{delay:?} is before {hint:?}");
                let share = (delay - from).as_secs_f64() / f64::from(spread);
                returns[(share * 10.0) as usize] += 1;
            }
            assert!(returns.iter().all(|count| (60..140).contains(count)), "{hint:?}: {returns:?}");
        }
    }

    #[test]
    fn a_pace_slower_than_the_longest_interval_still_leaves_room_for_jitter() {
        let mut backoff = backoff(7, Duration::from_secs(3600));
        let delays: Vec<u64> = (0..100).map(|_| backoff.delay(0, NO_HINT).as_millis() as u64).collect();
        assert!(delays.iter().all(|delay| (7_500..=15_000).contains(delay)), "{delays:?}");
        assert!(delays.iter().max() > delays.iter().min().map(|least| least + 5_000).as_ref());
    }
}
