//! The watch's measurements and actions as numbers: for people, and for Prometheus.
//!
//! In: what the watch's thread measured. Out: [`MemoryStats`], for any thread. The names of the exposition do not change.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a watch last measured, and what it has done so far: [`MemoryWatch::stats`](super::MemoryWatch::stats).
///
/// ```
/// # let stats = overspill::memory_watch::MemoryStats::default();
/// assert!(stats.prometheus_text().contains("\noverspill_memory_counted_bytes 0\n"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemoryStats {
    /// The resident set of the process, in bytes.
    pub rss_bytes: u64,
    /// The part of the process's memory that counts, in bytes: [`Builder::counts`](super::Builder::counts).
    pub counted_bytes: u64,
    /// The first threshold, in bytes: where a series begins.
    pub threshold_bytes: u64,
    /// The threshold of the next snapshot, in bytes.
    pub next_threshold_bytes: u64,
    /// Snapshots that were written.
    pub snapshots: u64,
    /// Snapshots that were due and could not be written.
    pub snapshots_failed: u64,
    /// How often a snapshot was due, but this hour's limit was reached.
    pub snapshots_held_back: u64,
}

impl MemoryStats {
    /// The numbers in Prometheus' text format, for the same page as those of the clients
    /// ([`Stats::prometheus_text`](crate::Stats::prometheus_text)). Names, kinds and units do not change.
    pub fn prometheus_text(&self) -> String {
        let families = [
            ("memory_resident_bytes", "gauge", "The resident set of the process.", self.rss_bytes),
            (
                "memory_counted_bytes",
                "gauge",
                "Memory that is compared with the thresholds.",
                self.counted_bytes,
            ),
            (
                "memory_threshold_bytes",
                "gauge",
                "Memory at which a series of snapshots begins.",
                self.threshold_bytes,
            ),
            (
                "memory_next_threshold_bytes",
                "gauge",
                "Memory at which the next snapshot is taken.",
                self.next_threshold_bytes,
            ),
            ("memory_snapshots_total", "counter", "Snapshots that were written.", self.snapshots),
            (
                "memory_snapshots_failed_total",
                "counter",
                "Snapshots that could not be written.",
                self.snapshots_failed,
            ),
            (
                "memory_snapshots_held_back_total",
                "counter",
                "Snapshots beyond the number of an hour.",
                self.snapshots_held_back,
            ),
        ];
        let mut out = String::new();
        for (name, kind, help, value) in families {
            _ = writeln!(
                out,
                "# HELP overspill_{name} {help}\n# TYPE overspill_{name} {kind}\noverspill_{name} {value}"
            );
        }
        out
    }
}

/// Written by the thread that looks, read by any thread: independent numbers, a moment apart at worst.
#[derive(Debug, Default)]
pub(super) struct SharedStats {
    rss: AtomicU64,
    counted: AtomicU64,
    threshold: AtomicU64,
    next_threshold: AtomicU64,
    snapshots: AtomicU64,
    failed: AtomicU64,
    held_back: AtomicU64,
}

/// The result of a snapshot that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Taken,
    Failed,
    HeldBack,
}

impl SharedStats {
    pub(super) fn of(rss: u64, counted: u64, threshold: u64) -> Arc<SharedStats> {
        let seen = Arc::<SharedStats>::default();
        seen.threshold.store(threshold, Ordering::Relaxed);
        seen.memory(rss, counted);
        seen.next_threshold(threshold);
        seen
    }

    pub(super) fn memory(&self, rss: u64, counted: u64) {
        self.rss.store(rss, Ordering::Relaxed);
        self.counted.store(counted, Ordering::Relaxed);
    }

    pub(super) fn next_threshold(&self, next: u64) {
        self.next_threshold.store(next, Ordering::Relaxed);
    }

    pub(super) fn due(&self, due: Due) {
        let counter = match due {
            Due::Taken => &self.snapshots,
            Due::Failed => &self.failed,
            Due::HeldBack => &self.held_back,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> MemoryStats {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        MemoryStats {
            rss_bytes: load(&self.rss),
            counted_bytes: load(&self.counted),
            threshold_bytes: load(&self.threshold),
            next_threshold_bytes: load(&self.next_threshold),
            snapshots: load(&self.snapshots),
            snapshots_failed: load(&self.failed),
            snapshots_held_back: load(&self.held_back),
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_has_every_number_by_its_pinned_name() {
        let seen = SharedStats::of(2_000, 1_000, 800);
        for due in [Due::Taken, Due::Taken, Due::Failed, Due::HeldBack] {
            seen.due(due);
        }
        seen.next_threshold(1_200);
        let text = seen.stats().prometheus_text();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "overspill_memory_resident_bytes 2000",
                "overspill_memory_counted_bytes 1000",
                "overspill_memory_threshold_bytes 800",
                "overspill_memory_next_threshold_bytes 1200",
                "overspill_memory_snapshots_total 2",
                "overspill_memory_snapshots_failed_total 1",
                "overspill_memory_snapshots_held_back_total 1",
            ]
        );
        assert_eq!(text.lines().filter(|line| line.starts_with("# TYPE")).count(), lines.len());
    }
}
