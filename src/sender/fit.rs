//! How large a batch the endpoint takes, learned from what it refused and which parts of that then passed.
//!
//! In: the sizes of posts that passed, and of those that were refused as a whole though all their parts passed. Out: a limit
//! for later batches. A pure rule.
//!
//! FT1: a refusal alone teaches nothing: one event may be the cause. It was the size if everything refused passed in parts.
//! FT2: batches grow again slowly; each time nothing turns out to have changed, the next attempt waits twice as long.
//! FT3: never less than one event, and a single event is posted whatever its size.
//! Deliberately not here: whether bytes or count were the cause. Both are limited, and the one that restricts batches grows.

use super::halving::Passed;
use crate::limits::{FIT_DELIVERIES, FIT_DELIVERIES_MAX, FIT_GROWTH_PART};
use std::fmt;

/// The size of a body, before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events in {} bytes", self.events, self.bytes)
    }
}

impl Size {
    fn fits(self, limit: Size) -> bool {
        self.events <= limit.events && self.bytes <= limit.bytes
    }
}

#[derive(Debug)]
pub(crate) struct Fit {
    full: Size,
    limit: Size,
    /// The limit before it last grew.
    before: Option<Size>,
    /// Deliveries at the size of the limit.
    deliveries: u32,
    wanted: u32,
}

impl Fit {
    pub(crate) fn new(full: Size) -> Fit {
        Fit { full, limit: full, before: None, deliveries: 0, wanted: FIT_DELIVERIES }
    }

    pub(crate) fn limit(&self) -> Size {
        self.limit
    }

    pub(crate) fn is_full(&self) -> bool {
        self.limit == self.full
    }

    /// Whether a post of this size may be made; a single event always may.
    pub(crate) fn allows(&self, size: Size) -> bool {
        size.events <= 1 || size.fits(self.limit)
    }

    /// Every part of a refused post has passed: FT1. Returns the new limit, if it changes.
    pub(crate) fn passed(&mut self, passed: &Passed<Size>) -> Option<Size> {
        let before = self.limit;
        self.limit = match self.before.take() {
            Some(last) if !passed.refused.fits(last) => {
                self.wanted = (self.wanted * 2).min(FIT_DELIVERIES_MAX);
                last
            }
            _ => Size {
                events: before.events.min(passed.largest.events).max(1),
                bytes: before.bytes.min(passed.largest.bytes),
            },
        };
        self.deliveries = 0;
        (self.limit != before).then_some(self.limit)
    }

    /// A post of this size was delivered.
    pub(crate) fn delivered(&mut self, size: Size) {
        let full = |size: usize, limit: usize| size * FIT_GROWTH_PART >= limit * (FIT_GROWTH_PART - 1);
        let (by_events, by_bytes) = (size.events >= self.limit.events, full(size.bytes, self.limit.bytes));
        if self.is_full() || !(by_events || by_bytes) {
            return;
        }
        self.deliveries += 1;
        if self.deliveries < self.wanted {
            return;
        }
        self.deliveries = 0;
        self.before = Some(self.limit);
        let grown = |now: usize, full: usize| (now + (now / FIT_GROWTH_PART).max(1)).min(full);
        if by_events {
            self.limit.events = grown(self.limit.events, self.full.events);
        }
        if by_bytes {
            self.limit.bytes = grown(self.limit.bytes, self.full.bytes);
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::sender::halving::{Halving, Next};

    const FULL: Size = Size { events: 500, bytes: 256 << 10 };

    /// Posts the largest allowed batches, of events of this size, to an endpoint with this limit. Returns the posts, the refused posts, and
    /// the refused events.
    fn serve(fit: &mut Fit, batches: usize, bytes: usize, takes: impl Fn(Size) -> bool) -> (u32, u32, usize) {
        let (mut posts, mut refused, mut lost) = (0, 0, 0);
        for _ in 0..batches {
            let room = (fit.limit().bytes / bytes).clamp(1, 500);
            let size = |events: usize| Size { events, bytes: events * bytes };
            let events = fit.limit().events.min(room);
            let mut halving = Halving::of(events);
            let mut next = Some(0..events);
            while let Some(range) = next {
                posts += 1;
                if takes(size(range.len())) {
                    if let Some(passed) = halving.delivered(&range) {
                        fit.passed(&passed.map(|range| size(range.len())));
                    } else {
                        fit.delivered(size(range.len()));
                    }
                } else {
                    refused += 1;
                    if halving.refused(range.clone()) != Next::Halved {
                        lost += range.len();
                    }
                }
                next = halving.next(|range| fit.allows(size(range.len())));
            }
        }
        (posts, refused, lost)
    }

    #[test]
    fn what_passes_is_found_at_once_and_less_than_a_tenth_is_refused_from_then_on() {
        for (what, takes) in [
            ("ten events", (|size| size.events <= 10) as fn(Size) -> bool),
            ("one event", |size| size.events <= 1),
            ("three hundred events", |size| size.events <= 300),
            ("ten kilobytes", |size| size.bytes <= 10_000),
            ("a kilobyte", |size| size.bytes <= 1_000),
        ] {
            for bytes in [50, 200, 999] {
                let mut fit = Fit::new(FULL);
                let (_, first, _) = serve(&mut fit, 1, bytes, takes);
                assert!(first <= 9, "{what}, {bytes}: {first}");
                let (posts, refused, lost) = serve(&mut fit, 3000, bytes, takes);
                assert!(
                    refused * 10 < posts && lost == 0,
                    "{what}, {bytes}: {refused} of {posts}, {lost} lost"
                );
                let size = Size { events: fit.limit().events, bytes };
                assert!(size.events == 1 || takes(Size { events: 1, bytes }), "{size:?}");
            }
        }
    }

    #[test]
    fn an_endpoint_that_takes_all_again_gets_all_again() {
        let mut fit = Fit::new(FULL);
        serve(&mut fit, 100, 100, |size| size.events <= 100);
        assert!(fit.limit().events <= 112);
        serve(&mut fit, 3000, 100, |_| true);
        assert_eq!(fit.limit().events, FULL.events);
    }

    #[test]
    fn one_poison_event_wherever_it_is_teaches_nothing() {
        for poison in 0..64 {
            let (mut fit, mut halving) = (Fit::new(FULL), Halving::of(64));
            let mut next = Some(0..64);
            while let Some(range) = next {
                if range.contains(&poison) {
                    halving.refused(range.clone());
                } else if let Some(passed) = halving.delivered(&range) {
                    panic!("{passed:?}");
                }
                next = halving.next(|_| true);
            }
            assert!(fit.is_full() && fit.passed(&Passed { refused: FULL, largest: FULL }).is_none());
        }
    }
}
