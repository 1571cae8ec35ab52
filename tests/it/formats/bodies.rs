//! What formats make of any event: bodies that real parsers accept, complete, and never longer than the format says.

use super::play::{Named, played};
use super::wire;
use crate::support::*;
use overspill::format::*;
use overspill::testkit::{Answer, Scripted};
use overspill::{Builder, Client, Reason};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Chooses = fn(Builder) -> Builder;
type Reads = fn(&[u8]) -> Vec<Value>;

/// Emits the events, and returns what the requests carried.
fn bodies(configure: impl Fn(Builder) -> Builder, events: &[Named]) -> Vec<Vec<u8>> {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let (keep, log) = (Arc::clone(&bodies), Spilled::default());
    let transport = Scripted::new(move |request| {
        // The default limit of a format that lengthens events.
        assert!(request.body.len() <= 1 << 20, "{}", request.body.len());
        keep.lock().unwrap().push(request.body.to_vec());
        // An answer that every format reads as success.
        Answer::status(Duration::ZERO, 204)
    });
    let builder = configure(Client::builder("played"))
        .transport(transport)
        .spill_sink(log.clone())
        .spill_fallback(Spilled::default());
    let stats = played(builder, events);
    assert_eq!(
        (stats.lost, stats.pending, stats.spilled_by(Reason::FormatFailed)),
        (0, 0, 0),
        "{stats}\n{}",
        log.text()
    );
    assert_eq!(
        stats.spilled,
        stats.spilled_by(Reason::Oversized) + stats.spilled_by(Reason::Broken),
        "{stats}"
    );
    Arc::into_inner(bodies).map_or_else(Vec::new, |bodies| bodies.into_inner().unwrap())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[\\\\\"{}\\[\\],:= /\u{7f}\u{1b}\n\r\t\u{2028}'a]{0,10}",
        Just("\\".to_owned()),
        Just("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"".to_owned()),
        Just("\u{0}".repeat(20)),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z._]{0,6}",
        text(),
        proptest::sample::select(vec!["message", "level", "trace_id", "span_id", "time", "id", "value"])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-9..=9_i64).prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        // Values that every parser reads alike.
        any::<i32>().prop_map(|eighths| (f64::from(eighths) / 8.0).into()),
        text().prop_map(Into::into),
        proptest::sample::select(vec![
            "warn",
            "ERROR",
            "0af7651916cd43dd8448eb211c80319c",
            "b7ad6b7169203331"
        ])
        .prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::btree_map(key(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Short input with long output: each is the worst case of some format.
fn dense() -> impl Strategy<Value = Value> {
    let filler = proptest::sample::select(vec![
        json!(-1),
        json!(0),
        json!([]),
        json!({}),
        json!(null),
        json!(""),
        json!({"": -1}),
        json!([[]]),
        json!(true),
        json!("\\\""),
    ]);
    let nested = (0..100_usize).prop_map(|depth| (0..depth).fold(json!(0), |inner, _| json!([inner])));
    let objects = (0..100_usize).prop_map(|depth| (0..depth).fold(json!(-1), |inner, _| json!({"": inner})));
    prop_oneof![
        (filler, 0..400_usize).prop_map(|(filler, times)| vec![filler; times].into()),
        nested,
        objects,
        (0..400_usize).prop_map(|times| "[".repeat(times).into()),
        (0..200_usize)
            .prop_map(|times| Value::Object((0..times).map(|nth| (nth.to_string(), (-1).into())).collect())),
    ]
}

fn named() -> impl Strategy<Value = Option<&'static str>> {
    proptest::sample::select(vec![None, Some("order_placed"), Some("a b,c=d"), Some("x")])
}

fn any_events() -> impl Strategy<Value = Vec<(Option<&'static str>, Value)>> {
    proptest::collection::vec((named(), prop_oneof![3 => value(), 1 => dense()]), 1..20)
}

fn common(builder: Builder) -> Builder {
    builder
        .service_name("or\"ders\\")
        .common_field("shard", 7)
        .common_field("nested", json!({"a": [1, "b"]}))
        .common_field("none", Value::Null)
}

/// The value as an attribute of a log record.
fn attribute(value: &Value, depth: usize) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if depth == 16 => value.to_string().into(),
        Value::Null => "null".into(),
        Value::Number(number) if number.as_i64().is_none() => number.as_f64().into(),
        Value::Array(array) => array.iter().map(|value| attribute(value, depth + 1)).collect(),
        Value::Object(object) => Value::Object(attributes(object, depth + 1)),
        other => other.clone(),
    }
}

