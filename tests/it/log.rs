//! The log as a destination: readable through every formatter, never claimed without a reader, never waited for when stuck.

use crate::support::*;
use overspill::limits::SPILL_LINE_BYTES;
use overspill::spill::{Record, SpillPacking, SpillSink, WriteSink, read_line};
use overspill::{Client, Emitted, LostReason, Mode, QueueShare, Reason};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};
use tracing::subscriber::{set_default, with_default};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{EnvFilter, Layer};

/// A client that spills everything, into `fallback` if nothing reads the log.
fn log_only(fallback: impl SpillSink) -> Client {
    quick("http://127.0.0.1:9/").mode(Mode::LogOnly).spill_fallback(fallback).build().unwrap()
}

fn hostile_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "plain",
        "line\nbreak\r\n",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "nul\0",
        "c1 \u{85}\u{9b}31m",
        "del\u{7f}",
        "\u{2028}\u{2029}",
        "\u{202e}evil\u{2066}",
        "\u{feff}bom\u{200b}",
        "\" spill_seq=9 spill_event={\"id\":9}",
        "\\\"\\\\",
        "grüße 世界 🎉 हिन्दी e\u{301}",
        "spill_v=3 spill_client=\"x\" WARN overspill::spill: spill_v=3 spill_client=\"f\" spill_seq=1",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("\"\\\u{1}".repeat(20_000));
    texts.push("世".repeat(30_000));
    texts
}

/// Spills hostile events under a subscriber and reads them back from its lines.
fn reads_back<S>(make: impl Fn(Spilled) -> S)
where
    S: tracing::Subscriber + Send + Sync + 'static,
{
    let log = Spilled::default();
    let texts = hostile_texts();
    let stats = with_default(make(log.clone()), || {
        let client =
            quick("http://127.0.0.1:9/").event_bytes_max(200_000).mode(Mode::LogOnly).build().unwrap();
        let span = tracing::info_span!("request", user = "mallory\nline");
        let _entered = span.enter();
        for (id, text) in texts.iter().enumerate() {
            let event = Numbered { id: id as u64, text: text.clone() };
            assert_eq!(client.emit(&event), Emitted::Spilled(Reason::LogOnly));
        }
        client.shutdown_blocking(LONG)
    });
    let text = log.text();
    for line in text.lines().filter(|line| read_line(line).is_some()) {
        assert!(line.len() < SPILL_LINE_BYTES, "rsyslog cuts it: {}", line.len());
        let printable = line.replace("\u{1b}[", "");
        assert!(
            !printable.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}')),
            "{line:?}"
        );
    }
    let mut spilled = log.events();
    spilled.sort_by_key(|event| event.seq);
    let read: Vec<String> = spilled
        .iter()
        .map(|event| {
            serde_json::from_str::<Numbered>(&event.event).unwrap_or_else(|_| panic!("{event:?}")).text
        })
        .collect();
    assert!(read == texts, "{read:?}\n{}", text.chars().take(1500).collect::<String>());
    assert_eq!((stats.spilled, stats.pending), (texts.len() as u64, 0));
}

#[test]
fn records_read_back_identical_from_the_json_formatter() {
    reads_back(|log| tracing_subscriber::fmt().json().with_writer(move || log.clone()).finish());
    reads_back(|log| {
        tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || log.clone()).finish()
    });
}

#[test]
fn records_read_back_identical_from_the_full_and_the_compact_formatter() {
    reads_back(|log| tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish());
    reads_back(|log| tracing_subscriber::fmt().with_ansi(true).with_writer(move || log.clone()).finish());
    reads_back(|log| {
        tracing_subscriber::fmt().compact().with_ansi(false).with_writer(move || log.clone()).finish()
    });
    reads_back(|log| {
        tracing_subscriber::fmt().compact().with_ansi(true).with_writer(move || log.clone()).finish()
    });
    reads_back(|log| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_file(true)
            .with_line_number(true)
            .with_thread_names(true)
            .with_writer(move || log.clone())
            .finish()
    });
    reads_back(|log| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(move || log.clone())
            .finish()
    });
}

/// The line without what differs from run to run.
pub fn golden(line: &str, client: &str) -> String {
    let mut line = line.replace(client, "CLIENT");
    for (name, end) in [("timestamp\":\"", '"'), ("emitted_at\":\"", '"'), ("age_ms\":", ',')] {
        if let Some((before, after)) = line.split_once(name) {
            let after = after.split_once(end).unwrap().1;
            line = format!("{before}{name}_{end}{after}");
        }
    }
    line
}

