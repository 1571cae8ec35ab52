//! What `emit` promises its caller about modes, sizes, failing values and nesting.

use crate::figures::report;
use crate::support::*;
use overspill::spill::{Record, SpillSink, WriteSink};
use overspill::{Client, Emitted, LostReason, Mode, Observer, QueueShare, Reason, Signal};
use serde::{Serialize, Serializer};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

#[test]
fn log_only_writes_each_event_to_the_log_and_off_does_not_even_evaluate_it() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).mode(Mode::LogOnly).build().unwrap();
    assert_eq!(client.emit(&Numbered::of(0)), Emitted::Spilled(Reason::LogOnly));
    client.set_mode(Mode::Off);
    assert_eq!(client.emit_with(|| -> Numbered { unreachable!("the mode is off") }), Emitted::Off);
    client.set_mode(Mode::On);
    assert_eq!(client.emit_with(|| Numbered::of(1)), Emitted::Queued);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 2);
    assert_eq!((stats.delivered, stats.spilled_by(Reason::LogOnly)), (1, 1));
    assert_eq!(world.log.count_notices("mode changed from log_only to off"), 1);
}

#[test]
fn each_event_is_handled_in_one_mode_while_the_mode_keeps_changing() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let (began, mut switches) = (Instant::now(), 0);
    let counted: u64 = std::thread::scope(|scope| {
        let emitter = scope
            .spawn(|| (0..20_000).map(|id| u64::from(client.emit(&Numbered::of(id)) != Emitted::Off)).sum());
        while !emitter.is_finished() {
            [Mode::Off, Mode::LogOnly, Mode::On].into_iter().for_each(|mode| client.set_mode(mode));
            switches += 3;
        }
        emitter.join().unwrap()
    });
    let a_second = f64::from(switches) / began.elapsed().as_secs_f64();
    report(27, "switches a second under load, law exact", format!("{a_second:.0}"));
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (counted, 0, 0));
    assert_eq!(stats.delivered + stats.spilled, counted);
    assert_eq!(world.taken.len() as u64, stats.delivered);
    assert_eq!(world.log.events().len() as u64, stats.spilled);
}

#[test]
fn after_shutdown_events_spill_as_closed() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    emit_all(&client, 0..10);
    client.shutdown_blocking(LONG);
    assert_eq!(client.emit(&Numbered::of(10)), Emitted::Spilled(Reason::Closed));
    world.assert_settled(&client.shutdown_blocking(LONG), 11);
}

#[test]
fn an_oversized_event_is_spilled_whole_and_one_beyond_twice_that_is_lost_with_a_notice() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).event_bytes_max(20_000).build().unwrap();
    let of = |id, bytes| client.emit(&Numbered { id, text: "x".repeat(bytes) });
    assert_eq!(of(0, 19_000), Emitted::Queued);
    assert_eq!(of(1, 30_000), Emitted::Spilled(Reason::Oversized));
    assert_eq!(of(2, 50_000), Emitted::Lost(LostReason::Oversized));
    assert_eq!(of(3, 5_000_000), Emitted::Lost(LostReason::Oversized));
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.spilled, stats.lost, stats.pending), (1, 1, 2, 0));
    assert_eq!(ids_spilled(&world.log), [1]);
    assert_eq!(world.log.count_notices("longer than twice event_bytes_max (20000)"), 1);
}

struct Fails;
impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no \u{1b}[31mway\n"))
    }
}

struct Panics;
impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in a field")
    }
}

/// A panic whose payload panics when it is dropped.
struct Bomb;
impl Drop for Bomb {
    fn drop(&mut self) {
        std::panic::panic_any(Bomb);
    }
}

struct Bombs;
impl Serialize for Bombs {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        std::panic::panic_any(Bomb)
    }
}
impl SpillSink for Bombs {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        std::panic::panic_any(Bomb)
    }
}

#[test]
fn a_panic_that_panics_again_when_it_is_dropped_is_contained_too() {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/")
        .mode(Mode::LogOnly)
        .spill_sink(Bombs)
        .spill_fallback(WriteSink::new(world.log.clone()))
        .build()
        .unwrap();
    assert_eq!(client.emit(&Bombs), Emitted::Lost(LostReason::EncodeFailed));
    assert_eq!(client.emit(&Numbered::of(0)), Emitted::Spilled(Reason::LogOnly));
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.lost, stats.pending), (2, 1, 1, 0));
    assert_eq!(ids_spilled(&world.log), [0]);
}

#[test]
fn an_event_whose_serialize_fails_or_panics_is_lost_counted_and_reported_and_harms_no_other() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    assert_eq!(client.emit(&Fails), Emitted::Lost(LostReason::EncodeFailed));
    assert_eq!(client.emit(&Panics), Emitted::Lost(LostReason::EncodeFailed));
    assert_eq!(client.emit(&Numbered::of(0)), Emitted::Queued);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.delivered, stats.lost_by(LostReason::EncodeFailed), stats.pending), (1, 2, 0));
    assert_eq!(
        world.log.count_notices("could not be encoded: no \u{fffd}[31mway\u{fffd}"),
        1,
        "{}",
        world.log.text()
    );
    // A log that keeps only WARN and above still reports the loss.
    let text = world.log.text();
    let books = text.lines().find(|line| line.contains("shut down: ")).unwrap();
    assert!(books.contains(r#""level":"WARN""#) && books.contains("lost 2"), "{books}");
}

/// Emits another event during its own serialization, which does the same.
struct Nesting(Arc<OnceLock<Client>>, u32);
impl Serialize for Nesting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let inner = self.0.get().unwrap().emit(&Nesting(Arc::clone(&self.0), self.1 + 1));
        Numbered { id: u64::from(self.1), text: format!("{inner:?}") }.serialize(serializer)
    }
}

