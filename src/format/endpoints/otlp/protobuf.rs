//! OTLP in protobuf: `ExportLogsServiceRequest`, written by hand, field by field.
//!
//! A message's length precedes it: room for it is reserved, and the bytes after it move if the length needs more.

use super::record::{LogRecord, NESTED_MAX};
use crate::format::members::{self, JsonText, JsonValue};
use crate::format::{Body, Event, Events, moment};

pub(super) fn encode(events: Events<'_>, body: &mut Body) {
    let mut resource = Vec::new();
    let common = events.common_fields();
    let fields = members::members(common.json().as_bytes()).into_iter().flatten();
    attributes(1, fields, 0, &mut resource);
    let mut logs = Vec::new();
    message(1, &mut logs, |scope| {
        bytes(1, b"overspill", scope);
        bytes(2, env!("CARGO_PKG_VERSION").as_bytes(), scope);
    });
    let (mut record, mut uid) = (LogRecord::default(), Vec::new());
    for event in events {
        record.read(event.json());
        // With its times and its id, hardly any record is shorter than 128 bytes.
        message_of(2, 2, &mut logs, |logs| log_record(&event, &record, &mut uid, logs));
    }
    // resource_logs = 1 { resource = 1, scope_logs = 2 }
    let (mut before, mut between) = (Vec::new(), Vec::new());
    bytes_begin(2, logs.len(), &mut between);
    bytes_begin(1, resource.len(), &mut before);
    let resource_logs = before.len() + resource.len() + between.len() + logs.len();
    let mut begin = Vec::new();
    bytes_begin(1, resource_logs, &mut begin);
    [begin, before, resource, between, logs].iter().for_each(|piece| body.push(piece));
}

fn log_record(event: &Event<'_>, record: &LogRecord<'_>, uid: &mut Vec<u8>, to: &mut Vec<u8>) {
    let time = moment::nanos(event);
    fixed64(1, time, to);
    fixed64(11, time, to);
    if let Some((text, number)) = record.severity {
        to.extend([2 << 3, number]);
        string(3, text, to);
    }
    match (record.body, event.name()) {
        (Some(body), _) => message(5, to, |to| any_value(body, 0, to)),
        (None, Some(name)) => message(5, to, |to| bytes(1, name.as_bytes(), to)),
        (None, None) => {}
    }
    attributes(6, record.attributes.iter().copied(), 0, to);
    uid.clear();
    moment::push_id(event, |piece| uid.extend_from_slice(piece));
    short(6, b"log.record.uid", uid, to);
    for (field, id) in [(9, record.trace_id), (10, record.span_id)] {
        if let Some(id) = id {
            bytes_begin(field, id.len() / 2, to);
            to.extend(id.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
        }
    }
    if let Some(name) = event.name() {
        bytes(12, name.as_bytes(), to);
    }
}

fn digit(hexadecimal: u8) -> u8 {
    char::from(hexadecimal).to_digit(16).map_or(0, |digit| digit as u8)
}

/// `KeyValue { key = 1, value = 2 }`
fn attributes<'a>(
    field: u8,
    attributes: impl Iterator<Item = (JsonText<'a>, JsonValue<'a>)>,
    depth: usize,
    to: &mut Vec<u8>,
) {
    for (key, value) in attributes.filter(|(_, value)| *value != JsonValue::Null) {
        if let (Some(key), JsonValue::Text(text)) = (key.plain(), value) {
            if let Some(text) = text.plain() {
                short(field, key, text, to);
                continue;
            }
        }
        message(field, to, |to| {
            string(1, key, to);
            message(2, to, |to| any_value(value, depth, to));
        });
    }
}

/// A string under a name: most attributes are strings, and most of these are short enough for one-byte lengths.
fn short(field: u8, key: &[u8], text: &[u8], to: &mut Vec<u8>) {
    let any = 2 + text.len();
    let pair = 2 + key.len() + 2 + any;
    if pair < 0x80 {
        to.extend([field << 3 | 2, pair as u8, 1 << 3 | 2, key.len() as u8]);
        to.extend_from_slice(key);
        to.extend([2 << 3 | 2, any as u8, 1 << 3 | 2, text.len() as u8]);
        return to.extend_from_slice(text);
    }
    message(field, to, |to| {
        bytes(1, key, to);
        message(2, to, |to| bytes(1, text, to));
    });
}

fn any_value(value: JsonValue<'_>, depth: usize, to: &mut Vec<u8>) {
    match value {
        // Only in an array. An empty value would be valid, but would differ from the same event in JSON.
        JsonValue::Null => bytes(1, b"null", to),
        JsonValue::Bool(bool) => to.extend([2 << 3, u8::from(bool)]),
        JsonValue::Int(int) => {
            to.push(3 << 3);
            varint(int as u64, to);
        }
        JsonValue::Double(double, _) if double.is_finite() => fixed64(4, double.to_bits(), to),
        JsonValue::Double(..) => bytes(1, b"infinite", to),
        JsonValue::Text(text) => string(1, text, to),
        JsonValue::Array(json) | JsonValue::Object(json) if depth == NESTED_MAX => bytes(1, json, to),
        JsonValue::Array(array) => message(5, to, |to| {
            for element in members::elements(array).into_iter().flatten() {
                message(1, to, |to| any_value(element, depth + 1, to));
            }
        }),
        JsonValue::Object(object) => message(6, to, |to| {
            let members = members::members(object).into_iter().flatten();
            attributes(1, members, depth + 1, to);
        }),
    }
}

/// Writes a field that is a message.
fn message(field: u8, to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    message_of(field, 1, to, write);
}

/// Does the same with `kept` bytes reserved for the length; the bytes after them
/// move if the length takes a different number.
fn message_of(field: u8, kept: usize, to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    to.push(field << 3 | 2);
    let at = to.len();
    to.extend([0; LENGTH_BYTES_MAX].iter().take(kept));
    let start = to.len();
    write(to);
    let mut len = to.len() - start;
    let mut digits = [0; LENGTH_BYTES_MAX];
    let mut taken = 0;
    loop {
        digits[taken] = (len & 0x7f) as u8;
        len >>= 7;
        taken += 1;
        if len == 0 || taken == LENGTH_BYTES_MAX {
            break;
        }
        digits[taken - 1] |= 0x80;
    }
    if taken == kept {
        to[at..start].copy_from_slice(&digits[..taken]);
    } else {
        to.splice(at..start, digits.into_iter().take(taken));
    }
}

/// This covers lengths up to 2^35 bytes; an event is far smaller.
const LENGTH_BYTES_MAX: usize = 5;

/// Writes a string of the event, without its quotes.
fn string(field: u8, text: JsonText<'_>, to: &mut Vec<u8>) {
    match text.plain() {
        Some(plain) => bytes(field, plain, to),
        None => bytes(field, &text.decoded(), to),
    }
}

fn bytes(field: u8, bytes: &[u8], to: &mut Vec<u8>) {
    bytes_begin(field, bytes.len(), to);
    to.extend_from_slice(bytes);
}

fn bytes_begin(field: u8, len: usize, to: &mut Vec<u8>) {
    to.push(field << 3 | 2);
    varint(len as u64, to);
}

fn fixed64(field: u8, number: u64, to: &mut Vec<u8>) {
    to.push(field << 3 | 1);
    to.extend(number.to_le_bytes());
}

fn varint(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}
