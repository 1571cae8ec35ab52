//! A client with nothing to do does nothing. A separate binary, because its threads are counted.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "a test binary has no public API")]

use overspill::Client;
use overspill::testkit::{Act, Endpoint};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The ids of this process's threads that are called `overspill`.
fn senders() -> Vec<String> {
    threads("overspill")
}

fn threads(called: &str) -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    tasks
        .map(|task| task.path())
        .filter(|path| std::fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == called))
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

/// One test at a time, or they would count each other's threads.
static ALONE: Mutex<()> = Mutex::new(());

/// A client, and the one thread that it has started.
fn client_and_thread(endpoint: &Endpoint) -> (Client, String) {
    let before = senders();
    let client = Client::builder(endpoint.url()).build().unwrap();
    let started: Vec<String> = senders().into_iter().filter(|task| !before.contains(task)).collect();
    assert_eq!(started.len(), 1, "one thread per client");
    (client, started.into_iter().next().unwrap())
}

/// How often the thread has gone to sleep so far.
fn wake_ups(task: &str) -> u64 {
    let status = std::fs::read_to_string(format!("{task}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn an_idle_client_has_one_thread_that_never_wakes_even_after_its_connections_have_expired() {
    let endpoint = Endpoint::start(|_| Act::Status(200)).unwrap();
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (client, task) = client_and_thread(&endpoint);
    client.emit(&1);
    while client.stats().delivered == 0 {
        std::thread::yield_now();
    }
    // Idle connections are closed within a few seconds; nothing happens after that.
    let settled = Instant::now();
    while settled.elapsed() < 3 * overspill::limits::CONNECTION_IDLE {
        // Time itself is under test: nothing may happen while it passes.
        std::thread::sleep(Duration::from_millis(100));
    }
    let before = wake_ups(&task);
    // Idle time is what is measured.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(wake_ups(&task) - before, 0, "wake-ups in two idle seconds");
    let stats = client.shutdown_blocking(Duration::from_secs(5));
    assert_eq!((stats.delivered, stats.pending), (1, 0));
}

#[test]
fn a_trickle_of_events_wakes_the_sender_about_once_a_batch_and_not_once_an_event() {
    let endpoint = Endpoint::start(|_| Act::Status(200)).unwrap();
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (client, task) = client_and_thread(&endpoint);
    let (start, began) = (wake_ups(&task), Instant::now());
    let mut emitted = 0;
    while began.elapsed() < Duration::from_secs(1) {
        client.emit(&emitted);
        emitted += 1;
        // The trickle: one every 200 us.
        std::thread::sleep(Duration::from_micros(150));
    }
    let woken = wake_ups(&task) - start;
    let stats = client.shutdown_blocking(Duration::from_secs(5));
    assert_eq!((stats.delivered, stats.pending), (emitted, 0));
    // A batch needs about five: the event, the age, the write, the answer, the connection.
    assert!(woken <= 12 * stats.posts + 10, "{woken} wake-ups for {emitted} events in {} posts", stats.posts);
    assert!(stats.posts * 20 < emitted, "{stats}");
}

#[test]
fn the_thread_that_writes_the_log_comes_with_the_first_spilled_event_and_goes_when_there_are_no_more() {
    const LOG: &str = "overspill-log";
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let client = Client::builder("http://127.0.0.1:9/")
        .mode(overspill::Mode::LogOnly)
        .spill_sink(overspill::testkit::Spilled::default())
        .build()
        .unwrap();
    // The threads of the other tests have ended.
    while !threads(LOG).is_empty() {
        std::thread::yield_now();
    }
    for round in 1..=2 {
        client.emit(&round);
        while client.stats().spilled < round {
            std::thread::yield_now();
        }
        assert_eq!(threads(LOG).len(), 1);
        let began = Instant::now();
        while !threads(LOG).is_empty() {
            assert!(began.elapsed() < 2 * overspill::limits::LOG_IDLE, "the thread is still there");
            // The polling interval.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let stats = client.shutdown_blocking(Duration::from_secs(5));
    assert_eq!((stats.spilled, stats.pending), (2, 0));
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn an_idle_client_holds_at_most_128_kib_apart_from_what_all_clients_share() {
    const CLIENTS: u64 = 50;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        let client = Client::builder("http://127.0.0.1:9/").build().unwrap();
        // A flush is answered by the sender's loop: the client has started.
        client.flush_blocking(Duration::from_secs(10)).unwrap();
        client
    };
    let _first = build();
    let before = resident();
    let clients: Vec<Client> = (0..CLIENTS).map(|_| build()).collect();
    let each = resident().saturating_sub(before) / CLIENTS;
    println!("an idle client holds {} KiB", each / 1024);
    assert!(each <= 128 << 10, "{each} bytes");
    for client in clients {
        let stats = client.shutdown_blocking(Duration::from_secs(5));
        assert_eq!((stats.emitted, stats.pending), (0, 0));
    }
}
