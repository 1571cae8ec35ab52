//! VictoriaLogs' JSON lines.

use crate::format::{Demands, Format, Frame, Layout, SettledBy};

/// VictoriaLogs, `/insert/jsonline?_stream_fields=service.name&_msg_field=message`: one event per line, its time in `_time`. Tested by
/// script, because no package has it.
///
/// **It silently drops** a line that it cannot read or that is longer than its settings allow (256 KiB), and answers with a 2xx.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct VictoriaLogs {}

impl VictoriaLogs {
    /// As documented above.
    pub const fn new() -> VictoriaLogs {
        VictoriaLogs {}
    }
}

impl Format for VictoriaLogs {
    fn content_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(Frame::LINES)
    }

    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }

    fn demands(&self) -> Demands {
        const LINE_BYTES_MAX: usize = 256 << 10;
        Demands::NONE.event_bytes_max(LINE_BYTES_MAX).encodings(&["gzip", "zstd"]).time_field("_time")
    }
}
