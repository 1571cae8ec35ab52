//! New Relic's log API.

use crate::format::members::{self, JsonText, JsonValue};
use crate::format::{Body, Demands, Events, Format, Overhead, Placement, moment};
use crate::limits::EVENT_NAME_BYTES_MAX;

/// New Relic, `https://log-api.newrelic.com/log/v1`, with [`token`](crate::Builder::token) (`Api-Key`). Tested by script, because it cannot
/// be installed.
///
/// The event's members are attributes. A text `message` is the message; without one, the event's name is. Arrays, which cannot be
/// attributes there, become their JSON text. The [common fields](crate::Builder::common_field) appear once per request. The answer, 202,
/// comes before New Relic looks at anything.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct NewRelic {}

impl NewRelic {
    /// As documented above.
    pub const fn new() -> NewRelic {
        NewRelic {}
    }
}

impl Format for NewRelic {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        body.push(r#"[{"common":{"attributes":"#);
        attributes(events.common_fields().json().as_bytes(), b"", body);
        body.push(r#"},"logs":["#);
        for (nth, event) in events.enumerate() {
            body.push(if nth == 0 { "" } else { "," });
            body.push("{\"timestamp\":");
            body.push(moment::Digits::of(moment::nanos(&event) / 1_000_000));
            body.push(",\"message\":");
            match (members::text_of(event.json(), b"message"), event.name()) {
                (Some(message), _) => body.push(message.quoted),
                (None, name) => {
                    ["\"", name.unwrap_or_default(), "\""].iter().for_each(|piece| body.push(piece))
                }
            }
            body.push(",\"attributes\":{\"event.id\":\"");
            moment::push_id(&event, |piece| body.push(piece));
            body.push("\"");
            if let Some(name) = event.name() {
                [",\"event.name\":\"", name, "\""].iter().for_each(|piece| body.push(piece));
            }
            body.push(",\"event\":");
            attributes(event.json(), b"message", body);
            body.push("}}");
        }
        body.push("]}]");
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 64, per_event: 176 + 2 * EVENT_NAME_BYTES_MAX }
    }

    fn placement(&self) -> Placement {
        Placement::OncePerRequest
    }

    /// Escapes the quotes and backslashes of a value that becomes a string.
    fn growth_max(&self) -> usize {
        3
    }

    fn length(&self, json: &[u8]) -> usize {
        json.len()
            + members::count(json, |byte| matches!(byte, b'"' | b'\\' | b'['))
            + members::count(json, |byte| byte == b'[')
    }

    fn demands(&self) -> Demands {
        const BODY_BYTES_MAX: usize = 1_000_000;
        Demands::NONE.body_bytes_max(BODY_BYTES_MAX).encodings(&["gzip"]).token("api-key", "")
    }
}

/// Writes an object without the given text, with its arrays as strings; any other value goes under `value`.
fn attributes(json: &[u8], without: &[u8], body: &mut Body) {
    let Some(members) = members::members(json) else {
        body.push("{\"value\":");
        write(members::value(json), body);
        return body.push("}");
    };
    let taken = |(key, value): &(JsonText<'_>, JsonValue<'_>)| {
        !without.is_empty() && key.inner() == without && matches!(value, JsonValue::Text(_))
    };
    body.push("{");
    for (nth, (key, value)) in members.filter(|member| !taken(member)).enumerate() {
        body.push(if nth == 0 { "" } else { "," });
        body.push(key.quoted);
        body.push(":");
        write(value, body);
    }
    body.push("}");
}

fn write(value: JsonValue<'_>, body: &mut Body) {
    match value {
        JsonValue::Array(array) => {
            body.push("\"");
            members::escape(array, body);
            body.push("\"");
        }
        JsonValue::Object(object) => attributes(object, b"", body),
        JsonValue::Text(text) => body.push(text.quoted),
        JsonValue::Double(_, text) => body.push(text),
        JsonValue::Int(int) => body.push(int.to_string()),
        JsonValue::Bool(bool) => body.push(if bool { "true" } else { "false" }),
        JsonValue::Null => body.push("null"),
    }
}
