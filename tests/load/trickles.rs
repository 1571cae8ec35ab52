//! Many single exchanges that go wrong: cut at any byte, raced at the end of a keep-alive, dripping and endless answers.

use crate::alone;
use crate::figures::report;
use crate::ids::Ids;
use crate::process::until;
use overspill::testkit::{Act, Cut, Endpoint, Greet, Rss};
use overspill::{Builder, Client, Reason};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

#[derive(Serialize)]
struct Event {
    id: u64,
    padding: &'static str,
}

fn emit(client: &Client, id: u64) {
    client.emit(&Event {
        id,
        padding: "some hundred bytes of an event that is cut off somewhere in the middle",
    });
}

fn quick(url: String, ids: &Ids) -> Builder {
    Client::builder(url)
        .batch_age_max(Duration::from_millis(1))
        .post_timeout(Duration::from_millis(500))
        .probe_interval_max(Duration::from_millis(20))
        .spill_sink(ids.clone())
        .spill_fallback(ids.clone())
}

/// The number in `FAULTS_CASES`, at most the number that the promise names; or this default.
fn cases(default: u64, promised: u64) -> u64 {
    let asked = std::env::var("FAULTS_CASES");
    asked.map_or(default, |text| text.parse().expect("FAULTS_CASES is a number")).min(promised)
}

#[test]
fn a_connection_that_goes_silent_is_noticed_within_the_post_timeout_and_its_events_spill_once() {
    let _alone = alone();
    let ids = Ids::up_to(100);
    let quiet = Arc::new(AtomicBool::new(false));
    let is_quiet = Arc::clone(&quiet);
    let endpoint = Endpoint::start(ids.when(move |_| match is_quiet.load(Ordering::Acquire) {
        false => Act::Status(200),
        true => Act::Hang,
    }))
    .unwrap();
    let client = quick(endpoint.url(), &ids).posts_in_flight_max(1).build().unwrap();
    emit(&client, 0);
    until("the connection", || client.stats().delivered == 1);
    quiet.store(true, Ordering::Release);
    let began = Instant::now();
    emit(&client, 1);
    until("the notice", || client.stats().spilled == 1);
    let noticed = began.elapsed();
    assert!(noticed >= Duration::from_millis(400), "not before the timeout: {noticed:?}");
    assert!(noticed <= Duration::from_millis(3000), "{noticed:?}");
    assert_eq!(endpoint.connections(), 1, "it was the established connection");
    let stats = client.shutdown_blocking(Duration::from_secs(5));
    ids.assert_settled(&stats);
    assert_eq!((stats.spilled_by(Reason::Timeout), stats.maybe_delivered), (1, 1));
    report(2, "time to notice, post timeout 500 ms", format!("{noticed:.0?}"));
}

/// The answer that makes the next request use a new connection.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// The bytes of a request with the shortest id: each of them is a place to cut.
fn request_bytes() -> usize {
    let bytes = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&bytes);
    let endpoint = Endpoint::start(move |request| {
        seen.store(request.head.len() + request.body.len(), Ordering::Release);
        Act::Status(200)
    })
    .unwrap();
    let client = Client::builder(endpoint.url()).build().unwrap();
    emit(&client, 0);
    assert_eq!(client.shutdown_blocking(Duration::from_secs(5)).delivered, 1);
    bytes.load(Ordering::Acquire)
}

#[test]
fn an_exchange_cut_by_fin_half_close_or_rst_at_any_byte_ends_each_event_once() {
    let _alone = alone();
    let (cases, request_bytes) = (cases(2_000, 100_000), request_bytes());
    let ids = Ids::up_to(2 * cases);
    // Every second connection is healthy, so that no outage begins. The others are cut, in turn while the request is read and while the
    // answer is written, at each byte, by FIN, half or whole, and by RST.
    let case = |connection: u64| {
        let case = (connection / 2) as usize;
        let how = [Cut::Fin, Cut::HalfClose, Cut::Rst][case / 2 % 3];
        (case & 1 == 0, how, case / 6)
    };
    let welcome = move |connection: u64| match case(connection) {
        (true, how, at) if connection % 2 == 1 => Greet::CutAfter(1 + at % (request_bytes - 1), how),
        _ => Greet::Talk,
    };
    let script = move |connection: u64| match case(connection) {
        (false, Cut::Fin, at) if connection % 2 == 1 => {
            Act::BytesThenClose(ANSWER[..at % ANSWER.len()].to_vec())
        }
        (false, Cut::HalfClose, at) if connection % 2 == 1 => {
            Act::BytesThenHalfClose(ANSWER[..at % ANSWER.len()].to_vec())
        }
        (false, Cut::Rst, at) if connection % 2 == 1 => {
            Act::BytesThenReset(ANSWER[..at % ANSWER.len()].to_vec())
        }
        _ => Act::BytesThenClose(ANSWER.to_vec()),
    };
    let endpoint = Endpoint::start_on(
        std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
        welcome,
        ids.when(move |request| script(request.connection)),
    )
    .unwrap();
    let client = quick(endpoint.url(), &ids)
        // A busy machine must not fail this test.
        .post_timeout(Duration::from_secs(10))
        .batch_events_max(1)
        .posts_in_flight_max(1)
        .build()
        .unwrap();
    for id in 0..2 * cases {
        if id % 64 == 0 {
            until("room", || client.stats().pending < 1_000);
        }
        emit(&client, id);
    }
    let most = Duration::from_secs(20) + Duration::from_millis(cases);
    let stats = client.shutdown_blocking(most);
    ids.assert_settled(&stats);
    assert!(stats.delivered >= cases / 2 && stats.spilled_by(Reason::Broken) >= cases / 4, "{stats}");
    assert_eq!(stats.spilled_by(Reason::Deadline), 0, "{stats}");
    report(5, "double counts", format!("0 of {} events, {cases} exchanges cut", stats.emitted));
}

