//! How many requests may be on the wire at once: additive increase, multiplicative decrease, as in TCP.
//!
//! In: how requests ended. Out: a limit between one and `posts_in_flight_max`. A pure rule.
//!
//! WN1: an endpoint that answers as if overloaded (408, 429, 5xx), or not in time, gets half as many requests at once;
//!     requests already on the wire when the limit was halved add no evidence, bad or good.
//! WN2: a full window of successes adds one request. Nothing is held back meanwhile: what has no request waits in the queue,
//!     and a queue that fills is relieved into the log as always.
//! WN3: after an outage a client begins with one request.
//!
//! Deliberately not here: latency. Fewer requests do not help an endpoint that is merely slow; only fewer events would.

use crate::clock::Stamp;

#[derive(Debug)]
pub(crate) struct Window {
    posts_max: usize,
    limit: usize,
    /// Successes since the limit last changed.
    successes: usize,
    halved_at: Stamp,
}

impl Window {
    /// A new client starts with its maximum: it knows nothing bad about its endpoint.
    pub(crate) fn new(posts_max: usize) -> Window {
        Window { posts_max, limit: posts_max, successes: 0, halved_at: Stamp(0) }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// A request that began at this time was answered with a 2xx.
    pub(crate) fn succeeded(&mut self, began: Stamp) {
        if began < self.halved_at {
            return;
        }
        self.successes += 1;
        if self.successes >= self.limit && self.limit < self.posts_max {
            self.change(self.limit + 1);
        }
    }

    /// A request that began at this time met an overloaded endpoint.
    pub(crate) fn overloaded(&mut self, began: Stamp, now: Stamp) {
        if began >= self.halved_at {
            self.change((self.limit / 2).max(1));
            self.halved_at = now;
        }
    }

    /// An outage has ended.
    pub(crate) fn recovered(&mut self) {
        self.change(1);
    }

    fn change(&mut self, limit: usize) {
        self.limit = limit;
        self.successes = 0;
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after_successes(window: &mut Window, posts: usize) -> usize {
        (0..posts).for_each(|_| window.succeeded(Stamp(1000)));
        window.limit()
    }

    #[test]
    fn a_window_of_successes_adds_one_up_to_the_maximum() {
        let mut window = Window::new(4);
        window.recovered();
        let limits = [1, 2, 3, 100].map(|posts| after_successes(&mut window, posts));
        assert_eq!(limits, [2, 3, 4, 4]);
    }

    #[test]
    fn an_overload_halves_once_for_all_that_was_on_the_wire() {
        let mut window = Window::new(8);
        let limits =
            [(1, 10), (2, 11), (9, 12), (10, 20), (20, 30), (30, 40), (40, 50)].map(|(began, now)| {
                window.overloaded(Stamp(began), Stamp(now));
                window.limit()
            });
        assert_eq!(limits, [4, 4, 4, 2, 1, 1, 1]);
    }

    proptest! {
        #[test]
        fn the_limit_is_between_one_and_the_maximum_and_all_is_given_back_to_a_healthy_endpoint(
            posts_max in 1_usize..65,
            ends in proptest::collection::vec((0_u8..3, 0_u64..100), 0..200),
        ) {
            let mut window = Window::new(posts_max);
            for (nth, (end, ago)) in (100..).zip(ends) {
                match end {
                    0 => window.succeeded(Stamp(nth - ago)),
                    1 => window.overloaded(Stamp(nth - ago), Stamp(nth)),
                    _ => window.recovered(),
                }
                prop_assert!((1..=posts_max).contains(&window.limit()));
            }
            prop_assert_eq!(after_successes(&mut window, posts_max * posts_max), posts_max);
        }
    }
}
