//! Keeps one event in n, chosen before it is emitted. An event left
//! out was never given to the client, so the law does not count it.

use crate::sync::plain::{AtomicU64, Ordering};
use std::num::NonZeroU32;

/// Keeps one event in n, for events that are too frequent to send all of them. Give each place in the code its own `Sample`.
///
/// Events left out are not emitted, as with [`Mode::Off`](crate::Mode::Off): no field of [`Stats`](crate::Stats) counts them, only
/// [`left_out`](Sample::left_out) does. Send the [rate](Sample::rate) with the event so that sums can be scaled. To choose by an event's
/// content, write the `if` yourself: a hash of the trace id keeps traces whole.
///
/// ```
/// use overspill::{Client, Sample};
/// use std::num::NonZeroU32;
///
/// static CACHE_HITS: Sample = Sample::one_in(NonZeroU32::new(100).unwrap());
///
/// # let events = Client::disabled();
/// # let key = 7;
/// if CACHE_HITS.keeps() {
///     events.emit(&serde_json::json!({ "event": "cache_hit", "key": key, "sample_rate": CACHE_HITS.rate() }));
/// }
/// ```
#[derive(Debug)]
pub struct Sample {
    one_in: AtomicU64,
    seen: AtomicU64,
    kept: AtomicU64,
}

impl Sample {
    /// Keeps the first of every `n`.
    pub const fn one_in(n: NonZeroU32) -> Sample {
        // `u64::from` is not const.
        let one_in = n.get() as u64;
        Sample { one_in: AtomicU64::new(one_in), seen: AtomicU64::new(0), kept: AtomicU64::new(0) }
    }

    /// Whether to keep this event. One atomic addition, and a second
    /// one if it is kept; callable from any thread, never blocks.
    #[inline]
    pub fn keeps(&self) -> bool {
        // Relaxed: the counters order nothing else.
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        // Never zero.
        let keeps = seen.checked_rem(self.one_in.load(Ordering::Relaxed)).is_none_or(|rest| rest == 0);
        if keeps {
            self.kept.fetch_add(1, Ordering::Relaxed);
        }
        keeps
    }

    /// Keeps one in `n` from now on, at any time, from any thread: at most `n` calls later, one is kept.
    pub fn set_rate(&self, n: NonZeroU32) {
        self.one_in.store(u64::from(n.get()), Ordering::Relaxed);
    }

    /// The `n` of one in `n`.
    pub fn rate(&self) -> u32 {
        // No larger value was stored.
        u32::try_from(self.one_in.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    /// How many events were left out so far.
    pub fn left_out(&self) -> u64 {
        let kept = self.kept.load(Ordering::Relaxed);
        self.seen.load(Ordering::Relaxed).saturating_sub(kept)
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn kept_by_three_threads(sample: &Sample) -> u64 {
        std::thread::scope(|scope| {
            let threads =
                [(); 3].map(|()| scope.spawn(|| (0..1000).filter(|_| sample.keeps()).count() as u64));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        })
    }

    #[test]
    fn one_in_n_is_kept_from_however_many_threads_and_the_rest_is_counted() {
        for n in [1, 2, 7, 100] {
            let sample = Sample::one_in(NonZeroU32::new(n).unwrap());
            let kept = kept_by_three_threads(&sample);
            assert_eq!(kept, 3000_u64.div_ceil(u64::from(n)));
            assert_eq!(kept + sample.left_out(), 3000);
        }
    }

    #[test]
    fn a_rate_that_is_set_holds_from_then_on_and_nothing_is_counted_twice() {
        let sample = Sample::one_in(NonZeroU32::MIN);
        let mut kept = 0;
        for n in [1, 100, 3, u32::MAX, 7, 1] {
            sample.set_rate(NonZeroU32::new(n).unwrap());
            assert_eq!(sample.rate(), n);
            let now = kept_by_three_threads(&sample);
            let expected = 3000_u64.div_ceil(u64::from(n));
            assert!(now.abs_diff(expected) <= 1, "one in {n}: {now}, not {expected}");
            kept += now;
        }
        assert_eq!(kept + sample.left_out(), 6 * 3000);
    }

    #[test]
    fn while_the_rate_changes_under_load_what_is_kept_and_what_is_left_out_are_all_there_was() {
        let sample = Sample::one_in(NonZeroU32::MIN);
        let kept: u64 = std::thread::scope(|scope| {
            let counted = scope.spawn(|| (0..20).map(|_| kept_by_three_threads(&sample)).sum());
            (1..2_000).for_each(|n| sample.set_rate(NonZeroU32::new(n % 50 + 1).unwrap()));
            counted.join().unwrap()
        });
        assert_eq!(kept + sample.left_out(), 20 * 3000);
    }
}
