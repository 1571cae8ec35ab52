//! An accepted event costs its caller no allocation. A separate binary, because it replaces the allocator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "a test binary has no public API")]

#[path = "it/figures.rs"]
mod figures;

use allocation_counter::measure;
use overspill::testkit::{Act, Endpoint};
use overspill::tracing_events::{SpanFields, TracingEvents};
use overspill::{Client, Emitted, Mode};
use serde::Serialize;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;

#[derive(Serialize)]
struct Event<'a> {
    id: u64,
    route: &'a str,
    latency_ms: f64,
    padding: &'a str,
}

fn accepted(client: &Client, events: u64, padding: &str) -> u64 {
    (0..events)
        .filter(|&id| {
            let event = Event { id, route: "/api/v1/orders", latency_ms: 12.5, padding };
            client.emit(&event) == Emitted::Queued
        })
        .count() as u64
}

/// The sender runs on this thread, between the measurements, so that the number of blocks in use is deterministic.
#[tokio::test]
async fn a_warm_client_allocates_nothing_for_an_accepted_event_whatever_its_size() {
    let endpoint = Endpoint::start(|_| Act::Status(200)).unwrap();
    let (client, sender) = Client::builder(endpoint.url()).build_with_sender().unwrap();
    let running = tokio::spawn(sender.run());
    for bytes in [10, 230, 900, 3000, 30_000] {
        let padding = "x".repeat(bytes);
        // Warms up: each block class up to this size gets its spares, and the chunk that is being filled grows.
        assert_eq!(accepted(&client, 8, &padding), 8);
        client.flush(Duration::from_secs(20)).await.unwrap();
        let mut queued = 0;
        let used = measure(|| queued = accepted(&client, 8, &padding));
        assert_eq!((queued, used.count_total), (8, 0), "{bytes} bytes: {used:?}");
        client.flush(Duration::from_secs(20)).await.unwrap();
    }
    // Warms up: the measured burst reuses the chunks of this one.
    assert_eq!(accepted(&client, 4000, "x"), 4000);
    client.flush(Duration::from_secs(20)).await.unwrap();
    let used = measure(|| assert_eq!(accepted(&client, 4000, "x"), 4000));
    assert_eq!(used.count_total, 0, "{used:?}");
    let stats = client.shutdown(Duration::from_secs(20)).await;
    assert_eq!((stats.delivered, stats.pending), (stats.emitted, 0), "{stats}");
    running.await.unwrap();
}

#[tokio::test]
async fn a_tracing_event_costs_its_caller_no_allocation_either_nor_do_the_fields_of_its_spans() {
    let endpoint = Endpoint::start(|_| Act::Status(200)).unwrap();
    let (client, sender) = Client::builder(endpoint.url()).build_with_sender().unwrap();
    let running = tokio::spawn(sender.run());
    let layer = TracingEvents::builder(&client).spans(SpanFields::All).build().unwrap();
    let subscriber = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let emit = |events: u64| {
        tracing::dispatcher::with_default(&subscriber, || {
            let _request = tracing::info_span!("request", request_id = "4f1c", user = "kim").entered();
            let _attempt = tracing::info_span!("attempt", nth = 1).entered();
            measure(|| {
                for id in 0..events {
                    tracing::info!(target: "t", id, route = "/api/v1/orders", latency_ms = 12.5, "handled {id}");
                }
            })
        })
    };
    // Warms up: the measured burst reuses the chunks of this one.
    emit(4000);
    client.flush(Duration::from_secs(20)).await.unwrap();
    let used = emit(4000);
    assert_eq!(used.count_total, 0, "{used:?}");
    let stats = client.shutdown(Duration::from_secs(20)).await;
    assert_eq!((stats.emitted, stats.delivered, stats.pending), (8000, 8000, 0), "{stats}");
    running.await.unwrap();
}

#[tokio::test]
async fn a_name_and_what_every_event_has_cost_the_caller_no_allocation_either() {
    let endpoint = Endpoint::start(|_| Act::Status(200)).unwrap();
    let builder = Client::builder(endpoint.url()).service_name("orders").time_field("timestamp");
    let (client, sender) = builder.build_with_sender().unwrap();
    let running = tokio::spawn(sender.run());
    let names = ["order_placed", "order_paid", "order_shipped"];
    let emit = |events: usize| {
        let queued = |nth: &usize| client.emit_named(names[nth % 3], &[*nth]) == Emitted::Queued;
        assert_eq!((0..events).filter(queued).count(), events);
    };
    // Warms up: each name is known afterwards, and the measured burst reuses the chunks of this one.
    emit(4000);
    client.flush(Duration::from_secs(20)).await.unwrap();
    let used = measure(|| emit(4000));
    assert_eq!(used.count_total, 0, "{used:?}");
    let stats = client.shutdown(Duration::from_secs(20)).await;
    assert_eq!((stats.delivered, stats.pending), (stats.emitted, 0), "{stats}");
    running.await.unwrap();
}

