//! Readers of what formats write, based on the published specifications and not on our writers.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How to treat quotes: in a field's value they enclose a text, elsewhere they are part of it.
#[derive(PartialEq, Eq)]
enum Quotes {
    Text,
    Enclose,
}

/// A line of line protocol.
#[derive(Debug, PartialEq, Eq)]
pub struct Point {
    pub measurement: String,
    pub tags: BTreeMap<String, String>,
    /// Values verbatim, texts without their quotes.
    pub fields: BTreeMap<String, String>,
    pub time: i64,
}

pub fn point(line: &str) -> Point {
    let mut chars = line.chars().peekable();
    // Reads up to one of `ends` that has no backslash before it.
    let mut word = |ends: &str, quotes: Quotes| {
        let (mut word, mut quoted) = (String::new(), quotes == Quotes::Text);
        while let Some(&char) = chars.peek() {
            if word.is_empty() && char == '"' && !quoted {
                quoted = true;
                chars.next();
                loop {
                    match chars.next().unwrap_or_else(|| panic!("unterminated text: {line}")) {
                        '\\' => match chars.next().unwrap() {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        '"' => break,
                        char => word.push(char),
                    }
                }
                continue;
            }
            if ends.contains(char) {
                break;
            }
            chars.next();
            match (char, chars.peek()) {
                ('\\', Some(&next)) if ",= ".contains(next) => {
                    word.push(next);
                    chars.next();
                }
                _ => word.push(char),
            }
        }
        (word, chars.next())
    };
    let (measurement, mut end) = word(", ", Quotes::Text);
    let (mut tags, mut fields) = (BTreeMap::new(), BTreeMap::new());
    while end == Some(',') {
        let (name, equals) = word("=", Quotes::Text);
        assert_eq!(equals, Some('='), "{line}");
        let (value, next) = word(", ", Quotes::Text);
        assert!(!value.is_empty() && !name.is_empty(), "{line}");
        tags.insert(name, value);
        end = next;
    }
    loop {
        let (name, equals) = word("=", Quotes::Text);
        assert_eq!(equals, Some('='), "{line}");
        let (value, next) = word(", ", Quotes::Enclose);
        assert!(!name.is_empty(), "{line}");
        fields.insert(name, value);
        if next != Some(',') {
            break;
        }
    }
    let (time, end) = word(" ", Quotes::Text);
    assert_eq!(end, None, "{line}");
    Point { measurement, tags, fields, time: time.parse().unwrap_or_else(|_| panic!("{line}")) }
}

/// The log records of a body, each with its attributes as members, and the rest under names that begin with `_`.
pub fn otlp_json(body: &[u8]) -> Vec<Value> {
    let request: Value = serde_json::from_slice(body).unwrap();
    let logs = &request["resourceLogs"][0];
    assert_eq!(logs["scopeLogs"][0]["scope"]["name"], "overspill");
    let resource = attributes(&logs["resource"]["attributes"]);
    logs["scopeLogs"][0]["logRecords"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            let mut members = attributes(&record["attributes"]);
            let nanos = record["timeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
            members.insert("_time".to_owned(), nanos.into());
            members.insert("_resource".to_owned(), Value::Object(resource.clone()));
            for name in ["eventName", "severityNumber", "severityText", "traceId", "spanId"] {
                if let Some(value) = record.get(name) {
                    members.insert(format!("_{name}"), value.clone());
                }
            }
            if let Some(body) = record.get("body") {
                members.insert("_body".to_owned(), any_value(body));
            }
            Value::Object(members)
        })
        .collect()
}

fn attributes(list: &Value) -> Map<String, Value> {
    let pair = |pair: &Value| (pair["key"].as_str().unwrap().to_owned(), any_value(&pair["value"]));
    list.as_array().unwrap_or_else(|| panic!("{list}")).iter().map(pair).collect()
}

fn any_value(value: &Value) -> Value {
    let (kind, value) =
        value.as_object().and_then(|value| value.iter().next()).unwrap_or_else(|| panic!("{value}"));
    match kind.as_str() {
        "stringValue" => value.as_str().unwrap().into(),
        "intValue" => value.as_str().unwrap().parse::<i64>().unwrap().into(),
        "doubleValue" => value.as_f64().unwrap().into(),
        "boolValue" => value.as_bool().unwrap().into(),
        "arrayValue" => value["values"].as_array().unwrap().iter().map(any_value).collect(),
        "kvlistValue" => Value::Object(attributes(&value["values"])),
        other => panic!("{other}"),
    }
}

/// The same for a protobuf body.
pub fn otlp(body: &[u8]) -> Vec<Value> {
    let logs = only(body, 1);
    let resource: Map<String, Value> = all(only(logs, 1), 1).into_iter().map(pair).collect();
    let scope = only(logs, 2);
    assert_eq!(only(only(scope, 1), 1), b"overspill");
    all(scope, 2)
        .into_iter()
        .map(|record| {
            let mut members: Map<String, Value> = all(record, 6).into_iter().map(pair).collect();
            for (number, field) in fields(record) {
                let (name, value) = match (number, field) {
                    (1, Field::Fixed(time)) => ("_time", time.into()),
                    (2, Field::Number(number)) => ("_severityNumber", number.into()),
                    (3, Field::Bytes(text)) => ("_severityText", text_of(text)),
                    (5, Field::Bytes(body)) => ("_body", value_of(body)),
                    (9, Field::Bytes(id)) => ("_traceId", hexadecimal(id)),
                    (10, Field::Bytes(id)) => ("_spanId", hexadecimal(id)),
                    (12, Field::Bytes(name)) => ("_eventName", text_of(name)),
                    (6 | 11, _) => continue,
                    (other, _) => panic!("field {other}"),
                };
                members.insert(name.to_owned(), value);
            }
            members.insert("_resource".to_owned(), Value::Object(resource.clone()));
            Value::Object(members)
        })
        .collect()
}

enum Field<'a> {
    Number(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        fields.push((
            tag >> 3,
            match tag & 7 {
                0 => Field::Number(varint(&mut message)),
                1 => {
                    let (number, rest) = message.split_at(8);
                    message = rest;
                    Field::Fixed(u64::from_le_bytes(number.try_into().unwrap()))
                }
                2 => {
                    let len = varint(&mut message) as usize;
                    let (bytes, rest) = message.split_at(len);
                    message = rest;
                    Field::Bytes(bytes)
                }
                other => panic!("wire type {other}"),
            },
        ));
    }
    fields
}

