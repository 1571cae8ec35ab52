//! Finding the event that the endpoint refuses: which half to post next, and when to stop looking.
//!
//! A request that is refused is posted again as two halves, depth first. One poison event among n costs at most
//! 2 log2 n extra posts. H1: extra posts per batch are bounded, whatever the endpoint refuses. H2: if even halves of
//! halves are refused without a delivery in between, it is not one event, and the rest is given up.

use std::ops::Range;

/// So many poison events per batch are looked for; more are not an accident of single events.
const POISONS_MAX: u32 = 4;

/// One batch's search.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Halving {
    /// Halves that wait to be posted, the next one last.
    rest: Vec<Range<usize>>,
    levels: u32,
    extra_posts_left: u32,
    refused_in_a_row: u32,
}

/// What follows from a refusal.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It was a single event: that one is refused.
    Found,
    /// Its halves wait.
    Halved,
    /// All that is left is refused.
    GiveUp,
}

impl Halving {
    pub(crate) fn of(events: usize) -> Halving {
        let levels = events.next_power_of_two().trailing_zeros();
        Halving { rest: Vec::new(), levels, extra_posts_left: POISONS_MAX * 2 * levels, refused_in_a_row: 0 }
    }

    pub(crate) fn refused(&mut self, range: Range<usize>) -> Next {
        self.refused_in_a_row += 1;
        if range.len() <= 1 {
            return Next::Found;
        }
        if self.refused_in_a_row > self.levels || self.extra_posts_left < 2 {
            return Next::GiveUp;
        }
        self.extra_posts_left -= 2;
        let middle = range.start + range.len() / 2;
        self.rest.push(middle..range.end);
        self.rest.push(range.start..middle);
        Next::Halved
    }

    pub(crate) fn delivered(&mut self) {
        self.refused_in_a_row = 0;
    }

    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        self.rest.pop()
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
                        while let Some(range) = halving.next() {
                            refused.extend(range);
                        }
                    }
                }
            } else {
                halving.delivered();
                delivered += range.len();
            }
            next = halving.next();
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
}
