//! Faults on the wire: refused, tarpit, reset, half an answer, garbage.

use crate::support::*;
use overspill::spill::Record;
use overspill::{Client, EndpointState, MaybeDelivered, Reason, SpillSink};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

/// A fault from start to end: everything is in the log, with the right reason and mark.
fn all_spill(act: Act, reason: Reason, maybe: u64) {
    let world = World::new();
    let endpoint = world.endpoint(move |_| act.clone());
    let client = quick(endpoint.url()).batch_events_max(10).posts_in_flight_max(1).build().unwrap();
    emit_all(&client, 0..10);
    until("the first batch to end", || client.stats().spilled == 10);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 10);
    assert_eq!(
        (stats.spilled_by(reason), stats.maybe_delivered),
        (10, maybe),
        "{stats}\n{}",
        world.log.text()
    );
}

#[test]
fn a_refused_connection_spills_as_certainly_not_delivered() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    endpoint.refuse();
    let client = quick(endpoint.url()).build().unwrap();
    emit_all(&client, 0..3000);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 3000);
    assert!(stats.spilled_by(Reason::Connect) > 0, "{stats}");
    assert_eq!((stats.delivered, stats.maybe_delivered), (0, 0));
}

#[test]
fn a_tarpit_spills_after_the_post_timeout_as_maybe_delivered() {
    all_spill(Act::Hang, Reason::Timeout, 10);
}

#[test]
fn a_connection_closed_without_an_answer_spills_as_maybe_delivered() {
    all_spill(Act::Close, Reason::Broken, 10);
}

#[test]
fn a_reset_spills_as_maybe_delivered() {
    all_spill(Act::Reset, Reason::Broken, 10);
}

#[test]
fn half_a_status_line_spills_as_maybe_delivered() {
    all_spill(Act::BytesThenClose(b"HTTP/1.1 20".to_vec()), Reason::Broken, 10);
}

#[test]
fn half_a_head_that_never_ends_spills_after_the_post_timeout() {
    all_spill(Act::Bytes(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()), Reason::Timeout, 10);
}

#[test]
fn garbage_instead_of_http_spills_as_maybe_delivered() {
    all_spill(Act::BytesThenClose(b"\x00\x01SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()), Reason::Broken, 10);
}

#[test]
fn an_answer_of_endless_headers_spills_and_is_not_read_to_the_end() {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    answer.extend(
        std::iter::repeat_n(&b"x-filler: 0123456789012345678901234567890123456789\r\n"[..], 20_000).flatten(),
    );
    all_spill(Act::Bytes(answer), Reason::Broken, 10);
}

/// Once the 2xx has arrived, the events are delivered, whatever happens to the body.
fn delivered_despite(answer: &'static [u8]) {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Bytes(answer.to_vec()));
    let client = quick(endpoint.url()).build().unwrap();
    emit_all(&client, 0..10);
    until("the delivery", || client.stats().delivered == 10);
    world.assert_settled(&client.shutdown_blocking(LONG), 10);
}

#[test]
fn a_2xx_whose_body_never_ends_is_a_delivery_cut_at_the_post_timeout() {
    delivered_despite(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this");
}

#[test]
fn a_2xx_whose_body_is_longer_than_we_read_is_a_delivery() {
    static LARGE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n".to_vec();
        answer.resize(answer.len() + 10_000_000, b'x');
        answer
    });
    delivered_despite(&LARGE);
}

#[test]
fn keep_alive_connections_that_the_endpoint_closes_lose_nothing() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).batch_age_max(Duration::from_millis(1)).build().unwrap();
    for id in 0..200 {
        emit_all(&client, id..id + 1);
        if id % 5 == 0 {
            until("the event to be settled", || client.stats().pending == 0);
            endpoint.hang_up();
        }
    }
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 200);
    assert!(stats.delivered > 100, "{stats}");
}

#[test]
fn every_other_exchange_broken_at_a_byte_of_the_answer_settles_each_event_once() {
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let world = World::new();
    let (taken, nth, keys) = (world.taken.clone(), AtomicU64::new(0), Mutex::new(BTreeSet::new()));
    let endpoint = overspill::testkit::Endpoint::start(move |request| {
        let nth = nth.fetch_add(1, Ordering::Relaxed) as usize;
        // It accepted the events, whether or not the client finds out. A request that ended without an answer on a reused connection
        // is sent once more, with the same key.
        if keys.lock().unwrap().insert(request.header("idempotency-key").unwrap().to_owned()) {
            taken.keep(&request.body);
        }
        if nth % 2 == 0 {
            Act::Bytes(ANSWER.to_vec())
        } else {
            Act::BytesThenClose(ANSWER[..(nth / 2) % ANSWER.len()].to_vec())
        }
    })
    .unwrap();
    let client = quick(endpoint.url()).batch_events_max(1).posts_in_flight_max(1).build().unwrap();
    emit_all(&client, 0..150);
    until("all to be settled", || client.stats().pending == 0);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 150);
    assert!(stats.posts_failed > 70 && stats.delivered > 70, "{stats}");
}

#[test]
fn a_slow_endpoint_makes_callers_spill_their_own_surplus_and_delivers_the_rest() {
    let world = World::new();
    let endpoint = world.endpoint(|_| {
        // The slowness is the fault under test.
        std::thread::sleep(Duration::from_millis(50));
        Act::Status(200)
    });
    let client = quick(endpoint.url()).queue_events_max(100).batch_events_max(50).build().unwrap();
    emit_all(&client, 0..2000);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 2000);
    assert!(stats.spilled_by(Reason::QueueFull) > 0 && stats.delivered >= 100, "{stats}");
    assert_eq!(world.log.count_notices("the queue is full"), 1);
}

