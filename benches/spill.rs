//! What a spilled event costs the sender, packed and unpacked, compared with two floors: the same line written by
//! serde_json, and the same record logged by hand.
//!
//! `cargo bench --bench spill`; `-- --test` makes a smoke run. Every way writes the same events to its own file, one
//! `write` per line, in interleaved rounds. Read the ratios within one run; times are not comparable between machines.
#![allow(missing_docs, reason = "a bench has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the output is the point, and a broken bench should panic"
)]

mod corpus;

use corpus::{ASCII, Event};
use overspill::spill::{SpillPacking, WriteSink, join, read_line};
use overspill::testkit::Scripted;
use overspill::{Builder, Client};
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tracing::subscriber::with_default;

/// The fields of a record.
#[derive(Serialize)]
struct Fields<'a> {
    message: &'a str,
    spill_v: u64,
    spill_client: &'a str,
    spill_seq: u64,
    spill_batch: u64,
    spill_reason: &'a str,
    spill_maybe_delivered: bool,
    spill_emitted_at: &'a str,
    spill_age_ms: u64,
    spill_detail: &'a str,
    spill_part: u32,
    spill_parts: u32,
    spill_events: u32,
    spill_redacted: bool,
    spill_event: &'a str,
}

fn fields(seq: u64, event: &str) -> Fields<'_> {
    Fields {
        message: "event spilled: abandoned",
        spill_v: 3,
        spill_client: "0123456789abcdef",
        spill_seq: seq,
        spill_batch: 0,
        spill_reason: "abandoned",
        spill_maybe_delivered: false,
        spill_emitted_at: "2026-11-26T12:19:45.123Z",
        spill_age_ms: 0,
        spill_detail: "the sender ended with the event in hand",
        spill_part: 1,
        spill_parts: 1,
        spill_events: 1,
        spill_redacted: false,
        spill_event: event,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// serde_json, a reused `Vec`, a file.
    Floor,
    /// `tracing::event!`, with the same fields, into the same layer.
    ByHand,
    Json(SpillPacking),
    Text(SpillPacking),
    Sink(SpillPacking),
}

/// Each packed way follows the way that it is compared with.
const WAYS: [(Way, &str); 8] = [
    (Way::Floor, "floor: serde_json line to a file"),
    (Way::ByHand, "tracing::event! by hand, JSON layer"),
    (Way::Json(SpillPacking::OneByOne), "spilled, JSON layer"),
    (Way::Json(SpillPacking::Packed), "spilled packed, JSON layer"),
    (Way::Text(SpillPacking::OneByOne), "spilled, text layer"),
    (Way::Text(SpillPacking::Packed), "spilled packed, text layer"),
    (Way::Sink(SpillPacking::OneByOne), "spilled, WriteSink"),
    (Way::Sink(SpillPacking::Packed), "spilled packed, WriteSink"),
];

fn path() -> PathBuf {
    std::env::temp_dir().join(format!("overspill-bench-{}.log", std::process::id()))
}

fn json_layer(file: File) -> impl tracing::Subscriber + Send + Sync {
    tracing_subscriber::fmt().json().with_writer(std::sync::Arc::new(file)).finish()
}

fn text_layer(file: File) -> impl tracing::Subscriber + Send + Sync {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::sync::Arc::new(file)).finish()
}

