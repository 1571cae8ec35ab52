//! OTLP in JSON: 64-bit integers are strings, and ids are hexadecimal digits.
//! Strings are copied unchanged from the event.

use super::record::{LogRecord, NESTED_MAX};
use crate::format::members::{self, JsonText, JsonValue};
use crate::format::{Body, Event, Events, moment};

pub(super) fn encode(events: Events<'_>, body: &mut Body) {
    body.push(r#"{"resourceLogs":[{"resource":{"attributes":["#);
    let common = events.common_fields();
    let fields = members::members(common.json().as_bytes()).into_iter().flatten();
    attributes(fields, 0, body);
    body.push(r#"]},"scopeLogs":[{"scope":{"name":"overspill","version":""#);
    body.push(env!("CARGO_PKG_VERSION"));
    body.push(r#""},"logRecords":["#);
    let mut record = LogRecord::default();
    for (nth, event) in events.enumerate() {
        body.push(if nth == 0 { "" } else { "," });
        record.read(event.json());
        log_record(&event, &record, body);
    }
    body.push("]}]}]}");
}

fn log_record(event: &Event<'_>, record: &LogRecord<'_>, body: &mut Body) {
    let time = moment::Digits::of(moment::nanos(event));
    body.push(r#"{"timeUnixNano":""#);
    body.push(&time);
    body.push(r#"","observedTimeUnixNano":""#);
    body.push(&time);
    if let Some((text, number)) = record.severity {
        body.push(r#"","severityNumber":"#);
        body.push(number.to_string());
        body.push(r#","severityText":"#);
        body.push(text.quoted);
    } else {
        body.push("\"");
    }
    if let Some(name) = event.name() {
        body.push(r#","eventName":""#);
        body.push(name);
        body.push("\"");
    }
    match (record.body, event.name()) {
        (Some(message), _) => {
            body.push(r#","body":"#);
            any_value(message, 0, body);
        }
        (None, Some(name)) => {
            body.push(r#","body":{"stringValue":""#);
            body.push(name);
            body.push("\"}");
        }
        (None, None) => {}
    }
    body.push(r#","attributes":["#);
    attributes(record.attributes.iter().copied(), 0, body);
    if !record.attributes.is_empty() {
        body.push(",");
    }
    body.push(r#"{"key":"log.record.uid","value":{"stringValue":""#);
    moment::push_id(event, |piece| body.push(piece));
    body.push(r#""}}]"#);
    for (name, id) in [(r#","traceId":""#, record.trace_id), (r#","spanId":""#, record.span_id)] {
        if let Some(id) = id {
            body.push(name);
            body.push(id);
            body.push("\"");
        }
    }
    body.push("}");
}

fn attributes<'a>(
    attributes: impl Iterator<Item = (JsonText<'a>, JsonValue<'a>)>,
    depth: usize,
    body: &mut Body,
) {
    for (nth, (key, value)) in attributes.filter(|(_, value)| *value != JsonValue::Null).enumerate() {
        body.push(if nth == 0 { r#"{"key":"# } else { r#",{"key":"# });
        body.push(key.quoted);
        body.push(r#","value":"#);
        any_value(value, depth, body);
        body.push("}");
    }
}

fn any_value(value: JsonValue<'_>, depth: usize, body: &mut Body) {
    match value {
        // An empty value would be valid, but some receivers refuse it.
        JsonValue::Null => body.push(r#"{"stringValue":"null"}"#),
        JsonValue::Bool(true) => body.push(r#"{"boolValue":true}"#),
        JsonValue::Bool(false) => body.push(r#"{"boolValue":false}"#),
        JsonValue::Int(int) => {
            body.push(r#"{"intValue":""#);
            body.push(int.to_string());
            body.push("\"}");
        }
        JsonValue::Double(double, text) if double.is_finite() => {
            body.push(r#"{"doubleValue":"#);
            body.push(text);
            body.push("}");
        }
        JsonValue::Double(..) => body.push(r#"{"stringValue":"infinite"}"#),
        JsonValue::Text(text) => {
            body.push(r#"{"stringValue":"#);
            body.push(text.quoted);
            body.push("}");
        }
        JsonValue::Array(json) | JsonValue::Object(json) if depth == NESTED_MAX => {
            body.push(r#"{"stringValue":""#);
            members::escape(json, body);
            body.push("\"}");
        }
        JsonValue::Array(array) => {
            body.push(r#"{"arrayValue":{"values":["#);
            for (nth, element) in members::elements(array).into_iter().flatten().enumerate() {
                body.push(if nth == 0 { "" } else { "," });
                any_value(element, depth + 1, body);
            }
            body.push("]}}");
        }
        JsonValue::Object(object) => {
            body.push(r#"{"kvlistValue":{"values":["#);
            let members = members::members(object).into_iter().flatten();
            attributes(members, depth + 1, body);
            body.push("]}}");
        }
    }
}
