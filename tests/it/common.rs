//! Common fields of all events: the same at the endpoint and in the log, wherever the format puts them.

use crate::support::*;
use overspill::format::{Body, Events, Format, JsonArray, Ndjson, Overhead, Placement};
use overspill::limits::{EVENT_NAMES, SPILL_LINE_BYTES};
use overspill::spill::{Joined, Redact, Rfc3339, SpillPacking, read_line};
use overspill::testkit::{Answer, Scripted};
use overspill::transport::{Reply, Request};
use overspill::{Builder, Client, Emitted, Mode, Reason};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const NAMES: [&str; 3] = ["order_placed", "order paid", "odd \u{202e}\"name\""];

fn common(builder: Builder) -> Builder {
    builder.service_name("orders \"x\"").common_field("shard", 7)
}

fn emit_named(client: &Client, ids: std::ops::Range<u64>) {
    for id in ids {
        client.emit_named(NAMES[id as usize % NAMES.len()], &Numbered::of(id));
    }
}

fn parsed(event: &str) -> Value {
    serde_json::from_str(event).unwrap_or_else(|error| panic!("{error}: {event}"))
}

/// Checks that the event has the common fields, its name and its time before its own members.
#[track_caller]
fn assert_whole(event: &str) {
    let value = parsed(event);
    let id = id_of(event);
    assert_eq!(value["service.name"], "orders \"x\"", "{event}");
    assert_eq!(value["shard"], 7, "{event}");
    assert_eq!(value["event.name"], NAMES[id as usize % NAMES.len()], "{event}");
    let time = value["timestamp"].as_str().unwrap();
    let now = Rfc3339(SystemTime::now()).to_string();
    assert!(time.len() == 24 && time <= now.as_str() && time > "2026-", "{event}");
    assert!(event.starts_with(r#"{"service.name":"#), "{event}");
}

#[test]
fn every_event_has_the_common_fields_at_the_endpoint_and_in_the_log_whatever_fails() {
    for ndjson in [false, true] {
        let world = World::new();
        let posts = AtomicU64::new(0);
        let endpoint = world.endpoint(move |request| match posts.fetch_add(1, Ordering::Relaxed) % 7 {
            1 => Act::Status(500),
            2..4 if ids_of(&request.body).iter().any(|id| id % 37 == 3) => Act::Status(400),
            4 => Act::Reset,
            _ => Act::Status(200),
        });
        let builder =
            common(quick(endpoint.url())).time_field("timestamp").batch_events_max(20).post_timeout(LONG);
        let builder = if ndjson { builder.format(Ndjson) } else { builder.format(JsonArray) };
        let client = builder.build().unwrap();
        // At least this one arrives, whatever happens next.
        emit_named(&client, 0..1);
        client.flush_blocking(LONG).unwrap();
        emit_named(&client, 1..2_000);
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 2_000);
        assert!(stats.delivered > 0 && stats.spilled > 0, "{stats}");
        world.taken.events().iter().for_each(|event| assert_whole(event));
        for event in world.log.events() {
            assert_whole(&event.event);
            assert_eq!((event.name, event.common), (None, None));
            assert_eq!(parsed(&event.event)["timestamp"], Rfc3339(event.emitted_at).to_string());
        }
    }
}

#[test]
fn a_spilled_event_has_the_exact_text_that_each_of_its_requests_carried() {
    let world = World::new();
    let carried = Arc::new(Mutex::new(BTreeMap::<u64, BTreeSet<String>>::new()));
    let seen = Arc::clone(&carried);
    // Refused by halving, so that most events are posted several times.
    let endpoint = world.endpoint(move |request| {
        for event in events_of(&request.body) {
            seen.lock().unwrap().entry(id_of(&event)).or_default().insert(event);
        }
        Act::Status(400)
    });
    let client = common(quick(endpoint.url())).time_field("timestamp").batch_events_max(8).build().unwrap();
    emit_named(&client, 0..40);
    world.assert_settled(&client.shutdown_blocking(LONG), 40);
    let carried = carried.lock().unwrap();
    assert!(!carried.is_empty());
    for event in world.log.events() {
        if let Some(texts) = carried.get(&id_of(&event.event)) {
            assert_eq!(*texts, BTreeSet::from([event.event]));
        }
    }
}

/// A format with a place for everything: `{"common":{…},"events":[{"id":"…","name":"…","ms":1,"event":{…}},…]}`
struct Placing;

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}

