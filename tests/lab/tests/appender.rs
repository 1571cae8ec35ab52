//! A subscriber that writes through tracing-appender's non-blocking writer: what overspill counts as spilled was formatted and handed to
//! that writer, which may still drop it later. The chapter `overspill::guide::log` says so; these tests back it.
//!
//! The destination is a gate, as slow as a test needs.

use overspill::spill::read_line;
use overspill::testkit::Spilled;
use overspill::tracing_layer::SpillLayer;
use overspill::{Client, Mode, SPILL_TARGET, Stats};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tracing::Dispatch;
use tracing::dispatcher::set_default;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;

const EVENTS: u64 = 1_000;
/// How many lines the writer holds for its thread; its default is 128,000.
const LINES: usize = 50;

/// A file with a gate: a write waits until the gate is open.
#[derive(Clone, Default)]
struct Gated {
    file: Spilled,
    is_open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gated {
    fn open(&self) {
        *self.is_open.0.lock().unwrap() = true;
        self.is_open.1.notify_all();
    }

    /// The ids in the file, once it has `count` of them.
    fn ids(&self, count: u64) -> BTreeSet<u64> {
        until("the lines to arrive", || self.file.text().lines().count() as u64 >= count);
        let text = self.file.text();
        let ids = text.lines().map(|line| read_line(line).unwrap().event.parse().unwrap());
        ids.collect()
    }
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shut = self.is_open.0.lock().unwrap();
        drop(self.is_open.1.wait_while(shut, |is_open| !*is_open).unwrap());
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[track_caller]
fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited for {what}");
        std::thread::yield_now();
    }
}

/// Two subscribers for spilled events only, so that the writer counts nothing else: tracing-subscriber's formatter, and `SpillLayer`.
fn subscribers(writer: &NonBlocking) -> [Dispatch; 2] {
    let spilled = || filter_fn(|metadata| metadata.target() == SPILL_TARGET);
    let formatter = fmt::layer().json().with_writer(writer.clone()).with_filter(spilled());
    let layer = SpillLayer::new(writer.clone()).with_filter(spilled());
    [Dispatch::new(registry().with(formatter)), Dispatch::new(registry().with(layer))]
}

/// Emits all ids to the log while `meanwhile` runs.
fn flood(log: &Dispatch, meanwhile: impl FnOnce(&Client)) -> Stats {
    let client = {
        let _scope = set_default(log);
        let builder = Client::builder("http://127.0.0.1:9/").spill_fallback(Spilled::default());
        builder.mode(Mode::LogOnly).build().unwrap()
    };
    std::thread::scope(|scope| {
        scope.spawn(|| (0..EVENTS).for_each(|id| _ = client.emit(&id)));
        meanwhile(&client);
    });
    client.shutdown_blocking(Duration::from_secs(60))
}

#[test]
fn what_a_lossy_writer_drops_is_counted_as_spilled_and_is_missing_from_the_file() {
    for which in 0..2 {
        let gate = Gated::default();
        let (writer, _guard) = NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(gate.clone());
        let stats = flood(&subscribers(&writer)[which], |_| ());
        gate.open();
        assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
        let dropped = writer.error_counter().dropped_lines() as u64;
        // All except those that the writer still holds and the one that its thread was writing.
        assert!(dropped >= EVENTS - LINES as u64 - 1, "{dropped}");
        let ids = gate.ids(stats.spilled - dropped);
        assert_eq!(ids.len() as u64, stats.spilled - dropped, "the hole is as large as the writer says");
        assert!(ids.is_subset(&(0..EVENTS).collect()));
    }
}

#[test]
fn with_lossy_false_the_file_has_every_event() {
    for which in 0..2 {
        let gate = Gated::default();
        let builder = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(LINES);
        let (writer, _guard) = builder.finish(gate.clone());
        let stats = flood(&subscribers(&writer)[which], |client| {
            // The writer now holds its maximum. From here on the log is as slow as its file.
            until("the writer to be full", || client.stats().spilled >= LINES as u64);
            gate.open();
        });
        assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
        assert_eq!(gate.ids(EVENTS), (0..EVENTS).collect());
        assert_eq!(writer.error_counter().dropped_lines(), 0);
    }
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_non_blocking_writer_hides_write_errors_and_without_it_the_fallback_gets_the_events() {
    let (writer, _guard) = NonBlockingBuilder::default().lossy(false).finish(Full);
    for log in subscribers(&writer) {
        let stats = flood(&log, |_| ());
        assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
    }
    assert_eq!(
        writer.error_counter().dropped_lines(),
        0,
        "it counts what it has no room for, not failed writes"
    );

    let fallback = Spilled::default();
    let _scope = set_default(&Dispatch::new(registry().with(SpillLayer::new(|| Full))));
    let builder = Client::builder("http://127.0.0.1:9/").spill_fallback(fallback.clone());
    let client = builder.mode(Mode::LogOnly).build().unwrap();
    (0..EVENTS).for_each(|id| _ = client.emit(&id));
    let stats = client.shutdown_blocking(Duration::from_secs(60));
    assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
    let ids: BTreeSet<u64> = fallback.events().iter().map(|event| event.event.parse().unwrap()).collect();
    assert_eq!(ids, (0..EVENTS).collect());
}
