//! What a call costs its caller, compared with the floor: a bare `serde_json::to_writer` into a reused `Vec`.
//!
//! Read the ratios within one run; times are not comparable between machines.
#![allow(missing_docs, reason = "a bench has no public API")]

mod corpus;

use corpus::{ASCII, Event, KINDS, Kind, corpus};
use divan::{Bencher, black_box};
use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Mode};
use std::time::Duration;

fn main() {
    divan::main();
}

/// Times `call`, then waits untimed until it is `ready` for the next sample.
fn each(bencher: Bencher<'_, '_>, kind: Kind, ready: impl Fn() -> bool, mut call: impl FnMut(&Event<'_>)) {
    let corpus = corpus(kind);
    let mut events = corpus.iter().cycle();
    bencher
        .with_inputs(|| {
            while !ready() {
                std::thread::yield_now();
            }
            events.next()
        })
        .bench_local_values(|event| event.map(&mut call));
}

#[divan::bench(args = KINDS, sample_count = 500, sample_size = 1000)]
fn floor_serde_json_into_a_reused_vec(bencher: Bencher<'_, '_>, kind: Kind) {
    let mut line = Vec::with_capacity(1024);
    each(
        bencher,
        kind,
        || true,
        |event| {
            line.clear();
            let _ = serde_json::to_writer(&mut line, black_box(event));
            black_box(&line);
        },
    );
}

#[divan::bench(args = KINDS, sample_count = 500, sample_size = 1000)]
fn emit_accepted(bencher: Bencher<'_, '_>, kind: Kind) {
    let Ok(endpoint) = Endpoint::start(|_| Act::Status(200)) else { return };
    let Ok(client) = Client::builder(endpoint.url()).build() else { return };
    let keeps_up = || client.stats().pending < 4000;
    each(bencher, kind, keeps_up, |event| _ = client.emit(black_box(event)));
    let stats = client.shutdown_blocking(Duration::from_secs(10));
    // If the queue filled up, this would measure a log write.
    assert_eq!(stats.delivered, stats.emitted, "{stats}");
}

#[divan::bench(sample_count = 500, sample_size = 1000)]
fn emit_off(bencher: Bencher<'_, '_>) {
    let Ok(client) = Client::builder("http://127.0.0.1:9/").mode(Mode::Off).build() else { return };
    each(bencher, ASCII, || true, |event| _ = client.emit(black_box(event)));
}