#[test]
fn a_client_that_is_off_allocates_nothing_and_does_not_evaluate_the_event() {
    let client = Client::builder("http://127.0.0.1:9/").mode(Mode::Off).build().unwrap();
    let used = measure(|| {
        for _ in 0..1000 {
            assert_eq!(client.emit_with(|| -> String { unreachable!("off") }), Emitted::Off);
        }
    });
    assert_eq!(used.count_total, 0);
    assert_eq!(client.stats().emitted, 0);
}

#[test]
fn an_endless_event_takes_at_most_four_times_its_maximum_before_it_is_cut_off() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(std::iter::repeat("for ever"))
        }
    }
    let _nobody = tracing::dispatcher::set_default(&tracing::Dispatch::none());
    let client = Client::builder("http://127.0.0.1:9/").build().unwrap();
    let event_bytes_max = overspill::limits::EVENT_BYTES as u64;
    let used = measure(|| assert!(matches!(client.emit(&Endless), Emitted::Lost(_))));
    assert!(used.bytes_max <= 4 * event_bytes_max + 16_384, "{used:?}");
    let times = used.bytes_max as f64 / event_bytes_max as f64;
    figures::report(33, "peak of an endless event", format!("{times:.1} x event_bytes_max (at most 4)"));
}

/// Reads every field of every record of the memory watch, without allocating.
#[cfg(target_os = "linux")]
#[derive(Clone, Default)]
struct Reader(std::sync::Arc<std::sync::atomic::AtomicUsize>);

#[cfg(target_os = "linux")]
impl tracing::Subscriber for Reader {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == overspill::memory_watch::MEMORY_WATCH_TARGET
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Nowhere(usize);
        impl std::fmt::Write for Nowhere {
            fn write_str(&mut self, text: &str) -> std::fmt::Result {
                self.0 += text.len();
                Ok(())
            }
        }
        impl tracing::field::Visit for Nowhere {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                std::fmt::Write::write_fmt(self, format_args!("{value:?}")).unwrap();
            }
        }
        let mut read = Nowhere(0);
        event.record(&mut read);
        self.0.fetch_add(read.0, std::sync::atomic::Ordering::Relaxed);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

/// A process without free memory still writes the file and the line in the log.
#[cfg(target_os = "linux")]
#[test]
fn near_the_memory_limit_a_whole_snapshot_asks_for_no_memory() {
    use overspill::memory_watch::{Kind, Level, Looked, MemoryWatch};
    use std::time::Instant;

    let root = std::env::temp_dir().join(format!("overspill-short-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    let reader = Reader::default();
    let _scope = tracing::subscriber::set_default(reader.clone());
    let client = Client::builder("http://127.0.0.1:9/").mode(Mode::LogOnly).build().unwrap();
    // This process, with a threshold that it already exceeds and a limit that is always near.
    let builder = MemoryWatch::builder("service", root.join("snapshots")).client(&client).disk_free_min(0);
    let builder = builder.threshold(Level::Bytes(1_000_000)).headroom_min(u64::MAX);
    let mut watch = builder.snapshot_on_sigusr2().build().unwrap();
    let now = Instant::now();
    let before = reader.0.load(std::sync::atomic::Ordering::Relaxed);
    let (mut kinds, mut bytes) = (Vec::with_capacity(2), 0);
    let used = measure(|| {
        for second in [0, 5] {
            watch.ask_for_snapshot();
            if let Looked::Taken(snapshot) = watch.look(now + Duration::from_secs(second)) {
                kinds.push(snapshot.kind);
                bytes += snapshot.file_bytes;
            }
        }
    });
    assert_eq!(kinds, [Kind::ShortReport; 2], "the first one of a process, and another");
    assert_eq!(used.count_total, 0, "{used:?}");
    assert!(bytes > 2 * 200, "{bytes}");
    assert!(reader.0.load(std::sync::atomic::Ordering::Relaxed) > before + 200, "the log has read it");
    figures::report(37, "allocations during the short report and its log record", used.count_total);
    std::fs::remove_dir_all(root).unwrap();
}
