//! The format of this service: a line an event, with its id in front, so that the endpoint and the log can be compared.

use overspill::format::{Body, Events, Format, Overhead};

/// `client-seq TAB json`
pub struct WithIds;

impl Format for WithIds {
    fn content_type(&self) -> &'static str {
        "text/tab-separated-values"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        for event in events {
            body.push(format!("{}\t", event.id()));
            body.push(event.json());
            body.push("\n");
        }
    }

    /// An id of 37 characters at most, a tab and the line's end.
    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 37 + 2 }
    }
}
