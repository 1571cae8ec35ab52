//! A series: what the `metrics` macros write to, and what a look at the end of an interval finds.
//!
//! SR1: writing takes no lock that is held for longer than it takes to add a few values; counters and gauges
//! take none. SR2: a value written after a look belongs to the next one; every value is counted exactly once.

use super::distribution::{Distribution, HistogramPlan};
use super::home::HomeProcess;
use metrics::atomics::AtomicU64;
use metrics::{CounterFn, GaugeFn, HistogramFn, Key};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

/// The result of a look.
#[derive(Clone)]
pub(super) enum SeriesReading {
    Counter { delta: u64, total: u64 },
    Gauge(f64),
    Histogram { seen: Distribution, total_count: u64, total_sum: f64 },
}

/// What all series have in common.
pub(super) struct SeriesCommon {
    pub(super) key: Key,
    /// The start of the interval in which a look first saw it: totals count from there.
    since: OnceLock<SystemTime>,
    /// When a look last found that it had been written to, in milliseconds since the recorder began.
    written_at: AtomicU64,
}

impl SeriesCommon {
    fn new(key: Key) -> SeriesCommon {
        SeriesCommon { key, since: OnceLock::new(), written_at: AtomicU64::new(0) }
    }

    pub(super) fn since(&self, interval_start: SystemTime) -> SystemTime {
        *self.since.get_or_init(|| interval_start)
    }

    /// How long it has not been written to, as far as looks have seen.
    pub(super) fn idle(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_millis(self.written_at.load(Ordering::Relaxed)))
    }

    fn written(&self, now: Duration) {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.written_at.store(millis, Ordering::Relaxed);
    }

    /// The first look counts as a write: a series has its full idle time from then on.
    fn look(&self, now: Duration) {
        if self.since.get().is_none() {
            self.written(now);
        }
    }
}

pub(super) trait Series: Send + Sync {
    fn common(&self) -> &SeriesCommon;

    /// What to emit for the interval that ends now, if anything.
    fn look(&self, now: Duration) -> Option<SeriesReading>;

    /// Whether a look would find nothing written since the last one.
    fn is_quiet(&self) -> bool;
}

pub(super) struct CounterSeries {
    common: SeriesCommon,
    total: AtomicU64,
    /// The total at the last look.
    looked: AtomicU64,
}

impl CounterSeries {
    pub(super) fn new(key: Key) -> CounterSeries {
        CounterSeries { common: SeriesCommon::new(key), total: AtomicU64::new(0), looked: AtomicU64::new(0) }
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

// Relaxed: a counter orders nothing else, and only its own value matters.
impl CounterFn for CounterSeries {
    #[inline]
    fn increment(&self, value: u64) {
        self.total.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.total.fetch_max(value, Ordering::Relaxed);
    }
}

impl Series for CounterSeries {
    fn common(&self) -> &SeriesCommon {
        &self.common
    }

    fn look(&self, now: Duration) -> Option<SeriesReading> {
        self.common.look(now);
        let total = self.total();
        // Modulo 2^64, as the counter counts.
        let delta = total.wrapping_sub(self.looked.swap(total, Ordering::Relaxed));
        (delta > 0).then(|| {
            self.common.written(now);
            SeriesReading::Counter { delta, total }
        })
    }

    fn is_quiet(&self) -> bool {
        self.total() == self.looked.load(Ordering::Relaxed)
    }
}

pub(super) struct GaugeSeries {
    common: SeriesCommon,
    bits: AtomicU64,
    /// Written to since the last look.
    is_fresh: AtomicBool,
    /// Written to at least once: until then it has no value.
    has_value: AtomicBool,
}

impl GaugeSeries {
    pub(super) fn new(key: Key) -> GaugeSeries {
        let bits = AtomicU64::new(0.0_f64.to_bits());
        let (is_fresh, has_value) = (AtomicBool::new(false), AtomicBool::new(false));
        GaugeSeries { common: SeriesCommon::new(key), bits, is_fresh, has_value }
    }

    fn change(&self, change: impl Fn(f64) -> f64) {
        let changed = |bits| Some(change(f64::from_bits(bits)).to_bits());
        // It always has a next value, so it does not fail.
        let _ = self.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
        self.is_fresh.store(true, Ordering::Release);
    }
}

// Release and Acquire: a look that sees the flag sees the value.
impl GaugeFn for GaugeSeries {
    fn increment(&self, value: f64) {
        self.change(|gauge| gauge + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|gauge| gauge - value);
    }

    #[inline]
    fn set(&self, value: f64) {
        self.bits.store(value.to_bits(), Ordering::Relaxed);
        self.is_fresh.store(true, Ordering::Release);
    }
}

impl Series for GaugeSeries {
    fn common(&self) -> &SeriesCommon {
        &self.common
    }

    /// Reported in each interval, changed or not: a gauge shows the current state.
    fn look(&self, now: Duration) -> Option<SeriesReading> {
        self.common.look(now);
        if self.is_fresh.swap(false, Ordering::Acquire) {
            self.has_value.store(true, Ordering::Relaxed);
            self.common.written(now);
        }
        let value = f64::from_bits(self.bits.load(Ordering::Relaxed));
        self.has_value.load(Ordering::Relaxed).then_some(SeriesReading::Gauge(value))
    }

    fn is_quiet(&self) -> bool {
        !self.is_fresh.load(Ordering::Acquire)
    }
}

pub(super) struct HistogramSeries {
    common: SeriesCommon,
    home: HomeProcess,
    plan: HistogramPlan,
    values: Mutex<Values>,
}

struct Values {
    /// Since the last look.
    now: Distribution,
    total_count: u64,
    total_sum: f64,
}

impl HistogramSeries {
    pub(super) fn new(key: Key, plan: HistogramPlan, home: HomeProcess) -> HistogramSeries {
        let values = Mutex::new(Values { now: Distribution::new(), total_count: 0, total_sum: 0.0 });
        HistogramSeries { common: SeriesCommon::new(key), home, plan, values }
    }

    #[inline]
    fn add(&self, value: f64, times: u64) {
        // `None`: in a child of a fork the lock may never be released. No thread looks there, so the value does not matter.
        if let Some(mut values) = self.home.lock(&self.values) {
            values.now.add(&self.plan, value, times);
        }
    }
}

impl HistogramFn for HistogramSeries {
    fn record(&self, value: f64) {
        self.add(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        self.add(value, count as u64);
    }
}

impl Series for HistogramSeries {
    fn common(&self) -> &SeriesCommon {
        &self.common
    }

    fn look(&self, now: Duration) -> Option<SeriesReading> {
        self.common.look(now);
        let mut values = self.home.lock(&self.values)?;
        if values.now.is_empty() {
            return None;
        }
        self.common.written(now);
        let seen = std::mem::replace(&mut values.now, Distribution::new());
        values.total_count += seen.count;
        values.total_sum += seen.sum;
        let (total_count, total_sum) = (values.total_count, values.total_sum);
        Some(SeriesReading::Histogram { seen, total_count, total_sum })
    }

    fn is_quiet(&self) -> bool {
        self.home.lock(&self.values).is_none_or(|values| values.now.is_empty())
    }
}
