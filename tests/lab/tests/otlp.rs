//! OTLP compared with the published messages: OpenTelemetry's own types read what is posted, in both encodings, and the fields are compared
//! with what was emitted. The client understands their answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "promises are named by their tests")]

#[path = "../../it/formats/play.rs"]
mod play;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use overspill::format::{Format, Otlp, OtlpJson, Verdict};
use overspill::testkit::{Answer, Scripted, Spilled};
use overspill::transport::Reply;
use overspill::{Client, Reason};
use play::{Named, played};
use proptest::prelude::*;
use prost::Message;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Values nested deeper than this are sent as text.
const NESTED_MAX: usize = 16;

/// Emits the events, and returns what the requests carried.
fn bodies(format: impl Format, events: &[Named]) -> Vec<Vec<u8>> {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let (keep, log) = (Arc::clone(&bodies), Spilled::default());
    let transport = Scripted::new(move |request| {
        keep.lock().unwrap().push(request.body.to_vec());
        Answer::status(Duration::ZERO, 200)
    });
    let builder = Client::builder("played")
        .format(format)
        .service_name("or\"ders\\")
        .common_field("shard", 7)
        .common_field("nested", json!({"a": [1, "b"]}))
        .common_field("none", Value::Null)
        .transport(transport)
        .spill_sink(log.clone())
        .spill_fallback(log);
    let stats = played(builder, events);
    assert_eq!(
        (stats.delivered, stats.spilled_by(Reason::FormatFailed)),
        (events.len() as u64, 0),
        "{stats}"
    );
    bodies.lock().unwrap().clone()
}

fn any_value(value: &Value, depth: usize) -> AnyValue {
    use any_value::Value::{ArrayValue as Array, BoolValue, DoubleValue, IntValue, KvlistValue, StringValue};
    AnyValue {
        value: Some(match value {
            Value::Null => StringValue("null".to_owned()),
            Value::Bool(bool) => BoolValue(*bool),
            Value::Number(number) => match number.as_i64() {
                Some(int) => IntValue(int),
                None => DoubleValue(number.as_f64().unwrap()),
            },
            Value::String(text) => StringValue(text.clone()),
            nested if depth == NESTED_MAX => StringValue(nested.to_string()),
            Value::Array(array) => {
                Array(ArrayValue { values: array.iter().map(|value| any_value(value, depth + 1)).collect() })
            }
            Value::Object(object) => KvlistValue(KeyValueList { values: attributes(object, depth + 1) }),
        }),
    }
}

fn attributes(object: &Map<String, Value>, depth: usize) -> Vec<KeyValue> {
    let there = object.iter().filter(|(_, value)| !value.is_null());
    there
        .map(|(key, value)| KeyValue {
            key: key.clone(),
            value: Some(any_value(value, depth)),
            ..KeyValue::default()
        })
        .collect()
}

