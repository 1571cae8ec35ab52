//! The record: one part of one spilled event, or several events packed, as every destination gets it.

use crate::outcome::{MaybeDelivered, Reason};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// One line of the log. The field names and their meaning are a public interface, versioned by `v`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The client instance: 16 hexadecimal digits, new for each `build`.
    pub client: &'a str,
    /// The event's number within its client, from 0. `client` and `seq` name an event. Of several events, the first's: the
    /// others have the numbers that follow.
    pub seq: u64,
    /// The batch whose request carried it, or would have next, as in the `idempotency-key` header (`client-batch`); 0 if none was made
    /// for it.
    pub batch: u64,
    /// Why it is here.
    pub reason: Reason,
    /// Whether it may be at the endpoint as well.
    pub maybe_delivered: MaybeDelivered,
    /// Milliseconds from `emit` to this record; of several events, the oldest's.
    pub age_ms: u64,
    /// Status or error kind, without URL and secrets; may be empty.
    pub detail: &'a str,
    /// The number of this part, from 1.
    pub part: u32,
    /// How many parts the event has.
    pub parts: u32,
    /// How many events the record carries. More than 1 only with [`SpillPacking::Packed`](super::SpillPacking::Packed):
    /// `event` is then a JSON array of them, and the record is the only part.
    pub events: u32,
    /// The event's JSON, or the piece of it that this part carries: printable, without line breaks.
    pub event: &'a str,
}

impl Record<'_> {
    /// The version of the fields and their meaning, for one event or a part of it.
    pub const V: u64 = 1;
    /// The version of a record that carries several events: the same fields, and `events`.
    pub const V_PACKED: u64 = 2;

    /// The version of this record.
    pub const fn v(&self) -> u64 {
        if self.events == 1 { Record::V } else { Record::V_PACKED }
    }

    /// The field `events`, which only a pack has.
    pub(super) fn packed_events(&self) -> Option<u32> {
        (self.v() == Record::V_PACKED).then_some(self.events)
    }
}

/// A map of the fields in the order of the log: `v`, `client`, `seq`, `batch`, `reason`, `maybe_delivered`, `age_ms`,
/// `detail`, `part`, `parts`, `events` if there are several, `event`.
impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(11 + usize::from(self.events != 1)))?;
        map.serialize_entry("v", &self.v())?;
        map.serialize_entry("client", self.client)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("batch", &self.batch)?;
        map.serialize_entry("reason", self.reason.as_str())?;
        map.serialize_entry("maybe_delivered", &(self.maybe_delivered == MaybeDelivered::Yes))?;
        map.serialize_entry("age_ms", &self.age_ms)?;
        map.serialize_entry("detail", self.detail)?;
        map.serialize_entry("part", &self.part)?;
        map.serialize_entry("parts", &self.parts)?;
        if let Some(events) = self.packed_events() {
            map.serialize_entry("events", &events)?;
        }
        map.serialize_entry("event", self.event)?;
        map.end()
    }
}
