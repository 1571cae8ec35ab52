//! What of an event stands in a log record's own fields.

use crate::format::members::{self, Value};

/// Objects and arrays within each other beyond which what is inside is its JSON as a text: parsers of protobuf and JSON have limits, of 100 messages
/// and 128 brackets, and one event that exceeds them would have its whole request refused.
pub(super) const NESTED_MAX: usize = 16;

/// An event, taken apart; texts with their quotes.
pub(super) struct Record<'a> {
    /// Its own members, if it is an object.
    json: &'a [u8],
    /// The message, or the whole of what is no object.
    pub(super) body: Option<Value<'a>>,
    /// What the user wrote, and OpenTelemetry's number for it.
    pub(super) severity: Option<(&'a [u8], u8)>,
    /// Hexadecimal digits.
    pub(super) trace_id: Option<&'a [u8]>,
    pub(super) span_id: Option<&'a [u8]>,
}

impl<'a> Record<'a> {
    pub(super) fn of(json: &'a [u8]) -> Record<'a> {
        let mut record = Record { json, body: None, severity: None, trace_id: None, span_id: None };
        let Some(members) = members::members(json) else {
            record.body = Some(members::value(json)).filter(|value| *value != Value::Null);
            return record;
        };
        for (key, value) in members {
            let Value::Text(text) = members::value(value) else { continue };
            match members::inner(key) {
                b"message" => record.body = Some(Value::Text(text)),
                b"level" => record.severity = number_of(members::inner(text)).map(|number| (text, number)),
                b"trace_id" => record.trace_id = id_of(text, 32),
                b"span_id" => record.span_id = id_of(text, 16),
                _ => {}
            }
        }
        record
    }

    /// The members that have no field of their own, and are not null.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        let in_fields = |key: &[u8], value: &Value<'_>| {
            let Value::Text(text) = value else { return false };
            match members::inner(key) {
                b"message" => self.body == Some(Value::Text(text)),
                b"level" => self.severity.is_some_and(|(severity, _)| severity == *text),
                b"trace_id" => self.trace_id == Some(members::inner(text)),
                b"span_id" => self.span_id == Some(members::inner(text)),
                _ => false,
            }
        };
        let members = members::members(self.json).into_iter().flatten();
        let values = members.map(|(key, value)| (key, members::value(value)));
        values.filter(move |(key, value)| *value != Value::Null && !in_fields(key, value))
    }
}

/// An id is no id if it is all zeros.
fn id_of(quoted: &[u8], digits: usize) -> Option<&[u8]> {
    let id = members::inner(quoted);
    let is_id =
        id.len() == digits && id.iter().all(u8::is_ascii_hexdigit) && id.iter().any(|&digit| digit != b'0');
    is_id.then_some(id)
}

fn number_of(level: &[u8]) -> Option<u8> {
    let names: [(&str, u8); 10] = [
        ("trace", 1),
        ("debug", 5),
        ("info", 9),
        ("notice", 10),
        ("warn", 13),
        ("warning", 13),
        ("error", 17),
        ("critical", 21),
        ("fatal", 21),
        ("panic", 21),
    ];
    names.iter().find(|(name, _)| level.eq_ignore_ascii_case(name.as_bytes())).map(|&(_, number)| number)
}
