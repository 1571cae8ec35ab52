//! Events from a log are sent to the endpoint again, unchanged.

use crate::support::*;
use overspill::format::{Body, Events, Format, Layout, Ndjson, Overhead, Placement};
use overspill::spill::{Entry, Joined, Joiner, Losses, Records, Rfc3339};
use overspill::{MaybeDelivered, Reason, Resent};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A line per event with everything that a format knows about it, after a line with the common fields.
struct Everything(Placement);

impl Format for Everything {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        let common = events.common_fields();
        assert_eq!(common.is_empty(), common.json() == "{}");
        for (name, json) in common.iter() {
            body.push(format!("{name}={json}\n"));
        }
        for event in events {
            body.push(format!("{} {} {:?} ", event.id(), Rfc3339(event.time()), event.name()));
            body.push(event.json());
            body.push("\n");
        }
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 64, per_event: 200 }
    }

    fn placement(&self) -> Placement {
        self.0
    }
}

/// What a client with these settings leaves in the log while nothing listens.
fn spilled(format: impl Format, emit: impl FnOnce(&overspill::Client)) -> Vec<Joined> {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/")
        .format(format)
        .common_field("service", "orders")
        .common_field("shard", 7)
        .build()
        .unwrap();
    emit(&client);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.lost), (stats.emitted, 0));
    let text = world.log.text();
    let mut events: Vec<Joined> = Records::new(text.as_bytes()).joined().map(Result::unwrap).collect();
    events.sort_by_key(|event| event.seq);
    assert_eq!(events.len() as u64, stats.emitted);
    events
}

fn bodies(
    script: impl Fn(&Received) -> Act + Send + Sync + 'static,
) -> (Endpoint, Arc<std::sync::Mutex<Vec<String>>>) {
    let bodies = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    let endpoint = Endpoint::start(move |request| {
        let act = script(request);
        if act.takes() {
            kept.lock().unwrap().push(String::from_utf8(request.body.clone()).unwrap());
        }
        act
    });
    (endpoint.unwrap(), bodies)
}

