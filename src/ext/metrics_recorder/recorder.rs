//! The recorder that the macros of the `metrics` crate write to.

use super::registry::Registry;
use super::settings::Builder;
use crate::Client;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::fmt;
use std::sync::Arc;

/// A recorder for the `metrics` crate, whose series become events once per interval: see [the module](super). Clones share one recorder.
///
/// # Blocking
/// Never on the network or the log. The macros look a series up and add to it; they wait some hundred nanoseconds for each other when they
/// make a series or write to the same histogram.
#[derive(Clone)]
pub struct MetricsRecorder {
    registry: Arc<Registry>,
}

impl MetricsRecorder {
    /// Starts to configure a recorder whose series become events of this client. The recorder's guard holds a clone: stop the recorder
    /// first, then shut the client down.
    pub fn builder(client: &Client) -> Builder {
        Builder::new(client)
    }

    pub(super) fn new(registry: Arc<Registry>) -> MetricsRecorder {
        MetricsRecorder { registry }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The most bytes that the recorder holds, from its settings: [`series_max`](Builder::series_max) times a key of
    /// [`key_bytes_max`](Builder::key_bytes_max) and the largest histogram, which takes 32 KB with quantiles, or 8 bytes per bound
    /// with buckets. Most series take less. Emitted events belong to the client, and stay within [its bound](Client::memory_bound).
    pub fn memory_bound(&self) -> usize {
        self.registry.limits.bytes_max()
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.registry.describe(&key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.registry.describe(&key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.registry.describe(&key, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if self.registry.is_closed() {
            return Counter::noop();
        }
        match self.registry.counter(key) {
            Ok(counter) => Counter::from_arc(counter),
            Err(surplus) => Counter::from_arc(self.registry.overflow(surplus, key)),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        if self.registry.is_closed() {
            return Gauge::noop();
        }
        match self.registry.gauge(key) {
            Ok(gauge) => Gauge::from_arc(gauge),
            Err(surplus) => Gauge::from_arc(self.registry.overflow(surplus, key)),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        if self.registry.is_closed() {
            return Histogram::noop();
        }
        match self.registry.histogram(key) {
            Ok(histogram) => Histogram::from_arc(histogram),
            Err(surplus) => Histogram::from_arc(self.registry.overflow(surplus, key)),
        }
    }
}

impl fmt::Debug for MetricsRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsRecorder").field("series", &self.registry.series()).finish_non_exhaustive()
    }
}
