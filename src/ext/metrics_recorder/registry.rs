//! The series: found by their key, made at their first use, up to the maximum in the settings.
//!
//! RG1: looking up an existing series allocates nothing and takes one lock for reading. RG2: never more than
//! `series_max` series, even if threads make them at once. RG3: values without a series are counted, by a series
//! that always exists. RG4: a series that has a handle outside the registry, or something to report, is not removed.

use super::distribution::HistogramPlan;
use super::home::HomeProcess;
use super::limits::{LABEL_BYTES, NAME_CHARS_TOLD, SHARDS};
use super::series::{CounterSeries, GaugeSeries, HistogramSeries, Series};
use metrics::{CounterFn, GaugeFn, HistogramFn, Key, KeyName, Label, Unit};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

/// Uses the hash that a key already contains.
#[derive(Default)]
pub(super) struct OwnHash(u64);

impl Hasher for OwnHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not called by Key; if it were, equal keys would still have equal hashes.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type SeriesShard<S> = RwLock<HashMap<Key, Arc<S>, BuildHasherDefault<OwnHash>>>;

/// The series of one kind.
pub(super) struct Shards<S>([SeriesShard<S>; SHARDS]);

impl<S: Series> Shards<S> {
    fn new() -> Shards<S> {
        Shards(std::array::from_fn(|_| RwLock::default()))
    }

    /// The shard of a key, by bits of the hash that the map does not use for its own slots.
    fn of(&self, key: &Key) -> &SeriesShard<S> {
        &self.0[(key.get_hash() >> 40) as usize % SHARDS]
    }

    fn for_each(&self, home: HomeProcess, mut visit: impl FnMut(&Arc<S>)) {
        for shard in self.0.iter().filter_map(|shard| home.read(shard)) {
            shard.values().for_each(&mut visit);
        }
    }

    /// Removes the series that were idle this long, and returns their number.
    fn expire(&self, home: HomeProcess, now: Duration, idle_max: Duration) -> usize {
        let mut expired = 0;
        for mut shard in self.0.iter().filter_map(|shard| home.write(shard)) {
            shard.retain(|_, series| {
                // With the lock held for writing no thread can get a new handle, so the count of handles is certain.
                let stays = series.common().idle(now) < idle_max
                    || Arc::strong_count(series) > 1
                    || !series.is_quiet();
                expired += usize::from(!stays);
                stays
            });
        }
        expired
    }

    fn clear(&self, home: HomeProcess) {
        self.0.iter().filter_map(|shard| home.write(shard)).for_each(|mut shard| shard.clear());
    }
}

/// Why a value has no series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surplus {
    SeriesMax,
    KeyBytesMax,
}

impl Surplus {
    pub(super) const ALL: [Surplus; 2] = [Surplus::SeriesMax, Surplus::KeyBytesMax];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Surplus::SeriesMax => "series_max",
            Surplus::KeyBytesMax => "key_bytes_max",
        }
    }
}

/// Where values without a series go: they are counted, and the first one's metric is remembered.
pub(super) struct Overflow {
    pub(super) values: CounterSeries,
    first: Mutex<Option<String>>,
    home: HomeProcess,
}

/// The name of the series that counts values without a series; its label `reason` is the setting whose limit was reached.
pub const SURPLUS_METRIC: &str = "overspill_metrics_surplus_total";

impl Overflow {
    fn new(reason: Surplus, home: HomeProcess) -> Overflow {
        let key = Key::from_parts(SURPLUS_METRIC, vec![Label::from_static_parts("reason", reason.as_str())]);
        Overflow { values: CounterSeries::new(key), first: Mutex::new(None), home }
    }

    fn note(&self, key: &Key) {
        if let Some(mut first) = self.home.lock(&self.first) {
            first.get_or_insert_with(|| key.name().chars().take(NAME_CHARS_TOLD).collect());
        }
    }

    /// The first metric without a series since the last call.
    pub(super) fn take_first(&self) -> Option<String> {
        self.home.lock(&self.first)?.take()
    }
}

