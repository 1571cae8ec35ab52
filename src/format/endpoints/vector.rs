//! Vector's `http_server` source.

use crate::format::{Demands, Format, Frame, Layout, SettledBy};

/// Vector, source `http_server` with `decoding.codec = "json"` and `framing.method = "newline_delimited"`: one event per line, its time in
/// `timestamp`. Tested by script, because no package has it.
///
/// A request is taken whole or not at all. With acknowledgements, a 400 or 500 comes from a sink.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Vector {}

impl Vector {
    /// As documented above.
    pub const fn new() -> Vector {
        Vector {}
    }
}

impl Format for Vector {
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
        Demands::NONE.encodings(&["gzip", "zstd"]).time_field("timestamp")
    }
}
