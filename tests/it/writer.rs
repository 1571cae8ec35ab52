//! One thread writes the log: no caller formats, queues for a lock or holds up another, whatever the log does.

use crate::figures::report;
use crate::support::*;
use overspill::format::{Body, Events, Format, Overhead};
use overspill::limits::LOG_STALL;
use overspill::spill::{Record, SpillSink, WriteSink, read_line};
use overspill::{Client, Emitted, LostReason, Mode, Reason};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tracing::subscriber::set_default;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// What a busy machine may add to a wait.
const SLACK: Duration = Duration::from_millis(600);

/// A log that takes this long for each record, one at a time.
struct Slow(Duration, Mutex<WriteSink<Spilled>>);

impl Slow {
    fn new(takes: Duration, log: &Spilled) -> Slow {
        Slow(takes, Mutex::new(WriteSink::new(log.clone())))
    }
}

impl SpillSink for Slow {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let log = self.1.lock().unwrap();
        // The slowness is the fault under test.
        std::thread::sleep(self.0);
        log.write(record)
    }
}

/// The longest of a number of simultaneous calls, each on its own thread.
fn slowest(client: &Client, callers: u64) -> Duration {
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..callers)
            .map(|id| {
                scope.spawn(move || {
                    let began = Instant::now();
                    client.emit(&Numbered::of(id));
                    began.elapsed()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).max().unwrap()
    })
}

#[test]
fn a_slow_log_blocks_no_caller_longer_than_a_stall_plus_one_write_however_many_callers_there_are() {
    for (callers, takes) in [(20, Duration::from_millis(300)), (100, Duration::from_millis(40))] {
        let world = World::new();
        let builder = quick("http://127.0.0.1:9/").mode(Mode::LogOnly);
        let client = builder.spill_sink(Slow::new(takes, &world.log)).build().unwrap();
        let slowest = slowest(&client, callers);
        assert!(slowest <= LOG_STALL + takes, "{callers} callers: {slowest:?}");
        world.assert_settled(&client.shutdown_blocking(LONG), callers);
        let what = format!("slowest of {callers} calls before a log of {} ms, ms", takes.as_millis());
        report(48, &what, slowest.as_millis());
    }
}

#[test]
fn a_caller_without_room_waits_for_at_most_one_stall_in_total_and_its_event_is_counted() {
    let takes = Duration::from_millis(50);
    let world = World::new();
    // Room for two events only.
    let builder = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).queue_events_max(2);
    let client = builder.spill_sink(Slow::new(takes, &world.log)).build().unwrap();
    let slowest = slowest(&client, 100);
    assert!(slowest <= LOG_STALL + takes + SLACK, "{slowest:?}");
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending), (100, 0), "{stats}");
    assert_eq!(stats.lost, stats.lost_by(LostReason::LogStalled), "{stats}");
    assert_eq!(ids_spilled(&world.log).len() as u64, stats.spilled, "{stats}");
    // Nearly as many as the log could write in that time.
    assert!(stats.spilled >= 10, "{stats}");
    report(48, "slowest of 100 calls for two places before a log of 50 ms, ms", slowest.as_millis());
}

#[test]
fn while_the_log_moves_callers_wait_for_room_and_nothing_is_lost() {
    let world = World::new();
    let builder = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).queue_events_max(16);
    let client = builder.spill_sink(Slow::new(Duration::from_micros(500), &world.log)).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = &client;
            scope.spawn(move || emit_all(client, thread * 300..(thread + 1) * 300));
        }
    });
    world.assert_settled(&client.shutdown_blocking(LONG), 1200);
}

#[test]
fn events_of_one_thread_are_in_the_log_in_order() {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).build().unwrap();
    emit_all(&client, 0..5000);
    world.assert_settled(&client.shutdown_blocking(LONG), 5000);
    assert_eq!(ids_spilled(&world.log), (0..5000).collect::<Vec<_>>());
}

#[test]
fn a_flush_waits_for_what_callers_have_handed_over_to_the_log() {
    let world = World::new();
    let builder = quick("http://127.0.0.1:9/").mode(Mode::LogOnly);
    let client = builder.spill_sink(Slow::new(Duration::from_millis(20), &world.log)).build().unwrap();
    for id in 0..10 {
        emit_all(&client, id..id + 1);
        if id % 3 == 0 {
            assert_eq!(block_on(client.flush(LONG)), Ok(()));
            assert_eq!(world.log.events().len() as u64, id + 1);
        }
    }
    world.assert_settled(&client.shutdown_blocking(LONG), 10);
}

/// Waits for something asynchronous, as a sink that writes to a database would.
struct Blocking(Spilled);

