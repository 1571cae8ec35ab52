//! One line, one record.
//!
//! A record is known by its fields, which stand in one order and have names that are nobody else's; what a formatter puts in front of
//! them differs from one set-up to the next and is only looked at for another target.

use super::SpilledPart;
use crate::outcome::MaybeDelivered;
use crate::spill::{Record, log::SPILL_TARGET, time};
use serde_json::{Map, Value};

/// The part that a log line carries; `None` if the line is something else.
///
/// Reads the lines of overspill's own sinks and layer, and of tracing-subscriber's formatters: JSON (also flattened), full, compact and
/// pretty, with whatever options; of `env_logger`; of JSON formatters that keep the fields at the top (bunyan), or below `fields` or
/// `labels` (ECS), numbers as text included; and of `journalctl -o json --all`. [`Records`](super::Records) reads `journalctl -o export` too.
/// What a container runtime has put in front of a line (a time, a stream) is yours to take off first.
///
/// Text lines can be imitated by an application that logs foreign text without escaping it (tracing-subscriber's text
/// formatters leave even line breaks as they are). Where that matters, log JSON; or take only the clients that are yours: the notice
/// `started` names each.
pub fn read_line(line: &str) -> Option<SpilledPart> {
    let line = line.trim_end_matches(['\n', '\r']);
    match serde_json::from_str::<Map<String, Value>>(line) {
        Ok(object) => from_object(&object),
        Err(_) => from_text(line),
    }
}

/// Where formatters put the fields of an event.
const FOLDERS: [&str; 3] = ["fields", "labels", "attributes"];

fn from_object(object: &Map<String, Value>) -> Option<SpilledPart> {
    // The journal's copy of a line that a service wrote to its standard output.
    if object.contains_key("__CURSOR") && !object.keys().any(|name| is_version(name)) {
        let message = text_of(object.get("MESSAGE")?)?;
        let inner = serde_json::from_str::<Map<String, Value>>(&message);
        return match inner {
            Ok(inner) => from_flat(&inner).or_else(|| in_folder(&inner)),
            Err(_) => from_text(&message),
        };
    }
    from_flat(object).or_else(|| in_folder(object))
}

fn in_folder(object: &Map<String, Value>) -> Option<SpilledPart> {
    FOLDERS.iter().find_map(|folder| from_flat(object.get(*folder)?.as_object()?))
}

fn from_flat(fields: &Map<String, Value>) -> Option<SpilledPart> {
    let version = fields.keys().find(|name| is_version(name))?;
    from_fields(version, |name| fields.get(name).and_then(text_of))
}

const VERSION: &str = "spill_v";

/// `spill_v`, also with what an aggregator puts in front of names, in small letters or in the journal's capitals.
pub(super) fn is_version(name: &str) -> bool {
    let Some(at) = name.len().checked_sub(VERSION.len()) else { return false };
    name.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(VERSION))
        && (at == 0 || name[..at].ends_with(['_', '.']))
}

/// Aggregators make text of numbers; the journal makes numbers of text that it finds unprintable.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Array(bytes) => {
            let bytes = bytes.iter().map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()));
            String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// From fields that are called as the one with the version is.
pub(super) fn from_fields(version: &str, get: impl Fn(&str) -> Option<String>) -> Option<SpilledPart> {
    let before = &version[..version.len() - VERSION.len()];
    let capitals = version.ends_with('V');
    let text = |name: &str| {
        let name = format!("{before}spill_{name}");
        get(&if capitals { name.to_ascii_uppercase() } else { name })
    };
    let client = text("client")?;
    // Some layers write texts as Rust does; then they do so with all of them.
    let plain =
        |value: String| if client.starts_with('"') { quoted(&mut value.as_str()) } else { Some(value) };
    let of = |name: &str| text(name).and_then(plain);
    part(of)
}

