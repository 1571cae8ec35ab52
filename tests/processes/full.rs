//! Row 30: the disk under the log is full, or the subscriber panics. What a sink refuses goes to the next one, what none accepts
//! is counted as lost, and spilling resumes as soon as it can.
//!
//! A subscriber that cannot write does not say so: tracing-subscriber drops the error. A service that must know sets a sink.

use crate::child::{Part, Start, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled};
use crate::support::{LONG, emit_all, quick};
use overspill::spill::WriteSink;
use overspill::{LostReason, Mode, Reason};
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub const PARTS: &[Part] = &[
    ("full sink", full_sink),
    ("full everywhere", full_everywhere),
    ("full for a while", full_for_a_while),
    ("full subscriber", full_subscriber),
    ("panicking subscriber", panicking_subscriber),
];

const EVENTS: u64 = 300;

fn full_disk() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// Spills through the sender and, after close, through the caller.
fn spill_and_end(client: &overspill::Client, events: u64) -> overspill::Stats {
    emit_all(client, 0..events / 2);
    client.shutdown_blocking(LONG);
    emit_all(client, events / 2..events);
    let stats = client.stats();
    assert_eq!((stats.emitted, stats.pending), (events, 0), "{stats}");
    say(format_args!("spilled {}", stats.spilled));
    stats
}

fn full_sink() {
    let client = quick(url()).spill_sink(WriteSink::new(full_disk())).build().unwrap();
    assert_eq!(spill_and_end(&client, EVENTS).lost, 0);
}

fn full_everywhere() {
    let full = || WriteSink::new(full_disk());
    let client = quick(url()).spill_sink(full()).spill_fallback(full()).build().unwrap();
    let stats = spill_and_end(&client, EVENTS);
    assert_eq!((stats.spilled, stats.lost_by(LostReason::LogFailed)), (0, EVENTS), "{stats}");
}

/// A file system with room for a number of bytes. A write that does not fit is cut short, as on a real one.
struct Room(AtomicU64, io::Stdout);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = usize::try_from(self.0.load(Ordering::Relaxed)).unwrap().min(bytes.len());
        if room == 0 {
            // Simulates a clean-up: the next write has room again.
            self.0.store(10_000, Ordering::Relaxed);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.fetch_sub(room as u64, Ordering::Relaxed);
        self.1.write_all(&bytes[..room])?;
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

fn full_for_a_while() {
    let room = Room(AtomicU64::new(10_000), io::stdout());
    let client = quick(url()).mode(Mode::LogOnly).spill_sink(WriteSink::new(room)).build().unwrap();
    emit_all(&client, 0..EVENTS);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled_by(Reason::LogOnly), stats.lost), (EVENTS, 0), "{stats}");
}

fn full_subscriber() {
    tracing_subscriber::fmt().json().with_writer(full_disk).init();
    let client = quick(url()).build().unwrap();
    spill_and_end(&client, EVENTS);
}

/// Panics at the first hundred records that it receives.
struct PanicsAtFirst(AtomicU64);

impl<S: tracing::Subscriber> Layer<S> for PanicsAtFirst {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "overspill::spill" {
            assert!(self.0.fetch_add(1, Ordering::Relaxed) >= 100, "a subscriber");
        }
    }
}

fn panicking_subscriber() {
    std::panic::set_hook(Box::new(|_| {}));
    // The panic comes before the formatter, so that the record is in one place.
    let formatter = tracing_subscriber::fmt::layer().json();
    tracing_subscriber::registry().with(PanicsAtFirst(AtomicU64::new(0))).with(formatter).init();
    let client = quick(url()).build().unwrap();
    assert_eq!(spill_and_end(&client, EVENTS).lost, 0);
}

/// The parent's half of the cases that keep everything.
#[track_caller]
fn keeps_all(part: &'static str) -> crate::child::Ended {
    let peer = Peer::refused();
    let ended = Start::of(part, peer.url()).start().succeed();
    assert_settled(&peer, &ended, EVENTS);
    report(30, "events lost while another sink works", 0);
    ended
}

#[test]
fn a_sink_on_a_full_disk_hands_over_to_the_fallback() {
    let ended = keeps_all("full sink");
    assert_eq!(ended.count_notices("the spill sink failed"), 1, "{ended}");
}

#[test]
fn with_every_disk_full_events_are_lost_and_counted_and_nothing_panics() {
    let peer = Peer::refused();
    let ended = Start::of("full everywhere", peer.url()).start().succeed();
    assert_eq!(ended.figure::<u64>("spilled "), 0);
}

#[test]
fn a_sink_that_tore_a_line_on_a_full_disk_starts_a_new_line_once_there_is_space() {
    keeps_all("full for a while");
}

#[test]
fn a_subscriber_on_a_full_disk_does_no_harm_and_hides_the_error_from_us() {
    let peer = Peer::refused();
    let ended = Start::of("full subscriber", peer.url()).start().succeed();
    // The formatter has read the record; nothing more can be known. The README says so.
    assert_eq!(ended.figure::<u64>("spilled "), EVENTS);
}

#[test]
fn a_subscriber_that_panics_costs_no_event_and_is_tried_again_until_it_works() {
    let ended = keeps_all("panicking subscriber");
    let by_subscriber = ended.lines.iter().filter(|line| line.contains("overspill::spill\"}")).count() as u64;
    // The subscriber is asked up to twice for each event.
    assert!((EVENTS - 100..=EVENTS - 50).contains(&by_subscriber), "{by_subscriber}\n{ended}");
}