impl Format for Placing {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        body.push(format!(r#"{{"common":{},"events":["#, events.common_fields().json()).as_bytes());
        for (nth, event) in events.enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            let (id, name, ms) = (event.id(), event.name().unwrap_or_default(), millis(event.time()));
            body.push(format!(r#"{comma}{{"id":"{id}","name":"{name}","ms":{ms},"event":"#).as_bytes());
            body.push(event.json());
            body.push(b"}");
        }
        body.push(b"]}");
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 24, per_event: 96 }
    }

    fn placement(&self) -> Placement {
        Placement::OncePerRequest
    }
}

/// A record's content, in the form that the body would have.
fn placed(event: &Joined) -> Value {
    json!({
        "id": format!("{}-{}", event.client, event.seq),
        "name": event.name.clone().unwrap_or_default(),
        "ms": millis(event.emitted_at) as u64,
        "event": parsed(&event.event),
    })
}

const COMMON: &str = r#"{"service.name":"orders \"x\"","shard":7}"#;

/// The events of a body, by their id.
fn placed_in(body: &[u8]) -> BTreeMap<u64, Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["common"], parsed(COMMON));
    let events = body["events"].as_array().unwrap();
    events.iter().map(|event| (event["event"]["id"].as_u64().unwrap(), event.clone())).collect()
}

/// A client with that format, an endpoint that fails now and then, and what the endpoint saw and accepted.
fn placing(packing: SpillPacking, events: u64) -> (Spilled, BTreeMap<u64, Value>, BTreeSet<u64>) {
    let world = World::new();
    let (seen, taken) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(Mutex::new(BTreeSet::new())));
    let (sees, takes) = (Arc::clone(&seen), Arc::clone(&taken));
    let posts = AtomicU64::new(0);
    let endpoint = Endpoint::start(move |request| {
        let events = placed_in(&request.body);
        let poison = events.keys().any(|id| id % 37 == 3);
        let act = match posts.fetch_add(1, Ordering::Relaxed) % 5 {
            1 => Act::Status(500),
            2 => Act::Status(503),
            _ if poison => Act::Status(400),
            _ => Act::Status(200),
        };
        if act.takes() {
            takes.lock().unwrap().extend(events.keys());
        }
        for (id, event) in events {
            // The same each time that it is posted.
            assert_eq!(*sees.lock().unwrap().entry(id).or_insert_with(|| event.clone()), event);
        }
        act
    })
    .unwrap();
    let client = common(quick(endpoint.url()))
        .format(Placing)
        .spill_packing(packing)
        .batch_events_max(20)
        .batch_bytes_max(4_000)
        .post_timeout(LONG)
        .build()
        .unwrap();
    // At least this one arrives, whatever happens next.
    emit_named(&client, 0..1);
    client.flush_blocking(LONG).unwrap();
    emit_named(&client, 1..events);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (events, 0, 0), "{stats}");
    assert!(
        stats.delivered > 0 && stats.spilled > 0 && stats.spilled_by(Reason::FormatFailed) == 0,
        "{stats}"
    );
    let (seen, taken) =
        (std::mem::take(&mut *seen.lock().unwrap()), std::mem::take(&mut *taken.lock().unwrap()));
    assert_eq!(taken.len() as u64, stats.delivered, "{stats}");
    let logged: BTreeSet<u64> = ids_spilled(&world.log).into_iter().collect();
    assert_eq!(logged.len() as u64, stats.spilled);
    assert_eq!(taken.union(&logged).copied().collect::<BTreeSet<_>>(), (0..events).collect());
    (world.log, seen, taken)
}