fn varint(message: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = message[0];
        *message = &message[1..];
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return number;
        }
    }
}

fn all(message: &[u8], number: u64) -> Vec<&[u8]> {
    let wanted = fields(message).into_iter().filter(|(found, _)| *found == number);
    wanted
        .map(|(_, field)| if let Field::Bytes(bytes) = field { bytes } else { panic!("field {number}") })
        .collect()
}

fn only(message: &[u8], number: u64) -> &[u8] {
    let all = all(message, number);
    assert_eq!(all.len(), 1, "field {number}");
    all[0]
}

fn pair(pair: &[u8]) -> (String, Value) {
    (String::from_utf8(only(pair, 1).to_vec()).unwrap(), value_of(only(pair, 2)))
}

fn value_of(value: &[u8]) -> Value {
    let fields = fields(value);
    let [(number, field)] = fields.as_slice() else { panic!("a value has {} kinds", fields.len()) };
    match (number, field) {
        (1, Field::Bytes(text)) => text_of(text),
        (2, Field::Number(bool)) => Value::Bool(*bool != 0),
        (3, Field::Number(int)) => (*int as i64).into(),
        (4, Field::Fixed(bits)) => f64::from_bits(*bits).into(),
        (5, Field::Bytes(array)) => all(array, 1).into_iter().map(value_of).collect(),
        (6, Field::Bytes(list)) => Value::Object(all(list, 1).into_iter().map(pair).collect()),
        (other, _) => panic!("a value of kind {other}"),
    }
}

fn text_of(text: &[u8]) -> Value {
    json!(std::str::from_utf8(text).unwrap())
}

fn hexadecimal(id: &[u8]) -> Value {
    Value::from(id.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}