/// Queues the events with a client whose sender never runs. Then drops the sender and times how long it takes to write all of
/// them to the log: out of the queue, into batches of 500, to the log.
fn spilled(corpus: &[Event<'_>], setting: impl FnOnce(Builder) -> Builder) -> Duration {
    let nowhere = Scripted::new(|_| unreachable!("the sender never runs"));
    let builder = Client::builder("nowhere").transport(nowhere);
    let (client, sender) = setting(builder)
        .queue_events_max(corpus.len())
        .queue_bytes_max(corpus.len() * 512)
        .build_with_sender()
        .expect("sound settings");
    corpus.iter().for_each(|event| _ = client.emit(event));
    let began = Instant::now();
    drop(sender);
    let took = began.elapsed();
    let stats = client.stats();
    assert_eq!((stats.spilled, stats.pending), (corpus.len() as u64, 0), "{stats}");
    took
}

fn once(way: Way, corpus: &[Event<'_>], texts: &[String]) -> Duration {
    let mut file = File::create(path()).expect("a temporary folder");
    match way {
        Way::Floor => {
            let mut line = Vec::with_capacity(1024);
            let began = Instant::now();
            for (seq, text) in (0..).zip(texts) {
                line.clear();
                serde_json::to_writer(&mut line, &fields(seq, text)).expect("strings and numbers");
                line.push(b'\n');
                file.write_all(&line).expect("room on the disk");
            }
            began.elapsed()
        }
        Way::ByHand => with_default(json_layer(file), || {
            let began = Instant::now();
            for (seq, text) in (0..).zip(texts) {
                let fields = fields(seq, text);
                tracing::event!(
                    parent: None,
                    tracing::Level::WARN,
                    spill_v = fields.spill_v,
                    spill_client = fields.spill_client,
                    spill_seq = fields.spill_seq,
                    spill_batch = fields.spill_batch,
                    spill_reason = fields.spill_reason,
                    spill_maybe_delivered = fields.spill_maybe_delivered,
                    spill_emitted_at = %fields.spill_emitted_at,
                    spill_age_ms = fields.spill_age_ms,
                    spill_detail = fields.spill_detail,
                    spill_part = fields.spill_part,
                    spill_parts = fields.spill_parts,
                    spill_events = fields.spill_events,
                    spill_redacted = fields.spill_redacted,
                    spill_event = %fields.spill_event,
                    "{}",
                    fields.message,
                );
            }
            began.elapsed()
        }),
        Way::Json(packing) => {
            with_default(json_layer(file), || spilled(corpus, |builder| builder.spill_packing(packing)))
        }
        Way::Text(packing) => {
            with_default(text_layer(file), || spilled(corpus, |builder| builder.spill_packing(packing)))
        }
        Way::Sink(packing) => with_default(tracing::subscriber::NoSubscriber::new(), || {
            spilled(corpus, |builder| builder.spill_packing(packing).spill_sink(WriteSink::new(file)))
        }),
    }
}

/// Lines and bytes of the file; every event must be in it, text for text.
fn check(way: Way, texts: &[String]) -> (usize, usize) {
    let log = std::fs::read_to_string(path()).expect("written just now");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("parts")).collect();
    if way != Way::ByHand {
        let events: Vec<String> = join(lines.iter().filter_map(|line| read_line(line)))
            .into_iter()
            .map(|event| event.event)
            .collect();
        assert!(events == texts, "{way:?}: not every event is in the log");
    }
    (lines.len(), log.len())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    let (rounds, events) = if smoke { (1, 500) } else { (21, 20_000) };
    let corpus = corpus::of(ASCII, events);
    let texts: Vec<String> =
        corpus.iter().map(|event| serde_json::to_string(event).expect("plain")).collect();
    let mut seconds = WAYS.map(|_| Vec::new());
    let mut written = WAYS.map(|_| (0, 0));
    for _ in 0..rounds {
        for (nth, (way, _)) in WAYS.into_iter().enumerate() {
            seconds[nth].push(once(way, &corpus, &texts).as_secs_f64());
            written[nth] = check(way, &texts);
        }
    }
    std::fs::remove_file(path()).expect("written just now");

    // Interleaved, so that a disturbance of the machine affects both.
    let ratio = |slow: usize, fast: usize| {
        median(seconds[slow].iter().zip(&seconds[fast]).map(|(slow, fast)| slow / fast).collect())
    };
    println!("{events} events of {} bytes, medians of {rounds} rounds", texts.concat().len() / texts.len());
    println!(
        "{:37} {:>8} {:>8} {:>12} {:>6} {:>11}",
        "", "ns/event", "x floor", "x one by one", "lines", "bytes/event"
    );
    for (nth, (way, name)) in WAYS.into_iter().enumerate() {
        let packed =
            matches!(way, Way::Json(how) | Way::Text(how) | Way::Sink(how) if how == SpillPacking::Packed);
        let gain = if packed { format!("{:.2}", ratio(nth - 1, nth)) } else { String::new() };
        println!(
            "{name:37} {:>8.0} {:>8.2} {gain:>12} {:>6} {:>11}",
            median(seconds[nth].clone()) / events as f64 * 1e9,
            ratio(0, nth),
            written[nth].0,
            written[nth].1 / events as usize,
        );
    }
}
