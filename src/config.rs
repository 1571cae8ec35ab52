//! Settings: what a user may choose, checked as a whole by `build`, never later.
//!
//! In: the builder's calls, or the environment by [`Builder::from_env`]. Out: a [`Config`] whose every value is within
//! its limits ([`crate::limits`]), and the memory bound that follows from it. A value out of range is an error that
//! says what to do; nothing is clamped. A limit left unset follows one that is set (an `event_bytes_max` never
//! exceeds the batch or the queue that must hold the event); two that are set and contradict each other are an error.

mod bound;
mod check;
mod common;
mod demands;
mod env;
mod units;
mod way;

pub(crate) use bound::Tls;

use crate::build_error::BuildError;
use crate::common::Common;
use crate::format::compress::Compression;
use crate::format::{Format, JsonArray, Overhead};
use crate::limits::*;
use crate::mode::Mode;
use crate::observer::Observer;
use crate::spill::{CommonInLog, LogLevel, Redact, SpillPacking, SpillSink, WriteSink};
use crate::sync::Arc;
use crate::transport::Transport;
use crate::transport::http::{LiveHeader, PlaintextCredentials};
use common::GivenField;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Collects the settings of a [`Client`](crate::Client). Defaults and limits: [`crate::limits`].
///
/// ```
/// use overspill::spill::{Redact, SpillPacking, WriteSink};
/// use overspill::{Client, Mode, format::Ndjson};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), overspill::BuildError> {
/// let events = Client::builder("https://telemetry.example.com/v1/events")
///     // The endpoint
///     .bearer_auth("token").header("x-tenant", "a").format(Ndjson)
///     .connect_timeout(Duration::from_secs(2)).post_timeout(Duration::from_secs(5))
///     // Limits
///     .queue_events_max(8_192).queue_bytes_max(8 << 20).event_bytes_max(64 << 10)
///     .batch_events_max(500).batch_bytes_max(256 << 10).batch_age_max(Duration::from_millis(200))
///     .posts_in_flight_max(2)
///     // The log
///     .spill_fallback(WriteSink::new(std::io::stderr())).spill_packing(SpillPacking::OneByOne)
///     .spill_redact(Redact::new().remove("/user/email"))
///     // Start, end, and what the environment may override
///     .mode(Mode::On).shutdown_timeout(Duration::from_secs(5))
///     .override_from_env()?
///     .build()?;
/// # drop(events);
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) token: Option<String>,
    pub(crate) live_headers: Vec<LiveHeader>,
    pub(crate) plaintext_credentials: PlaintextCredentials,
    pub(crate) proxy: Option<String>,
    pub(crate) unix_socket: Option<PathBuf>,
    pub(crate) root_certificates_pem: Vec<Vec<u8>>,
    pub(crate) client_certificate_pem: Vec<Vec<u8>>,
    pub(crate) queue_events_max: usize,
    pub(crate) queue_bytes_max: usize,
    pub(crate) event_bytes_max: Option<usize>,
    pub(crate) batch_events_max: Option<usize>,
    pub(crate) batch_bytes_max: Option<usize>,
    pub(crate) batch_age_max: Duration,
    pub(crate) posts_in_flight_max: usize,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) post_timeout: Duration,
    pub(crate) connection_idle_max: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) probe_interval_max: Option<Duration>,
    pub(crate) html_answers: HtmlAnswers,
    pub(crate) mode: Mode,
    pub(crate) spill_level: LogLevel,
    pub(crate) spill_packing: SpillPacking,
    pub(crate) spill_line_bytes_max: usize,
    pub(crate) spill_bytes_per_second_max: usize,
    pub(crate) spill_redact: Redact,
    pub(crate) spill_sink: Option<Arc<dyn SpillSink>>,
    pub(crate) spill_fallback: Arc<dyn SpillSink>,
    pub(crate) format: Box<dyn Format>,
    pub(crate) common_fields: Vec<GivenField>,
    pub(crate) time_field: Option<String>,
    pub(crate) name_field: String,
    pub(crate) compression: Compression,
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) transport: Option<Box<dyn Transport>>,
    pub(crate) jitter_seed: Option<u64>,
    /// What is wrong in the environment, for `build` to report.
    pub(crate) wrong_variables: Vec<String>,
}

