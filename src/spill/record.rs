//! The record: one part of one spilled event, or several events packed, as every destination gets it; and the notice.
//!
//! RD1: the names begin with `spill_`, so they mean the same in every log and never collide with names
//! of a formatter or an aggregator (bunyan has a `v`, ECS has objects called `event` and `client`).
//! RD2: `message` says what a record is, for readers who see only messages.

use super::LogLevel;
use super::time::Rfc3339;
use crate::outcome::{MaybeDelivered, Reason};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use std::time::SystemTime;

/// One line of the log. The field names and their meaning are a public interface, versioned by `spill_v`.
///
/// As JSON (`Serialize`) it is one flat object: `timestamp`, `level`, `target`, `message`, then the fields named below, in this order. As a
/// `tracing` event it has `message` and the fields; the formatter adds the rest.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The level of spilled events ([`Builder::spill_level`](crate::Builder::spill_level)).
    pub level: LogLevel,
    /// When the record was made.
    pub written_at: SystemTime,
    /// `spill_client`: the client instance, 16 hexadecimal digits, new for each `build`.
    pub client: &'a str,
    /// `spill_seq`: zero-based sequence number of the event within its client. `client` and `seq` identify an event. If the record has
    /// several events, the first one's; the others have the numbers that follow.
    pub seq: u64,
    /// `spill_batch`: the batch whose request carried the event, or would have next, as in the `idempotency-key` header (`client-batch`); 0
    /// if there was none.
    pub batch: u64,
    /// `spill_reason`: why it is here.
    pub reason: Reason,
    /// `spill_maybe_delivered`: whether it may be at the endpoint too.
    pub maybe_delivered: MaybeDelivered,
    /// `spill_emitted_at`: when `emit` was called, by the wall clock ([`Rfc3339`]). If the record has several events, the oldest one's.
    pub emitted_at: SystemTime,
    /// `spill_age_ms`: milliseconds from `emit` to this record. If the record has several events, the oldest one's.
    pub age_ms: u64,
    /// `spill_detail`: status or error kind, without URL and secrets; may be empty.
    pub detail: &'a str,
    /// `spill_part`: the number of this part, starting at 1.
    pub part: u32,
    /// `spill_parts`: how many parts the event has.
    pub parts: u32,
    /// `spill_events`: how many events the record carries. More than 1 only with
    /// [`SpillPacking::Packed`](super::SpillPacking::Packed): `event` is then a JSON array of them, and the record is the only part.
    pub events: u32,
    /// `spill_redacted`: whether the event differs from what the request carried because fields were removed or replaced.
    pub redacted: bool,
    /// `spill_name`: the event's [name](crate::Client::emit_named), if it has one and the format writes it next to the event's JSON.
    pub name: Option<&'a str>,
    /// `spill_common`: the client's [common fields](crate::Builder::common_field) as one JSON object, if it has any and the format writes
    /// them next to the events.
    pub common: Option<&'a str>,
    /// `spill_event`: the event's JSON, or the piece of it that this part carries: printable, without line breaks.
    pub event: &'a str,
}

/// The field names of a `tracing` event, in order. Two of them are optional.
pub(super) const NAMES: [&str; 17] = [
    "message",
    "spill_v",
    "spill_client",
    "spill_seq",
    "spill_batch",
    "spill_reason",
    "spill_maybe_delivered",
    "spill_emitted_at",
    "spill_age_ms",
    "spill_detail",
    "spill_part",
    "spill_parts",
    "spill_events",
    "spill_redacted",
    "spill_name",
    "spill_common",
    "spill_event",
];

impl Record<'_> {
    /// The version of the fields and their meaning: `spill_v`.
    pub const V: u64 = 3;

    /// The text for people: `event spilled: outage`, `event spilled: outage (part 2 of 3)`, `12 events spilled: outage`.
    pub fn message(&self) -> impl fmt::Display + '_ {
        Message(self)
    }
}

struct Message<'a>(&'a Record<'a>);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { events, parts, part, reason, .. } = self.0;
        match (events, parts) {
            (1, 1) => write!(f, "event spilled: {reason}"),
            (1, _) => write!(f, "event spilled: {reason} (part {part} of {parts})"),
            _ => write!(f, "{events} events spilled: {reason}"),
        }
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &DisplayText(Rfc3339(self.written_at)))?;
        map.serialize_entry("level", self.level.as_upper())?;
        map.serialize_entry("target", super::log::SPILL_TARGET)?;
        map.serialize_entry(NAMES[0], &DisplayText(self.message()))?;
        map.serialize_entry(NAMES[1], &Record::V)?;
        map.serialize_entry(NAMES[2], self.client)?;
        map.serialize_entry(NAMES[3], &self.seq)?;
        map.serialize_entry(NAMES[4], &self.batch)?;
        map.serialize_entry(NAMES[5], self.reason.as_str())?;
        map.serialize_entry(NAMES[6], &(self.maybe_delivered == MaybeDelivered::Yes))?;
        map.serialize_entry(NAMES[7], &DisplayText(Rfc3339(self.emitted_at)))?;
        map.serialize_entry(NAMES[8], &self.age_ms)?;
        map.serialize_entry(NAMES[9], self.detail)?;
        map.serialize_entry(NAMES[10], &self.part)?;
        map.serialize_entry(NAMES[11], &self.parts)?;
        map.serialize_entry(NAMES[12], &self.events)?;
        map.serialize_entry(NAMES[13], &self.redacted)?;
        if let Some(name) = self.name {
            map.serialize_entry(NAMES[14], name)?;
        }
        if let Some(common) = self.common {
            map.serialize_entry(NAMES[15], common)?;
        }
        map.serialize_entry(NAMES[16], self.event)?;
        map.end()
    }
}

/// A notice about overspill itself, as a sink gets it.
///
/// As JSON (`Serialize`) it is one flat object: `timestamp`, `level`, `target` ([`NOTICE_TARGET`](crate::NOTICE_TARGET)), `message` and, if
/// it belongs to a client, `spill_client`.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Notice<'a> {
    /// Its level.
    pub level: LogLevel,
    /// When it was made.
    pub written_at: SystemTime,
    /// The client instance; empty if it belongs to none.
    pub client: &'a str,
    /// The text: printable, without line breaks.
    pub text: &'a str,
}

impl<'a> Notice<'a> {
    /// A notice with the current time.
    pub fn new(level: LogLevel, client: &'a str, text: &'a str) -> Notice<'a> {
        Notice { level, written_at: super::time::now(), client, text }
    }
}

impl Serialize for Notice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &DisplayText(Rfc3339(self.written_at)))?;
        map.serialize_entry("level", self.level.as_upper())?;
        map.serialize_entry("target", super::line::NOTICE_TARGET)?;
        map.serialize_entry("message", self.text)?;
        if !self.client.is_empty() {
            map.serialize_entry(NAMES[2], self.client)?;
        }
        map.end()
    }
}

/// Text that is formatted while it is written.
struct DisplayText<T>(T);

impl<T: fmt::Display> Serialize for DisplayText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
