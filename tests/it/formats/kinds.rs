//! Simulated endpoints of each kind, after their documentation and sources: what they store, and what they answer.

use super::wire;
use overspill::Builder;
use overspill::format::*;
use overspill::transport::Reply;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub type Stored = BTreeMap<u64, u32>;
pub type Plays = Box<dyn FnMut(&[u8], &dyn Fn(u64) -> bool, &mut Stored) -> Reply + Send>;

/// How an endpoint identifies the event that it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Each by its position.
    Position,
    /// The first one; nothing is stored.
    FirstStop,
    /// The first one, or the one before it; earlier events are stored.
    Neighbours,
    /// How many.
    Count,
    /// Only that some are; it stores the others, and merges duplicates.
    OthersStored,
    /// Only that something is; nothing is stored.
    NoneStored,
    /// Not at all.
    Silent,
}

pub struct Kind {
    pub name: &'static str,
    pub builder: fn(Builder) -> Builder,
    pub endpoint: fn() -> Plays,
    pub naming: Naming,
    /// The text in the log for a refused event.
    pub words: &'static str,
}

fn store(stored: &mut Stored, id: u64) {
    *stored.entry(id).or_default() += 1;
}

fn lines(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).unwrap();
    assert!(text.ends_with('\n'), "{text:.100}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn array(body: &[u8]) -> Vec<Value> {
    serde_json::from_slice::<Vec<Value>>(body).unwrap()
}

fn id_of(event: &Value) -> u64 {
    event["id"].as_u64().unwrap_or_else(|| panic!("{event}"))
}

/// All or nothing.
fn whole(
    ids: Vec<u64>,
    poison: &dyn Fn(u64) -> bool,
    stored: &mut Stored,
    no: impl Fn(usize) -> Reply,
    yes: Reply,
) -> Reply {
    match ids.iter().position(|&id| poison(id)) {
        Some(nth) => no(nth),
        None => {
            ids.into_iter().for_each(|id| store(stored, id));
            yes
        }
    }
}

fn bulk() -> Plays {
    let mut known = std::collections::BTreeSet::new();
    Box::new(move |body, poison, stored| {
        let lines = lines(body);
        let items: Vec<Value> = lines.chunks(2).map(|pair| {
            let (id, document) = (pair[0]["create"]["_id"].as_str().unwrap(), &pair[1]);
            assert_eq!(document["service.name"], "orders", "{document}");
            assert!(document["@timestamp"].as_str().is_some_and(|time| time.len() == 24), "{document}");
            if poison(id_of(document)) {
                return json!({"create": {"_index": "i", "_id": id, "status": 400, "error": {"type": "document_parsing_exception", "reason": "failed to parse", "caused_by": {"reason": "For input"}}}});
            }
            if !known.insert(id.to_owned()) {
                return json!({"create": {"_index": "i", "_id": id, "status": 409, "error": {"type": "version_conflict_engine_exception", "reason": "exists"}}});
            }
            store(stored, id_of(document));
            // Quickwit's name for `create`.
            json!({"index": {"_index": "i", "_id": id, "_version": 1, "result": "created", "status": 201}})
        }).collect();
        let errors = items.iter().any(|item| item.to_string().contains("error"));
        Reply::of_status(200).with_body(json!({"took": 3, "errors": errors, "items": items}).to_string())
    })
}

fn loki() -> Plays {
    let mut known = std::collections::BTreeSet::new();
    Box::new(move |body, poison, stored| {
        let push: Value = serde_json::from_slice(body).unwrap();
        let stream = &push["streams"][0];
        assert_eq!(stream["stream"]["service_name"], "orders");
        assert_eq!(stream["stream"]["shard"], "7");
        let values = stream["values"].as_array().unwrap();
        let mut ignored = 0;
        for value in values {
            let (time, line) = (value[0].as_str().unwrap(), value[1].as_str().unwrap());
            assert!(time.len() == 19 && time.bytes().all(|byte| byte.is_ascii_digit()), "{time}");
            assert_eq!(value[2]["event_name"], "order_placed");
            let id = id_of(&serde_json::from_str(line).unwrap());
            if poison(id) {
                ignored += 1;
            } else if known.insert((time.to_owned(), line.to_owned())) {
                store(stored, id);
            }
        }
        match ignored {
            0 => Reply::of_status(204),
            _ => Reply::of_status(400).with_body(format!(
                "entry for stream '{{service_name=\"orders\"}}' has timestamp too new, total ignored: {ignored} out of {}",
                values.len()
            )),
        }
    })
}

