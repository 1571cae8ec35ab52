//! `[event,event,…]`

use super::{Format, Frame, Layout, SettledBy};

/// A JSON array, `application/json`: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonArray;

impl Format for JsonArray {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(Frame::ARRAY)
    }

    /// The status, because a reply to this format never names single events.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }
}
