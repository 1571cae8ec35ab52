//! Reads the record or the notice in one line, whatever is wrapped around it.
//!
//! In: a line. Out: the records and notices in it.
//!
//! - LN1: the start of a record decides, not what comes before it. Only text written by a formatter
//!   or a shipper is trusted, never a string inside it.
//! - LN2: nested wrappings are unwrapped to a bounded depth.

use super::find::has_name;
use super::object::{self, Object, ObjectField};
use super::scalar::Scalar;
use super::{Entry, SpilledPart, notice, text};
use crate::limits::READ_WRAPS_MAX;
use crate::outcome::MaybeDelivered;
use crate::spill::{Record, time};
use std::cell::Cell;

/// Reads the part that a log line carries; `None` if the line is something else. If a shipper
/// joined several lines into one, reads the first.
///
/// Reads the lines of overspill's own sinks and layer, and of tracing-subscriber's formatters: JSON (also flattened), full, compact and
/// pretty, with any options; of `env_logger`; of JSON formatters that keep the fields at the top (bunyan), or under `fields`, `labels`
/// (ECS) or `attributes`, even with numbers as text; and of `journalctl -o json --all`. Such a line may be wrapped, even several times: in
/// a prefix (a syslog header, a Kubernetes CRI mark, `time tag `, `service  | `), or in a JSON object that has the line as its `log`
/// (Docker, Fluent Bit), `message` (Fluentd, Vector, Filebeat) or `body` (the OpenTelemetry Collector).
///
/// [`Records`](super::Records) also reads `journalctl -o export`, and joins lines that a container runtime has cut.
///
/// # What is trusted
/// A JSON object with a level, a logger or a target is an application's own event: its message is text, which is not searched for records.
/// An object without any of these, around a line, is a shipper's.
///
/// An application that logs outside text without escaping it can imitate text lines (tracing-subscriber's text formatters do not even
/// escape line breaks). If that matters, log JSON, or accept only your own clients: the notice `started` names each.
pub fn read_line(line: &str) -> Option<SpilledPart> {
    let mut entries = Vec::new();
    read_entries(line, &mut entries);
    entries.into_iter().find_map(|entry| match entry {
        Entry::Part(part) => Some(part),
        Entry::Notice(_) => None,
    })
}

/// Appends everything that the line carries.
pub(super) fn read_entries(line: &str, found: &mut Vec<Entry>) {
    unwrap(line, READ_WRAPS_MAX, found);
}

fn unwrap(line: &str, depth: usize, found: &mut Vec<Entry>) {
    if depth == 0 || !has_name(line) {
        return;
    }
    let line = line.trim_end_matches(['\n', '\r']);
    if line.trim_start().starts_with(['{', '[']) {
        if let Some(object) = object::parse(line) {
            return from_object(&object, depth, found);
        }
    }
    from_prefixed(line, depth, found);
}

/// No prefix contains more object starts than this.
const OBJECTS_MAX: usize = 8;

fn from_prefixed(line: &str, depth: usize, found: &mut Vec<Entry>) {
    let plain = text::without_colours(line);
    let text_from = text::beginning_of(&plain).unwrap_or(plain.len());
    let objects = plain.match_indices("{\"").map(|(at, _)| at).take(OBJECTS_MAX);
    for at in objects.take_while(|&at| at < text_from) {
        let array = plain[..at].strip_suffix('[').and_then(|before| object::parse(&plain[before.len()..]));
        let Some(object) = array.or_else(|| object::parse(&plain[at..])) else { continue };
        if text::is_ours(&plain[..at]) {
            from_object(&object, depth, found);
        }
        return;
    }
    match text::from_text(&plain) {
        Some(part) => found.push(Entry::Part(part)),
        None if text_from == plain.len() => found.extend(text::notice_of(&plain).map(Entry::Notice)),
        None => {}
    }
}

pub(super) fn from_object(object: &Object<'_>, depth: usize, found: &mut Vec<Entry>) {
    if let Some((version, fields)) = object.record() {
        found.extend(from_fields(version, in_order(fields)).map(Entry::Part));
        return;
    }
    // Nested objects are as deep as the JSON, whose depth is bounded.
    object.inner.iter().for_each(|inner| from_object(inner, depth, found));
    if let Some(line) = object.line() {
        let before = found.len();
        unwrap(line, depth - 1, found);
        if found.len() > before {
            return;
        }
    }
    found.extend(notice::from_object(object).map(Entry::Notice));
}