impl CounterFn for Overflow {
    fn increment(&self, _: u64) {
        self.values.increment(1);
    }

    fn absolute(&self, _: u64) {
        self.values.increment(1);
    }
}

impl GaugeFn for Overflow {
    fn increment(&self, _: f64) {
        self.values.increment(1);
    }

    fn decrement(&self, _: f64) {
        self.values.increment(1);
    }

    fn set(&self, _: f64) {
        self.values.increment(1);
    }
}

impl HistogramFn for Overflow {
    fn record(&self, _: f64) {
        self.values.increment(1);
    }

    fn record_many(&self, _: f64, count: usize) {
        self.values.increment(count as u64);
    }
}

/// How histograms are kept, by their names.
#[derive(Debug, Clone)]
pub(super) struct Plans {
    pub(super) by_name: HashMap<String, HistogramPlan>,
    pub(super) others: HistogramPlan,
}

impl Plans {
    pub(super) fn of(&self, name: &str) -> HistogramPlan {
        self.by_name.get(name).unwrap_or(&self.others).clone()
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.by_name.values().chain([&self.others]).map(HistogramPlan::bytes_max).max().unwrap_or_default()
    }
}

/// What the settings say about the registry.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) series_max: usize,
    pub(super) key_bytes_max: usize,
    pub(super) plans: Plans,
}

impl Limits {
    /// Maximum bytes of a series without its distribution: the key's texts; its place in the maps of the three kinds, which grow to twice
    /// their content, keep that size when series expire, and are copied while they grow; the series; its place in the list of a look.
    fn series_bytes_max(&self) -> usize {
        let place = size_of::<Key>() + size_of::<Arc<HistogramSeries>>() + 1;
        let series =
            size_of::<HistogramSeries>().max(size_of::<GaugeSeries>()).max(size_of::<CounterSeries>()) + 16;
        let units = size_of::<(KeyName, Unit)>() * 4 + self.key_bytes_max;
        self.key_bytes_max + 3 * 4 * place + series + size_of::<Arc<HistogramSeries>>() + units
    }

    /// Maximum bytes that all series hold, and one distribution that is being emitted.
    pub(super) fn bytes_max(&self) -> usize {
        let empty_maps = 3 * SHARDS * (size_of::<SeriesShard<HistogramSeries>>() + 512);
        let shape = self.plans.bytes_max();
        empty_maps + shape + self.series_max * (self.series_bytes_max() + shape)
    }
}

pub(super) struct Registry {
    pub(super) home: HomeProcess,
    pub(super) limits: Limits,
    counters: Shards<CounterSeries>,
    gauges: Shards<GaugeSeries>,
    histograms: Shards<HistogramSeries>,
    /// The number of series of all kinds, including places just reserved.
    series: AtomicUsize,
    pub(super) expired: AtomicU64,
    overflow: [Arc<Overflow>; 2],
    units: RwLock<HashMap<KeyName, Unit>>,
    closed: AtomicBool,
}

