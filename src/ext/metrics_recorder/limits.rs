//! Defaults and limits of the recorder's settings, each with its reason.

use std::time::Duration;

/// Default of `interval`: as fine as dashboards show, and six events a minute per series.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// Minimum of `interval`: shorter ones cost more than what they count.
pub const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// Maximum of `interval` and `idle_max`: with a day, the recorder is as good as off.
pub const TIME_MAX: Duration = Duration::from_secs(86_400);
/// Default of `idle_max`: a job that runs every five minutes keeps its series, and labels that no longer occur are gone within minutes.
pub const IDLE_MAX: Duration = Duration::from_secs(600);

/// Default of `series_max`: some fifty metrics with twenty sets of labels each. An interval's events are an eighth of a default queue.
pub const SERIES: usize = 1_000;
/// Maximum of `series_max`: beyond it, an interval is a bulk import.
pub const SERIES_LIMIT: usize = 100_000;
/// Default of `key_bytes_max`, for a series' name and labels: a long URL and a few names.
pub const KEY_BYTES: usize = 2_048;
/// Minimum of `key_bytes_max`: a name and a label.
pub const KEY_BYTES_MIN: usize = 256;
/// Maximum of `key_bytes_max`: a series' event, with every byte escaped, stays below the default of `event_bytes_max`.
pub const KEY_BYTES_LIMIT: usize = 8_192;
/// Bytes that a label counts in addition to its name and value: the memory slots for both.
pub const LABEL_BYTES: usize = 96;

/// Default of `quantiles`: the median, and the values that one in ten, one in a hundred and one in a thousand exceeds.
pub const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// Maximum number of quantiles: each is a member of each event.
pub const QUANTILES_LIMIT: usize = 32;
/// Maximum number of bucket bounds: beyond it, a summary is smaller and finer.
pub const BUCKETS_LIMIT: usize = 256;
/// Maximum error of a quantile, as a share of the true value.
pub const RELATIVE_ERROR: f64 = 0.01;
/// Values nearer to zero than this count as zero in quantiles: a nanosecond, if the unit is seconds.
pub const VALUE_MIN: f64 = 1e-9;
/// Bins of a summary, for values above zero and for values below, each 2 % wide: from the largest value of an interval down to a part in
/// 700,000,000 of it, quantiles are within [`RELATIVE_ERROR`]; smaller ones share a bin.
pub(super) const SKETCH_BINS: u32 = 1_024;

/// [`stop`](super::MetricsGuard::stop), [`flush`](super::MetricsGuard::flush) and dropping the guard wait this long for an interval that
/// another thread is emitting.
pub const STOP_WAIT: Duration = Duration::from_secs(2);
/// The log reports values without a series at most this often; each interval's event counts them all.
pub const NOTICE_EVERY: Duration = Duration::from_secs(600);
/// Maximum characters of a metric's name in a notice.
pub(super) const NAME_CHARS_TOLD: usize = 80;
/// How many times a taken lock is tried again before the thread waits for it: work under it takes some hundred nanoseconds.
pub(super) const TRIES_MAX: usize = 64;
/// How many maps each kind of series has, chosen by the key's hash: threads
/// that record different series seldom share the cache line of a lock.
pub(super) const SHARDS: usize = 8;