#[test]
fn a_keep_alive_connection_closed_while_we_write_loses_nothing_and_duplicates_only_marked_events() {
    let _alone = alone();
    let rounds = cases(1_000, 10_000);
    let ids = Ids::up_to(2 * rounds);
    let endpoint = Endpoint::start(ids.when(|_| Act::Status(200))).unwrap();
    let client = quick(endpoint.url(), &ids).batch_events_max(2).build().unwrap();
    for round in 0..rounds {
        until("rest", || client.stats().pending == 0);
        emit(&client, round);
        // A batch leaves at the age of a millisecond. The idle connection ends around that moment, and around its answer.
        park_timeout(Duration::from_micros(50 * (round % 40)));
        endpoint.hang_up();
    }
    let connections = endpoint.connections();
    let stats = client.shutdown_blocking(Duration::from_secs(20));
    ids.assert_settled(&stats);
    assert!(stats.delivered > 0 && connections > rounds / 10, "{connections} connections: {stats}");
    report(
        6,
        "keep-alive connections closed under us",
        format!(
            "{connections}, lost 0, twice at the endpoint 0, marked {} of {}",
            stats.maybe_delivered, stats.emitted
        ),
    );
}

#[test]
fn dripping_endless_and_garbage_answers_are_cut_off_and_memory_stays_flat() {
    let _alone = alone();
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let kilobyte = [&b"400\r\n"[..], &[b'x'; 1024], b"\r\n"].concat();
    let header = format!("x-filler: {}\r\n", "y".repeat(1000)).into_bytes();
    let answers = [
        ("a byte a second", Act::Drip(ANSWER.to_vec(), Duration::from_secs(1))),
        (
            "an endless body",
            Act::Endless { head: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), chunk: vec![b'x'; 4096] },
        ),
        ("endless chunks", Act::Endless { head: chunked, chunk: kilobyte }),
        ("endless headers", Act::Endless { head, chunk: header }),
        ("garbage", Act::Endless { head: Vec::new(), chunk: b"\x00\xff\x1b[2J garbage ".repeat(100) }),
    ];
    for (name, act) in answers {
        let ids = Ids::up_to(1_000);
        let endpoint = Endpoint::start(ids.when(move |_| act.clone())).unwrap();
        let client = quick(endpoint.url(), &ids).batch_events_max(10).build().unwrap();
        // The endpoint's own threads and connections are warm after a few exchanges.
        let all_settled = || client.stats().pending == 0;
        (0..200).for_each(|id| emit(&client, id));
        until("the first answers", all_settled);
        let (warm, began) = (Rss::now().unwrap(), Instant::now());
        for round in 1..5 {
            (200 * round..200 * (round + 1)).for_each(|id| emit(&client, id));
            until("answers", all_settled);
        }
        let stats = client.shutdown_blocking(Duration::from_secs(10));
        let (took, posts, written) = (began.elapsed(), stats.posts, endpoint.bytes_written());
        ids.assert_settled(&stats);
        // The test's own endpoint has a thread and a request in memory for each connection.
        let grown = warm.assert_grown_at_most(1 << 20);
        // What the kernel's buffers hold beyond what is read: the receive buffer of a loopback connection is at most 6 MiB,
        // the send buffer 4 MiB.
        assert!(written <= (posts + 1) * (11 << 20), "{name}: {written} bytes in {posts} posts");
        report(
            7,
            name,
            format!(
                "{} delivered, {} spilled in {took:.1?}; {:.0} KiB written a post, RSS +{:.2} MB",
                stats.delivered,
                stats.spilled,
                written as f64 / posts as f64 / 1024.0,
                grown as f64 / 1e6
            ),
        );
    }
}
