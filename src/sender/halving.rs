//! Finds the event that the endpoint refuses: which half to post next, and when to stop looking.
//!
//! A refused request is posted again as two halves, depth first. One poison event among n costs at most 2 log2 n extra posts. An answer
//! that names it costs one or two: the events before it and those after it. H1: extra posts per batch are bounded, whatever the endpoint
//! refuses. H2: if even halves of halves are refused without a delivery in between, the cause is not one event, and the rest is given up.

use std::ops::Range;

/// Maximum number of poison events searched for in a batch; more are not an accident of single events.
const POISONS_MAX: u32 = 4;

/// The search in one batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Halving {
    /// Halves that wait to be posted, the next one last.
    rest: Vec<Range<usize>>,
    levels: u32,
    extra_posts_left: u32,
    refused: u32,
    refused_in_a_row: u32,
    took: Took,
    /// The last refused post, as long as all of it has passed in parts since, and the size of the largest part.
    last_refused: Option<Passed<Range<usize>>>,
}

/// Whether anything of the batch, or of a post, was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Took {
    Nothing,
    Some,
}

/// The consequence of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// It was a single event: that event is refused.
    Found,
    /// Its halves wait.
    Halved,
    /// Everything left is refused.
    GiveUp,
}

/// Everything refused as a whole has passed in parts: the size was the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed<T> {
    pub(crate) refused: T,
    pub(crate) largest: T,
}

impl<T> Passed<T> {
    pub(crate) fn map<U>(self, mut of: impl FnMut(T) -> U) -> Passed<U> {
        Passed { refused: of(self.refused), largest: of(self.largest) }
    }
}

impl Halving {
    pub(crate) fn of(events: usize) -> Halving {
        let levels = events.next_power_of_two().trailing_zeros();
        Halving {
            rest: Vec::new(),
            levels,
            extra_posts_left: POISONS_MAX * 2 * levels,
            refused: 0,
            refused_in_a_row: 0,
            took: Took::Nothing,
            last_refused: None,
        }
    }

    /// For a batch larger than what passes: [`next`](Halving::next) divides this range.
    pub(crate) fn of_parts(range: Range<usize>) -> Halving {
        let mut halving = Halving::of(range.len());
        halving.rest.push(range);
        halving
    }

    pub(crate) fn refused(&mut self, range: Range<usize>) -> Next {
        self.refused += 1;
        self.refused_in_a_row += 1;
        if range.len() <= 1 {
            self.last_refused = None;
            return Next::Found;
        }
        if self.refused_in_a_row > self.levels || self.extra_posts_left < 2 {
            return Next::GiveUp;
        }
        self.extra_posts_left -= 2;
        let middle = range.start + range.len() / 2;
        self.rest.push(middle..range.end);
        self.rest.push(range.start..middle);
        self.last_refused = Some(Passed { largest: range.start..range.start, refused: range });
        Next::Halved
    }

    /// For an answer that named single events: the ranges that the endpoint did not look at wait, in this order.
    pub(crate) fn told(&mut self, took: Took, again: Vec<Range<usize>>) -> Next {
        self.last_refused = None;
        match took {
            Took::Some => (self.took, self.refused_in_a_row) = (Took::Some, 0),
            Took::Nothing => {
                self.refused += 1;
                self.refused_in_a_row += 1;
            }
        }
        let posts = again.len() as u32;
        if posts == 0 {
            return Next::Found;
        }
        if self.refused_in_a_row > self.levels || posts > self.extra_posts_left {
            return Next::GiveUp;
        }
        self.extra_posts_left -= posts;
        self.rest.extend(again.into_iter().rev());
        Next::Found
    }

    /// Returns the last refused post if this completes it: all of its parts have passed.
    pub(crate) fn delivered(&mut self, range: &Range<usize>) -> Option<Passed<Range<usize>>> {
        self.refused_in_a_row = 0;
        self.took = Took::Some;
        let passed = self.last_refused.as_mut()?;
        if range.len() > passed.largest.len() {
            passed.largest = range.clone();
        }
        if range.end == passed.refused.end { self.last_refused.take() } else { None }
    }

