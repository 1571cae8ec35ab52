//! Which events have been seen: finds duplicates and gaps.
//!
//! In: ids. Out: whether each is new, and the gaps. SN1: stored as ranges, which are few in a
//! real log. SN2: bounded; forgotten ranges are counted, and an event from one counts as new.

use crate::limits::SEEN_RANGES_MAX;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The events that have been seen, by client and number.
///
/// Holds at most [`SEEN_RANGES_MAX`] ranges of numbers; beyond that, the lowest are forgotten and counted.
///
/// ```
/// let mut seen = overspill::spill::Seen::new();
/// assert!(seen.insert("0123456789abcdef", 7));
/// assert!(!seen.insert("0123456789abcdef", 7));
/// seen.insert("0123456789abcdef", 10);
/// let gaps: Vec<_> = seen.gaps("0123456789abcdef").collect();
/// assert_eq!(gaps, [8..=9]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    clients: BTreeMap<String, Ranges>,
    ranges: usize,
    forgotten: u64,
}

/// Maps the first number of each range to its last.
type Ranges = BTreeMap<u64, u64>;

impl Seen {
    /// No events yet.
    pub fn new() -> Seen {
        Seen::default()
    }

    /// Records an event; returns whether it is new.
    pub fn insert(&mut self, client: &str, seq: u64) -> bool {
        self.insert_range(client, seq..=seq)
    }

    /// Records a range of events; returns whether any of them is new. For an empty range that is `false`.
    pub fn insert_range(&mut self, client: &str, range: RangeInclusive<u64>) -> bool {
        if range.is_empty() {
            return false;
        }
        if !self.clients.contains_key(client) {
            self.clients.insert(client.to_owned(), Ranges::new());
        }
        let Some(ranges) = self.clients.get_mut(client) else { return true };
        let (mut start, mut end) = range.into_inner();
        let before = ranges.len();
        // A range that begins before it and reaches it.
        if let Some((&first, &last)) = ranges.range(..=start).next_back() {
            if last >= end {
                return false;
            }
            if last >= start.saturating_sub(1) {
                start = first;
            }
        }
        // Ranges that begin within it, or right after it.
        while let Some((&first, &last)) = ranges.range(start..=end.saturating_add(1)).next() {
            ranges.remove(&first);
            end = end.max(last);
        }
        ranges.insert(start, end);
        self.ranges = self.ranges + ranges.len() - before;
        if self.ranges > SEEN_RANGES_MAX {
            self.forget();
        }
        true
    }

    /// Whether it has been seen.
    pub fn contains(&self, client: &str, seq: u64) -> bool {
        let range = self.clients.get(client).and_then(|ranges| ranges.range(..=seq).next_back());
        range.is_some_and(|(_, &last)| last >= seq)
    }

    /// The clients that have been seen, ordered by id.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        self.clients.keys().map(String::as_str)
    }

    /// The ranges of the client's sequence numbers that have been seen.
    pub fn ranges(&self, client: &str) -> impl Iterator<Item = RangeInclusive<u64>> {
        self.clients.get(client).into_iter().flatten().map(|(&first, &last)| first..=last)
    }

    /// The numbers in between that have not been seen: these events were delivered, or the log lost
    /// them. The numbers alone do not show which.
    pub fn gaps(&self, client: &str) -> impl Iterator<Item = RangeInclusive<u64>> {
        let ends = self.ranges(client).map(|range| range.end().saturating_add(1));
        let starts = self.ranges(client).skip(1).map(|range| range.start() - 1);
        ends.zip(starts).map(|(first, last)| first..=last)
    }

    /// How many ranges were forgotten: if one of their events comes again, it counts as new.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets a quarter at once, so that it does not run for each event: the lowest ranges of each
    /// client or, if each client has only one, the first clients.
    fn forget(&mut self) {
        let before = self.ranges;
        for ranges in self.clients.values_mut() {
            let keep = ranges.keys().nth(ranges.len() / 4).copied().unwrap_or_default();
            *ranges = ranges.split_off(&keep);
        }
        self.ranges = self.clients.values().map(BTreeMap::len).sum();
        while self.ranges > SEEN_RANGES_MAX / 8 * 7 {
            let Some((_, ranges)) = self.clients.pop_first() else { break };
            self.ranges -= ranges.len();
        }
        self.forgotten += (before - self.ranges) as u64;
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn seen_numbers_and_gaps_match_a_set(
            ranges in proptest::collection::vec((0..60_u64, 0..5_u64), 0..40)
        ) {
            let (mut seen, mut set) = (Seen::new(), BTreeSet::new());
            for (first, more) in ranges {
                let numbers: BTreeSet<u64> = (first..=first + more).collect();
                prop_assert_eq!(seen.insert_range("a", first..=first + more), !numbers.is_subset(&set));
                set.extend(numbers);
            }
            let all: BTreeSet<u64> = seen.ranges("a").flatten().collect();
            prop_assert_eq!(&all, &set);
            prop_assert!((0..70).all(|seq| seen.contains("a", seq) == set.contains(&seq)));
            let (first, last) = (set.first().copied().unwrap_or(1), set.last().copied().unwrap_or(0));
            let missing: Vec<u64> = (first..=last).filter(|seq| !set.contains(seq)).collect();
            prop_assert_eq!(seen.gaps("a").flatten().collect::<Vec<_>>(), missing);
            // No more ranges than necessary.
            prop_assert!(seen.gaps("a").all(|gap| !gap.is_empty()));
        }
    }

    #[test]
    fn the_smallest_and_the_largest_number_are_numbers_too() {
        let mut seen = Seen::new();
        assert!(seen.insert("a", u64::MAX) && seen.insert("a", 0) && seen.insert("a", u64::MAX - 1));
        assert_eq!(seen.ranges("a").collect::<Vec<_>>(), [0..=0, u64::MAX - 1..=u64::MAX]);
        assert_eq!(seen.gaps("a").collect::<Vec<_>>(), [1..=u64::MAX - 2]);
        assert!(!seen.insert("a", u64::MAX));
    }

    #[test]
    fn ranges_are_bounded_and_forgotten_ones_are_counted() {
        let mut seen = Seen::new();
        for seq in 0..=SEEN_RANGES_MAX as u64 {
            seen.insert("a", 2 * seq);
        }
        assert_eq!(seen.ranges + seen.forgotten as usize, SEEN_RANGES_MAX + 1);
        assert!(seen.forgotten > 0 && seen.contains("a", 2 * SEEN_RANGES_MAX as u64));
        for client in 0..2 * SEEN_RANGES_MAX {
            seen.insert(&client.to_string(), 7);
            assert!(seen.ranges <= SEEN_RANGES_MAX);
        }
    }
}
