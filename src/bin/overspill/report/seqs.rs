//! Which of a client's numbers were seen, as ranges, and the holes between them.
//!
//! SQ1: bounded: above the limit, the two lowest ranges become one, and the hole between them is no longer reported.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::SystemTime;

/// A run of numbers that were all seen.
#[derive(Debug, Clone, Copy)]
struct SeqRun {
    end: u64,
    /// When its first and its last event were emitted.
    first_at: SystemTime,
    last_at: SystemTime,
}

#[derive(Debug, Default)]
pub(crate) struct Seqs {
    runs: BTreeMap<u64, SeqRun>,
}

/// Numbers that were never seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) seqs: RangeInclusive<u64>,
    /// When the number before and the number after were emitted.
    pub(crate) after: SystemTime,
    pub(crate) before: SystemTime,
}

impl Hole {
    pub(crate) fn len(&self) -> u64 {
        self.seqs.end() - self.seqs.start() + 1
    }
}

impl Seqs {
    /// Adds `count` numbers starting at `seq`, and returns how many of them are new.
    pub(crate) fn add(&mut self, seq: u64, count: u64, at: SystemTime) -> u64 {
        let mut end = seq.saturating_add(count.saturating_sub(1));
        let (mut start, mut run) = (seq, SeqRun { end, first_at: at, last_at: at });
        let mut known = 0;
        // Everything that overlaps or touches becomes one run.
        loop {
            let touching = self
                .runs
                .range(..=end.saturating_add(1))
                .next_back()
                .filter(|(_, other)| other.end.saturating_add(1) >= start)
                .map(|(begin, other)| (*begin, *other));
            let Some((begin, other)) = touching else { break };
            self.runs.remove(&begin);
            let (low, high) = (begin.max(seq), other.end.min(seq.saturating_add(count.saturating_sub(1))));
            known += (high + 1).saturating_sub(low);
            if begin < start {
                (start, run.first_at) = (begin, other.first_at);
            }
            if other.end > end {
                (end, run.last_at) = (other.end, other.last_at);
            }
        }
        run.end = end;
        self.runs.insert(start, run);
        count.saturating_sub(known)
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Forgets the lowest hole.
    pub(crate) fn join_lowest(&mut self) {
        let Some((start, low)) = self.runs.pop_first() else { return };
        let next = self.runs.pop_first().map_or(low, |(_, next)| next);
        self.runs.insert(start, SeqRun { end: next.end, first_at: low.first_at, last_at: next.last_at });
    }

    /// The holes between two numbers that were seen.
    pub(crate) fn holes(&self, within: &RangeInclusive<u64>) -> Vec<Hole> {
        let pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        pairs
            .filter(|((_, low), (high, _))| low.end >= *within.start() && *high <= within.end())
            .map(|((_, low), (high, next))| Hole {
                seqs: low.end + 1..=high - 1,
                after: low.last_at,
                before: next.first_at,
            })
            .collect()
    }
}