fn record(fields: &str) -> String {
    fields.replace(
        "FIELDS",
        r#""message":"event spilled: log_only","spill_v":3,"spill_client":"CLIENT","spill_seq":0,"spill_batch":0,"spill_reason":"log_only","spill_maybe_delivered":false,"spill_emitted_at":"_","spill_age_ms":_,"spill_detail":"","spill_part":1,"spill_parts":1,"spill_events":1,"spill_redacted":false,"spill_event":"{\"id\":7,\"text\":\"x\"}""#,
    )
}

#[test]
fn a_record_has_exactly_these_fields_in_this_order() {
    let world = World::new();
    let (sink, fallback) = (Spilled::default(), Spilled::default());
    let event = Numbered { id: 7, text: "x".to_owned() };
    let began = SystemTime::now();
    let spill = |client: Client| {
        client.emit(&event);
        client.shutdown_blocking(LONG);
    };
    spill(log_only(WriteSink::new(io::sink())));
    let into_sink = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).spill_sink(WriteSink::new(sink.clone()));
    spill(into_sink.build().unwrap());
    {
        let _nobody = tracing::dispatcher::set_default(&tracing::Dispatch::none());
        spill(log_only(WriteSink::new(fallback.clone())));
    }
    let text = world.log.text();
    let in_log = text.lines().find(|line| read_line(line).is_some()).unwrap();
    let flat = record(r#"{"timestamp":"_","level":"WARN","target":"overspill::spill",FIELDS}"#);
    let text = sink.text();
    let in_sink = text.trim_end();
    let text = fallback.text();
    let in_fallback = text.lines().find(|line| read_line(line).is_some()).unwrap();
    for (line, expected) in [
        (in_log, record(r#"{"timestamp":"_","level":"WARN","fields":{FIELDS},"target":"overspill::spill"}"#)),
        (in_sink, flat.clone()),
        (in_fallback, flat),
    ] {
        let part = read_line(line).unwrap();
        assert!(part.client.len() == 16 && part.client.chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(golden(line, &part.client), expected);
        // The time may be one tick old, in units of a millisecond.
        let (earliest, latest) = (began - Duration::from_millis(100), SystemTime::now());
        assert!((earliest..=latest).contains(&part.emitted_at), "{line}");
    }
    // The notice that nothing reads the target: its client, level and time.
    let notice = text.lines().find(|line| read_line(line).is_none()).unwrap();
    let client = &fallback.events()[0].client;
    assert_eq!(
        golden(notice, client),
        r#"{"timestamp":"_","level":"WARN","target":"overspill::notice","message":"nobody reads target overspill::spill (no tracing subscriber, or it is filtered out): spilled events go to the fallback sink","spill_client":"CLIENT"}"#
    );
}

#[test]
fn an_event_in_the_log_can_be_sent_again_with_the_time_of_its_emit() {
    let world = World::new();
    // A batch waits, so that records are written later than their events were emitted.
    let client = quick("http://127.0.0.1:9/").batch_age_max(Duration::from_millis(300)).build().unwrap();
    let began = SystemTime::now() - Duration::from_millis(100);
    emit_all(&client, 0..5);
    let emitted = SystemTime::now();
    world.assert_settled(&client.shutdown_blocking(LONG), 5);
    for event in world.log.events() {
        assert!((began..=emitted).contains(&event.emitted_at), "{event:?}");
    }
}

#[test]
fn a_line_is_never_longer_than_the_setting_whatever_the_event() {
    for line_bytes_max in [4 << 10, 5000, 8 << 10, 64 << 10] {
        for packing in [SpillPacking::OneByOne, SpillPacking::Packed] {
            let world = World::new();
            let client = quick("http://127.0.0.1:9/")
                .spill_line_bytes_max(line_bytes_max)
                .spill_packing(packing)
                .build()
                .unwrap();
            for id in 0..200 {
                let text = ["x", "\"\\", "世", "\u{10fffd}"][id as usize % 4].repeat(id as usize * 37);
                client.emit(&Numbered { id, text });
            }
            world.assert_settled(&client.shutdown_blocking(LONG), 200);
            let longest = world.log.text().lines().map(str::len).max().unwrap() + 1;
            assert!(longest <= line_bytes_max, "{longest} > {line_bytes_max}");
            // The limit is not met by wasting space: the longest line comes close to it.
            assert!(
                longest + 2048 > line_bytes_max || line_bytes_max > 60_000,
                "{longest} of {line_bytes_max}"
            );
        }
    }
}

#[test]
fn the_spill_level_is_the_users_choice() {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/")
        .mode(Mode::LogOnly)
        .spill_level(overspill::spill::LogLevel::Error)
        .build()
        .unwrap();
    client.emit(&Numbered::of(0));
    world.assert_settled(&client.shutdown_blocking(LONG), 1);
    assert!(world.log.text().contains(r#""level":"ERROR""#));
}

/// With these subscribers nothing reads spilled events: they must be in the fallback, and one notice must say so.
fn falls_back(subscriber: Option<Box<dyn FnOnce(Spilled) -> tracing::Dispatch>>) {
    let (log, fallback) = (Spilled::default(), Spilled::default());
    let dispatch = subscriber.map_or_else(tracing::Dispatch::none, |make| make(log.clone()));
    let _scope = tracing::dispatcher::set_default(&dispatch);
    let client =
        quick("http://127.0.0.1:9/").spill_fallback(WriteSink::new(fallback.clone())).build().unwrap();
    emit_all(&client, 0..1000);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.lost, stats.pending), (1000, 0, 0));
    assert_eq!(ids_spilled(&fallback), (0..1000).collect::<Vec<_>>());
    assert_eq!(log.events().len(), 0);
    assert_eq!(
        fallback.count_notices("nobody reads target overspill::spill")
            + log.count_notices("nobody reads target overspill::spill"),
        1,
        "{}",
        fallback.text()
    );
}

#[test]
fn without_a_subscriber_the_fallback_takes_the_events_and_one_notice_says_so() {
    falls_back(None);
}

#[test]
fn with_the_target_filtered_out_the_fallback_takes_the_events() {
    falls_back(Some(Box::new(|log| {
        let filter = EnvFilter::new("info,overspill::spill=off");
        tracing::Dispatch::new(
            tracing_subscriber::fmt()
                .json()
                .with_env_filter(filter)
                .with_writer(move || log.clone())
                .finish(),
        )
    })));
    falls_back(Some(Box::new(|log| {
        let quiet = tracing_subscriber::fmt::layer()
            .json()
            .with_writer(move || log.clone())
            .with_filter(EnvFilter::new("error"));
        tracing::Dispatch::new(tracing_subscriber::registry().with(quiet))
    })));
}

#[test]
fn a_subscriber_that_looks_at_records_without_reading_them_does_not_count_as_a_reader() {
    struct Counts;
    impl<S: tracing::Subscriber> Layer<S> for Counts {}
    falls_back(Some(Box::new(|_| tracing::Dispatch::new(tracing_subscriber::registry().with(Counts)))));
}

#[test]
fn a_subscriber_that_panics_is_contained_and_the_fallback_takes_the_events() {
    struct Panics;
    impl<S: tracing::Subscriber> Layer<S> for Panics {
        fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
            panic!("a subscriber");
        }
    }
    falls_back(Some(Box::new(|_| tracing::Dispatch::new(tracing_subscriber::registry().with(Panics)))));
}

/// A log on a disk that is full for a while.
struct Disk {
    full: Arc<AtomicBool>,
    log: WriteSink<Spilled>,
}
impl SpillSink for Disk {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            self.log.write(record)
        }
    }
}

