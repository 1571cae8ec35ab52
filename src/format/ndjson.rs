//! `event\nevent\n`

use super::{Body, Events, Format, Frame, Layout, Overhead, SettledBy};

/// One event a line, `application/x-ndjson`: ClickHouse's JSONEachRow, Vector, Loki-like collectors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ndjson;

const FRAME: Frame = Frame { before: b"", between: b"\n", behind: b"\n" };

impl Format for Ndjson {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        FRAME.encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        FRAME.overhead()
    }

    fn layout(&self) -> Layout {
        Layout::Framed(FRAME)
    }

    /// The status: an answer to this format names no single events.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }
}