/// The record of an event, without its times and its id.
fn record(name: Option<&str>, event: &Value) -> LogRecord {
    let mut record = LogRecord { event_name: name.unwrap_or_default().to_owned(), ..LogRecord::default() };
    let mut members = match event {
        Value::Object(members) => members.clone(),
        Value::Null => Map::new(),
        other => {
            record.body = Some(any_value(other, 0));
            Map::new()
        }
    };
    let text_of =
        |members: &Map<String, Value>, key: &str| members.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(message) = text_of(&members, "message") {
        record.body = Some(any_value(&message.into(), 0));
        members.remove("message");
    }
    if let (None, Some(name)) = (&record.body, name) {
        record.body = Some(any_value(&name.into(), 0));
    }
    if let Some((level, number)) = text_of(&members, "level").and_then(|level| match level.as_str() {
        "warn" => Some((level, 13)),
        "ERROR" => Some((level, 17)),
        _ => None,
    }) {
        (record.severity_text, record.severity_number) = (level, number);
        members.remove("level");
    }
    for (key, to) in [("trace_id", &mut record.trace_id), ("span_id", &mut record.span_id)] {
        let bytes = if key == "trace_id" { 16 } else { 8 };
        let id = text_of(&members, key).and_then(|text| unhex(&text));
        if let Some(id) = id.filter(|id| id.len() == bytes && id.iter().any(|&byte| byte != 0)) {
            *to = id;
            members.remove(key);
        }
    }
    record.attributes = attributes(&members, 0);
    record
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|char| char.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

/// Removes what differs from run to run, after checking it.
fn checked(mut record: LogRecord, ids: &mut std::collections::BTreeSet<String>) -> LogRecord {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let time = u128::from(std::mem::take(&mut record.time_unix_nano));
    assert_eq!(u128::from(std::mem::take(&mut record.observed_time_unix_nano)), time);
    assert!(now.abs_diff(time) < 600_000_000_000, "{time}");
    let id = record.attributes.pop().unwrap();
    assert_eq!(id.key, "log.record.uid");
    let Some(any_value::Value::StringValue(id)) = id.value.unwrap().value else { panic!("no text") };
    assert!(ids.insert(id));
    record
}

/// Field by field, with everything around the records.
fn compare(requests: Vec<ExportLogsServiceRequest>, events: &[Named]) {
    let common = json!({"service.name": "or\"ders\\", "shard": 7, "nested": {"a": [1, "b"]}});
    let Value::Object(common) = common else { unreachable!() };
    let mut by_key = attributes(&common, 0);
    by_key.sort_by(|one, other| one.key.cmp(&other.key));
    let (mut found, mut ids) = (Vec::new(), std::collections::BTreeSet::new());
    for mut request in requests {
        assert_eq!(request.resource_logs.len(), 1);
        let mut logs = request.resource_logs.remove(0);
        assert_eq!((logs.scope_logs.len(), &*logs.schema_url), (1, ""));
        let mut resource = logs.resource.unwrap();
        resource.attributes.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!((&resource.attributes, resource.dropped_attributes_count), (&by_key, 0));
        let scope = logs.scope_logs.remove(0);
        assert_eq!(scope.scope.unwrap().name, "overspill");
        found.extend(scope.log_records.into_iter().map(|record| checked(record, &mut ids)));
    }
    assert_eq!(found.len(), events.len());
    for (found, (name, event)) in found.iter().zip(events) {
        assert_eq!(found, &record(*name, event), "{event}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[\\\\\"{}\\[\\],:= /\u{7f}\u{1b}\n\r\t\u{2028}'a]{0,10}",
        Just("\u{0}".repeat(20)),
        // Texts whose length takes two or three bytes.
        (100..20_000_usize).prop_map(|times| "x".repeat(times)),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z._]{0,6}",
        "\\PC{0,6}",
        proptest::sample::select(vec!["message", "level", "trace_id", "span_id", "time"])
            .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let words =
        vec!["warn", "ERROR", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "0000000000000000"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        // Values that every parser reads alike.
        any::<i32>().prop_map(|eighths| (f64::from(eighths) / 8.0).into()),
        text().prop_map(Into::into),
        proptest::sample::select(words).prop_map(Into::into),
    ];
    let nested = (0..40_usize).prop_map(|depth| {
        (0..depth).fold(json!(0), |inner, nth| if nth % 3 == 0 { json!([inner]) } else { json!({"": inner}) })
    });
    let any = leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            proptest::collection::btree_map(key(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop_oneof![6 => any, 1 => nested]
}

fn any_events() -> impl Strategy<Value = Vec<Named>> {
    let name = proptest::sample::select(vec![None, Some("order_placed"), Some("a b,c=d")]);
    proptest::collection::vec((name, value()), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_published_messages_read_each_event_in_protobuf_field_by_field(events in any_events()) {
        let read = |body: &Vec<u8>| ExportLogsServiceRequest::decode(&**body).unwrap();
        compare(bodies(Otlp::new(), &events).iter().map(read).collect(), &events);
    }

    #[test]
    fn the_published_messages_read_each_event_in_json_field_by_field(events in any_events()) {
        let read = |body: &Vec<u8>| serde_json::from_slice(body).unwrap();
        compare(bodies(OtlpJson::new(), &events).iter().map(read).collect(), &events);
    }

    #[test]
    fn an_answer_in_the_published_message_is_understood_in_both_encodings(
        events in 1..1_000_usize,
        rejected in 0..1_000_i64,
        words in "\\PC{0,40}",
        partial in any::<bool>(),
    ) {
        let success = ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: words.clone() };
        let answer = ExportLogsServiceResponse { partial_success: partial.then_some(success) };
        let expected = match (partial, usize::try_from(rejected).unwrap()) {
            (false, _) | (true, 0) => Verdict::ByStatus,
            (true, rejected) if rejected > events => Verdict::Unknown,
            (true, rejected) => Verdict::SomeRefused { refused: Some(rejected), words },
        };
        let protobuf = Reply::of_status(200).with_body(answer.encode_to_vec());
        prop_assert_eq!(&Otlp::new().verdict(&protobuf, events), &expected);
        let json = Reply::of_status(200).with_body(serde_json::to_vec(&answer).unwrap());
        prop_assert_eq!(&OtlpJson::new().verdict(&json, events), &expected);
    }
}