fn hec(base: usize) -> Plays {
    Box::new(move |body, poison, stored| {
        let events: Vec<Value> =
            serde_json::Deserializer::from_slice(body).into_iter().map(Result::unwrap).collect();
        for (nth, event) in events.iter().enumerate() {
            assert!(event["time"].as_f64().is_some_and(|time| time > 1.7e9), "{event}");
            assert_eq!(event["source"], "orders");
            assert_eq!(event["fields"]["shard"], 7);
            assert_eq!(event["fields"]["event_name"], "order_placed");
            let id = id_of(&event["event"]);
            if poison(id) {
                let answer =
                    json!({"text": "Invalid data format", "code": 6, "invalid-event-number": nth + base});
                return Reply::of_status(400).with_body(answer.to_string());
            }
            store(stored, id);
        }
        Reply::of_status(200).with_body(r#"{"text":"Success","code":0}"#)
    })
}

fn click_house(old: bool) -> Plays {
    Box::new(move |body, poison, stored| {
        let ids = lines(body).iter().map(id_of).collect();
        let no = |nth| {
            let text = format!(
                "Code: 27. DB::Exception: Cannot parse input: expected '\"' before: 'x': (at row {})\n",
                nth + 1
            );
            let reply = Reply::of_status(if old { 500 } else { 400 }).with_body(text);
            if old { reply } else { reply.with_header("x-clickhouse-exception-code", "27") }
        };
        whole(ids, poison, stored, no, Reply::of_status(200))
    })
}

fn otlp(read: fn(&[u8]) -> Vec<u64>, protobuf: bool) -> Plays {
    Box::new(move |body, poison, stored| {
        let ids = read(body);
        let rejected = ids.iter().filter(|&&id| poison(id)).count();
        ids.into_iter().filter(|&id| !poison(id)).for_each(|id| store(stored, id));
        let words = "attribute of an unknown type";
        let mut reply = Reply::of_status(200);
        reply.content_type =
            Some(if protobuf { "application/x-protobuf" } else { "application/json" }.to_owned());
        match (rejected, protobuf) {
            (0, true) => reply,
            (0, false) => reply.with_body(r#"{"partialSuccess":null}"#),
            (_, true) => {
                let mut partial = vec![8, (rejected & 0x7f) as u8 | 0x80, (rejected >> 7) as u8, 0x12, words.len() as u8];
                partial.extend_from_slice(words.as_bytes());
                reply.with_body([&[0x0a, partial.len() as u8], partial.as_slice()].concat())
            }
            (_, false) => reply.with_body(json!({"partialSuccess": {"rejectedLogRecords": rejected.to_string(), "errorMessage": words}}).to_string()),
        }
    })
}

fn by_position(
    read: fn(&[u8]) -> Vec<u64>,
    yes: fn() -> Value,
    no: fn() -> Value,
    wrap: fn(Vec<Value>) -> Value,
) -> Plays {
    Box::new(move |body, poison, stored| {
        let items = read(body).into_iter().map(|id| {
            if poison(id) {
                return no();
            }
            store(stored, id);
            yes()
        });
        Reply::of_status(200).with_body(wrap(items.collect()).to_string())
    })
}

fn influx(version: u8) -> Plays {
    let mut known = std::collections::BTreeSet::new();
    Box::new(move |body, poison, stored| {
        let mut bad = Vec::new();
        let text = std::str::from_utf8(body).unwrap();
        for (nth, line) in text.lines().enumerate() {
            assert!(line.starts_with("order_placed,service.name=orders,shard=7 "), "{line}");
            let point = wire::point(line);
            assert_eq!(point.fields["ms"], "1.5");
            let id: u64 = point.fields["id"].trim_end_matches('i').parse().unwrap();
            if poison(id) {
                bad.push(json!({"original_line": line, "line_number": nth + 1, "error_message": "invalid column type: field type conflict"}));
            } else if known.insert(point.time) {
                store(stored, id);
            }
        }
        match (bad.len(), version) {
            (0, _) => Reply::of_status(204),
            (dropped, 1) => Reply::of_status(400).with_body(
                json!({"error": format!("partial write: field type conflict dropped={dropped}")}).to_string(),
            ),
            _ => {
                bad.truncate(100);
                Reply::of_status(400).with_body(
                    json!({"error": "partial write of line protocol occurred", "data": bad}).to_string(),
                )
            }
        }
    })
}

fn refuses_whole(read: fn(&[u8]) -> Vec<u64>, status: u16) -> Plays {
    Box::new(move |body, poison, stored| {
        whole(
            read(body),
            poison,
            stored,
            |_| Reply::of_status(400).with_body("Invalid JSON"),
            Reply::of_status(status),
        )
    })
}

fn swallows(read: fn(&[u8]) -> Vec<u64>, status: u16) -> Plays {
    Box::new(move |body, _, stored| {
        read(body).into_iter().for_each(|id| store(stored, id));
        Reply::of_status(status)
    })
}

fn of_array(body: &[u8]) -> Vec<u64> {
    array(body).iter().map(id_of).collect()
}

fn of_lines(body: &[u8]) -> Vec<u64> {
    lines(body).iter().map(id_of).collect()
}

fn of_new_relic(body: &[u8]) -> Vec<u64> {
    let request: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(request[0]["common"]["attributes"], json!({"service.name": "orders", "shard": 7}));
    let logs = request[0]["logs"].as_array().unwrap();
    assert!(logs.iter().all(|log| log["message"].as_str().is_some_and(|text| text.starts_with("a \"b\" "))));
    logs.iter().map(|log| id_of(&log["attributes"]["event"])).collect()
}

fn of_honeycomb(body: &[u8]) -> Vec<u64> {
    array(body)
        .iter()
        .map(|event| {
            assert_eq!(event["data"]["service.name"], "orders");
            assert!(event["time"].as_str().unwrap().ends_with('Z'));
            id_of(&event["data"])
        })
        .collect()
}

fn of_kafka(body: &[u8]) -> Vec<u64> {
    let request: Value = serde_json::from_slice(body).unwrap();
    request["records"].as_array().unwrap().iter().map(|record| id_of(&record["value"])).collect()
}

fn of_otlp_json(body: &[u8]) -> Vec<u64> {
    wire::otlp_json(body).iter().map(|record| record["id"].as_u64().unwrap()).collect()
}

fn of_otlp(body: &[u8]) -> Vec<u64> {
    wire::otlp(body).iter().map(|record| record["id"].as_u64().unwrap()).collect()
}

fn of_envelope(body: &[u8]) -> Vec<u64> {
    let request: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(request["source"], "x");
    request["events"].as_array().unwrap().iter().map(id_of).collect()
}

pub const KINDS: &[Kind] = &[
    Kind {
        name: "bulk",
        builder: |b| b.format(Bulk::new()),
        endpoint: bulk,
        naming: Naming::Position,
        words: "400 document_parsing_exception: failed to parse: For input",
    },
    Kind {
        name: "loki",
        builder: |b| b.format(Loki::new()),
        endpoint: loki,
        naming: Naming::OthersStored,
        words: "status 400: entry for stream",
    },
    Kind {
        name: "splunk from 0",
        builder: |b| b.format(SplunkHec::new()),
        endpoint: || hec(0),
        naming: Naming::Neighbours,
        words: "code 6: Invalid data format",
    },
    Kind {
        name: "splunk from 1",
        builder: |b| b.format(SplunkHec::new()),
        endpoint: || hec(1),
        naming: Naming::Neighbours,
        words: "code 6: Invalid data format",
    },
    Kind {
        name: "clickhouse",
        builder: |b| b.format(ClickHouse::new()),
        endpoint: || click_house(false),
        naming: Naming::FirstStop,
        words: "Code: 27. DB::Exception: Cannot parse input",
    },
    Kind {
        name: "clickhouse 18",
        builder: |b| b.format(ClickHouse::new()),
        endpoint: || click_house(true),
        naming: Naming::FirstStop,
        words: "status 500: Code: 27",
    },
    Kind {
        name: "otlp",
        builder: |b| b.format(Otlp::new()),
        endpoint: || otlp(of_otlp, true),
        naming: Naming::Count,
        words: "attribute of an unknown type",
    },
    Kind {
        name: "otlp json",
        builder: |b| b.format(OtlpJson::new()),
        endpoint: || otlp(of_otlp_json, false),
        naming: Naming::Count,
        words: "attribute of an unknown type",
    },
    Kind {
        name: "honeycomb",
        builder: |b| b.format(Honeycomb::new()),
        endpoint: || {
            by_position(
                of_honeycomb,
                || json!({"status": 202}),
                || json!({"status": 400, "error": "event too old"}),
                Value::from,
            )
        },
        naming: Naming::Position,
        words: "400 event too old",
    },
    Kind {
        name: "kafka",
        builder: |b| b.format(KafkaRest::new()),
        endpoint: || {
            by_position(
                of_kafka,
                || json!({"partition": 0, "offset": 7, "error_code": null, "error": null}),
                || json!({"partition": 0, "offset": null, "error_code": 1, "error": "RecordTooLarge"}),
                |offsets| json!({"offsets": offsets}),
            )
        },
        naming: Naming::Position,
        words: "error code 1: RecordTooLarge",
    },
    Kind {
        name: "influx 1",
        builder: |b| b.format(Influx::new()),
        endpoint: || influx(1),
        naming: Naming::OthersStored,
        words: "partial write: field type conflict",
    },
    Kind {
        name: "influx 3",
        builder: |b| b.format(Influx::new()),
        endpoint: || influx(3),
        naming: Naming::Position,
        words: "invalid column type",
    },
    Kind {
        name: "victoria metrics",
        builder: |b| b.format(Influx::new()),
        endpoint: || {
            swallows(
                |body| {
                    std::str::from_utf8(body)
                        .unwrap()
                        .lines()
                        .map(|line| wire::point(line).fields["id"].trim_end_matches('i').parse().unwrap())
                        .collect()
                },
                204,
            )
        },
        naming: Naming::Silent,
        words: "",
    },
    Kind {
        name: "victoria logs",
        builder: |b| b.format(VictoriaLogs::new()),
        endpoint: || swallows(of_lines, 200),
        naming: Naming::Silent,
        words: "",
    },
    Kind {
        name: "new relic",
        builder: |b| b.format(NewRelic::new()),
        endpoint: || swallows(of_new_relic, 202),
        naming: Naming::Silent,
        words: "",
    },
    Kind {
        name: "datadog",
        builder: |b| b.format(Datadog::new()),
        endpoint: || refuses_whole(of_array, 202),
        naming: Naming::NoneStored,
        words: "status 400: Invalid JSON",
    },
    Kind {
        name: "vector",
        builder: |b| b.format(Vector::new()),
        endpoint: || refuses_whole(of_lines, 200),
        naming: Naming::NoneStored,
        words: "status 400: Invalid JSON",
    },
    Kind {
        name: "fluent bit",
        builder: |b| b.format(FluentBit::new()),
        endpoint: || refuses_whole(of_array, 201),
        naming: Naming::NoneStored,
        words: "status 400: Invalid JSON",
    },
    Kind {
        name: "json array",
        builder: |b| b.format(JsonArray),
        endpoint: || refuses_whole(of_array, 200),
        naming: Naming::NoneStored,
        words: "status 400: Invalid JSON",
    },
    Kind {
        name: "ndjson",
        builder: |b| b.format(Ndjson),
        endpoint: || refuses_whole(of_lines, 200),
        naming: Naming::NoneStored,
        words: "status 400: Invalid JSON",
    },
    Kind {
        name: "envelope",
        builder: |b| b.format(Envelope::new(r#"{"source":"x","events":["#, "]}")),
        endpoint: || refuses_whole(of_envelope, 200),
        naming: Naming::NoneStored,
        words: "status 400: Invalid JSON",
    },
];
