//! A million events into an outage of each kind: the peak stays below the client's `memory_bound`. A separate binary, because
//! it replaces the allocator, and nothing else may run meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "a test binary has no public API")]

use overspill::spill::{Record, SpillPacking, SpillSink};
use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Stats};
use peak_alloc::PeakAlloc;
use serde::Serialize;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const EVENTS: u64 = 1_000_000;
const THREADS: u64 = 4;

/// A log that keeps one bit per event and nothing else.
struct Seen(Arc<Vec<AtomicU64>>);

impl SpillSink for Seen {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        // {"id":123,"padding":… and, packed, more of them.
        for event in record.event.split("{\"id\":").skip(1) {
            let id: u64 = event[..event.find(',').unwrap()].parse().unwrap();
            self.0[id as usize / 64].fetch_or(1 << (id % 64), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Event<'a> {
    id: u64,
    padding: &'a str,
}

/// Emits a million events of 300 bytes and ten thousand of 6 KiB from four threads.
fn emit_million(client: &Client) {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let (short, long) = ("x".repeat(270), "y".repeat(6000));
                for id in (thread..EVENTS).step_by(THREADS as usize) {
                    client.emit(&Event { id, padding: if id % 100 == 0 { &long } else { &short } });
                }
            });
        }
    });
}

fn outage(kind: &str, url: String, packing: SpillPacking) -> Stats {
    let seen: Arc<Vec<AtomicU64>> = Arc::new((0..=EVENTS / 64).map(|_| AtomicU64::new(0)).collect());
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let client = Client::builder(url)
        .post_timeout(Duration::from_millis(500))
        .spill_sink(Seen(Arc::clone(&seen)))
        .spill_packing(packing)
        .build()
        .unwrap();
    let bound = client.memory_bound();
    emit_million(&client);
    let stats = client.shutdown_blocking(Duration::from_secs(10));
    let peak = ALLOCATOR.peak_usage().saturating_sub(before);
    println!("{kind}: peak {peak} bytes, memory_bound {bound} bytes, {stats}");
    assert!(peak <= bound, "{kind}: peak {peak} above the bound {bound}");
    assert_eq!(
        (stats.emitted, stats.spilled, stats.lost, stats.pending),
        (EVENTS, EVENTS, 0, 0),
        "{kind}: {stats}"
    );
    let in_log: u64 = seen.iter().map(|bits| u64::from(bits.load(Ordering::Relaxed).count_ones())).sum();
    assert_eq!(in_log, EVENTS, "{kind}: each id is in the log");
    drop((client, seen));
    // The sender's thread frees its memory a moment after `shutdown`; wait, so that the next peak starts clean.
    let began = Instant::now();
    while ALLOCATOR.current_usage() > before + (1 << 20) {
        assert!(began.elapsed() < Duration::from_secs(10), "{kind}: memory is still held after the end");
        std::thread::yield_now();
    }
    stats
}

#[test]
fn the_peak_of_a_million_event_outage_of_each_kind_stays_below_memory_bound() {
    let refusing = Endpoint::start(|_| Act::Status(200)).unwrap();
    refusing.refuse();
    outage("refused", refusing.url(), SpillPacking::OneByOne);
    outage("refused, packed", refusing.url(), SpillPacking::Packed);
    let tarpit = Endpoint::start(|_| Act::Hang).unwrap();
    let stats = outage("tarpit", tarpit.url(), SpillPacking::OneByOne);
    assert!(stats.maybe_delivered > 0);
    let unavailable = Endpoint::start(|_| Act::Status(503)).unwrap();
    outage("503", unavailable.url(), SpillPacking::OneByOne);
    https();
}

/// What TLS adds: certificates and configuration, read once more when the connections are renewed.
fn https() {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let client = match Client::builder("https://127.0.0.1:9/").spill_sink(Nowhere).build() {
        Ok(client) => client,
        // A machine without root certificates, or a build without https: nothing to measure.
        Err(error) => return println!("https not measured: {error}"),
    };
    for id in 0..20_000 {
        client.emit(&Event { id, padding: "x" });
    }
    let stats = client.shutdown_blocking(Duration::from_secs(10));
    let (peak, bound) = (ALLOCATOR.peak_usage().saturating_sub(before), client.memory_bound());
    println!("https refused: peak {peak} bytes, memory_bound {bound} bytes, {stats}");
    assert!(peak <= bound, "https: peak {peak} above the bound {bound}");
    assert_eq!((stats.spilled, stats.lost, stats.pending), (20_000, 0, 0), "{stats}");
}

struct Nowhere;

impl SpillSink for Nowhere {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        Ok(())
    }
}
