//! The endpoints that people run: what each receives, how each refuses, and that the law holds whatever it answers.
//!
//! Simulated in memory from their documented answers (`formats/kinds.rs`); `.ci/backends` uses real servers.

mod answers;
mod bodies;
mod kinds;
mod play;
mod sockets;
mod wire;

use crate::support::*;
use kinds::{KINDS, Kind, Naming};
use overspill::testkit::{Answer, Scripted};
use overspill::transport::Reply;
use overspill::{Client, MaybeDelivered, Observer, Reason, Signal, Stats};
use play::played;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

struct Outages(Arc<AtomicU64>);

impl Observer for Outages {
    fn signal(&self, signal: &Signal<'_>) {
        if matches!(signal, Signal::OutageBegan { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The result of a run.
struct Outcome {
    stats: Stats,
    log: Spilled,
    /// How many times each id is stored.
    stored: BTreeMap<u64, u32>,
    posts: usize,
    outages: u64,
}

/// Sends this many events through a format to its endpoint, which refuses some of them.
fn run(kind: &Kind, events: u64, batch: usize, poison: impl Fn(u64) -> bool + Send + 'static) -> Outcome {
    let mut endpoint = (kind.endpoint)();
    run_against(kind, events, batch, move |body, stored| endpoint(body, &poison, stored))
}

/// The same with any endpoint.
fn run_against(
    kind: &Kind,
    events: u64,
    batch: usize,
    mut endpoint: impl FnMut(&[u8], &mut kinds::Stored) -> Reply + Send + 'static,
) -> Outcome {
    let log = Spilled::default();
    let stored = Arc::new(Mutex::new(BTreeMap::new()));
    let posts = Arc::new(Mutex::new(0));
    let (store, count) = (Arc::clone(&stored), Arc::clone(&posts));
    let transport = Scripted::new(move |request| {
        *count.lock().unwrap() += 1;
        let reply = endpoint(&request.body, &mut store.lock().unwrap());
        Answer::After(Duration::from_millis(1), Ok(reply))
    });
    let outages = Arc::new(AtomicU64::new(0));
    let began = Arc::clone(&outages);
    let builder = (kind.builder)(Client::builder("played")).service_name("orders").common_field("shard", 7);
    let builder = builder
        .batch_events_max(batch)
        .batch_bytes_max(900_000)
        .transport(transport)
        .spill_sink(log.clone())
        // For notices.
        .spill_fallback(Spilled::default())
        .observer(Outages(began));
    let event =
        |id| (Some("order_placed"), json!({ "id": id, "message": format!("a \"b\" {id}"), "ms": 1.5 }));
    let stats = played(builder, (0..events).map(event));
    let (stored, posts) = (stored.lock().unwrap().clone(), *posts.lock().unwrap());
    Outcome { stats, log, stored, posts, outages: outages.load(Ordering::Relaxed) }
}

fn id_in(event: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(event).unwrap()["id"].as_u64().unwrap()
}

/// The law by ids, with what may be in both places marked.
#[track_caller]
fn assert_law(kind: &Kind, outcome: &Outcome, emitted: u64) {
    let (name, stats) = (kind.name, &outcome.stats);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (emitted, 0, 0), "{name}: {stats}");
    let records = outcome.log.events();
    assert_eq!(records.len() as u64, stats.spilled, "{name}: {stats}");
    let spilled: BTreeSet<u64> = records.iter().map(|record| id_in(&record.event)).collect();
    let found: BTreeSet<u64> = outcome.stored.keys().copied().chain(spilled.iter().copied()).collect();
    assert_eq!(found, (0..emitted).collect(), "{name}: {stats}");
    for record in records.iter().filter(|record| outcome.stored.contains_key(&id_in(&record.event))) {
        assert_eq!(record.maybe_delivered, MaybeDelivered::Yes, "{name}: in both places: {record:?}");
    }
    let twice: Vec<_> = outcome.stored.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{name}: stored twice: {twice:?}");
}

#[test]
fn every_format_delivers_all_to_an_endpoint_that_has_nothing_against_it() {
    for kind in KINDS {
        let outcome = run(kind, 1_000, 500, |_| false);
        assert_law(kind, &outcome, 1_000);
        assert_eq!(outcome.stats.delivered, 1_000, "{}: {}", kind.name, outcome.stats);
    }
}

#[test]
fn a_poisoned_event_among_a_thousand_is_alone_in_the_log_with_the_endpoints_words() {
    for kind in KINDS {
        let outcome = run(kind, 1_000, 500, |id| id % 400 == 123);
        if kind.naming == Naming::Silent {
            assert_eq!(outcome.stats.delivered, 1_000, "{}: {}", kind.name, outcome.stats);
            continue;
        }
        assert_law(kind, &outcome, 1_000);
        let poison = BTreeSet::from([123, 523, 923]);
        let records = outcome.log.events();
        let refused: Vec<_> =
            records.iter().filter(|record| poison.contains(&id_in(&record.event))).collect();
        assert_eq!(refused.len(), 3, "{}: {}", kind.name, outcome.stats);
        for record in refused {
            assert_eq!(record.reason, Reason::Refused, "{}: {record:?}", kind.name);
            assert!(record.detail.contains(kind.words), "{}: {record:?}", kind.name);
        }
        let others = match kind.naming {
            // All other events of both batches.
            Naming::Count => 997,
            // For each refused event, the neighbour that the endpoint may have meant.
            Naming::Neighbours => 3,
            _ => 0,
        };
        assert_eq!(records.len(), 3 + others, "{}: {}", kind.name, outcome.stats);
        let posts = match kind.naming {
            Naming::Position | Naming::Count => 2,
            Naming::FirstStop | Naming::Neighbours => 2 + 2 * 3,
            // Two posts for each halving.
            _ => 2 + 3 * 2 * 9,
        };
        assert!(outcome.posts <= posts, "{}: {} posts", kind.name, outcome.posts);
    }
}

#[test]
fn an_endpoint_that_refuses_every_event_is_reported_as_an_outage_and_stores_nothing() {
    for kind in KINDS.iter().filter(|kind| kind.naming != Naming::Silent) {
        let outcome = run(kind, 200, 10, |_| true);
        assert_law(kind, &outcome, 200);
        assert_eq!(outcome.stats.delivered, 0, "{}: {}", kind.name, outcome.stats);
        assert!(outcome.outages >= 1, "{}: {}", kind.name, outcome.stats);
    }
}

#[test]
fn many_poisoned_events_cost_a_bounded_number_of_posts() {
    for kind in KINDS.iter().filter(|kind| kind.naming != Naming::Silent) {
        let outcome = run(kind, 512, 512, |id| id % 3 == 0);
        assert_law(kind, &outcome, 512);
        assert!(outcome.posts <= 1 + 4 * 2 * 9, "{}: {} posts", kind.name, outcome.posts);
    }
}

/// A bulk endpoint that has room for some events per request, and then for none.
fn overloaded(takes: usize) -> Outcome {
    let kind = &Kind {
        name: "overloaded",
        builder: |b| b.format(overspill::format::Bulk::new()),
        endpoint: || Box::new(|_, _, _| Reply::of_status(500)),
        naming: Naming::Position,
        words: "",
    };
    run_against(kind, 500, 50, move |body, stored| {
        let documents = body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).skip(1).step_by(2);
        let items: Vec<_> = documents.enumerate().map(|(nth, document)| {
            if nth >= takes {
                return json!({"create": {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "full"}}});
            }
            let document: serde_json::Value = serde_json::from_slice(document).unwrap();
            *stored.entry(document["id"].as_u64().unwrap()).or_default() += 1;
            json!({"create": {"status": 201}})
        }).collect();
        Reply::of_status(200).with_body(json!({"errors": true, "items": items}).to_string())
    })
}

#[test]
fn events_that_an_overloaded_bulk_endpoint_has_no_room_for_are_no_poison_and_count_towards_an_outage() {
    let outcome = overloaded(0);
    assert_eq!((outcome.stats.delivered, outcome.outages), (0, 1), "{}", outcome.stats);
    let unavailable = outcome.stats.spilled_by(Reason::Unavailable);
    assert!(unavailable >= 100 && outcome.stats.spilled_by(Reason::Refused) == 0, "{}", outcome.stats);
    let told = outcome
        .log
        .events()
        .iter()
        .any(|record| record.detail.contains("429 es_rejected_execution_exception: full"));
    assert!(told, "{}", outcome.log.text());
    // Turning away most of each post is a failure. Turning away a few is not: no outage.
    assert!(overloaded(20).outages >= 1);
    let few = overloaded(45);
    assert_eq!(few.outages, 0, "{}", few.stats);
    assert_eq!(few.stats.delivered + few.stats.spilled_by(Reason::Unavailable), 500, "{}", few.stats);
}

#[test]
fn what_an_endpoint_may_have_stored_before_it_died_is_marked() {
    let kind = KINDS.iter().find(|kind| kind.name == "loki").unwrap();
    let mut posts = 0;
    let mut loki = (kind.endpoint)();
    // Part of the first request is stored; then the endpoint is gone.
    let outcome = run_against(kind, 64, 64, move |body, stored| {
        posts += 1;
        if posts > 1 {
            return Reply::of_status(503);
        }
        loki(body, &|id| id == 13, stored)
    });
    assert_law(kind, &outcome, 64);
    assert_eq!((outcome.stats.delivered, outcome.stats.maybe_delivered), (0, 64), "{}", outcome.stats);
}
