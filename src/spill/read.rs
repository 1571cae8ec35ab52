//! Reads records back from a line (`line`: JSON, `object`; `text`; `notice`) or a whole log (`stream`, with `find`, `pieces` and
//! `journal`): the part of the event that it carries, or the events. Joins the parts (`join`), finds duplicates (`seen`) and what is
//! missing (`losses`).
//!
//! For tests, and for programs that reconcile: they resend what the endpoint missed, and remove what it got twice.

mod find;
mod join;
mod journal;
mod line;
mod losses;
mod notice;
mod object;
mod pieces;
mod scalar;
mod seen;
mod stream;
mod text;

pub use join::{Joiner, join};
pub use line::read_line;
pub use losses::{Loss, Losses};
pub use seen::Seen;
pub use stream::{Entries, JoinedRecords, Records};

use crate::outcome::{MaybeDelivered, Reason};
use std::time::SystemTime;

/// One part of a spilled event, or several packed events, read back from the log. The fields are [`Record`](super::Record)'s.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpilledPart {
    /// The client instance.
    pub client: String,
    /// The event's number within its client.
    pub seq: u64,
    /// The batch that carried it, 0 if none.
    pub batch: u64,
    /// Why it was spilled.
    pub reason: Reason,
    /// Whether it may be at the endpoint as well.
    pub maybe_delivered: MaybeDelivered,
    /// When it was emitted, to the millisecond.
    pub emitted_at: SystemTime,
    /// Milliseconds from `emit` to the record.
    pub age_ms: u64,
    /// Status or error kind.
    pub detail: String,
    /// The number of this part, from 1.
    pub part: u32,
    /// How many parts the event has.
    pub parts: u32,
    /// How many events it carries: more than 1 if they were packed.
    pub events: u32,
    /// Whether the event differs from what the request carried.
    pub redacted: bool,
    /// The event's name, if it is not in the event's JSON.
    pub name: Option<String>,
    /// The client's common fields as a JSON object, if they are not in the event's JSON.
    pub common: Option<String>,
    /// This part of the event's JSON; if there are several events, a JSON array of them.
    pub event: String,
}

/// An event whose parts were all found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joined {
    /// The client instance.
    pub client: String,
    /// The event's number within its client.
    pub seq: u64,
    /// The batch that carried it, 0 if none.
    pub batch: u64,
    /// Why it was spilled.
    pub reason: Reason,
    /// Whether it may be at the endpoint as well.
    pub maybe_delivered: MaybeDelivered,
    /// When it was emitted, to the millisecond; for an event from a pack, when the pack's oldest was emitted.
    pub emitted_at: SystemTime,
    /// Status or error kind.
    pub detail: String,
    /// Whether the event differs from what the request carried.
    pub redacted: bool,
    /// The event's name, if it is not in the event's JSON.
    pub name: Option<String>,
    /// The client's common fields as a JSON object, if they are not in the event's JSON.
    pub common: Option<String>,
    /// The exact JSON that the request carried or would have carried, unless it is `redacted`.
    pub event: String,
}

/// What overspill said about itself in the log ([`NOTICE_TARGET`](crate::NOTICE_TARGET)), read back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpilledNotice {
    /// The client instance.
    pub client: String,
    /// What it says.
    pub text: String,
    /// When it was written, if the line says so.
    pub written_at: Option<SystemTime>,
}

/// What a line of the log carries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A part of a spilled event, or several events packed.
    Part(SpilledPart),
    /// A notice.
    Notice(SpilledNotice),
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