impl SpillSink for Blocking {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        // Blocking on a runtime is what is tested.
        runtime.block_on(async { tokio::time::sleep(Duration::from_micros(10)).await });
        self.0.write(record)
    }
}

#[test]
fn a_sink_that_blocks_on_its_own_runtime_stores_every_event_from_every_thread() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(503));
    let fallback = Spilled::default();
    let client = quick(endpoint.url())
        .event_bytes_max(1_000)
        .spill_sink(Blocking(world.log.clone()))
        .spill_fallback(fallback.clone())
        .build()
        .unwrap();
    // Spilled by the sender, as oversized, in log-only mode, and after the close; also inside a runtime.
    emit_all(&client, 0..100);
    client.emit(&Numbered { id: 100, text: "x".repeat(1_200) });
    client.set_mode(Mode::LogOnly);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { emit_all(&client, 101..150) });
    client.set_mode(Mode::On);
    client.shutdown_blocking(LONG);
    runtime.block_on(async { emit_all(&client, 150..160) });
    world.assert_settled(&client.shutdown_blocking(LONG), 160);
    assert_eq!(fallback.events().len(), 0, "{}", fallback.text());
}

/// An application's layer that holds its lock while it reports what it receives.
#[derive(Clone, Default)]
struct Locking {
    client: Arc<OnceLock<Client>>,
    lock: Arc<Mutex<u64>>,
}

impl<S: tracing::Subscriber> Layer<S> for Locking {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut heard = self.lock.lock().unwrap();
        if event.metadata().target().starts_with("overspill") {
            return;
        }
        let Some(client) = self.client.get() else { return };
        for _ in 0..3 {
            client.emit(&Numbered::of(*heard));
            *heard += 1;
        }
    }
}

/// Runs an application that logs with the locking layer installed; the arguments choose a way to the log. Returns its slowest log call.
fn locked(act: Act, queue_events_max: usize, prepare: fn(&Client)) -> Duration {
    let world = World::new();
    let endpoint = world.endpoint(move |_| act.clone());
    let (layer, log) = (Locking::default(), world.log.clone());
    let fmt = tracing_subscriber::fmt::layer().json().with_writer(move || log.clone());
    let _scope = set_default(tracing_subscriber::registry().with(layer.clone()).with(fmt));
    let builder = quick(endpoint.url()).queue_events_max(queue_events_max);
    let client = builder.event_bytes_max(20_000).build().unwrap();
    prepare(&client);
    layer.client.set(client.clone()).ok().unwrap();
    let slowest = (0..20)
        .map(|_| {
            let began = Instant::now();
            tracing::info!(target: "application", "something happened");
            began.elapsed()
        })
        .max()
        .unwrap();
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending), (60, 0), "{stats}");
    assert_eq!(stats.lost, stats.lost_by(LostReason::LogStalled), "{stats}");
    assert_eq!(ids_spilled(&world.log).len() as u64, stats.spilled, "{stats}");
    if queue_events_max > 60 {
        world.assert_settled(&stats, 60);
    }
    slowest
}

#[test]
fn a_layer_that_emits_under_its_own_lock_deadlocks_in_no_mode() {
    let (over, is_over) = sync_channel(0);
    std::thread::spawn(move || {
        let nothing: fn(&Client) = |_| {};
        let log_only: fn(&Client) = |client| client.set_mode(Mode::LogOnly);
        let closed: fn(&Client) = |client| {
            client.shutdown_blocking(LONG);
        };
        let roomy = [
            locked(Act::Status(200), 1000, nothing),
            locked(Act::Close, 1000, nothing),
            locked(Act::Status(200), 1000, log_only),
            locked(Act::Status(200), 1000, closed),
        ];
        // Even if the log's queue has room for only one event.
        let tight = [locked(Act::Hang, 1, nothing), locked(Act::Status(200), 1, log_only)];
        let _ = over.send((roomy.into_iter().max(), tight.into_iter().max()));
    });
    let (roomy, tight) = is_over.recv_timeout(5 * LONG).expect("no deadlock");
    for (what, slowest) in [("", roomy), (", without room", tight)] {
        let slowest = slowest.unwrap();
        // A call of the layer emits three events.
        assert!(slowest <= 3 * LOG_STALL + SLACK, "{slowest:?}");
        let what = format!("slowest call of a layer that emits three events under its lock{what}, ms");
        report(48, &what, slowest.as_millis());
    }
}

/// A log whose reader has stopped.
struct Stuck(Mutex<Receiver<()>>);

