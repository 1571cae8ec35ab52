//! `[event,event,…]`

use super::{Body, Events, Format, Overhead};

/// A JSON array, `application/json`: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonArray;

impl Format for JsonArray {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        for (nth, event) in events.enumerate() {
            body.push(if nth == 0 { b"[" } else { b"," });
            body.push(event);
        }
        body.push(b"]");
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 2, per_event: 1 }
    }
}