#[test]
fn a_format_with_a_place_for_common_fields_writes_them_there_and_a_record_has_what_the_request_would_have() {
    let (log, seen, _) = placing(SpillPacking::OneByOne, 1_000);
    let mut both = 0;
    for event in log.events() {
        let id = id_of(&event.event);
        assert_eq!(event.common.as_deref(), Some(COMMON));
        match id % 3 {
            // This name is too odd for a separate field.
            2 => assert_eq!(
                (event.name.as_deref(), &parsed(&event.event)["event.name"]),
                (None, &json!(NAMES[2]))
            ),
            nth => assert_eq!(event.name.as_deref(), Some(NAMES[nth as usize])),
        }
        if let Some(seen) = seen.get(&id) {
            assert_eq!(placed(&event), *seen);
            both += 1;
        }
    }
    assert!(both > 0);
}

#[test]
fn a_pack_holds_events_of_one_name_with_their_common_fields() {
    let (log, _, _) = placing(SpillPacking::Packed, 1_000);
    for event in log.events() {
        let id = id_of(&event.event);
        assert_eq!(event.common.as_deref(), Some(COMMON));
        let name = (id % 3 < 2).then(|| NAMES[id as usize % 3]);
        assert_eq!(event.name.as_deref(), name, "{event:?}");
    }
    let world = World::new();
    let (client, sender) =
        common(Client::builder("nowhere").transport(Scripted::new(|_| unreachable!("never runs"))))
            .format(Placing)
            .spill_packing(SpillPacking::Packed)
            .build_with_sender()
            .unwrap();
    (0..300).for_each(|id| _ = client.emit_named("order_placed", &Numbered::of(id)));
    drop(sender);
    world.assert_settled(&client.stats(), 300);
    let records: Vec<_> = world.log.text().lines().filter_map(read_line).collect();
    assert!(
        records.len() < 100 && records.iter().all(|record| record.name.as_deref() == Some("order_placed"))
    );
}

#[test]
fn events_that_a_caller_hands_to_the_log_have_the_common_fields_too() {
    let world = World::new();
    let builder = || common(quick("http://127.0.0.1:9/")).time_field("timestamp");
    let client = builder().mode(Mode::LogOnly).build().unwrap();
    assert_eq!(client.emit_named(NAMES[0], &Numbered::of(0)), Emitted::Spilled(Reason::LogOnly));
    client.shutdown_blocking(LONG);
    assert_eq!(client.emit_named_with(NAMES[1], || Numbered::of(1)), Emitted::Spilled(Reason::LogOnly));
    // Added fields count: without them the event would just fit.
    let long = Numbered { id: 2, text: "x".repeat(300) };
    let own = serde_json::to_string(&long).unwrap().len();
    let client = builder().event_bytes_max(own + 100).build().unwrap();
    assert_eq!(client.emit_named(NAMES[2], &long), Emitted::Spilled(Reason::Oversized));
    client.shutdown_blocking(LONG);
    let events = world.log.events();
    assert_eq!(events.len(), 3);
    events.iter().for_each(|event| assert_whole(&event.event));
}

#[test]
fn an_event_that_is_not_an_object_is_written_under_value_and_one_with_nothing_added_is_unchanged() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    client.emit(&7);
    client.emit_named("seen", &7);
    client.emit_named("seen", &json!({}));
    client.emit_named("gr\u{fc}n", &["x"]);
    client.emit_named("", &json!({"a": 1}));
    client.emit_named("own", &json!({"event.name": "mine"}));
    assert!(client.shutdown_blocking(LONG).delivered == 6);
    assert_eq!(
        world.taken.events(),
        [
            "7",
            r#"{"event.name":"seen","value":7}"#,
            r#"{"event.name":"seen"}"#,
            "{\"event.name\":\"gr\u{fc}n\",\"value\":[\"x\"]}",
            r#"{"event.name":"","a":1}"#,
            r#"{"event.name":"own","event.name":"mine"}"#,
        ]
    );
}

