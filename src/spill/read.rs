//! Reads records back: from a line of tracing-subscriber's JSON, full or compact formatter, or of one of our sinks,
//! to the part of the event it carries, or the events; and joins the parts.
//!
//! For those who reconcile (put what the endpoint missed back in, remove what it got twice), and for tests.

use super::Record;
use crate::outcome::{MaybeDelivered, Reason};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
    /// The piece of the event's JSON; of several events, a JSON array of them.
    pub event: String,
}

/// The part that a log line carries; `None` if the line is something else.
///
/// Reads the lines of overspill's own sinks, and of tracing-subscriber's formatters: JSON (also flattened), full and compact, with or
/// without colours. What a container runtime has put around the line (a time in front, `{"log":…}`) is yours to take off first.
///
/// Text lines can be imitated by an application that logs foreign text without escaping it (tracing-subscriber's text
/// formatters leave even line breaks as they are). Where that matters, log JSON.
pub fn read_line(line: &str) -> Option<SpilledPart> {
    let line = line.trim_end_matches(['\n', '\r']);
    from_json(line).or_else(|| from_text(line))
}

/// The record as a JSON object: flat (our sinks, `flatten_event(true)`) or under `fields`.
fn from_json(line: &str) -> Option<SpilledPart> {
    let object: Map<String, Value> = serde_json::from_str(line).ok()?;
    match object.get("fields").and_then(Value::as_object) {
        Some(fields) => from_fields(fields),
        None => from_fields(&object),
    }
}

fn from_fields(fields: &Map<String, Value>) -> Option<SpilledPart> {
    let number = |name: &str| fields.get(name).and_then(Value::as_u64);
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let events = match number("v")? {
        Record::V => 1,
        Record::V_PACKED => several(number("events")?)?,
        _ => return None,
    };
    Some(SpilledPart {
        client: text("client")?.to_owned(),
        seq: number("seq")?,
        batch: number("batch")?,
        reason: Reason::from_name(text("reason")?)?,
        maybe_delivered: maybe_delivered(fields.get("maybe_delivered")?.as_bool()?),
        age_ms: number("age_ms")?,
        detail: text("detail")?.to_owned(),
        part: u32::try_from(number("part")?).ok()?,
        parts: u32::try_from(number("parts")?).ok()?,
        events,
        event: text("event")?.to_owned(),
    })
}

/// A pack of one there is not: it would be an ordinary record.
fn several(events: u64) -> Option<u32> {
    u32::try_from(events).ok().filter(|&events| events > 1)
}

fn maybe_delivered(yes: bool) -> MaybeDelivered {
    if yes { MaybeDelivered::Yes } else { MaybeDelivered::No }
}

/// The record as `v=1 client="…" … event=…`, or `v=2 …`, the event up to the end of the line. Colours are taken off first.
fn from_text(line: &str) -> Option<SpilledPart> {
    let plain = without_colours(line);
    const BEGINNINGS: [(u64, &str); 2] = [(Record::V, "v=1 client="), (Record::V_PACKED, "v=2 client=")];
    // The first occurrence: everything before it is the formatter's.
    let (v, (before, fields)) = BEGINNINGS
        .into_iter()
        .filter_map(|(v, beginning)| Some((v, plain.split_once(beginning)?)))
        .min_by_key(|(_, (before, _))| before.len())?;
    if !is_ours(before) {
        return None;
    }
    let mut rest = fields;
    let client = quoted(&mut rest)?;
    let mut next = |name: &str| -> Option<String> {
        rest = rest.strip_prefix(' ')?.strip_prefix(name)?.strip_prefix('=')?;
        if rest.starts_with('"') {
            return quoted(&mut rest);
        }
        let end = rest.find(' ').unwrap_or(rest.len());
        let (value, after) = rest.split_at(end);
        rest = after;
        Some(value.to_owned())
    };
    let seq = next("seq")?.parse().ok()?;
    let batch = next("batch")?.parse().ok()?;
    let reason = Reason::from_name(&next("reason")?)?;
    let maybe_delivered = maybe_delivered(next("maybe_delivered")?.parse().ok()?);
    let age_ms = next("age_ms")?.parse().ok()?;
    let detail = next("detail")?;
    let part = next("part")?.parse().ok()?;
    let parts = next("parts")?.parse().ok()?;
    let events = if v == Record::V { 1 } else { several(next("events")?.parse().ok()?)? };
    let event = rest.strip_prefix(" event=")?.to_owned();
    Some(SpilledPart {
        client,
        seq,
        batch,
        reason,
        maybe_delivered,
        age_ms,
        detail,
        part,
        parts,
        events,
        event,
    })
}

/// Whether a line's beginning (time, level, thread, spans, target, place) is that of one of our records: the first word
/// that ends in a colon is the target, or, under the compact formatter, the names of the open spans with the target
/// behind them. A line without such a word must consist of time and level alone.
fn is_ours(before: &str) -> bool {
    let mut words = before.split_whitespace().skip_while(|word| !word.ends_with(':'));
    let is_target = |word: &str| word.trim_end_matches(':') == super::log::SPILL_TARGET;
    match words.next() {
        Some(word) => is_target(word) || words.next().is_some_and(is_target),
        None => before.split_whitespace().count() <= 2,
    }
}

/// Takes a string in Rust's Debug notation off the front. Ours hold printable text, so the only escapes are of
/// quotes, backslashes and characters that Debug thinks unprintable.
fn quoted(rest: &mut &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = rest.strip_prefix('"')?.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                *rest = &rest[1 + at + 1..];
                return Some(text);
            }
            '\\' => match characters.next()?.1 {
                'u' => {
                    let digits: String =
                        characters.by_ref().map(|(_, c)| c).skip(1).take_while(|&c| c != '}').collect();
                    text.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                escaped => text.push(escaped),
            },
            _ => text.push(character),
        }
    }
    None
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut pieces = line.split("\u{1b}[");
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, after)| after));
    }
    plain
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
    /// The identical JSON that the request carried or would have carried.
    pub event: String,
}

/// Joins parts, in any order, into events, and takes packs apart; an event with a part missing is not among them, nor is one
/// of a pack that does not hold what it says.
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
    })
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
