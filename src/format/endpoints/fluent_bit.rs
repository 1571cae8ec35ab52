//! Fluent Bit's `http` input.

use crate::format::{Demands, Format, Frame, Layout, SettledBy};

/// Fluent Bit, `http://…:9880/TAG`: a JSON array like [`JsonArray`](super::JsonArray), with the compression that it unpacks. Tested by
/// script, because no package has it.
///
/// A request is taken whole or not at all. Its `buffer_max_size` is 4 MB.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct FluentBit {}

impl FluentBit {
    /// As documented above.
    pub const fn new() -> FluentBit {
        FluentBit {}
    }
}

impl Format for FluentBit {
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
        const BODY_BYTES_MAX: usize = 4 << 20;
        Demands::NONE.body_bytes_max(BODY_BYTES_MAX).encodings(&["gzip"])
    }
}
