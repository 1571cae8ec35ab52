//! `event\nevent\n`

use super::{Format, Frame, Layout, SettledBy};

/// One event per line, `application/x-ndjson`: ClickHouse's JSONEachRow, Vector, Loki-like collectors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ndjson;

impl Format for Ndjson {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(Frame::LINES)
    }

    /// The status, because a reply to this format never names single events.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }
}