/// Looks fields up by prefix and name. Records have their fields in a fixed order,
/// and they are asked for in that order.
fn in_order<'f>(fields: &'f [ObjectField<'_>]) -> impl Fn(&FieldNaming<'_>, &str) -> Option<Scalar<'f>> {
    let next = Cell::new(0);
    move |naming, name| {
        let (earlier, later) = fields.split_at(next.get().min(fields.len()));
        let at = match later.iter().position(|(known, _)| naming.is(known, name)) {
            Some(at) => earlier.len() + at,
            None => earlier.iter().position(|(known, _)| naming.is(known, name))?,
        };
        next.set(at + 1);
        Some(fields[at].1.borrowed())
    }
}

/// How a record's fields are named, by the example of its version field.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldNaming<'a> {
    before: &'a str,
    letters: Letters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Small,
    Capital,
}

impl FieldNaming<'_> {
    fn is(self, known: &str, name: &str) -> bool {
        const OURS: &str = "spill_";
        if known.len() != self.before.len() + OURS.len() + name.len() {
            return false;
        }
        let Some(own) = known.strip_prefix(self.before) else { return false };
        match self.letters {
            Letters::Small => own.strip_prefix(OURS) == Some(name),
            Letters::Capital => own
                .split_at_checked(OURS.len())
                .is_some_and(|(ours, own)| ours.eq_ignore_ascii_case(OURS) && own.eq_ignore_ascii_case(name)),
        }
    }

    /// A field's full name.
    pub(super) fn name(self, name: &str) -> String {
        let name = format!("{}spill_{name}", self.before);
        if self.letters == Letters::Capital { name.to_ascii_uppercase() } else { name }
    }
}

pub(super) const VERSION: &str = "spill_v";

/// `spill_v`, including with a prefix from an aggregator, in lower case or in the journal's capitals.
pub(super) fn is_version(name: &str) -> bool {
    is_named(name, VERSION)
}

pub(super) fn is_named(name: &str, wanted: &str) -> bool {
    let Some(at) = name.len().checked_sub(wanted.len()) else { return false };
    name.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(wanted))
        && (at == 0 || name[..at].ends_with(['_', '.']))
}

/// Reads a part from fields that are named the way the version field is.
pub(super) fn from_fields<'f>(
    version: &str,
    get: impl Fn(&FieldNaming<'_>, &str) -> Option<Scalar<'f>>,
) -> Option<SpilledPart> {
    let before = &version[..version.len() - VERSION.len()];
    let letters = if version.ends_with('V') { Letters::Capital } else { Letters::Small };
    let naming = FieldNaming { before, letters };
    let of = |name: &str| get(&naming, name);
    let is_quoted = |value: Scalar<'_>| matches!(value, Scalar::Text(text) if text.starts_with('"'));
    if !of("client").is_some_and(is_quoted) {
        return part(of);
    }
    // Some layers write strings in Rust's Debug notation; they then do so for all strings.
    part(|name| match of(name)? {
        Scalar::Text(text) if text.starts_with('"') => {
            text::quoted(&mut text.as_ref()).map(|text| Scalar::Text(text.into()))
        }
        value => Some(value),
    })
}

/// Longer than any id: they have 16 digits.
const CLIENT_BYTES_MAX: usize = 64;

/// Reads a part from the value of each field, looked up by its name without `spill_`.
pub(super) fn part<'f>(of: impl Fn(&str) -> Option<Scalar<'f>>) -> Option<SpilledPart> {
    if of("v")?.number() != Some(Record::V) {
        return None;
    }
    let number = |name: &str| of(name)?.number();
    let small = |name: &str| u32::try_from(number(name)?).ok();
    let text = |name: &str| match of(name)? {
        Scalar::Text(text) => Some(text.into_owned()),
        value => Some(value.text().into_owned()),
    };
    Some(SpilledPart {
        // A record inside a string has escaped quotes, and does not count as a record. Long ids are rejected, because callers keep ids.
        client: text("client")
            .filter(|client| client.len() <= CLIENT_BYTES_MAX && !client.contains(['"', '\\']))?,
        seq: number("seq")?,
        batch: number("batch")?,
        reason: of("reason")?.text().parse().ok()?,
        maybe_delivered: if of("maybe_delivered")?.bool()? {
            MaybeDelivered::Yes
        } else {
            MaybeDelivered::No
        },
        emitted_at: time::parse(&of("emitted_at")?.text())?,
        age_ms: number("age_ms")?,
        detail: text("detail")?,
        part: small("part")?,
        parts: small("parts")?,
        events: small("events").filter(|&events| events > 0)?,
        redacted: of("redacted")?.bool()?,
        name: text("name"),
        common: text("common"),
        event: text("event")?,
    })
}
