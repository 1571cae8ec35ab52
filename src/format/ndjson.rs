//! `event\nevent\n`

use super::{Body, Events, Format, Overhead};

/// One event a line, `application/x-ndjson`: ClickHouse's JSONEachRow, Vector, Loki-like collectors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ndjson;

impl Format for Ndjson {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        for event in events {
            body.push(event);
            body.push(b"\n");
        }
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 1 }
    }
}
