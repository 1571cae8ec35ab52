//! Where a format puts what events have in common, how it gets it, and how much that adds to a body.

use super::CommonField;

/// Where a format wants what events have in common: the [common fields](crate::Builder::common_field), an event's
/// [name](crate::Client::emit_named) and its [time](crate::Builder::time_field).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// In each event's JSON, before its own members: [`Event::json`](crate::format::Event::json) has them. The time only if it was
    /// configured.
    #[default]
    InEachEvent,
    /// The format has its own place for them: it writes [`Events::common_fields`](crate::format::Events::common_fields) once per request,
    /// and [`Event::name`](crate::format::Event::name) and [`Event::time`](crate::format::Event::time) next to the event's JSON, which
    /// stays as it was emitted.
    OncePerRequest,
    /// The same, but the common fields go next to each event.
    BesideEachEvent,
}

impl Placement {
    /// Whether events stay as they were emitted.
    pub(crate) fn is_beside(self) -> bool {
        self != Placement::InEachEvent
    }
}

/// The fields that all events of a client share.
#[derive(Debug, Clone, Copy)]
pub struct CommonFields<'a> {
    fields: &'a [CommonField],
    object: &'a str,
}

impl<'a> CommonFields<'a> {
    pub(crate) fn new(fields: &'a [CommonField], object: &'a str) -> CommonFields<'a> {
        CommonFields { fields, object }
    }

    /// All of them as one JSON object: `{"service.name":"orders"}`, or `{}` if there are none.
    pub fn json(&self) -> &'a str {
        self.object
    }

    /// Each name with its value as JSON, in the order in which they were set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        self.fields.iter().map(|field| (field.name.as_str(), field.json.as_str()))
    }

    /// The value of one field, as JSON.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, json)| json)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// What a format adds, in bytes. It will never have more than these two fields, so a literal stays valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overhead {
    /// Once per body.
    pub per_batch: usize,
    /// For each event.
    pub per_event: usize,
}

impl Overhead {
    /// For a format that does not say.
    pub(crate) const UNKNOWN: Overhead = Overhead { per_batch: usize::MAX, per_event: usize::MAX - 1 };
}
