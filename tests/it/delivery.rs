//! A healthy endpoint gets every event once, with the configured format and headers.

use crate::support::*;
use overspill::format::Ndjson;
use overspill::{Builder, EndpointState, LostReason, Reason};
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn every_event_from_every_thread_is_delivered_once() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = client.clone();
            scope.spawn(move || emit_all(&client, thread * 1000..(thread + 1) * 1000));
        }
    });
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 4000);
    assert_eq!(stats.delivered, 4000);
    assert_eq!((stats.endpoint, stats.pending_bytes, stats.posts_failed), (EndpointState::Healthy, 0, 0));
    assert!(stats.posts >= 8, "batches hold at most 500: {stats}");
}

#[test]
fn ndjson_is_one_event_per_line_and_reads_back() {
    let world = World::new();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bodies);
    let endpoint = world.endpoint(move |request| {
        assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
        seen.lock().unwrap().push(String::from_utf8(request.body.clone()).unwrap());
        Act::Status(204)
    });
    let client = quick(endpoint.url()).format(Ndjson).build().unwrap();
    emit_all(&client, 0..100);
    world.assert_settled(&client.shutdown_blocking(LONG), 100);
    let lines: usize = bodies.lock().unwrap().iter().map(|body| body.lines().count()).sum();
    assert_eq!(lines, 100);
}

#[test]
fn headers_and_the_batch_number_travel_with_each_request() {
    let world = World::new();
    let keys = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&keys);
    let endpoint = world.endpoint(move |request| {
        assert_eq!(request.header("authorization"), Some("Bearer s3cret"));
        assert_eq!(request.header("x-tenant"), Some("a"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept-encoding"), None);
        assert!(request.header("user-agent").unwrap().starts_with("overspill/"));
        seen.lock().unwrap().push(request.header("idempotency-key").unwrap().to_owned());
        Act::Status(200)
    });
    let client = quick(endpoint.url())
        .bearer_auth("s3cret")
        .header("X-Tenant", "an earlier one")
        .header("x-tenant", "a")
        .batch_events_max(10)
        .build()
        .unwrap();
    emit_all(&client, 0..30);
    world.assert_settled(&client.shutdown_blocking(LONG), 30);
    let keys = keys.lock().unwrap();
    let mut unique = keys.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((unique.len(), keys.len()), (keys.len(), keys.len()));
    assert!(keys.len() >= 3);
    assert!(!world.log.text().contains("s3cret"));
}

#[test]
fn a_batch_stays_within_its_event_and_byte_limits() {
    let world = World::new();
    let endpoint = world.endpoint(|request| {
        assert!(request.body.len() <= 1000, "{}", request.body.len());
        assert!(ids_of(&request.body).len() <= 7);
        Act::Status(200)
    });
    let client = quick(endpoint.url()).batch_events_max(7).batch_bytes_max(1000).build().unwrap();
    for id in 0..200 {
        client.emit(&Numbered { id, text: "x".repeat((id as usize * 37) % 900) });
    }
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.spilled_by(Reason::Oversized), 0);
    world.assert_settled(&stats, 200);
}

#[test]
fn a_lone_event_waits_no_longer_than_the_batch_age() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).batch_age_max(Duration::from_millis(30)).build().unwrap();
    emit_all(&client, 0..1);
    until("the delivery", || client.stats().delivered == 1);
    world.assert_settled(&client.shutdown_blocking(LONG), 1);
}

#[test]
fn one_connection_serves_many_requests() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).posts_in_flight_max(1).batch_events_max(10).build().unwrap();
    emit_all(&client, 0..200);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 200);
    assert_eq!((endpoint.connections(), stats.posts), (1, endpoint.requests()));
}

/// A client that compresses its bodies, and an endpoint that accepts no others.
fn packed_bodies_arrive(
    encoding: &'static str,
    packing: impl FnOnce(Builder) -> Builder,
    unpack: impl Fn(&[u8]) -> std::io::Result<Vec<u8>> + Send + Sync + 'static,
) {
    let world = World::new();
    let taken = world.taken.clone();
    let endpoint = overspill::testkit::Endpoint::start(move |request| {
        assert_eq!(request.header("content-encoding"), Some(encoding));
        taken.keep(&unpack(&request.body).unwrap());
        Act::Status(200)
    })
    .unwrap();
    let client = packing(quick(endpoint.url())).build().unwrap();
    emit_all(&client, 0..1000);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 1000);
    assert_eq!(stats.delivered, 1000);
}

#[test]
fn gzip_bodies_are_labeled_and_decompress_to_the_same_events() {
    packed_bodies_arrive("gzip", Builder::gzip, |body| {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(body).read_to_end(&mut unpacked)?;
        Ok(unpacked)
    });
}

#[test]
fn the_books_balance_in_every_snapshot_while_events_flow() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    std::thread::scope(|scope| {
        let emitter = scope.spawn(|| emit_all(&client, 0..20_000));
        while !emitter.is_finished() {
            let stats = client.stats();
            assert_eq!(stats.emitted, stats.delivered + stats.spilled + stats.lost + stats.pending);
        }
    });
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.lost_by(LostReason::Deadline), 0);
    world.assert_settled(&stats, 20_000);
}