impl SpillSink for Stuck {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

#[test]
fn a_sink_that_is_stuck_keeps_no_notice_from_a_healthy_log() {
    let world = World::new();
    let (gate, shut): (SyncSender<()>, _) = sync_channel(0);
    let client = quick("http://127.0.0.1:9/").spill_sink(Stuck(Mutex::new(shut))).build().unwrap();
    client.set_mode(Mode::LogOnly);
    emit_all(&client, 0..1);
    client.set_mode(Mode::On);
    emit_all(&client, 1..2000);
    until("the notice of the outage", || world.log.count_notices("outage began") == 1);
    until("the notice of the switch", || world.log.count_notices("mode changed from log_only to on") == 1);
    drop(gate);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.pending), (2000, 0), "{stats}");
    assert_eq!(world.log.count_notices("shut down"), 1, "{stats}: {}", world.log.text());
}

/// A subscriber's log that is slow at each line.
#[derive(Clone)]
struct SlowLines(Spilled);

impl io::Write for SlowLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The slowness is the fault under test.
        std::thread::sleep(Duration::from_millis(1));
        io::Write::write(&mut self.0, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_end_of_an_outage_is_reported_with_its_totals_and_the_endpoint_does_not_wait_for_the_log() {
    let world = World::new();
    let is_back = Arc::new(AtomicU64::new(0));
    let (back, log) = (Arc::clone(&is_back), SlowLines(world.log.clone()));
    let endpoint =
        world.endpoint(move |_| Act::Status(if back.load(Ordering::Relaxed) == 1 { 200 } else { 503 }));
    let _scope = set_default(tracing_subscriber::fmt().json().with_writer(move || log.clone()).finish());
    let client = quick(endpoint.url()).build().unwrap();
    let mut id = 0;
    let mut emit_until = |what: &str, done: &dyn Fn() -> bool| {
        until(what, || {
            emit_all(&client, id..id + 20);
            id += 20;
            done()
        });
    };
    emit_until("an outage", &|| client.stats().spilled > 100);
    is_back.store(1, Ordering::Relaxed);
    emit_until("a delivery", &|| client.stats().delivered > 0);
    let behind = client.stats().pending;
    let stats = client.shutdown_blocking(LONG);
    world.assert_settled(&stats, id);
    let text = world.log.text();
    let (before, told) = text.split_once("outage ended after").unwrap();
    let records = before.lines().filter(|line| read_line(line).is_some()).count();
    assert!(
        told.split_once("spilled ").unwrap().1.starts_with(&format!("{records} (")),
        "{records}: {told:.200}"
    );
    assert!(behind > 0, "the log must fall behind for this test: {stats}");
}

/// A format that does not return.
struct Hung(Mutex<Receiver<()>>);

impl Format for Hung {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn encode(&self, _: Events<'_>, _: &mut Body) {
        let _ = self.0.lock().unwrap().recv();
    }

    fn overhead(&self) -> Overhead {
        Overhead { per_batch: 0, per_event: 0 }
    }
}

#[test]
fn a_sender_that_hangs_does_not_take_the_log_with_it() {
    let world = World::new();
    let (gate, shut): (SyncSender<()>, _) = sync_channel(0);
    let builder = quick("http://127.0.0.1:9/").format(Hung(Mutex::new(shut))).queue_events_max(10);
    let client = builder.batch_events_max(1).build().unwrap();
    emit_all(&client, 0..1);
    until("the sender to be at its format", || client.stats().pending_bytes > 0);
    emit_all(&client, 1..500);
    client.set_mode(Mode::LogOnly);
    emit_all(&client, 500..600);
    until("the log to have them", || {
        let stats = client.stats();
        stats.spilled_by(Reason::LogOnly) == 100 && stats.spilled_by(Reason::QueueFull) >= 480
    });
    assert!(client.stats().lost == 0);
    drop(gate);
    world.assert_settled(&client.shutdown_blocking(LONG), 600);
}

#[test]
fn in_log_only_a_caller_does_not_wait_for_the_log_while_there_is_room() {
    struct Counting(AtomicU64, Mutex<Receiver<()>>);
    impl SpillSink for Counting {
        fn write(&self, _: &Record<'_>) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let _ = self.1.lock().unwrap().recv();
            Ok(())
        }
    }
    let (gate, shut): (SyncSender<()>, _) = sync_channel(0);
    let sink = Counting(AtomicU64::new(0), Mutex::new(shut));
    let client = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).spill_sink(sink).build().unwrap();
    let emitted: Vec<Emitted> = (0..500).map(|id| client.emit(&Numbered::of(id))).collect();
    assert!(emitted.iter().all(|how| *how == Emitted::Spilled(Reason::LogOnly)));
    let stats = client.stats();
    assert_eq!((stats.emitted, stats.spilled, stats.pending), (500, 0, 500), "{stats}");
    drop(gate);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.pending), (500, 0), "{stats}");
}