fn attributes(object: &Map<String, Value>, depth: usize) -> Map<String, Value> {
    object
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), attribute(value, depth)))
        .collect()
}

/// What the log record of an event must contain.
fn record(name: Option<&str>, event: &Value) -> Map<String, Value> {
    let Value::Object(members) = event else {
        let mut record = Map::new();
        if let Some(body) = Some(event)
            .filter(|event| !event.is_null())
            .map(|event| attribute(event, 0))
            .or(name.map(Value::from))
        {
            record.insert("_body".to_owned(), body);
        }
        return record;
    };
    let mut record = attributes(members, 0);
    let mut take = |key: &str, to: &str, is: &dyn Fn(&str) -> Option<Value>| {
        if let Some(value) = members.get(key).and_then(Value::as_str).and_then(is) {
            record.remove(key);
            record.insert(to.to_owned(), value);
        }
    };
    let hex = |digits: usize| {
        move |text: &str| {
            (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| text.into())
        }
    };
    take("trace_id", "_traceId", &hex(32));
    take("span_id", "_spanId", &hex(16));
    take("message", "_body", &|text| Some(text.into()));
    take("level", "_severityText", &|text| ["warn", "ERROR"].contains(&text).then(|| text.into()));
    if let Some(level) = record.get("_severityText") {
        let number = if level == "warn" { 13 } else { 17 };
        record.insert("_severityNumber".to_owned(), number.into());
    }
    if let (None, Some(name)) = (record.get("_body"), name) {
        record.insert("_body".to_owned(), name.into());
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn otlp_has_every_member_in_its_place_in_both_encodings(events in any_events()) {
        let read: [(Chooses, Reads); 2] = [
            (|b| b.format(Otlp::new()), wire::otlp),
            (|b| b.format(OtlpJson::new()), wire::otlp_json),
        ];
        for (format, read) in read {
            let bodies = bodies(|b| common(format(b)), &events);
            let records: Vec<Value> = bodies.iter().flat_map(|body| read(body)).collect();
            prop_assert_eq!(records.len(), events.len());
            let mut uids = std::collections::BTreeSet::new();
            for (mut found, (name, event)) in records.into_iter().zip(&events) {
                let found = found.as_object_mut().unwrap();
                prop_assert_eq!(found.remove("_resource"), Some(json!({"service.name": "or\"ders\\", "shard": 7, "nested": {"a": [1, "b"]}})));
                prop_assert!(found.remove("_time").unwrap().as_u64().unwrap() > 1_700_000_000_000_000_000);
                prop_assert!(uids.insert(found.remove("log.record.uid").unwrap().to_string()));
                prop_assert_eq!(found.remove("_eventName"), name.map(Value::from));
                prop_assert_eq!(&*found, &record(*name, event));
            }
        }
    }

    #[test]
    fn line_protocol_is_a_point_for_each_event_with_every_member_in_its_place(events in any_events()) {
        let bodies = bodies(|b| common(b.format(Influx::new().tags(&["level"]))), &events);
        let lines: Vec<String> = bodies.iter().flat_map(|body| std::str::from_utf8(body).unwrap().split_terminator('\n').map(str::to_owned).collect::<Vec<_>>()).collect();
        prop_assert_eq!(lines.len(), events.len());
        let mut times = std::collections::BTreeSet::new();
        for (line, (name, event)) in lines.iter().zip(&events) {
            let mut point = wire::point(line);
            prop_assert_eq!(point.measurement, name.unwrap_or("events"));
            prop_assert!(times.insert(point.time), "{}", line);
            prop_assert_eq!(point.tags.remove("shard"), Some("7".to_owned()));
            prop_assert_eq!(point.tags.remove("service.name"), Some("or\"ders/".to_owned()));
            let Value::Object(members) = event else {
                prop_assert!(point.fields.contains_key(if event.is_null() { "event" } else { "value" }) || event.is_null(), "{}", line);
                continue;
            };
            let fields = members.iter().filter(|(key, value)| !value.is_null() && (key.as_str() != "level" || value.is_array() || value.is_object()));
            prop_assert!(point.fields.len() <= fields.clone().count().max(1), "{}", line);
            for (key, value) in fields.filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase()) && !matches!(key.as_str(), "" | "time")) {
                let expected = match value {
                    Value::String(text) => text.replace('\n', "\\n").replace('\r', "\\r"),
                    Value::Number(number) if number.is_i64() => format!("{number}i"),
                    other => other.to_string(),
                };
                let found = &point.fields[key];
                // A nested value is a text, in which characters may be escaped differently.
                let same = serde_json::from_str::<Value>(found).ok() == Some(value.clone());
                prop_assert!(*found == expected || same, "{}: {} {}", line, found, expected);
            }
        }
    }

    #[test]
    fn every_other_format_has_each_event_as_it_was_emitted(events in any_events()) {
        let kinds: [(&str, Chooses, Reads); 8] = [
            ("bulk", |b| b.format(Bulk::new()), |body| lines(body).chunks(2).map(|pair| without(&pair[1], &["@timestamp"])).collect()),
            ("loki", |b| b.format(Loki::new()), loki),
            ("loki with few labels", |b| b.format(Loki::new().labels(&["service.name"])), loki),
            ("splunk", |b| b.format(SplunkHec::new().index("main").sourcetype("_json")), |body| serde_json::Deserializer::from_slice(body).into_iter::<Value>().map(|event| event.unwrap()["event"].clone()).collect()),
            ("honeycomb", |b| b.format(Honeycomb::new()), |body| parsed(body).as_array().unwrap().iter().map(|event| event["data"].clone()).collect()),
            ("kafka", |b| b.format(KafkaRest::new()), |body| parsed(body)["records"].as_array().unwrap().iter().map(|record| record["value"].clone()).collect()),
            ("victoria logs", |b| b.format(VictoriaLogs::new()), |body| lines(body).iter().map(|line| without(line, &["_time"])).collect()),
            ("datadog", |b| b.format(Datadog::new()), |body| parsed(body).as_array().unwrap().iter().map(|event| without(event, &["timestamp"])).collect()),
        ];
        for (kind, format, read) in kinds {
            let found: Vec<Value> = bodies(|b| common(format(b)), &events).iter().flat_map(|body| read(body)).collect();
            prop_assert_eq!(found.len(), events.len(), "{}", kind);
            for (found, (_, event)) in found.iter().zip(&events) {
                // If the event has the same member, the event's own value counts.
                let found = without(found, &["service.name", "shard", "nested", "none", "event.name"]);
                let event = without(event, &["service.name", "shard", "nested", "none", "event.name", "@timestamp", "_time", "timestamp"]);
                let wrapped = json!({"value": event});
                prop_assert!(found == event || found == wrapped, "{}: {} {}", kind, found, event);
            }
        }
    }

    #[test]
    fn new_relic_has_arrays_as_texts_and_everything_else_as_it_was(events in any_events()) {
        let bodies = bodies(|b| common(b.format(NewRelic::new())), &events);
        let logs: Vec<Value> = bodies.iter().flat_map(|body| parsed(body)[0]["logs"].as_array().unwrap().clone()).collect();
        prop_assert_eq!(logs.len(), events.len());
        for (log, (name, event)) in logs.iter().zip(&events) {
            let message = event.get("message").and_then(Value::as_str);
            prop_assert_eq!(log["message"].as_str(), Some(message.or(*name).unwrap_or_default()));
            let event = if message.is_some() { without(event, &["message"]) } else { event.clone() };
            let event = if event.is_object() { event } else { json!({"value": event}) };
            prop_assert_eq!(with_arrays(&log["attributes"]["event"], &event), event);
        }
    }
}

/// `found`, with its texts replaced by the arrays of `event` that they stand for.
fn with_arrays(found: &Value, event: &Value) -> Value {
    match (found, event) {
        (Value::String(text), Value::Array(_)) => parsed(text.as_bytes()),
        (Value::Object(found), Value::Object(event)) => Value::Object(
            found
                .iter()
                .map(|(key, found)| {
                    (key.clone(), event.get(key).map_or(Value::Null, |event| with_arrays(found, event)))
                })
                .collect(),
        ),
        (found, _) => found.clone(),
    }
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(json)))
}

fn lines(body: &[u8]) -> Vec<Value> {
    body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(parsed).collect()
}

fn loki(body: &[u8]) -> Vec<Value> {
    let push = parsed(body);
    push["streams"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| parsed(value[1].as_str().unwrap().as_bytes()))
        .collect()
}

fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        names.iter().for_each(|name| _ = members.remove(*name));
    }
    value
}