/// From the text of each field, by its name without `spill_`.
fn part(of: impl Fn(&str) -> Option<String>) -> Option<SpilledPart> {
    if of("v")?.parse() != Ok(Record::V) {
        return None;
    }
    let number = |name: &str| of(name)?.parse::<u64>().ok();
    let small = |name: &str| of(name)?.parse::<u32>().ok();
    Some(SpilledPart {
        client: of("client")?,
        seq: number("seq")?,
        batch: number("batch")?,
        reason: of("reason")?.parse().ok()?,
        maybe_delivered: match of("maybe_delivered")?.as_str() {
            "true" => MaybeDelivered::Yes,
            "false" => MaybeDelivered::No,
            _ => return None,
        },
        emitted_at: time::parse(&of("emitted_at")?)?,
        age_ms: number("age_ms")?,
        detail: of("detail")?,
        part: small("part")?,
        parts: small("parts")?,
        events: small("events").filter(|&events| events > 0)?,
        redacted: of("redacted")?.parse().ok()?,
        name: of("name"),
        common: of("common"),
        event: of("event")?,
    })
}

/// How a text formatter writes a field.
#[derive(Clone, Copy)]
struct Notation {
    before: &'static str,
    between: &'static str,
}

const NOTATIONS: [Notation; 2] =
    [Notation { before: " ", between: "=" }, Notation { before: ", ", between: ": " }];

/// The fields between the first, which is looked for, and the last, which goes to the end of the line.
const MIDDLE: [&str; 12] = [
    "client",
    "seq",
    "batch",
    "reason",
    "maybe_delivered",
    "emitted_at",
    "age_ms",
    "detail",
    "part",
    "parts",
    "events",
    "redacted",
];

/// Those that only some records have, behind them.
const OPTIONAL: [&str; 2] = ["name", "common"];

/// The record as `spill_v=3 spill_client="…" … spill_event=…`, or `spill_v: 3, spill_client: "…", …`, the event up to the end of the
/// line. Colours are taken off first.
fn from_text(line: &str) -> Option<SpilledPart> {
    if !line.contains(VERSION) {
        return None;
    }
    let plain = without_colours(line);
    // The first occurrence: everything before it is the formatter's.
    let (notation, (before, fields)) = NOTATIONS
        .into_iter()
        .filter_map(|notation| {
            let Notation { before, between } = notation;
            let beginning = format!("{VERSION}{between}{}{before}spill_client{between}", Record::V);
            Some((notation, plain.split_once(&beginning)?))
        })
        .min_by_key(|(_, (before, _))| before.len())?;
    if !is_ours(before) {
        return None;
    }
    let mut rest = fields;
    let mut values = Vec::with_capacity(MIDDLE.len() + OPTIONAL.len());
    for name in MIDDLE {
        if name != "client" {
            rest = after_name(rest, notation, name)?;
        }
        values.push((name, value_of(&mut rest, notation)?));
    }
    for name in OPTIONAL {
        if let Some(after) = after_name(rest, notation, name) {
            rest = after;
            values.push((name, value_of(&mut rest, notation)?));
        }
    }
    let event = after_name(rest, notation, "event")?;
    part(|name| match name {
        "v" => Some(Record::V.to_string()),
        "event" => Some(event.to_owned()),
        _ => values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
    })
}

/// Takes a value off the front.
fn value_of(rest: &mut &str, notation: Notation) -> Option<String> {
    if rest.starts_with('"') {
        return quoted(rest);
    }
    let (value, after) = rest.split_at(rest.find(notation.before).unwrap_or(rest.len()));
    *rest = after;
    Some(value.to_owned())
}

fn after_name<'a>(rest: &'a str, notation: Notation, name: &str) -> Option<&'a str> {
    rest.strip_prefix(notation.before)?
        .strip_prefix("spill_")?
        .strip_prefix(name)?
        .strip_prefix(notation.between)
}

/// Whether a line's beginning (time, level, thread, spans, target, place) may be that of one of our records: no other target stands
/// there. A target is a path and ends in a colon; so does a span, but then another colon follows at once.
///
/// A target of a single word looks like a part of a thread's name, and is let pass.
fn is_ours(before: &str) -> bool {
    let ends = |word: &&str| word.ends_with(':');
    let is_path = |word: &&str| ends(word) && word.contains("::");
    // The number of the line may follow without a blank.
    let is_target = |word: &&str| word.strip_prefix(SPILL_TARGET).is_some_and(|after| after.starts_with(':'));
    let mut from_path = before.split_whitespace().skip_while(|word| !is_path(word)).peekable();
    // Spans, and a target behind them.
    from_path.peek().is_none()
        || from_path.find(|word| !ends(word) || is_target(word)).is_some_and(|word| is_target(&word))
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
