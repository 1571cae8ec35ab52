//! Counts over time, in as many buckets as a chart has room for, for any time span of the log.
//!
//! In: moments, in any order. Out: buckets of equal width. TL1: at most [`BUCKETS_MAX`]
//! buckets: if a moment does not fit, all buckets become twice as wide.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// More than a terminal or a page shows side by side.
pub(crate) const BUCKETS_MAX: u64 = 240;

/// Counts of `N` kinds.
#[derive(Debug, Clone)]
pub(crate) struct Timeline<const N: usize> {
    /// The number of the first bucket: its start, in widths since 1970.
    first: u64,
    width_seconds: u64,
    buckets: VecDeque<[u64; N]>,
}

impl<const N: usize> Timeline<N> {
    pub(crate) fn new() -> Timeline<N> {
        Timeline { first: 0, width_seconds: 1, buckets: VecDeque::new() }
    }

    pub(crate) fn add(&mut self, at: SystemTime, kind: usize, count: u64) {
        let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.buckets.is_empty() {
            self.first = seconds / self.width_seconds;
            self.buckets.push_back([0; N]);
        }
        let at = loop {
            let at = seconds / self.width_seconds;
            let last = self.first + self.buckets.len() as u64 - 1;
            if last.max(at) - self.first.min(at) < BUCKETS_MAX {
                break at;
            }
            self.widen();
        };
        while at < self.first {
            self.buckets.push_front([0; N]);
            self.first -= 1;
        }
        while at >= self.first + self.buckets.len() as u64 {
            self.buckets.push_back([0; N]);
        }
        self.buckets[(at - self.first) as usize][kind] += count;
    }

    /// Merges each pair of buckets into one.
    fn widen(&mut self) {
        let mut wide: VecDeque<[u64; N]> = VecDeque::new();
        let first = self.first / 2;
        for (nth, bucket) in self.buckets.iter().enumerate() {
            let at = ((self.first + nth as u64) / 2 - first) as usize;
            if at == wide.len() {
                wide.push_back([0; N]);
            }
            for (sum, count) in wide[at].iter_mut().zip(bucket) {
                *sum += count;
            }
        }
        (self.first, self.width_seconds, self.buckets) = (first, self.width_seconds * 2, wide);
    }

    pub(crate) fn width(&self) -> Duration {
        Duration::from_secs(self.width_seconds)
    }

    /// When the first bucket starts.
    pub(crate) fn start(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.first * self.width_seconds)
    }

    pub(crate) fn end(&self) -> SystemTime {
        self.start() + self.width() * self.buckets.len() as u32
    }

    pub(crate) fn buckets(&self) -> impl ExactSizeIterator<Item = &[u64; N]> {
        self.buckets.iter()
    }
}