/// Whether a 2xx with a web page in it is a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HtmlAnswers {
    Refused,
    Accepted,
}

/// The checked settings, with everything that follows from them.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) queue_events_max: usize,
    pub(crate) queue_bytes_max: usize,
    pub(crate) event_bytes_max: usize,
    /// How much of it the event itself may use.
    pub(crate) text_bytes_max: usize,
    /// What the format adds, with common fields.
    pub(crate) overhead: Overhead,
    /// Maximum number of bytes that one byte of an event becomes in a body.
    pub(crate) growth_max: usize,
    pub(crate) reply_bytes_max: usize,
    pub(crate) common: Arc<Common>,
    pub(crate) common_in_log: Option<CommonInLog>,
    pub(crate) batch_events_max: usize,
    pub(crate) batch_bytes_max: usize,
    pub(crate) batch_age_max: Duration,
    pub(crate) posts_in_flight_max: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) post_timeout: Duration,
    pub(crate) connection_idle_max: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) probe_interval_max: Duration,
    pub(crate) html_answers: HtmlAnswers,
    pub(crate) compression: Compression,
    pub(crate) spill_packing: SpillPacking,
    pub(crate) spill_line_bytes_max: usize,
    pub(crate) spill_bytes_per_second_max: usize,
    pub(crate) spill_redact: Redact,
    pub(crate) jitter_seed: u64,
}

impl Builder {
    /// A builder for `endpoint`, an `http://` or `https://` URL. `build` parses it.
    pub fn new(endpoint: impl Into<String>) -> Builder {
        Builder {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            token: None,
            live_headers: Vec::new(),
            plaintext_credentials: PlaintextCredentials::Refused,
            proxy: None,
            unix_socket: None,
            root_certificates_pem: Vec::new(),
            client_certificate_pem: Vec::new(),
            queue_events_max: QUEUE_EVENTS,
            queue_bytes_max: QUEUE_BYTES,
            event_bytes_max: None,
            batch_events_max: None,
            batch_bytes_max: None,
            batch_age_max: BATCH_AGE,
            posts_in_flight_max: POSTS_IN_FLIGHT,
            connect_timeout: None,
            post_timeout: POST_TIMEOUT,
            connection_idle_max: CONNECTION_IDLE,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            probe_interval_max: None,
            html_answers: HtmlAnswers::Refused,
            mode: Mode::On,
            spill_level: LogLevel::Warn,
            spill_packing: SpillPacking::OneByOne,
            spill_line_bytes_max: SPILL_LINE_BYTES,
            spill_bytes_per_second_max: SPILL_BYTES_PER_SECOND,
            spill_redact: Redact::new(),
            spill_sink: None,
            // Like `Stderr`, but remembers a torn line.
            spill_fallback: Arc::new(WriteSink::new(std::io::stderr())),
            format: Box::new(JsonArray),
            common_fields: Vec::new(),
            time_field: None,
            name_field: NAME_FIELD.to_owned(),
            compression: Compression::Plain,
            observers: Vec::new(),
            transport: None,
            jitter_seed: None,
            wrong_variables: Vec::new(),
        }
    }