#[test]
fn with_neither_log_nor_fallback_events_are_lost_and_counted_and_spilling_resumes_with_the_log() {
    let world = World::new();
    let full = Arc::new(AtomicBool::new(true));
    let sink = Disk { full: Arc::clone(&full), log: WriteSink::new(world.log.clone()) };
    let builder = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).spill_sink(sink);
    let client = builder.spill_fallback(WriteSink::new(FullDisk)).build().unwrap();
    client.emit(&Numbered::of(0));
    until("the loss", || client.stats().lost == 1);
    full.store(false, Ordering::Relaxed);
    client.emit(&Numbered::of(1));
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.lost_by(LostReason::LogFailed), stats.spilled, stats.pending), (1, 1, 0));
    assert_eq!(ids_spilled(&world.log), [1]);
}

#[test]
fn a_custom_sink_replaces_the_log_and_its_failure_falls_back() {
    struct Fickle(AtomicU64, WriteSink<Spilled>);
    impl SpillSink for Fickle {
        fn write(&self, record: &Record<'_>) -> io::Result<()> {
            match self.0.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => self.1.write(record),
                1 => Err(io::ErrorKind::BrokenPipe.into()),
                _ => panic!("a sink"),
            }
        }
    }
    let world = World::new();
    let fallback = Spilled::default();
    let client = quick("http://127.0.0.1:9/")
        .mode(Mode::LogOnly)
        .spill_sink(Fickle(AtomicU64::new(0), WriteSink::new(world.log.clone())))
        .spill_fallback(WriteSink::new(fallback.clone()))
        .build()
        .unwrap();
    emit_all(&client, 0..30);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.lost), (30, 0));
    assert_eq!((world.log.events().len(), fallback.events().len()), (10, 20));
}

