//! `[event,event,…]`

use super::{Format, Frame, Layout, SettledBy};

/// A JSON array, `application/json`: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonArray;

const FRAME: Frame = Frame { before: b"[", between: b",", behind: b"]" };

impl Format for JsonArray {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn layout(&self) -> Layout {
        Layout::Framed(FRAME)
    }

    /// The status, because a reply to this format never names single events.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Status
    }
}