    /// Where events go, instead of what [`new`](Builder::new) or the environment has said: an `http://` or `https://` URL, parsed by
    /// `build`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Builder {
        self.endpoint = endpoint.into();
        self
    }

    /// Maximum number of events waiting in the queue. Default [`QUEUE_EVENTS`]. Memory for them is allocated as they come.
    pub fn queue_events_max(mut self, events: usize) -> Builder {
        self.queue_events_max = events;
        self
    }

    /// Maximum bytes of events in the queue, in batches and in requests together. Default [`QUEUE_BYTES`].
    pub fn queue_bytes_max(mut self, bytes: usize) -> Builder {
        self.queue_bytes_max = bytes;
        self
    }

    /// Maximum bytes of one event's JSON, including the fields that every event has ([`common_field`](Builder::common_field)). Default
    /// [`EVENT_BYTES`], or less if the batch or the queue cannot hold that. A longer event is spilled whole up to twice this size, and lost
    /// beyond that.
    pub fn event_bytes_max(mut self, bytes: usize) -> Builder {
        self.event_bytes_max = Some(bytes);
        self
    }

    /// Maximum number of events in one request. Default [`BATCH_EVENTS`], or less if the [format](Builder::format)'s endpoint takes fewer.
    pub fn batch_events_max(mut self, events: usize) -> Builder {
        self.batch_events_max = Some(events);
        self
    }

    /// Maximum bytes of one request's body before compression. Default [`BATCH_BYTES`], or less if the [format](Builder::format)'s endpoint
    /// takes less. For a format that makes events longer, the default is larger by that factor, up to [`BATCH_BYTES_GROWN`].
    pub fn batch_bytes_max(mut self, bytes: usize) -> Builder {
        self.batch_bytes_max = Some(bytes);
        self
    }

    /// How long an event waits for more events before its batch is posted. Default [`BATCH_AGE`].
    pub fn batch_age_max(mut self, age: Duration) -> Builder {
        self.batch_age_max = age;
        self
    }

    /// Maximum number of requests at the same time. Default [`POSTS_IN_FLIGHT`]. If the endpoint is overloaded
    /// ([`Unavailable`](crate::Reason::Unavailable), or no answer in time), the number is halved, and grows by one after each round of
    /// successes. A post that has waited much longer than recent answers took counts as hung and no longer counts against this limit. At
    /// most [`SPARE_POSTS`] more are then on the wire, as are probes during an outage.
    pub fn posts_in_flight_max(mut self, posts: usize) -> Builder {
        self.posts_in_flight_max = posts;
        self
    }

    /// Maximum time to connect: name lookup, TCP and TLS. Default [`CONNECT_TIMEOUT`], or `post_timeout` if that is less.
    pub fn connect_timeout(mut self, timeout: Duration) -> Builder {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Maximum time for one request, including connecting. Default [`POST_TIMEOUT`].
    pub fn post_timeout(mut self, timeout: Duration) -> Builder {
        self.post_timeout = timeout;
        self
    }

    /// How long the sender may take to finish after the last client was dropped without `shutdown`. Default [`SHUTDOWN_TIMEOUT`].
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Builder {
        self.shutdown_timeout = timeout;
        self
    }

    /// Maximum time between two probes of an endpoint that is out, unless its `Retry-After` is longer. Default [`PROBE_INTERVAL`], or twice
    /// `batch_age_max` if that is longer, so that a client that is out makes no more requests than a healthy one. Probes are made of
    /// events: without events for the endpoint (none arrive, or the mode is [`Mode::LogOnly`]) there are no probes and the outage
    /// continues.
    pub fn probe_interval_max(mut self, interval: Duration) -> Builder {
        self.probe_interval_max = Some(interval);
        self
    }

    /// Counts a 2xx with a web page in it as a delivery. By default it is not one ([`Reason::Broken`](crate::Reason::Broken), maybe
    /// delivered): captive portals and login pages answer like that and have taken nothing.
    pub fn accept_html_answers(mut self) -> Builder {
        self.html_answers = HtmlAnswers::Accepted;
        self
    }

    /// The mode to start with. Default [`Mode::On`].
    pub fn mode(mut self, mode: Mode) -> Builder {
        self.mode = mode;
        self
    }

    /// The level of spilled events in the application log. Default WARN.
    pub fn spill_level(mut self, level: LogLevel) -> Builder {
        self.spill_level = level;
        self
    }

    /// Whether the sender writes several events into one record. Default [`SpillPacking::OneByOne`].
    pub fn spill_packing(mut self, packing: SpillPacking) -> Builder {
        self.spill_packing = packing;
        self
    }

    /// Maximum bytes of a line in the log, including its line end and everything the formatter adds to the record. A longer event takes
    /// several lines. Default [`SPILL_LINE_BYTES`]. [`SPILL_FRAME_BYTES`] of it are reserved for everything but the event.
    pub fn spill_line_bytes_max(mut self, bytes: usize) -> Builder {
        self.spill_line_bytes_max = bytes;
        self
    }

    /// Maximum bytes per second that go to the log, the sink or the fallback. Each line counts as its part of the event plus
    /// [`SPILL_BYTES_PER_LINE`]; one second's worth may come at once. The surplus is lost, reason
    /// [`LogBudget`](crate::LostReason::LogBudget), and it is counted and reported. Default: no limit.
    pub fn spill_bytes_per_second_max(mut self, bytes: usize) -> Builder {
        self.spill_bytes_per_second_max = bytes;
        self
    }

    /// Keeps parts of an event's JSON out of the log, the sink and the fallback. Requests still carry all of it. The record of an event
    /// that was changed says so: `spill_redacted`.
    pub fn spill_redact(mut self, redact: Redact) -> Builder {
        self.spill_redact = redact;
        self
    }

    /// Spills into `sink` instead of the application log. A sink reports when it cannot write. A subscriber does not, so an event that it
    /// read but could not write counts as spilled. Notices do not go to this sink: they go to the log, or to the
    /// [fallback](Builder::spill_fallback).
    pub fn spill_sink(mut self, sink: impl SpillSink) -> Builder {
        self.spill_sink = Some(Arc::new(sink));
        self
    }

    /// Where spilled events go if nobody reads the application log, or the sink fails. Default: JSON lines on standard error, by
    /// [`WriteSink`]. A standard error that is closed, read-only or the null device takes none: those events are lost and counted.
    pub fn spill_fallback(mut self, sink: impl SpillSink) -> Builder {
        self.spill_fallback = Arc::new(sink);
        self
    }

    /// How events become a request body. Default [`JsonArray`].
    pub fn format(mut self, format: impl Format) -> Builder {
        self.format = Box::new(format);
        self
    }

    /// Compresses bodies (`content-encoding: gzip`, level 1). If you call both `gzip` and `zstd`, the last call wins.
    #[cfg(feature = "gzip")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
    pub fn gzip(mut self) -> Builder {
        self.compression = Compression::Gzip;
        self
    }

    /// Compresses bodies (`content-encoding: zstd`, level 1): smaller than gzip at less than half the cost, for endpoints that accept it.
    /// If you call both `gzip` and `zstd`, the last call wins.
    #[cfg(feature = "zstd")]
    #[cfg_attr(docsrs, doc(cfg(feature = "zstd")))]
    pub fn zstd(mut self) -> Builder {
        self.compression = Compression::Zstd;
        self
    }

    /// Adds an observer of outcomes, posts and outages. Each call adds one; they receive a signal in the order in which they were added.
    pub fn observer(mut self, observer: impl Observer) -> Builder {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Posts through your own transport instead of HTTP, for example a scripted one in a simulation. The endpoint is then only a name, and
    /// headers, proxy, certificates, socket and connection times have no effect.
    pub fn transport(mut self, transport: impl Transport) -> Builder {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Makes the jitter of the probes repeatable, for simulations.
    pub fn jitter_seed(mut self, seed: u64) -> Builder {
        self.jitter_seed = Some(seed);
        self
    }
}

/// Shows numbers and names, but not endpoint, headers, proxy and certificates, which may hold secrets.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("queue_events_max", &self.queue_events_max)
            .field("queue_bytes_max", &self.queue_bytes_max)
            .field("event_bytes_max", &self.event_bytes_max)
            .field("batch_events_max", &self.batch_events_max)
            .field("batch_bytes_max", &self.batch_bytes_max)
            .field("batch_age_max", &self.batch_age_max)
            .field("posts_in_flight_max", &self.posts_in_flight_max)
            .field("connect_timeout", &self.connect_timeout)
            .field("post_timeout", &self.post_timeout)
            .field("connection_idle_max", &self.connection_idle_max)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .field("probe_interval_max", &self.probe_interval_max)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
