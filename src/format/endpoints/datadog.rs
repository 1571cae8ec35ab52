//! Datadog's log intake.

use crate::format::{Demands, Format, Frame, Layout, SettledBy};

/// Datadog, `https://http-intake.logs.datadoghq.com/api/v2/logs`, with [`token`](crate::Builder::token) (`DD-API-KEY`). Tested by script,
/// because it cannot be installed.
///
/// `service`, `hostname`, `ddsource` and `ddtags` are [common fields](crate::Builder::common_field) with these names, `message` is the
/// event's own, and its time is in `timestamp`. A request is taken whole or not at all. An event beyond 1 MB, which `build` does not allow,
/// would be **cut silently**.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Datadog {}

impl Datadog {
    /// As documented above.
    pub const fn new() -> Datadog {
        Datadog {}
    }
}

impl Format for Datadog {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(Frame::ARRAY)
    }

    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }

    fn demands(&self) -> Demands {
        const BODY_BYTES_MAX: usize = 5_000_000;
        const EVENTS_MAX: usize = 1_000;
        const EVENT_BYTES_MAX: usize = 1_000_000;
        let demands = Demands::NONE.body_bytes_max(BODY_BYTES_MAX).events_max(EVENTS_MAX);
        let demands = demands.event_bytes_max(EVENT_BYTES_MAX).encodings(&["gzip"]);
        demands.time_field("timestamp").token("dd-api-key", "")
    }
}