#[test]
fn every_event_has_its_own_name_however_many_names_there_are() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).name_field("type").build().unwrap();
    let names: Vec<&'static str> =
        (0..2 * EVENT_NAMES).map(|nth| &*Box::leak(format!("name {nth}").into_boxed_str())).collect();
    for id in 0..4 * EVENT_NAMES as u64 {
        client.emit_named(names[id as usize % names.len()], &Numbered::of(id));
    }
    world.assert_settled(&client.shutdown_blocking(LONG), 4 * EVENT_NAMES as u64);
    for event in world.taken.events() {
        assert_eq!(parsed(&event)["type"], names[id_of(&event) as usize % names.len()]);
    }
}

#[test]
fn a_batch_with_all_additions_stays_within_its_maximum() {
    let longest = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&longest);
    let world = World::new();
    let endpoint = world.endpoint(move |request| {
        seen.fetch_max(request.body.len() as u64, Ordering::Relaxed);
        Act::Status(200)
    });
    let client = common(quick(endpoint.url()))
        .time_field("timestamp")
        .batch_bytes_max(2_000)
        .batch_age_max(Duration::from_millis(100))
        .build()
        .unwrap();
    emit_named(&client, 0..500);
    world.assert_settled(&client.shutdown_blocking(LONG), 500);
    let longest = longest.load(Ordering::Relaxed);
    assert!((1_700..=2_000).contains(&longest), "{longest}");
}

#[test]
fn a_name_counts_toward_the_maximum_size_of_an_event() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let bytes = serde_json::to_string(&Numbered::of(0)).unwrap().len();
    let client = quick(endpoint.url()).event_bytes_max(bytes + 20).build().unwrap();
    assert_eq!(client.emit(&Numbered::of(0)), Emitted::Queued);
    assert_eq!(
        client.emit_named("a name of 20 letters", &Numbered::of(1)),
        Emitted::Spilled(Reason::Oversized)
    );
    assert_eq!(
        client.emit_named("gr\u{fc}n and 20 letters", &Numbered::of(2)),
        Emitted::Spilled(Reason::Oversized)
    );
    world.assert_settled(&client.shutdown_blocking(LONG), 3);
}

type Bodies = Arc<Mutex<Vec<Vec<u8>>>>;

/// Answers with these statuses, each much later, and then with 200; keeps the bodies.
fn slow(statuses: &'static [u16]) -> (Scripted<impl FnMut(&Request) -> Answer>, Bodies) {
    let bodies = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
    let kept = Arc::clone(&bodies);
    let transport = Scripted::new(move |request: &Request| {
        let mut bodies = kept.lock().unwrap();
        bodies.push(request.body.to_vec());
        let status = statuses.get(bodies.len() - 1).copied().unwrap_or(200);
        Answer::After(Duration::from_secs(9), Ok(Reply::of_status(status)))
    });
    (transport, bodies)
}

#[tokio::test(start_paused = true)]
async fn a_second_try_carries_the_same_bytes_however_late_it_is() {
    let (transport, bodies) = slow(&[200, 503]);
    let log = Spilled::default();
    let builder =
        common(Client::builder("nowhere")).transport(transport).format(Placing).spill_sink(log.clone());
    let (client, sender) = builder.build_with_sender().unwrap();
    let running = tokio::spawn(sender.run());
    for id in 0..2 {
        client.emit_named(NAMES[0], &Numbered::of(id));
        until_settled(&client).await;
    }
    let stats = client.stats();
    assert_eq!((stats.delivered, stats.lost, stats.pending), (2, 0, 0), "{stats}");
    let bodies = bodies.lock().unwrap().clone();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[1], bodies[2]);
    drop(client);
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_time_in_the_log_is_the_one_that_the_request_carried_however_late_it_is_written() {
    let (transport, bodies) = slow(&[500]);
    let log = Spilled::default();
    let builder =
        Client::builder("nowhere").time_field("timestamp").transport(transport).spill_sink(log.clone());
    let (client, sender) = builder.build_with_sender().unwrap();
    let running = tokio::spawn(sender.run());
    client.emit(&Numbered::of(0));
    until_settled(&client).await;
    let event = log.events().remove(0);
    assert_eq!(events_of(&bodies.lock().unwrap()[0]), [event.event.as_str()]);
    assert_eq!(parsed(&event.event)["timestamp"], Rfc3339(event.emitted_at).to_string());
    drop(client);
    running.await.unwrap();
}