impl Registry {
    pub(super) fn new(limits: Limits, home: HomeProcess) -> Registry {
        Registry {
            home,
            limits,
            counters: Shards::new(),
            gauges: Shards::new(),
            histograms: Shards::new(),
            series: AtomicUsize::new(0),
            expired: AtomicU64::new(0),
            overflow: Surplus::ALL.map(|reason| Arc::new(Overflow::new(reason, home))),
            units: RwLock::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn counter(&self, key: &Key) -> Result<Arc<CounterSeries>, Surplus> {
        self.find(&self.counters, key, CounterSeries::new)
    }

    pub(super) fn gauge(&self, key: &Key) -> Result<Arc<GaugeSeries>, Surplus> {
        self.find(&self.gauges, key, GaugeSeries::new)
    }

    pub(super) fn histogram(&self, key: &Key) -> Result<Arc<HistogramSeries>, Surplus> {
        self.find(&self.histograms, key, |key| {
            let plan = self.limits.plans.of(key.name());
            HistogramSeries::new(key, plan, self.home)
        })
    }

    #[inline]
    fn find<S: Series>(
        &self,
        shards: &Shards<S>,
        key: &Key,
        make: impl FnOnce(Key) -> S,
    ) -> Result<Arc<S>, Surplus> {
        let shard = shards.of(key);
        if let Some(series) = self.home.read(shard).and_then(|shard| shard.get(key).cloned()) {
            return Ok(series);
        }
        self.insert(shard, key, make)
    }

    #[cold]
    fn insert<S: Series>(
        &self,
        shard: &SeriesShard<S>,
        key: &Key,
        make: impl FnOnce(Key) -> S,
    ) -> Result<Arc<S>, Surplus> {
        if key_bytes(key) > self.limits.key_bytes_max {
            return Err(Surplus::KeyBytesMax);
        }
        let Some(mut shard) = self.home.write(shard) else { return Err(Surplus::SeriesMax) };
        // A separate copy of every text, shared by clones.
        match shard.entry(key.to_retained()) {
            Entry::Occupied(series) => Ok(Arc::clone(series.get())),
            Entry::Vacant(place) => {
                let more = |series| (series < self.limits.series_max).then_some(series + 1);
                if self.series.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
                    return Err(Surplus::SeriesMax);
                }
                let series = Arc::new(make(place.key().clone()));
                Ok(Arc::clone(place.insert(series)))
            }
        }
    }

    /// Where the values of a key without a series go.
    pub(super) fn overflow(&self, reason: Surplus, key: &Key) -> Arc<Overflow> {
        let overflow = &self.overflow[reason as usize];
        overflow.note(key);
        Arc::clone(overflow)
    }

    pub(super) fn overflows(&self) -> impl Iterator<Item = (Surplus, &Arc<Overflow>)> {
        Surplus::ALL.into_iter().zip(&self.overflow)
    }

    /// Keeps the unit that `describe_...!` gives for a metric, for at most `series_max` metrics.
    pub(super) fn describe(&self, name: &KeyName, unit: Option<Unit>) {
        let (Some(unit), true) = (unit, name.as_str().len() <= self.limits.key_bytes_max) else { return };
        if let Some(mut units) = self.home.write(&self.units) {
            if units.len() < self.limits.series_max || units.contains_key(name) {
                units.insert(name.to_retained(), unit);
            }
        }
    }

    pub(super) fn unit(&self, name: &str) -> Option<Unit> {
        self.home.read(&self.units)?.get(name).copied()
    }

    pub(super) fn series(&self) -> usize {
        self.series.load(Ordering::Relaxed)
    }

    /// Calls `look` for each series. No lock is held during the calls, because
    /// `look` may emit, and code that receives the event may record metrics.
    pub(super) fn for_each(&self, mut look: impl FnMut(&dyn Series)) {
        for_each_of(&self.counters, self.home, &mut look);
        for_each_of(&self.gauges, self.home, &mut look);
        for_each_of(&self.histograms, self.home, &mut look);
    }

    pub(super) fn expire(&self, now: Duration, idle_max: Duration) {
        let expired = self.counters.expire(self.home, now, idle_max)
            + self.gauges.expire(self.home, now, idle_max)
            + self.histograms.expire(self.home, now, idle_max);
        self.series.fetch_sub(expired, Ordering::Relaxed);
        self.expired.fetch_add(expired as u64, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Removes all series. From now on the macros do nothing.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.counters.clear(self.home);
        self.gauges.clear(self.home);
        self.histograms.clear(self.home);
    }
}

fn for_each_of<S: Series>(shards: &Shards<S>, home: HomeProcess, look: &mut impl FnMut(&dyn Series)) {
    let mut all = Vec::new();
    shards.for_each(home, |series| all.push(Arc::clone(series)));
    all.iter().for_each(|series| look(series.as_ref()));
}

/// What `key_bytes_max` is compared with.
pub(super) fn key_bytes(key: &Key) -> usize {
    let label = |label: &Label| LABEL_BYTES + label.key().len() + label.value().len();
    key.name().len() + key.labels().map(label).sum::<usize>()
}
