//! Where events were found, compared with what was emitted.

#[path = "../../../examples/outage/ids.rs"]
#[allow(dead_code, reason = "only some programs read ids from bodies")]
mod set;

pub use set::Ids;

/// Where the events were found, as sets of ids.
#[derive(Debug, Default, Clone)]
pub struct Found {
    /// Answered with 2xx.
    pub at_endpoint: Ids,
    pub in_log: Ids,
    /// Those in the log that are marked `maybe_delivered`.
    pub marked: Ids,
}

/// The two sets compared with what was emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    pub in_neither: u64,
    pub in_both: u64,
    /// In both, without a mark in the log.
    pub in_both_unmarked: u64,
    /// Ids that were never emitted.
    pub unknown: u64,
    /// More than once in one of the two.
    pub again: u64,
}

impl Compared {
    /// Whether every event is somewhere, in both only with a mark, and none is duplicated or unknown.
    pub fn is_exact(&self) -> bool {
        Compared { in_both: 0, ..*self }
            == Compared { in_neither: 0, in_both: 0, in_both_unmarked: 0, unknown: 0, again: 0 }
    }
}

impl Found {
    /// Compares with the ids from 0 to `emitted`.
    pub fn compare(&self, emitted: u64) -> Compared {
        let (mut union, mut in_both, mut in_both_unmarked) = (0, 0, 0);
        for id in 0..emitted {
            let (delivered, spilled) = (self.at_endpoint.contains(id), self.in_log.contains(id));
            union += u64::from(delivered || spilled);
            in_both += u64::from(delivered && spilled);
            in_both_unmarked += u64::from(delivered && spilled && !self.marked.contains(id));
        }
        // |A| + |B| = |A or B| + |A and B|; the remainder lies outside 0..emitted.
        let unknown = (self.at_endpoint.count + self.in_log.count).saturating_sub(union + in_both);
        let again = self.at_endpoint.again + self.in_log.again;
        Compared { in_neither: emitted - union, in_both, in_both_unmarked, unknown, again }
    }
}