#[test]
fn an_event_keeps_its_id_time_name_and_common_fields_if_the_format_has_a_place_for_them() {
    for placement in [Placement::OncePerRequest, Placement::BesideEachEvent] {
        let events = spilled(Everything(placement), |client| {
            client.emit_named("order placed", &Numbered::of(0));
            emit_all(client, 1..10);
        });
        let others = spilled(Everything(placement), |client| emit_all(client, 0..3));
        let (server, bodies) = bodies(|_| Act::Status(200));
        let mut resender = quick(server.url()).format(Everything(placement)).build_resender().unwrap();
        let mut all = events.clone();
        all.extend(others);
        assert_eq!(resender.send(&all), vec![Resent::Delivered; all.len()]);
        let lines: BTreeSet<String> = bodies
            .lock()
            .unwrap()
            .iter()
            .flat_map(|body| body.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let expected = all.iter().map(|event| {
            let time = Rfc3339(event.emitted_at);
            format!("{}-{} {time} {:?} {}", event.client, event.seq, event.name, event.event)
        });
        let expected: BTreeSet<String> =
            expected.chain(["service=\"orders\"".to_owned(), "shard=7".to_owned()]).collect();
        assert_eq!(lines, expected);
        assert_eq!(all[0].name.as_deref(), Some("order placed"));
        let stats = resender.shutdown_blocking(LONG);
        assert_eq!((stats.emitted, stats.delivered, stats.pending), (13, 13, 0));
    }
}

#[test]
fn an_event_is_the_identical_json_if_the_format_has_no_such_place_and_fields_from_outside_it_move_into_it() {
    let (server, bodies) = bodies(|_| Act::Status(200));
    let mut resender = quick(server.url()).format(Ndjson).build_resender().unwrap();
    let within = spilled(Ndjson, |client| emit_all(client, 0..10));
    assert_eq!(resender.send(&within), vec![Resent::Delivered; 10]);
    let sent: Vec<String> =
        bodies.lock().unwrap().drain(..).collect::<String>().lines().map(str::to_owned).collect();
    assert_eq!(sent, within.iter().map(|event| event.event.clone()).collect::<Vec<_>>());

    let beside = spilled(Everything(Placement::OncePerRequest), |client| {
        client.emit_named("paid", &Numbered::of(7));
    });
    assert_eq!(resender.send(&beside), [Resent::Delivered]);
    let sent: String = bodies.lock().unwrap().concat();
    let own = beside[0].event.strip_prefix('{').unwrap();
    assert_eq!(sent, format!("{{\"service\":\"orders\",\"shard\":7,\"event.name\":\"paid\",{own}\n"));
    assert!(matches!(Ndjson.layout(), Layout::Framed(_)));
}

#[test]
fn refused_events_come_back_with_the_endpoints_words_and_the_others_are_delivered() {
    let events = spilled(Ndjson, |client| emit_all(client, 0..300));
    let (server, bodies) = bodies(|request| {
        let poison = events_of(&request.body).iter().any(|event| event.contains("\"id\":77,"));
        Act::Bytes(if poison {
            b"HTTP/1.1 422 X\r\ncontent-length: 9\r\ncontent-type: text/plain\r\n\r\nno sevens".to_vec()
        } else {
            b"HTTP/1.1 200 X\r\ncontent-length: 0\r\n\r\n".to_vec()
        })
    });
    let mut resender = quick(server.url()).format(Ndjson).build_resender().unwrap();
    let resent = resender.send(&events);
    for (event, resent) in events.iter().zip(&resent) {
        match resent {
            Resent::Refused { words, maybe_delivered, .. } => {
                assert_eq!((event.seq, *maybe_delivered), (77, MaybeDelivered::No));
                assert!(words.contains("no sevens"), "{words}");
            }
            resent => assert_eq!((resent, event.seq == 77), (&Resent::Delivered, false)),
        }
    }
    let taken: BTreeSet<String> =
        bodies.lock().unwrap().iter().flat_map(|body| events_of(body.as_bytes())).collect();
    assert_eq!(taken.len(), 299);
}

#[test]
fn what_is_not_taken_in_an_outage_is_sent_again_until_all_is_delivered_and_none_is_lost() {
    let events = spilled(Ndjson, |client| emit_all(client, 0..500));
    let up = Arc::new(AtomicBool::new(false));
    let is_up = Arc::clone(&up);
    let (server, bodies) =
        bodies(move |_| Act::Status(if is_up.load(Ordering::Acquire) { 200 } else { 503 }));
    let mut resender = quick(server.url()).format(Ndjson).build_resender().unwrap();
    let first = resender.send(&events);
    assert!(first.iter().all(|resent| matches!(resent, Resent::NotTaken { .. })), "{first:?}");
    assert!(
        first.iter().any(|resent| matches!(resent, Resent::NotTaken { reason: Reason::Unavailable, .. }))
    );
    up.store(true, Ordering::Release);
    let mut left = events.clone();
    until("all is delivered", || {
        let resent = resender.send(&left);
        left = left
            .drain(..)
            .zip(resent)
            .filter(|(_, resent)| *resent != Resent::Delivered)
            .map(|(event, _)| event)
            .collect();
        left.is_empty()
    });
    let taken: BTreeSet<u64> = bodies.lock().unwrap().iter().flat_map(|body| ids_of_common(body)).collect();
    assert_eq!(taken, (0..500).collect());
    let stats = resender.shutdown_blocking(LONG);
    assert_eq!((stats.lost, stats.pending, stats.delivered), (0, 0, 500));
}

fn ids_of_common(body: &str) -> Vec<u64> {
    body.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap())
        .collect()
}

