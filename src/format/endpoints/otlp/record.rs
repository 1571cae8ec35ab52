//! Finds the parts of an event that go into a log record's own fields.

use crate::format::members::{self, JsonText, JsonValue};

/// Maximum nesting of objects and arrays; a deeper value is written as its JSON text. Parsers have
/// limits, protobuf's 100 messages and JSON's 128 brackets, and a receiver would refuse the whole
/// request for one event that exceeds them.
pub(super) const NESTED_MAX: usize = 16;

/// An event, split into a record's fields.
#[derive(Default)]
pub(super) struct LogRecord<'a> {
    /// The message, or the whole value if it is not an object.
    pub(super) body: Option<JsonValue<'a>>,
    /// The level as the user wrote it, and OpenTelemetry's number for it.
    pub(super) severity: Option<(JsonText<'a>, u8)>,
    /// Hexadecimal digits.
    pub(super) trace_id: Option<&'a [u8]>,
    pub(super) span_id: Option<&'a [u8]>,
    /// The members that have no field in the record, and are not null.
    pub(super) attributes: Vec<(JsonText<'a>, JsonValue<'a>)>,
}

impl<'a> LogRecord<'a> {
    /// Replaces the previous event and reuses its memory.
    pub(super) fn read(&mut self, json: &'a [u8]) {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        *self = LogRecord { attributes, ..LogRecord::default() };
        let Some(members) = members::members(json) else {
            self.body = Some(members::value(json)).filter(|value| *value != JsonValue::Null);
            return;
        };
        for (key, value) in members {
            let is_taken = match value {
                JsonValue::Null => true,
                JsonValue::Text(text) => self.takes(key.inner(), text),
                _ => false,
            };
            if !is_taken {
                self.attributes.push((key, value));
            }
        }
    }

    /// Takes the member if the record has a field for it. Of two members with the same name, takes the first.
    fn takes(&mut self, key: &[u8], text: JsonText<'a>) -> bool {
        let field = match key {
            b"message" if self.body.is_none() => {
                self.body = Some(JsonValue::Text(text));
                return true;
            }
            b"level" if self.severity.is_none() => {
                self.severity = number_of(text.inner()).map(|number| (text, number));
                return self.severity.is_some();
            }
            b"trace_id" if self.trace_id.is_none() => (&mut self.trace_id, 32),
            b"span_id" if self.span_id.is_none() => (&mut self.span_id, 16),
            _ => return false,
        };
        *field.0 = id_of(text, field.1);
        field.0.is_some()
    }
}

/// An id of all zeros does not count.
fn id_of(text: JsonText<'_>, digits: usize) -> Option<&[u8]> {
    let id = text.inner();
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