    /// The next range to post; a range known to be too large is divided without asking.
    pub(crate) fn next(&mut self, allowed: impl Fn(&Range<usize>) -> bool) -> Option<Range<usize>> {
        let mut range = self.rest.pop()?;
        while range.len() > 1 && !allowed(&range) {
            let middle = range.start + range.len() / 2;
            self.rest.push(middle..range.end);
            range.end = middle;
        }
        Some(range)
    }

    /// Merges what waits into one range: its parts were made for another reason than a refusal. Between two parts that do not touch
    /// lies an event that is already settled.
    pub(crate) fn rejoin(&mut self) {
        let mut rejoined: Vec<Range<usize>> = Vec::with_capacity(self.rest.len());
        for part in self.rest.drain(..) {
            match rejoined.last_mut() {
                Some(behind) if part.end == behind.start => behind.start = part.start,
                _ => rejoined.push(part),
            }
        }
        self.rest = rejoined;
    }

    /// Posts of the batch that were refused.
    pub(crate) fn refusals(&self) -> u32 {
        self.refused
    }

    /// How many posts were refused, if nothing of the batch was delivered and nothing of it waits.
    pub(crate) fn took_nothing(&self) -> Option<u32> {
        (self.took == Took::Nothing && self.refused > 0 && self.rest.is_empty()).then_some(self.refused)
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    /// Posts until nothing is left: (extra posts, refused events, delivered events).
    fn search(events: usize, poison: impl Fn(usize) -> bool) -> (u32, Vec<usize>, usize) {
        let (mut halving, mut posts, mut refused, mut delivered) = (Halving::of(events), 0, Vec::new(), 0);
        let mut next = Some(0..events);
        while let Some(range) = next {
            posts += 1;
            if range.clone().any(&poison) {
                match halving.refused(range.clone()) {
                    Next::Found => refused.extend(range),
                    Next::Halved => {}
                    Next::GiveUp => {
                        refused.extend(range);
                        while let Some(range) = halving.next(|_| true) {
                            refused.extend(range);
                        }
                    }
                }
            } else {
                halving.delivered(&range);
                delivered += range.len();
            }
            next = halving.next(|_| true);
        }
        (posts - 1, refused, delivered)
    }

    #[test]
    fn one_poison_event_is_isolated_within_two_log2_n_extra_posts_wherever_it_is() {
        for events in [1, 2, 3, 7, 64, 500] {
            for poison in 0..events {
                let (extra, refused, delivered) = search(events, |nth| nth == poison);
                assert_eq!((refused, delivered), (vec![poison], events - 1));
                assert!(
                    extra <= 2 * events.next_power_of_two().trailing_zeros(),
                    "{extra} for {poison} of {events}"
                );
            }
        }
    }

    #[test]
    fn a_few_poison_events_are_all_isolated() {
        let (extra, mut refused, delivered) = search(500, |nth| [3, 250, 499].contains(&nth));
        refused.sort_unstable();
        assert_eq!((refused, delivered), (vec![3, 250, 499], 497));
        assert!(extra <= 72);
    }

    #[test]
    fn an_endpoint_that_refuses_everything_costs_a_few_posts_and_no_storm() {
        let (extra, refused, delivered) = search(500, |_| true);
        assert_eq!((refused.len(), delivered), (500, 0));
        assert!(extra <= 10, "{extra}");
    }

    #[test]
    fn a_refusal_whose_halves_all_pass_was_about_its_size_and_one_with_a_poison_event_was_not() {
        let mut halving = Halving::of(8);
        assert_eq!(halving.refused(0..8), Next::Halved);
        assert_eq!((halving.next(|_| true), halving.delivered(&(0..4))), (Some(0..4), None));
        let passed = Passed { refused: 0..8, largest: 0..4 };
        assert_eq!((halving.next(|_| true), halving.delivered(&(4..8))), (Some(4..8), Some(passed)));
        let mut poison = Halving::of(2);
        poison.refused(0..2);
        assert_eq!((poison.next(|_| true), poison.refused(0..1)), (Some(0..1), Next::Found));
        assert_eq!((poison.next(|_| true), poison.delivered(&(1..2))), (Some(1..2), None));
    }

    #[test]
    fn what_is_known_to_be_too_large_is_divided_without_asking() {
        let mut halving = Halving::of_parts(0..500);
        let mut sizes = Vec::new();
        while let Some(range) = halving.next(|range| range.len() <= 10) {
            halving.delivered(&range);
            sizes.push(range.len());
        }
        assert_eq!((sizes.iter().sum::<usize>(), *sizes.iter().max().unwrap()), (500, 8));
    }

    #[test]
    fn what_waits_behind_a_feeler_is_one_range_again() {
        let mut halving = Halving::of_parts(0..500);
        assert_eq!(halving.next(|range| range.len() <= 16), Some(0..15));
        halving.rejoin();
        assert_eq!((halving.next(|_| true), halving.next(|_| true)), (Some(15..500), None));
        halving.rejoin();
        assert_eq!(halving.next(|_| true), None);
        let mut named = Halving::of_parts(0..500);
        assert_eq!(named.next(|range| range.len() <= 16), Some(0..15));
        assert_eq!(named.told(Took::Nothing, vec![0..7, 8..15]), Next::Found);
        named.rejoin();
        assert_eq!(
            [named.next(|_| true), named.next(|_| true), named.next(|_| true)],
            [Some(0..7), Some(8..500), None]
        );
    }

    #[test]
    fn a_batch_of_which_nothing_was_taken_says_in_how_many_posts() {
        let mut halving = Halving::of(2);
        halving.refused(0..2);
        assert_eq!(halving.took_nothing(), None, "its halves wait");
        while let Some(range) = halving.next(|_| true) {
            halving.refused(range);
        }
        assert_eq!(halving.took_nothing(), Some(3));
        let mut taken = Halving::of(2);
        taken.refused(0..2);
        taken.next(|_| true).into_iter().for_each(|range| _ = taken.refused(range));
        taken.next(|_| true).into_iter().for_each(|range| _ = taken.delivered(&range));
        assert_eq!(taken.took_nothing(), None);
    }

    /// Posts until nothing is left, to an endpoint that names the first poison event and stores nothing of that post.
    fn search_by_name(events: usize, poison: impl Fn(usize) -> bool) -> (u32, Vec<usize>, usize) {
        let (mut halving, mut posts, mut refused, mut delivered) = (Halving::of(events), 0, Vec::new(), 0);
        let mut next = Some(0..events);
        while let Some(range) = next {
            posts += 1;
            match range.clone().find(|&nth| poison(nth)) {
                None => {
                    halving.delivered(&range);
                    delivered += range.len();
                }
                Some(bad) => {
                    refused.push(bad);
                    let again =
                        [range.start..bad, bad + 1..range.end].into_iter().filter(|part| !part.is_empty());
                    let again: Vec<_> = again.collect();
                    if halving.told(Took::Nothing, again.clone()) == Next::GiveUp {
                        refused.extend(again.into_iter().flatten());
                        while let Some(range) = halving.next(|_| true) {
                            refused.extend(range);
                        }
                    }
                }
            }
            next = halving.next(|_| true);
        }
        refused.sort_unstable();
        (posts - 1, refused, delivered)
    }

    #[test]
    fn a_poison_event_that_is_named_costs_two_extra_posts_wherever_it_is() {
        for events in [1, 2, 3, 7, 64, 500] {
            for poison in 0..events {
                let (extra, refused, delivered) = search_by_name(events, |nth| nth == poison);
                assert_eq!((refused, delivered), (vec![poison], events - 1), "{events}");
                assert!(extra <= 2, "{extra} extra posts for {events}");
            }
        }
    }

    #[test]
    fn whatever_is_named_the_posts_are_bounded_and_each_event_has_one_end() {
        for (events, every) in [(500, 1), (500, 2), (500, 3), (500, 20), (10_000, 7), (2, 1), (1, 1)] {
            let (extra, refused, delivered) = search_by_name(events, |nth| nth % every == 0);
            assert_eq!(refused.len() + delivered, events, "{events} {every}");
            assert!(refused.windows(2).all(|two| two[0] < two[1]), "{events} {every}");
            assert!(extra <= POISONS_MAX * 2 * Halving::of(events).levels + 1, "{extra}: {events} {every}");
        }
    }
}
