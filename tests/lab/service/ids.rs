//! The format of this service: one line per event that starts with its id, so that the endpoint and the log can be compared.

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

    /// An id of at most 37 characters, a tab and the line break.
    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 37 + 2 }
    }
}
