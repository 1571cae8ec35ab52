//! A record in a line of text: the formatters of tracing-subscriber and others write `name=value` or `name: value`.
//!
//! A record is recognized by its fields, which come in a fixed order and have names that nothing else uses.
//! The text before them differs between formatters and settings, and is only checked for another target.

use super::line::{VERSION, part};
use super::scalar::Scalar;
use super::{SpilledNotice, SpilledPart, notice};
use crate::spill::Record;
use crate::spill::line::NOTICE_TARGET;
use crate::spill::log::SPILL_TARGET;
use std::borrow::Cow;

/// How a text formatter writes a field.
#[derive(Clone, Copy)]
struct Notation {
    before: &'static str,
    between: &'static str,
}

impl Notation {
    /// The beginning of a record.
    fn beginning(self) -> String {
        let Notation { before, between } = self;
        format!("{VERSION}{between}{}{before}spill_client{between}", Record::V)
    }

    fn client(self) -> String {
        format!("{}spill_client{}", self.before, self.between)
    }
}

const NOTATIONS: [Notation; 2] =
    [Notation { before: " ", between: "=" }, Notation { before: ", ", between: ": " }];

/// The fields between the first, which is searched for, and the last, which extends to the end of the line.
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

/// Fields that only some records have, after those.
const OPTIONAL: [&str; 2] = ["name", "common"];

/// Torn lines do not contain more record starts than this.
const BEGINNINGS_MAX: usize = 8;

/// Where the first record in the text begins.
pub(super) fn beginning_of(text: &str) -> Option<usize> {
    NOTATIONS.into_iter().filter_map(|notation| text.find(&notation.beginning())).min()
}

/// The record as `spill_v=3 spill_client="…" … spill_event=…`, or `spill_v: 3, spill_client: "…",
/// …`; the event extends to the end of the line. Without colours.
///
/// If a process died within a line and the next process continued it, the last record counts: no
/// JSON contains the start of a record verbatim, because its quotes are escaped there.
pub(super) fn from_text(plain: &str) -> Option<SpilledPart> {
    let (mut found, mut from) = (None, 0);
    for _ in 0..BEGINNINGS_MAX {
        let first =
            |notation: Notation| plain[from..].find(&notation.beginning()).map(|at| (from + at, notation));
        let Some((at, notation)) = NOTATIONS.into_iter().filter_map(first).min_by_key(|(at, _)| *at) else {
            break;
        };
        let (before, fields) = (&plain[..at], &plain[at + notation.beginning().len()..]);
        // Everything before the first record is the formatter's.
        if !is_ours(before) {
            return found;
        }
        found = fields_of(fields, notation).or(found);
        from = at + VERSION.len();
    }
    found
}

fn fields_of(fields: &str, notation: Notation) -> Option<SpilledPart> {
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
        "v" => Some(Scalar::Number(Record::V)),
        "event" => Some(Scalar::Text(event.into())),
        _ => values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| Scalar::Text(value.as_str().into())),
    })
}

/// The notice after its target: `… overspill::notice: outage began: … spill_client="…"`.
pub(super) fn notice_of(plain: &str) -> Option<SpilledNotice> {
    let (before, after) = plain.split_once(NOTICE_TARGET)?;
    let said = after.trim_start_matches([':', ']']).trim_start();
    let (at, notation) = NOTATIONS
        .into_iter()
        .filter_map(|notation| Some((said.rfind(&notation.client())?, notation)))
        .max_by_key(|(at, _)| *at)?;
    let mut rest = &said[at + notation.client().len()..];
    let client = value_of(&mut rest, notation)?;
    Some(SpilledNotice {
        client,
        text: said[..at].to_owned(),
        written_at: before.split_whitespace().find_map(|word| notice::moment(word.trim_start_matches('['))),
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

/// Whether a line's prefix (time, level, thread, spans, target, source location) may
/// belong to one of our records: it contains no other target. A target is a path
/// followed by a colon; so is a span, but it is followed by a second colon at once.
///
/// A target of a single word looks like part of a thread's name, and is accepted.
pub(super) fn is_ours(before: &str) -> bool {
    let ends = |word: &&str| word.ends_with(':');
    let is_path = |word: &&str| ends(word) && word.contains("::");
    // The line number may follow without a blank.
    let is_target = |word: &&str| word.strip_prefix(SPILL_TARGET).is_some_and(|after| after.starts_with(':'));
    let mut from_path = before.split_whitespace().skip_while(|word| !is_path(word)).peekable();
    // Spans, and a target after them.
    from_path.peek().is_none()
        || from_path.find(|word| !ends(word) || is_target(word)).is_some_and(|word| is_target(&word))
}

/// Takes a string in Rust's Debug notation off the front. Our strings are printable, so they
/// contain only escapes of quotes, backslashes and characters that Debug considers unprintable.
pub(super) fn quoted(rest: &mut &str) -> Option<String> {
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

/// Removes terminal colour codes. rsyslog writes the escape character as `#033`; an event's own
/// text may contain that, so `#033` is removed only before the event.
pub(super) fn without_colours(line: &str) -> Cow<'_, str> {
    const AS_TEXT: &str = "#033[";
    let plain =
        if line.contains('\u{1b}') { Cow::Owned(cut_out(line, "\u{1b}[")) } else { Cow::Borrowed(line) };
    if !plain.contains(AS_TEXT) {
        return plain;
    }
    let name = plain
        .rfind("spill_event#033[")
        .or_else(|| plain.find("spill_event="))
        .or_else(|| plain.find("spill_event:"));
    let (before, event) = plain.split_at(name.unwrap_or(plain.len()));
    // The sign after the name may be coloured, and the value may begin with the end of that colour.
    let sign = event.find(['=', ':']).map_or(0, |at| at + 1);
    let (name, value) = event.split_at(sign);
    let value = value.strip_prefix("#033[0m").unwrap_or(value);
    Cow::Owned([&cut_out(before, AS_TEXT), &cut_out(name, AS_TEXT), value].concat())
}

fn cut_out(line: &str, colour: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut pieces = line.split(colour);
    plain.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        plain.push_str(piece.split_once('m').map_or(piece, |(_, after)| after));
    }
    plain
}
