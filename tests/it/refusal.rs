//! How an endpoint refuses: by status, by redirect, by naming events.

use crate::figures::report;
use crate::support::*;
use overspill::format::{Body, Events, Format, JsonArray, Overhead, Refused};
use overspill::transport::Reply;
use overspill::{EndpointState, Reason};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
/// Answers 200 unless one of the events is poison.
fn poisoned(poison: impl Fn(u64) -> bool, status: u16) -> impl Fn(&Received) -> Act {
    move |request| {
        let refused = ids_of(&request.body).into_iter().any(&poison);
        Act::Status(if refused { status } else { 200 })
    }
}

/// An answer with one header and a body.
fn answer(status: u16, header: &str, body: &str) -> Act {
    let length = body.len();
    Act::Bytes(
        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{header}\r\n\r\n{body}").into_bytes(),
    )
}

fn refused_ids(world: &World) -> BTreeSet<u64> {
    world
        .log
        .events()
        .iter()
        .filter(|event| event.reason == Reason::Refused)
        .map(|event| id_of(&event.event))
        .collect()
}

#[test]
fn one_poison_event_is_isolated_by_halving_and_the_others_are_delivered() {
    for status in [400, 413, 422] {
        let world = World::new();
        let server = world.endpoint(poisoned(|id| id == 77, status));
        let client =
            quick(server.url()).batch_events_max(256).batch_age_max(Duration::from_secs(5)).build().unwrap();
        emit_all(&client, 0..256);
        block_on(client.flush(LONG)).unwrap();
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 256);
        assert_eq!((stats.delivered, refused_ids(&world)), (255, [77].into()), "{status}: {stats}");
        assert!(stats.posts <= 1 + 2 * 8, "{status}: {} posts for 256 events", stats.posts);
        assert_eq!(stats.endpoint, EndpointState::Healthy);
        report(14, &format!("extra posts, one poison event among 256, status {status}"), stats.posts - 1);
    }
}

#[test]
fn an_endpoint_that_refuses_everything_is_not_flooded() {
    let world = World::new();
    let server = world.endpoint(poisoned(|_| true, 422));
    let client = quick(server.url()).probe_interval_max(Duration::from_secs(60)).build().unwrap();
    emit_all(&client, 0..5000);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 5000);
    assert!(stats.posts <= 60, "{stats}");
    assert_eq!(world.log.count_notices("outage began"), 1);
}

#[test]
fn a_denial_ends_posting_at_once_with_one_notice() {
    for status in [401, 403, 404] {
        let world = World::new();
        let server = world.endpoint(move |_| Act::Status(status));
        let client = quick(server.url())
            .posts_in_flight_max(1)
            .batch_events_max(10)
            .probe_interval_max(Duration::from_secs(60))
            .build()
            .unwrap();
        let began = Instant::now();
        emit_all(&client, 0..1000);
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 1000);
        assert!(stats.spilled_by(Reason::Denied) >= 10, "{stats}");
        // The first request, and a probe that jitter may start at once; more only on a slow machine.
        let probes = 1 + began.elapsed().as_millis() as u64 / 200;
        assert!(stats.posts <= 1 + probes, "{stats}");
        assert_eq!(
            world.log.count_notices(&format!("outage began: denied: status {status}")),
            1,
            "{}",
            world.log.text()
        );
    }
}

#[test]
fn a_redirect_is_never_followed_and_its_target_gets_no_request() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::new();
        let target = Endpoint::start(|_| Act::Status(200)).unwrap();
        let location = format!("location: {}", target.url());
        let server = world.endpoint(move |_| answer(status, &location, ""));
        let client = quick(server.url()).header("x-api-key", "canary").build().unwrap();
        emit_all(&client, 0..100);
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 100);
        assert_eq!((stats.delivered, target.connections()), (0, 0), "{status}");
        assert!(!world.log.text().contains("canary"));
    }
    report(12, "requests at the target of a redirect", 0);
}

#[test]
fn transient_statuses_make_an_outage_and_only_5xx_is_maybe_delivered() {
    for (status, maybe) in [(408, 0), (429, 0), (503, 0), (500, 10), (502, 10)] {
        let world = World::new();
        let server = world.endpoint(move |_| Act::Status(status));
        let client = quick(server.url()).batch_events_max(10).build().unwrap();
        emit_all(&client, 0..10);
        block_on(client.flush(LONG)).unwrap();
        let stats = client.shutdown_blocking(LONG);
        world.assert_settled(&stats, 10);
        assert_eq!(
            (stats.spilled_by(Reason::Unavailable), stats.maybe_delivered),
            (10, maybe),
            "{status}: {stats}"
        );
    }
}