#[test]
fn anything_that_is_not_our_event_is_refused_and_never_sent() {
    let (server, bodies) = bodies(|_| Act::Status(200));
    let mut resender = quick(server.url()).format(Ndjson).build_resender().unwrap();
    let event = spilled(Ndjson, |client| emit_all(client, 0..1)).remove(0);
    let with = |change: fn(&mut Joined)| {
        let mut changed = event.clone();
        change(&mut changed);
        changed
    };
    let wrong = [
        with(|event| event.event = "{}\n{}".to_owned()),
        with(|event| event.event = "{\"a\":1} {}".to_owned()),
        with(|event| event.event = "{\n}".to_owned()),
        with(|event| event.client = "a\"b".to_owned()),
        with(|event| event.name = Some("a\",\"b".to_owned())),
        with(|event| event.common = Some("{},{}".to_owned())),
        with(|event| event.common = Some("[1]".to_owned())),
        with(|event| event.event = format!("\"{}\"", "x".repeat(1 << 20))),
    ];
    for event in wrong {
        let resent = resender.send(std::slice::from_ref(&event));
        assert!(matches!(&resent[..], [Resent::Refused { .. }]), "{resent:?}");
    }
    assert_eq!(resender.send(&[event]), [Resent::Delivered]);
    assert_eq!(bodies.lock().unwrap().len(), 1);
}

#[test]
fn more_events_than_the_queue_holds_are_sent_in_several_rounds() {
    let events = spilled(Ndjson, |client| emit_all(client, 0..1000));
    let (server, bodies) = bodies(|_| Act::Status(200));
    let mut resender = quick(server.url())
        .format(Ndjson)
        .queue_events_max(64)
        .batch_events_max(16)
        .build_resender()
        .unwrap();
    assert_eq!(resender.send(&events), vec![Resent::Delivered; 1000]);
    let sent: usize = bodies.lock().unwrap().iter().map(|body| body.lines().count()).sum();
    assert_eq!(sent, 1000);
}

#[test]
fn settings_that_would_have_no_effect_are_errors() {
    let wrong = [
        quick("http://127.0.0.1:9/").common_field("a", 1),
        quick("http://127.0.0.1:9/").time_field("at"),
        quick("http://127.0.0.1:9/").mode(overspill::Mode::LogOnly),
        quick("http://127.0.0.1:9/").spill_sink(Spilled::default()),
    ];
    for builder in wrong {
        let error = builder.build_resender().unwrap_err().to_string();
        assert!(error.contains("leave it out"), "{error}");
    }
}

/// The counters that a client writes into the log say how much it spilled; the log must hold all of it.
#[test]
fn lines_missing_from_a_log_are_found_by_the_clients_count_of_spilled_events() {
    let world = World::new();
    let server = world.endpoint(|_| Act::Status(503));
    let client = quick(server.url()).build().unwrap();
    emit_all(&client, 0..200);
    block_on(client.flush(LONG)).unwrap();
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 200);
    let text = world.log.text();
    let losses = |text: &str| {
        let (mut losses, mut joiner) = (Losses::new(), Joiner::new());
        for entry in Records::new(text.as_bytes()).entries() {
            match entry.unwrap() {
                Entry::Part(part) => joiner.add(part),
                Entry::Notice(notice) => losses.told(&notice),
                entry => panic!("{entry:?}"),
            }
            while let Some(event) = joiner.next_event() {
                losses.found(&event);
            }
        }
        let client = losses.clients().next().unwrap().to_owned();
        losses.of(&client)
    };
    let whole = losses(&text);
    assert_eq!((whole.found, whole.missing(), whole.is_exact), (200, 0, true), "{text}");
    let torn: Vec<&str> = text.lines().filter(|line| !line.contains("\"spill_seq\":7")).collect();
    let missing = 200 - torn.iter().filter(|line| line.contains("spill_event\"")).count() as u64;
    assert_eq!((losses(&torn.join("\n")).missing(), missing), (11, 11));
}
