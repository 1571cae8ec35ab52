//! Joins parts into events, in any order, and unpacks packs.
//!
//! - JN1: the memory held for incomplete events is bounded; the event that has waited longest is given up, and counted.
//! - JN2: every event that comes out is one JSON value: an event damaged by a torn line is given up, and counted.

use super::object::is_json;
use super::{Joined, SpilledPart};
use crate::limits::{READ_HELD_BYTES_MAX, READ_HELD_EVENTS_MAX};
use crate::spill::pack;
use std::collections::{BTreeMap, VecDeque};

/// Joins parts, in any order, into events, and unpacks packs. Leaves out events with a missing part, and packs
/// whose content does not match their event count. Holds all parts in memory: for a long log use a [`Joiner`].
pub fn join(parts: impl IntoIterator<Item = SpilledPart>) -> Vec<Joined> {
    let mut events: BTreeMap<(String, u64), BTreeMap<u32, SpilledPart>> = BTreeMap::new();
    for part in parts.into_iter().flat_map(unpacked) {
        events.entry((part.client.clone(), part.seq)).or_default().insert(part.part, part);
    }
    events.into_values().filter_map(|parts| join_one(parts.into_values())).collect()
}

/// The part itself or, from a pack, each event as a single part.
fn unpacked(packed: SpilledPart) -> Vec<SpilledPart> {
    if packed.events == 1 {
        return vec![packed];
    }
    let texts = pack::unpack(&packed.event, packed.events).unwrap_or_default();
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

/// Joins the parts, which come in order from the first.
fn join_one(parts: impl ExactSizeIterator<Item = SpilledPart>) -> Option<Joined> {
    let found = parts.len();
    let mut parts = parts.peekable();
    if parts.peek()?.part != 1 || parts.peek()?.parts as usize != found {
        return None;
    }
    let first = parts.next()?;
    let mut event = first.event;
    parts.for_each(|part| event.push_str(&part.event));
    Some(Joined {
        event,
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

/// Joins the parts of a long log, or of several at once, in constant memory: in any order, with other events' parts in between.
///
/// Holds the parts of incomplete events, at most [`READ_HELD_BYTES_MAX`] bytes and [`READ_HELD_EVENTS_MAX`] events; beyond that, the event
/// that has waited longest is given up, and counted as [`incomplete`](Joiner::incomplete).
///
/// ```
/// use overspill::spill::{Joiner, Records};
///
/// # fn main() -> std::io::Result<()> {
/// let mut joiner = Joiner::new();
/// for part in Records::new(&b"a log\n"[..]) {
///     joiner.add(part?);
///     while let Some(event) = joiner.next_event() {
///         println!("{}-{}", event.client, event.seq);
///     }
/// }
/// assert_eq!(joiner.incomplete(), 0);
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
pub struct Joiner {
    ready: VecDeque<Joined>,
    parts: BTreeMap<(String, u64), Vec<SpilledPart>>,
    /// The order in which events began; some may be complete by now.
    order: VecDeque<(String, u64)>,
    held: usize,
    given_up: u64,
}

impl Joiner {
    /// An empty joiner.
    pub fn new() -> Joiner {
        Joiner::default()
    }

    /// Adds a part of an event, or of several packed events.
    pub fn add(&mut self, part: SpilledPart) {
        if part.parts == 1 {
            let events = part.events as usize;
            let before = self.ready.len();
            self.ready.extend(unpacked(part).into_iter().filter_map(only_part));
            // A pack whose content does not match its event count yields none of its events.
            self.given_up += (events - (self.ready.len() - before).min(events)) as u64;
            return;
        }
        let key = (part.client.clone(), part.seq);
        let wanted = part.parts as usize;
        let parts = self.parts.entry(key.clone()).or_default();
        if parts.is_empty() {
            self.order.push_back(key.clone());
        }
        if parts.iter().all(|known| known.part != part.part) {
            self.held += part.event.len();
            parts.push(part);
        }
        if parts.len() >= wanted {
            let mut parts = self.give_up(&key);
            parts.sort_by_key(|part| part.part);
            match join_one(parts.into_iter()).filter(|event| is_json(&event.event)) {
                Some(event) => self.ready.push_back(event),
                None => self.given_up += 1,
            }
        }
        while self.held > READ_HELD_BYTES_MAX || self.order.len() > READ_HELD_EVENTS_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.given_up += u64::from(!self.give_up(&oldest).is_empty());
        }
    }

    /// The next complete event.
    pub fn next_event(&mut self) -> Option<Joined> {
        self.ready.pop_front()
    }

    /// How many events are missing a part, or are torn: those given up so far, and those that still
    /// wait for a part. At the end of a log, the parts they wait for are missing.
    pub fn incomplete(&self) -> u64 {
        self.given_up + self.waiting()
    }

    /// How many events still wait for a part.
    pub fn waiting(&self) -> u64 {
        self.parts.len() as u64
    }

    /// Bytes of the parts that wait for other parts.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    fn give_up(&mut self, key: &(String, u64)) -> Vec<SpilledPart> {
        let parts = self.parts.remove(key).unwrap_or_default();
        self.held -= parts.iter().map(|part| part.event.len()).sum::<usize>();
        if self.order.back() == Some(key) {
            self.order.pop_back();
        }
        parts
    }
}

fn only_part(part: SpilledPart) -> Option<Joined> {
    if !is_json(&part.event) {
        return None;
    }
    join_one([part].into_iter())
}