#[test]
fn a_repeated_retry_after_is_honoured_and_no_probe_comes_earlier() {
    let world = World::new();
    let server = world.endpoint(|_| answer(429, "retry-after: 3600", ""));
    let client = quick(server.url()).batch_events_max(10).posts_in_flight_max(1).build().unwrap();
    let mut id = 0;
    // The first begins the outage; the probe that follows gets the same answer.
    while client.stats().posts < 2 {
        emit_all(&client, id..id + 1);
        block_on(client.flush(LONG)).unwrap();
        id += 1;
    }
    for id in id..id + 50 {
        emit_all(&client, id..id + 1);
        block_on(client.flush(LONG)).unwrap();
    }
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, id + 50);
    assert_eq!((stats.posts, stats.delivered), (2, 0), "{stats}");
}

#[test]
fn an_answer_slower_than_the_post_timeout_spills_as_maybe_delivered_even_if_the_endpoint_accepted_the_events()
{
    let world = World::new();
    let taken = world.taken.clone();
    let server = Endpoint::start(move |request| {
        taken.keep(&request.body);
        // The slowness is under test.
        std::thread::sleep(Duration::from_millis(800));
        Act::Status(200)
    })
    .unwrap();
    let client = quick(server.url()).post_timeout(Duration::from_millis(100)).build().unwrap();
    emit_all(&client, 0..20);
    block_on(client.flush(LONG)).unwrap();
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 20);
    assert_eq!((stats.spilled_by(Reason::Timeout), stats.maybe_delivered), (20, 20));
    assert_eq!(world.taken.len(), 20, "in both places");
}

/// Names what it refuses: `{"refused":[1,5]}`.
struct Picky;

impl Format for Picky {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        JsonArray.encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        JsonArray.overhead()
    }

    fn refused(&self, reply: &Reply, _: usize) -> Refused {
        let answer: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
        match answer.as_ref().and_then(|answer| answer["refused"].as_array()) {
            Some(refused) => Refused::Events(
                refused.iter().filter_map(|nth| nth.as_u64()).map(|nth| nth as usize).collect(),
            ),
            None => Refused::Unknown,
        }
    }
}

#[test]
fn a_2xx_that_refuses_single_events_spills_just_those() {
    let world = World::new();
    let taken = world.taken.clone();
    let server = Endpoint::start(move |request| {
        let odd = |id: &u64| id % 2 == 1;
        let (events, ids) = (events_of(&request.body), ids_of(&request.body));
        for (event, _) in events.iter().zip(&ids).filter(|(_, id)| !odd(id)) {
            taken.keep(event.as_bytes());
        }
        let refused: Vec<usize> = (0..ids.len()).filter(|&nth| odd(&ids[nth])).chain([9999]).collect();
        answer(200, "content-type: application/json", &serde_json::json!({ "refused": refused }).to_string())
    })
    .unwrap();
    let client = quick(server.url()).format(Picky).build().unwrap();
    emit_all(&client, 0..100);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 100);
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Refused)), (50, 50));
    report(15, "refused in a 2xx", "law exact, 50 of 100 spilled");
}

#[test]
fn a_2xx_that_does_not_say_which_events_it_refuses_spills_all_as_maybe_delivered() {
    let world = World::new();
    let server = Endpoint::start(|_| answer(200, "content-type: text/plain", "ok?")).unwrap();
    let client = quick(server.url()).format(Picky).build().unwrap();
    emit_all(&client, 0..10);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 10);
    assert_eq!((stats.delivered, stats.maybe_delivered), (0, 10));
}

#[test]
fn every_status_from_100_to_999_settles_as_the_table_says_and_only_2xx_delivers() {
    let status_of = |request: &Received| -> u16 {
        request.head.split('/').nth(3).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap()
    };
    let endpoint = Endpoint::start(move |request| Act::Status(status_of(request))).unwrap();
    let base = endpoint.url();
    for status in 100..=999 {
        let world = World::new();
        let client = quick(format!("{base}/{status}"))
            // No final answer follows the informational one here.
            .post_timeout(Duration::from_millis(if status < 200 { 20 } else { 5_000 }))
            .batch_age_max(Duration::from_millis(1))
            .build()
            .unwrap();
        client.emit(&Numbered::of(0));
        let stats = client.shutdown_blocking(LONG);
        let delivered = u64::from((200..300).contains(&status));
        assert_eq!((stats.delivered, stats.spilled), (delivered, 1 - delivered), "{status}: {stats}");
        assert_eq!((stats.lost, stats.pending), (0, 0), "{status}: {stats}");
        let (reason, maybe) = match status {
            // Ends HTTP on this connection, without an answer to the request.
            101 => (Reason::Broken, 1),
            100..=199 => (Reason::Timeout, 1),
            200..=299 => continue,
            400 | 413 | 422 => (Reason::Refused, 0),
            300..=399 | 401..=407 | 410 | 411 | 414 | 415 | 417 | 421 | 426 | 431 | 451 => {
                (Reason::Denied, 0)
            }
            503 | 400..=499 => (Reason::Unavailable, 0),
            500..=599 => (Reason::Unavailable, 1),
            _ => (Reason::Broken, 1),
        };
        assert_eq!((stats.spilled_by(reason), stats.maybe_delivered), (1, maybe), "{status}: {stats}");
        assert_eq!(ids_spilled(&world.log), [0], "{status}");
    }
    report(11, "statuses as tabled", "900 of 900");
}