/// Switches the client's mode from within the log, as a circuit breaker would.
struct Breaker {
    client: Arc<OnceLock<Client>>,
    log: WriteSink<Spilled>,
}
impl SpillSink for Breaker {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        if let Some(client) = self.client.get() {
            client.set_mode(if record.seq % 2 == 0 { Mode::On } else { Mode::LogOnly });
            client.set_queue_share(if record.seq % 2 == 0 { QueueShare::Half } else { QueueShare::Whole });
        }
        self.log.write(record)
    }
}

#[test]
fn a_sink_that_sets_the_clients_mode_does_not_wait_for_itself_and_costs_no_event() {
    let log = Spilled::default();
    let handle = Arc::<OnceLock<Client>>::default();
    let breaker = Breaker { client: Arc::clone(&handle), log: WriteSink::new(log.clone()) };
    let client = quick("http://127.0.0.1:9/").mode(Mode::LogOnly).spill_sink(breaker).build().unwrap();
    handle.set(client.clone()).ok().unwrap();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = &client;
            scope.spawn(move || emit_all(client, thread * 50..(thread + 1) * 50));
        }
    });
    let stats = client.shutdown_blocking(LONG);
    assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
    assert_eq!((stats.emitted, stats.spilled, stats.lost, stats.pending), (200, 200, 0, 0), "{stats}");
    let mut ids = ids_spilled(&log);
    ids.sort_unstable();
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
}

/// A log whose reader has stopped: writes block until the gate opens.
struct Stuck(Arc<AtomicU64>, Mutex<Receiver<()>>);
impl SpillSink for Stuck {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let _ = self.1.lock().unwrap().recv();
        Ok(())
    }
}

#[test]
fn a_stuck_log_stalls_neither_callers_nor_shutdown_and_the_surplus_is_lost_and_counted() {
    let entered = Arc::new(AtomicU64::new(0));
    let (gate, closed): (SyncSender<()>, _) = sync_channel(0);
    let client = quick("http://127.0.0.1:9/")
        .queue_events_max(100)
        .batch_events_max(100)
        .spill_sink(Stuck(Arc::clone(&entered), Mutex::new(closed)))
        .spill_fallback(WriteSink::new(io::sink()))
        .build()
        .unwrap();
    // The sender meets the refused connection, writes, and is stuck; the queue fills behind it.
    emit_all(&client, 0..1);
    until("the sender to be in its write", || entered.load(Ordering::Relaxed) == 1);
    let slowest = (1..5000)
        .map(|id| {
            let began = Instant::now();
            client.emit(&Numbered::of(id));
            began.elapsed()
        })
        .max()
        .unwrap();
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let stats = client.stats();
    // A few events fit into the queue, the log's queue and the sender's batch. All others are lost.
    assert!(stats.lost_by(LostReason::LogStalled) >= 4500, "{stats}");
    let began = Instant::now();
    let stats = client.shutdown_blocking(Duration::from_millis(300));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!((stats.emitted, stats.pending), (5000, 0), "{stats}");
    assert_eq!((stats.lost, entered.load(Ordering::Relaxed)), (5000, 1), "{stats}");
    drop(gate);
}

/// Emits an event for each record it receives, including those that it causes itself.
struct Loop(Arc<OnceLock<Client>>);
impl<S: tracing::Subscriber> Layer<S> for Loop {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if let Some(client) = self.0.get() {
            client.emit(&event.metadata().target());
        }
    }
}

#[test]
fn an_application_layer_that_emits_on_every_record_makes_no_loop() {
    let (log, fallback) = (Spilled::default(), Spilled::default());
    let client = Arc::new(OnceLock::new());
    let subscriber = tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().json().with_writer({
            let log = log.clone();
            move || log.clone()
        }))
        .with(Loop(Arc::clone(&client)));
    let _scope = set_default(subscriber);
    let endpoint = overspill::testkit::Endpoint::start(|_| Act::Status(503)).unwrap();
    client
        .set(
            quick(endpoint.url())
                .queue_events_max(50)
                .spill_fallback(WriteSink::new(fallback.clone()))
                .build()
                .unwrap(),
        )
        .unwrap();
    for nth in 0..500 {
        tracing::info!(nth, "the application says something");
    }
    let events = client.get().unwrap();
    let stats = events.shutdown_blocking(LONG);
    assert_eq!((stats.emitted, stats.spilled, stats.lost, stats.pending), (500, 500, 0, 0), "{stats}");
    assert_eq!(log.events().len() + fallback.events().len(), 500);
    assert!(stats.echoes > 0);
    assert_eq!(endpoint.requests(), stats.posts);
}
