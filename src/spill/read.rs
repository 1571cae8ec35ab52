//! Reads records back: from a line (`line`) or a whole log (`stream`) to the part of the event that it carries, or the events; and
//! joins the parts.
//!
//! For those who reconcile (put what the endpoint missed back in, remove what it got twice), and for tests.

mod line;
mod stream;

pub use line::read_line;
pub use stream::{JoinedRecords, Records};

use crate::outcome::{MaybeDelivered, Reason};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// One part of a spilled event, or several events packed, read back from the log. The fields are [`Record`](super::Record)'s.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpilledPart {
    /// The client instance.
    pub client: String,
    /// The event's number within its client.
    pub seq: u64,
    /// The batch that carried it, 0 for none.
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
    /// Whether the event is not what the request carried.
    pub redacted: bool,
    /// The event's name, if its JSON has not got it.
    pub name: Option<String>,
    /// The client's common fields as a JSON object, if the event's JSON has not got them.
    pub common: Option<String>,
    /// The piece of the event's JSON; of several events, a JSON array of them.
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
    /// The batch that carried it, 0 for none.
    pub batch: u64,
    /// Why it was spilled.
    pub reason: Reason,
    /// Whether it may be at the endpoint as well.
    pub maybe_delivered: MaybeDelivered,
    /// When it was emitted, to the millisecond; of an event from a pack, when the pack's oldest was.
    pub emitted_at: SystemTime,
    /// Status or error kind.
    pub detail: String,
    /// Whether the event is not what the request carried.
    pub redacted: bool,
    /// The event's name, if its JSON has not got it.
    pub name: Option<String>,
    /// The client's common fields as a JSON object, if the event's JSON has not got them.
    pub common: Option<String>,
    /// The identical JSON that the request carried or would have carried, unless it is `redacted`.
    pub event: String,
}

/// Joins parts, in any order, into events, and takes packs apart; an event with a part missing is not among them, nor is one
/// of a pack that does not hold what it says. Holds them all: [`Records::joined`] does the same for a long log.
pub fn join(parts: impl IntoIterator<Item = SpilledPart>) -> Vec<Joined> {
    let mut events: BTreeMap<(String, u64), BTreeMap<u32, SpilledPart>> = BTreeMap::new();
    for part in parts.into_iter().flat_map(unpacked) {
        events.entry((part.client.clone(), part.seq)).or_default().insert(part.part, part);
    }
    events.into_values().filter_map(join_one).collect()
}

/// The part as it is, or each event of a pack as a part of its own, the only one.
fn unpacked(packed: SpilledPart) -> Vec<SpilledPart> {
    if packed.events == 1 {
        return vec![packed];
    }
    let texts = super::pack::unpack(&packed.event, packed.events).unwrap_or_default();
    (packed.seq..=u64::MAX)
        .zip(texts)
        .map(|(seq, text)| SpilledPart {
            seq,
            part: 1,
            parts: 1,
            events: 1,
            event: text.to_owned(),
            client: packed.client.clone(),
            detail: packed.detail.clone(),
            name: packed.name.clone(),
            common: packed.common.clone(),
            ..packed
        })
        .collect()
}

fn join_one(parts: BTreeMap<u32, SpilledPart>) -> Option<Joined> {
    let first = parts.get(&1)?.clone();
    (parts.len() == first.parts as usize).then(|| Joined {
        event: parts.values().map(|part| part.event.as_str()).collect(),
        client: first.client,
        seq: first.seq,
        batch: first.batch,
        reason: first.reason,
        maybe_delivered: first.maybe_delivered,
        emitted_at: first.emitted_at,
        detail: first.detail,
        redacted: first.redacted,
        name: first.name,
        common: first.common,
    })
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
