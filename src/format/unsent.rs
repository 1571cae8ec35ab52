//! A format for a client without an endpoint.

use super::{Body, Events, Format, Overhead, Placement};

/// Reports only the placement of common fields, names and times.
pub(crate) struct Unsent(pub(crate) Placement);

impl Format for Unsent {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, _: Events<'_>, _: &mut Body) {}

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 0 }
    }

    fn placement(&self) -> Placement {
        self.0
    }
}