#[test]
fn shutdown_in_a_tarpit_with_a_full_queue_keeps_its_deadline_and_loses_nothing() {
    let world = World::new();
    // The events that the endpoint read and never answered.
    let seen = Taken::default();
    let sees = seen.clone();
    let endpoint = world.endpoint(move |request| {
        sees.keep(&request.body);
        Act::Hang
    });
    // Fewer than by default: a debug build next to other tests is slow at each log line.
    let client =
        quick(endpoint.url()).queue_events_max(1000).post_timeout(Duration::from_secs(60)).build().unwrap();
    // More than the queue and two requests can hold.
    emit_all(&client, 0..2300);
    let began = Instant::now();
    let stats = client.shutdown_blocking(Duration::from_secs(2));
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(2200), "{took:?}");
    world.assert_settled(&stats, 2300);
    assert_eq!(stats.delivered, 0);
    let marked: BTreeSet<u64> = world
        .log
        .events()
        .iter()
        .filter(|event| event.maybe_delivered == MaybeDelivered::Yes)
        .map(|event| id_of(&event.event))
        .collect();
    // Batches may have left half full because of their age, if the emitting thread had to wait for a core.
    assert_eq!(marked, ids_taken(&seen), "the aborted requests, and nothing else: {stats}");
    assert!((1..=1000).contains(&marked.len()), "two requests of at most 500: {stats}");
    assert!(stats.spilled_by(Reason::QueueFull) > 0 && stats.spilled_by(Reason::Deadline) >= 1000, "{stats}");
}

#[test]
fn two_posts_that_hang_are_an_outage_whose_totals_include_everything_it_cost() {
    let world = World::new();
    let hang = Arc::new(AtomicU64::new(1));
    let hangs = Arc::clone(&hang);
    let endpoint = world.endpoint(move |_| match hangs.load(Ordering::Relaxed) {
        0 => Act::Status(200),
        _ => Act::Hang,
    });
    let client = quick(endpoint.url()).batch_events_max(50).build().unwrap();
    emit_all(&client, 0..400);
    until("the outage", || world.log.count_notices("outage began: timeout: no answer within 500ms") == 1);
    hang.store(0, Ordering::Relaxed);
    until("the recovery", || {
        let id = client.stats().emitted;
        emit_all(&client, id..id + 1);
        client.stats().endpoint == EndpointState::Healthy
    });
    let emitted = client.stats().emitted;
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, emitted);
    let ended = format!("spilled {} (", stats.spilled);
    assert_eq!(
        world.log.count_notices(&ended),
        2,
        "in `outage ended` and in `shut down`\n{}",
        world.log.text()
    );
}

#[test]
fn an_endpoint_that_comes_back_is_found_by_a_probe_and_gets_events_again() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).batch_events_max(10).build().unwrap();
    let emit_until = |what: &str, condition: &dyn Fn() -> bool| {
        until(what, || {
            let id = client.stats().emitted;
            emit_all(&client, id..id + 1);
            condition()
        });
    };
    let state = || client.stats().endpoint;
    emit_until("deliveries", &|| client.stats().delivered > 20);
    endpoint.refuse();
    emit_until("an outage", &|| matches!(state(), EndpointState::Out | EndpointState::Probing));
    endpoint.accept().unwrap();
    emit_until("the recovery", &|| state() == EndpointState::Healthy);
    let emitted = client.stats().emitted;
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, emitted);
    assert_eq!(
        (world.log.count_notices("outage began"), world.log.count_notices("outage ended")),
        (1, 1),
        "{}",
        world.log.text()
    );
}

/// A log that is slow at the first record, while an answer arrives.
struct Slow(Spilled, Once);
impl SpillSink for Slow {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        // The slowness is the fault.
        self.1.call_once(|| std::thread::sleep(Duration::from_millis(1500)));
        SpillSink::write(&self.0, record)
    }
}

#[test]
fn an_answer_that_arrives_while_the_sender_waits_for_a_slow_log_is_not_late() {
    let world = World::new();
    // The first request fails and is written to the slow log, for longer than the post timeout plus its grace;
    // the second has been sent by then, and succeeds meanwhile.
    let arrived = Arc::new(AtomicU64::new(0));
    let endpoint = world.endpoint(move |request| match ids_of(&request.body).contains(&0) {
        true => {
            until("the second request", || arrived.load(Ordering::Relaxed) > 0);
            Act::Close
        }
        false => {
            arrived.store(1, Ordering::Relaxed);
            std::thread::park_timeout(Duration::from_millis(50));
            Act::Status(200)
        }
    });
    let client = Client::builder(endpoint.url())
        .batch_events_max(1)
        // Shorter, with the grace, than the log takes; longer than a busy machine takes for two requests.
        .post_timeout(Duration::from_millis(400))
        .spill_sink(Slow(world.log.clone(), Once::new()))
        .build()
        .unwrap();
    emit_all(&client, 0..2);
    until("both ends", || client.stats().pending == 0);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 2);
    assert_eq!((stats.delivered, stats.spilled), (1, 1), "{stats}\n{}", world.log.text());
}
