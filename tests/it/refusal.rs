//! What an endpoint says no to: by status, by redirect, by naming events. wiremock answers.

use crate::figures::report;
use crate::support::*;
use overspill::format::{Body, Events, Format, JsonArray, Overhead, Refused};
use overspill::transport::Reply;
use overspill::{EndpointState, Reason};
use std::collections::BTreeSet;
use std::time::Duration;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

async fn server(answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// Answers 200 unless one of the events is poison.
fn poisoned<P: Fn(u64) -> bool + Send + Sync + 'static>(
    world: &World,
    poison: P,
    status: u16,
) -> impl Fn(&Request) -> ResponseTemplate + use<P> {
    let taken = world.taken.clone();
    move |request: &Request| {
        if ids_of(&request.body).into_iter().any(&poison) {
            return ResponseTemplate::new(status);
        }
        taken.keep(&request.body);
        ResponseTemplate::new(200)
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn one_poison_event_is_isolated_by_halving_and_the_others_are_delivered() {
    for status in [400, 413, 422] {
        let world = World::new();
        let server = server(poisoned(&world, |id| id == 77, status)).await;
        let client =
            quick(server.uri()).batch_events_max(256).batch_age_max(Duration::from_secs(5)).build().unwrap();
        emit_all(&client, 0..256);
        client.flush(LONG).await.unwrap();
        let stats = client.shutdown(LONG).await;
        world.assert_settled(&stats, 256);
        assert_eq!((stats.delivered, refused_ids(&world)), (255, [77].into()), "{status}: {stats}");
        assert!(stats.posts <= 1 + 2 * 8, "{status}: {} posts for 256 events", stats.posts);
        assert_eq!(stats.endpoint, EndpointState::Healthy);
        report(14, &format!("extra posts, one poison event among 256, status {status}"), stats.posts - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_refuses_everything_is_not_stormed() {
    let world = World::new();
    let server = server(poisoned(&world, |_| true, 422)).await;
    let client = quick(server.uri()).probe_interval_max(Duration::from_secs(60)).build().unwrap();
    emit_all(&client, 0..5000);
    let stats = client.shutdown(LONG).await;
    world.assert_settled(&stats, 5000);
    assert!(stats.posts <= 60, "{stats}");
    assert_eq!(world.log.count_notices("outage began"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_ends_posting_at_once_with_one_notice() {
    for status in [401, 403, 404] {
        let world = World::new();
        let server = server(move |_: &Request| ResponseTemplate::new(status)).await;
        let client = quick(server.uri())
            .posts_in_flight_max(1)
            .batch_events_max(10)
            .probe_interval_max(Duration::from_secs(60))
            .build()
            .unwrap();
        emit_all(&client, 0..1000);
        let stats = client.shutdown(LONG).await;
        world.assert_settled(&stats, 1000);
        assert!(stats.spilled_by(Reason::Denied) >= 10, "{stats}");
        assert!(stats.posts <= 2, "the first request, and a probe that jitter put at once: {stats}");
        assert_eq!(
            world.log.count_notices(&format!("outage began: denied: status {status}")),
            1,
            "{}",
            world.log.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_never_followed_and_its_target_never_hears_of_us() {
    for status in [301, 302, 303, 307, 308] {
        let world = World::new();
        let target = server(|_: &Request| ResponseTemplate::new(200)).await;
        let location = target.uri();
        let server = server(move |_: &Request| {
            ResponseTemplate::new(status).insert_header("location", location.as_str())
        })
        .await;
        let client = quick(server.uri()).header("x-api-key", "canary").build().unwrap();
        emit_all(&client, 0..100);
        let stats = client.shutdown(LONG).await;
        world.assert_settled(&stats, 100);
        assert_eq!((stats.delivered, target.received_requests().await.unwrap().len()), (0, 0), "{status}");
        assert!(!world.log.text().contains("canary"));
    }
    report(12, "requests at the target of a redirect", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_that_pass_by_make_an_outage_and_only_5xx_is_maybe_delivered() {
    for (status, maybe) in [(408, 0), (429, 0), (503, 0), (500, 10), (502, 10)] {
        let world = World::new();
        let server = server(move |_: &Request| ResponseTemplate::new(status)).await;
        let client = quick(server.uri()).batch_events_max(10).build().unwrap();
        emit_all(&client, 0..10);
        client.flush(LONG).await.unwrap();
        let stats = client.shutdown(LONG).await;
        world.assert_settled(&stats, 10);
        assert_eq!(
            (stats.spilled_by(Reason::Unavailable), stats.maybe_delivered),
            (10, maybe),
            "{status}: {stats}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_that_is_said_twice_is_honoured_no_probe_comes_before_it() {
    let world = World::new();
    let server = server(|_: &Request| ResponseTemplate::new(429).insert_header("retry-after", "3600")).await;
    let client = quick(server.uri()).batch_events_max(10).posts_in_flight_max(1).build().unwrap();
    let mut id = 0;
    // The first takes it out; the probe that follows is told the same.
    while client.stats().posts < 2 {
        emit_all(&client, id..id + 1);
        client.flush(LONG).await.unwrap();
        id += 1;
    }
    for id in id..id + 50 {
        emit_all(&client, id..id + 1);
        client.flush(LONG).await.unwrap();
    }
    let stats = client.shutdown(LONG).await;
    world.assert_settled(&stats, id + 50);
    assert_eq!((stats.posts, stats.delivered), (2, 0), "{stats}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_slower_than_the_post_timeout_spills_as_maybe_delivered_even_if_it_was_taken() {
    let world = World::new();
    let taken = world.taken.clone();
    let server = server(move |request: &Request| {
        taken.keep(&request.body);
        ResponseTemplate::new(200).set_delay(Duration::from_millis(800))
    })
    .await;
    let client = quick(server.uri()).post_timeout(Duration::from_millis(100)).build().unwrap();
    emit_all(&client, 0..20);
    client.flush(LONG).await.unwrap();
    let stats = client.shutdown(LONG).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_2xx_that_refuses_single_events_spills_just_those() {
    let world = World::new();
    let taken = world.taken.clone();
    let server = server(move |request: &Request| {
        let odd = |id: &u64| id % 2 == 1;
        let (events, ids) = (events_of(&request.body), ids_of(&request.body));
        for (event, _) in events.iter().zip(&ids).filter(|(_, id)| !odd(id)) {
            taken.keep(event.as_bytes());
        }
        let refused: Vec<usize> = (0..ids.len()).filter(|&nth| odd(&ids[nth])).chain([9999]).collect();
        ResponseTemplate::new(200).set_body_json(serde_json::json!({ "refused": refused }))
    })
    .await;
    let client = quick(server.uri()).format(Picky).build().unwrap();
    emit_all(&client, 0..100);
    let stats = client.shutdown(LONG).await;
    world.assert_settled(&stats, 100);
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Refused)), (50, 50));
    report(15, "refused in a 2xx", "law exact, 50 of 100 spilled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_2xx_that_does_not_say_which_events_it_refuses_spills_all_as_maybe_delivered() {
    let world = World::new();
    let server = server(|_: &Request| ResponseTemplate::new(200).set_body_string("ok?")).await;
    let client = quick(server.uri()).format(Picky).build().unwrap();
    emit_all(&client, 0..10);
    let stats = client.shutdown(LONG).await;
    world.assert_settled(&stats, 10);
    assert_eq!((stats.delivered, stats.maybe_delivered), (0, 10));
}

#[test]
fn every_status_from_100_to_999_settles_as_tabled_and_only_2xx_delivers() {
    let status_of = |request: &Received| -> u16 {
        request.head.split('/').nth(3).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap()
    };
    let endpoint = Endpoint::start(move |request| Act::Status(status_of(request))).unwrap();
    let base = endpoint.url();
    for status in 100..=999 {
        let world = World::new();
        let client = quick(format!("{base}/{status}"))
            // An informational answer is followed by none here.
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
            // Ends HTTP on this connection, without a word on what we sent.
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
