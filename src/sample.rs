//! One event in so many, chosen before it is emitted: what is left out was never an event of the client's, and the law knows nothing of it.

use crate::sync::plain::{AtomicU64, Ordering};
use std::num::NonZeroU32;

/// Keeps one event in n, for events that are too frequent to send them all. Give each place in the code its own `Sample`.
///
/// Events left out are not emitted, as with [`Mode::Off`](crate::Mode::Off): no field of [`Stats`](crate::Stats) counts them, only
/// [`left_out`](Sample::left_out) does. Send the rate with the event so that sums can be scaled. To choose by an event's content, write the
/// `if` yourself: a hash of the trace id keeps traces whole.
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
///     events.emit(&serde_json::json!({ "event": "cache_hit", "key": key, "sample_rate": 100 }));
/// }
/// ```
#[derive(Debug)]
pub struct Sample {
    one_in: NonZeroU32,
    seen: AtomicU64,
}

impl Sample {
    /// Keeps the first of every `n`.
    pub const fn one_in(n: NonZeroU32) -> Sample {
        Sample { one_in: n, seen: AtomicU64::new(0) }
    }

    /// Whether to keep this one. One atomic addition; callable from any thread, never blocks.
    #[inline]
    pub fn keeps(&self) -> bool {
        // Relaxed: it orders nothing but itself.
        self.seen.fetch_add(1, Ordering::Relaxed) % u64::from(self.one_in.get()) == 0
    }

    /// How many events were left out so far.
    pub fn left_out(&self) -> u64 {
        let seen = self.seen.load(Ordering::Relaxed);
        seen - seen.div_ceil(u64::from(self.one_in.get()))
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn one_in_n_is_kept_from_however_many_threads_and_the_rest_is_counted() {
        for n in [1, 2, 7, 100] {
            let sample = Sample::one_in(NonZeroU32::new(n).unwrap());
            let kept: usize = std::thread::scope(|scope| {
                let threads = [(); 3].map(|()| scope.spawn(|| (0..1000).filter(|_| sample.keeps()).count()));
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(kept as u64, 3000_u64.div_ceil(u64::from(n)));
            assert_eq!(kept as u64 + sample.left_out(), 3000);
        }
    }
}