#[test]
fn an_event_emitted_by_a_serialize_is_separate_and_endless_nesting_is_caught() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = Arc::new(OnceLock::new());
    client.set(quick(endpoint.url()).build().unwrap()).unwrap();
    assert_eq!(client.get().unwrap().emit(&Nesting(Arc::clone(&client), 0)), Emitted::Queued);
    let stats = client.get().unwrap().shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.delivered, stats.lost_by(LostReason::Reentrant)), (3, 2, 1));
    assert_eq!(ids_taken(&world.taken), [0, 1].into());
}

/// A sink and an observer that emit.
struct Echoing(Arc<OnceLock<Client>>, WriteSink<Spilled>);
impl SpillSink for Echoing {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        assert_eq!(self.0.get().unwrap().emit(&Numbered::of(record.seq)), Emitted::Echo);
        self.1.write(record)
    }
}
impl Observer for Echoing {
    fn signal(&self, _: &Signal<'_>) {
        assert_eq!(self.0.get().unwrap().emit(&1), Emitted::Echo);
    }
}

#[test]
fn what_a_spill_sink_or_an_observer_emits_is_an_echo_and_not_an_event() {
    let world = World::new();
    let client = Arc::new(OnceLock::new());
    let echoing = || Echoing(Arc::clone(&client), WriteSink::new(world.log.clone()));
    let endpoint = world.endpoint(|_| Act::Status(503));
    client.set(quick(endpoint.url()).spill_sink(echoing()).observer(echoing()).build().unwrap()).unwrap();
    let events = client.get().unwrap();
    emit_all(events, 0..1000);
    let stats = events.shutdown_blocking(LONG);
    world.assert_settled(&stats, 1000);
    assert!(stats.echoes >= 1000, "{stats}");
    let posts = endpoint.requests();
    assert_eq!(stats.posts, posts, "nothing is posted once everything is settled");
}

struct Counting(Arc<AtomicU64>);
impl Observer for Counting {
    fn signal(&self, signal: &Signal<'_>) {
        if let Signal::Delivered { events, .. }
        | Signal::Spilled { events, .. }
        | Signal::Lost { events, .. } = signal
        {
            self.0.fetch_add(*events, Ordering::Relaxed);
        }
    }
}

#[test]
fn the_observer_hears_of_each_event_once() {
    let world = World::new();
    let nth = AtomicU64::new(0);
    let endpoint = world
        .endpoint(move |_| Act::Status(if nth.fetch_add(1, Ordering::Relaxed) % 3 == 0 { 503 } else { 200 }));
    let counted = Arc::new(AtomicU64::new(0));
    let client =
        quick(endpoint.url()).batch_events_max(20).observer(Counting(Arc::clone(&counted))).build().unwrap();
    emit_all(&client, 0..1000);
    client.emit(&Fails);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((counted.load(Ordering::Relaxed), stats.lost, stats.pending), (1001, 1, 0));
}

#[test]
fn with_a_byte_budget_smaller_than_a_batch_no_caller_waits_for_the_batch_age() {
    // Longer than any test waits.
    const AGE: Duration = Duration::from_secs(60);
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).batch_age_max(AGE).queue_bytes_max(16 << 10).build().unwrap();
    for id in 0..2000 {
        // Half of it, so that there is room for a batch in flight.
        until("room in the budget", || client.stats().pending_bytes < 8 << 10);
        assert_eq!(client.emit(&Numbered::of(id)), Emitted::Queued);
    }
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 2000);
    assert_eq!(stats.delivered, 2000);
}

#[test]
fn a_burst_into_a_byte_budget_smaller_than_a_batch_is_delivered_if_it_has_room() {
    let world = World::new();
    // Takes longer than the sender waits before it relieves the queue.
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let endpoint = world.endpoint(|_| Act::Drip(answer.to_vec(), Duration::from_millis(2)));
    let builder = quick(endpoint.url()).batch_age_max(Duration::from_secs(1)).post_timeout(LONG);
    let client = builder.queue_bytes_max(64 << 10).build().unwrap();
    // 50,000 bytes: more than the relief would leave in the queue for a slow endpoint.
    for id in 0..250 {
        assert_eq!(client.emit(&Numbered { id, text: "x".repeat(180) }), Emitted::Queued);
        // Slow enough that the sender sees the queue grow.
        std::thread::sleep(Duration::from_micros(50));
    }
    until("everything to be settled", || client.stats().pending == 0);
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, 250);
    assert_eq!(stats.delivered, 250, "{stats}");
}

#[test]
fn a_lowered_budget_refuses_what_does_not_fit_and_the_full_budget_accepts_it_again() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    // The sender does not run yet: the queue keeps what it accepts.
    let (client, sender) = quick(endpoint.url()).queue_bytes_max(8 << 10).build_with_sender().unwrap();
    let taken = |ids: std::ops::Range<u64>| {
        ids.filter(|&id| client.emit(&Numbered::of(id)) == Emitted::Queued).count()
    };
    client.set_queue_share(QueueShare::Quarter);
    let quarter = taken(0..200);
    let held = client.stats().pending_bytes;
    assert!(held <= 2 << 10 && held > 1 << 10, "{held} bytes");
    assert_eq!(taken(200..210), 0);
    client.set_queue_share(QueueShare::Whole);
    assert!(taken(210..410) > 2 * quarter);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let running = std::thread::spawn(move || runtime.block_on(sender.run()));
    world.assert_settled(&client.shutdown_blocking(LONG), 410);
    running.join().unwrap();
    assert_eq!(world.log.count_notices("queue share changed from whole to quarter"), 1);
}
