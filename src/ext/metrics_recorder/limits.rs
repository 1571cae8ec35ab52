//! Defaults and limits of the recorder's settings, each with its argument.

use std::time::Duration;

/// Default of `interval`: as fine as dashboards are read, and six events a minute and series.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// Least that `interval` may be: shorter ones cost more than what they count.
pub const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// Most that `interval` and `idle_max` may be: a day is a recorder that is off.
pub const TIME_MAX: Duration = Duration::from_secs(86_400);
/// Default of `idle_max`: a job that runs every five minutes keeps its series, and labels that no longer occur are gone within a few minutes.
pub const IDLE_MAX: Duration = Duration::from_secs(600);

/// Default of `series_max`: some fifty metrics of twenty sets of labels each, and an interval's events are an eighth of a queue of
/// default size.
pub const SERIES: usize = 1_000;
/// Most that `series_max` may be: beyond it, an interval is a database's import.
pub const SERIES_LIMIT: usize = 100_000;
/// Default of `key_bytes_max`, for the name and the labels of a series: a long URL and a few names beside it.
pub const KEY_BYTES: usize = 2_048;
/// Least that `key_bytes_max` may be: a name and a label.
pub const KEY_BYTES_MIN: usize = 256;
/// Most that `key_bytes_max` may be: a series' event, with each byte escaped, stays below the default of `event_bytes_max`.
pub const KEY_BYTES_LIMIT: usize = 8_192;
/// What a label is charged beside its name and its value: the places for both.
pub const LABEL_BYTES: usize = 96;

/// Default of `quantiles`: the middle, and what one in ten, one in a hundred and one in a thousand meets.
pub const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];
/// At most this many quantiles: each is a member of each event.
pub const QUANTILES_LIMIT: usize = 32;
/// At most this many bounds of buckets: beyond it, a summary is smaller and finer.
pub const BUCKETS_LIMIT: usize = 256;
/// How far a quantile is from the true one at most, as a share of it.
pub const RELATIVE_ERROR: f64 = 0.01;
/// Values nearer to zero than this count as zero in quantiles: a nanosecond, if the unit is seconds.
pub const VALUE_MIN: f64 = 1e-9;
/// Bins of a summary, for values above zero and for values below, each 2 % wide: from the largest value of an interval down to a part in
/// 700,000,000 of it, quantiles are within [`RELATIVE_ERROR`]; smaller ones share a bin.
pub(super) const SKETCH_BINS: u32 = 1_024;

/// [`stop`](super::MetricsGuard::stop), [`flush`](super::MetricsGuard::flush) and the drop of the guard wait this long for an interval that
/// is being emitted by another thread.
pub const STOP_WAIT: Duration = Duration::from_secs(2);
/// Values without a series are told in the log no more often than this; each interval's event counts them all.
pub const NOTICE_EVERY: Duration = Duration::from_secs(600);
/// Most characters of a metric's name in a notice.
pub(super) const NAME_CHARS_TOLD: usize = 80;
/// A lock that is taken is tried this often before anybody waits for it: what happens under it takes some hundred nanoseconds.
pub(super) const TRIES_MAX: usize = 64;
/// Maps of each kind, by the key's hash: threads that record different series seldom share a cache line of a lock.
pub(super) const SHARDS: usize = 8;
