//! OpenTelemetry logs over HTTP, `/v1/logs`: in protobuf or in JSON.
//!
//! An event becomes a log record: its members are the attributes, its name the event name, the common fields the resource.

mod answer;
mod json;
mod protobuf;
mod record;

use crate::format::{Body, Demands, Events, Format, Overhead, Placement, Verdict, members};
use crate::limits::EVENT_NAME_BYTES_MAX;
use crate::transport::Reply;

/// OTLP/HTTP logs in protobuf, `application/x-protobuf`: for an OpenTelemetry
/// Collector, at `http://…:4318/v1/logs`, and for any other receiver of OTLP.
///
/// | of the event | in the log record |
/// |---|---|
/// | the time of `emit` | `time_unix_nano`, `observed_time_unix_nano` |
/// | its [name](crate::Client::emit_named) | `event_name`; the `body` too, if there is no message |
/// | a text `message` | `body` |
/// | a text `level` that names a severity | `severity_text`, `severity_number` |
/// | `trace_id` and `span_id` in hexadecimal digits | the same |
/// | every other member | an attribute: texts, numbers, booleans, arrays and objects as such; null is omitted |
/// | its id | the attribute `log.record.uid` |
/// | the [common fields](crate::Builder::common_field) | the attributes of the resource |
///
/// An event that is not an object is the `body`. A number that does not fit a 64-bit integer is a double.
///
/// A body is at most 20 MiB long, the limit of common receivers. Every receiver should unpack gzip; the Collector also unpacks zstd, and
/// rotel refuses it.
///
/// An answer that says how many records were rejected does not say which: all events of its request are spilled, `maybe_delivered`.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Otlp {}

impl Otlp {
    /// As documented above.
    pub const fn new() -> Otlp {
        Otlp {}
    }
}

/// OTLP/HTTP logs in JSON, `application/json`: the same as [`Otlp`], for endpoints that do not take protobuf. About four times as long.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct OtlpJson {}

impl OtlpJson {
    /// As documented above.
    pub const fn new() -> OtlpJson {
        OtlpJson {}
    }
}

/// The limit of the Collector and of rotel by default. Above it, a receiver answers and closes
/// while the body is still being sent, and its 413 is then not always seen.
const BODY_BYTES_MAX: usize = 20 << 20;
const DEMANDS: Demands = Demands::NONE.body_bytes_max(BODY_BYTES_MAX).encodings(&["gzip", "zstd"]);

impl Format for Otlp {
    fn content_type(&self) -> &'static str {
        "application/x-protobuf"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        protobuf::encode(events, body);
    }

    /// Lengths of four bytes each, tags, times, severity, and the id in its own attribute; the name counts twice.
    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 128, per_event: 160 + EVENT_NAME_BYTES_MAX }
    }

    fn placement(&self) -> Placement {
        Placement::OncePerRequest
    }

    /// `[-1,-1]`: a two-character number takes ten bytes, plus a tag and a length for
    /// each of the two messages around it.
    fn growth_max(&self) -> usize {
        6
    }

    fn length(&self, json: &[u8]) -> usize {
        let values = members::count(json, |byte| matches!(byte, b',' | b'['));
        let named = members::count(json, |byte| matches!(byte, b':' | b'{'));
        json.len() + 16 * values + 20 * named
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        answer::verdict(reply, events)
    }

    fn demands(&self) -> Demands {
        DEMANDS
    }
}

impl Format for OtlpJson {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        json::encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 192, per_event: 480 + EVENT_NAME_BYTES_MAX }
    }

    fn placement(&self) -> Placement {
        Placement::OncePerRequest
    }

    /// `[[]]`: two characters become `{"arrayValue":{"values":[]}}`.
    fn growth_max(&self) -> usize {
        15
    }

    fn length(&self, json: &[u8]) -> usize {
        let values = members::count(json, |byte| matches!(byte, b',' | b'['));
        let named = members::count(json, |byte| byte == b':');
        let containers = members::count(json, |byte| matches!(byte, b'[' | b'{'));
        json.len() + 18 * values + 34 * named + 10 * containers
    }

    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        answer::verdict(reply, events)
    }

    fn demands(&self) -> Demands {
        DEMANDS
    }
}