/// The clock is paused: each poll takes a second of it.
async fn until_settled(client: &Client) {
    for _ in 0..1_000 {
        if client.stats().pending == 0 {
            return;
        }
        // On the paused clock: the sleep makes time pass.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{}", client.stats());
}

#[test]
fn redaction_covers_the_common_fields_wherever_they_are() {
    for placing in [false, true] {
        let world = World::new();
        let redact = Redact::new().remove("/service.name").remove("/text");
        let builder = common(quick("http://127.0.0.1:9/")).spill_redact(redact).mode(Mode::LogOnly);
        let builder = if placing { builder.format(Placing) } else { builder };
        let client = builder.build().unwrap();
        client.emit_named("seen", &Numbered::of(0));
        client.shutdown_blocking(LONG);
        let event = world.log.events().remove(0);
        let text = world.log.text();
        assert!(
            event.redacted && !text.contains("orders") && event.event.ends_with(r#""id":0}"#),
            "{event:?}"
        );
        assert_eq!(event.common.as_deref(), placing.then_some(r#"{"shard":7}"#));
    }
}

#[test]
fn lines_with_common_fields_stay_within_their_bound_and_read_back_from_every_formatter() {
    let texts: Vec<String> = ["\"\\".repeat(9_000), "世".repeat(9_000), "short".to_owned()].to_vec();
    for formatter in 0..4 {
        let log = Spilled::default();
        let to = log.clone();
        let made = tracing_subscriber::fmt().with_writer(move || to.clone());
        let _subscriber = match formatter {
            0 => tracing::subscriber::set_default(made.json().finish()),
            1 => tracing::subscriber::set_default(made.with_ansi(true).finish()),
            2 => tracing::subscriber::set_default(made.compact().with_ansi(false).finish()),
            _ => tracing::subscriber::set_default(made.pretty().with_ansi(false).finish()),
        };
        let client = quick("http://127.0.0.1:9/")
            .common_field("quotes", "\"\\ = , : ".repeat(60))
            .common_field("widths", "e\u{301} 世 \u{202e}".repeat(20))
            .format(Placing)
            .mode(Mode::LogOnly)
            .build()
            .unwrap();
        for (id, text) in texts.iter().enumerate() {
            client.emit_named("order placed = x, y: z", &Numbered { id: id as u64, text: text.clone() });
        }
        client.shutdown_blocking(LONG);
        let all = log.text();
        let read: Vec<Joined> =
            overspill::spill::Records::new(all.as_bytes()).joined().map(Result::unwrap).collect();
        assert_eq!(read.len(), 3, "{formatter}");
        for event in &read {
            let own: Numbered = serde_json::from_str(&event.event).unwrap();
            assert_eq!(own.text, texts[own.id as usize], "{formatter}");
            assert_eq!(event.name.as_deref(), Some("order placed = x, y: z"));
            let common = parsed(event.common.as_deref().unwrap());
            assert_eq!(common["quotes"], "\"\\ = , : ".repeat(60));
            assert_eq!(common["widths"], "e\u{301} 世 \u{202e}".repeat(20));
        }
        for line in all.lines() {
            assert!(line.len() < SPILL_LINE_BYTES, "{formatter}: {}", line.len());
        }
    }
}

#[test]
fn a_client_that_could_not_be_built_as_configured_writes_the_common_fields_to_the_log() {
    let world = World::new();
    let client = common(quick("not a URL")).format(Placing).build_or_log_only();
    client.emit_named("seen", &Numbered::of(0));
    client.shutdown_blocking(LONG);
    let event = world.log.events().remove(0);
    assert_eq!((event.name.as_deref(), event.common.as_deref()), (Some("seen"), Some(COMMON)));
}
