//! A recorder for the `metrics` crate: counters, gauges and histograms become events of a client, one per series and interval.
//!
//! The program uses `counter!`, `gauge!` and `histogram!` as with any recorder. Every [`INTERVAL`](limits::INTERVAL) the recorder emits the
//! results. In an outage these events go to the application log like all others, and you can send them again from there.
//!
//! ```
//! use overspill::metrics_recorder::MetricsRecorder;
//! use std::time::Duration;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let events = overspill::Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let _client = events.shutdown_on_drop(Duration::from_secs(2));
//! let recorder = MetricsRecorder::builder(&events)
//!     .interval(Duration::from_secs(10))
//!     .buckets_of("http_request_seconds", [0.01, 0.1, 1.0, 10.0]) // others report quantiles
//!     .install()?; // dropped before `_client`: the last interval is emitted, then the client settles it
//!
//! metrics::counter!("http_requests_total", "route" => "/orders").increment(1);
//! metrics::gauge!("connections_open").set(7);
//! metrics::histogram!("http_request_seconds").record(0.023);
//! # drop(recorder);
//! # assert_eq!(events.stats().emitted, 3);
//! # Ok(()) }
//! ```
//!
//! [The chapter](crate::guide::metrics) lists the events' members, and says what to do in jobs, functions and forks. [`publish`] writes a
//! client's stats to any recorder.
//!
//! # What the operator sees
//!
//! Log target [`METRICS_RECORDER_TARGET`]:
//!
//! | message begins | level | fields |
//! |---|---|---|
//! | `metrics recorder started` | INFO | `interval_ms` `series_max` `memory_bound_bytes` |
//! | `metrics recorder: N values since the start have no series` | WARN | `reason` (`series_max`, `key_bytes_max`) `limit` `values` `metric` |
//!
//! The second line is logged at most once every [`NOTICE_EVERY`](limits::NOTICE_EVERY), and goes to standard error as
//! a JSON line if no subscriber reads it. The event of [`SURPLUS_METRIC`] counts the same values, in each interval.
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | `interval` | 10 s |
//! | `idle_max` | 10 min |
//! | `series_max` | 1,000 |
//! | `key_bytes_max` | 2,048 |
//! | `quantiles` | 0.5, 0.9, 0.99, 0.999 |
//! | `buckets`, `buckets_of` | none: quantiles |

mod aggregate;
mod collector;
mod distribution;
mod drive;
mod error;
mod home;
pub mod limits;
mod notice;
mod publish;
mod recorder;
mod registry;
mod series;
mod settings;

pub use drive::{METRIC_EVENT, MetricsGuard, MetricsStats};
pub use error::{FlushError, InstallError};
pub use notice::METRICS_RECORDER_TARGET;
pub use publish::{publish, publish_as};
pub use recorder::MetricsRecorder;
pub use registry::SURPLUS_METRIC;
pub use settings::Builder;
