//! What compressing a batch costs the sender, and what it saves, at each level. The result chose the levels of `Builder::gzip`
//! and `Builder::zstd`.
//!
//! `cargo bench --manifest-path benches/peers/Cargo.toml --bench compress`; `-- --test` runs one round.
#![allow(
    missing_docs,
    clippy::print_stdout,
    reason = "a bench has no public API, and its output is the point"
)]

mod corpus;

use flate2::write::GzEncoder;
use std::hint::black_box;
use std::io::{Result, Write};
use std::time::{Duration, Instant};

const EVENTS: usize = 500;

type Pack = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>>>;

/// One way to compress, and its cost.
struct Case {
    name: &'static str,
    level: i32,
    pack: Pack,
    took: Vec<Duration>,
    len: usize,
}

fn gzip(level: i32) -> Result<Case> {
    let compression = flate2::Compression::new(level.unsigned_abs());
    let pack = Box::new(move |body: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), compression);
        encoder.write_all(body)?;
        encoder.finish()
    });
    Ok(Case { name: "gzip", level, pack, took: Vec::new(), len: 0 })
}

/// Reuses its tables, as the sender does.
fn zstd(level: i32) -> Result<Case> {
    let mut compressor = zstd::bulk::Compressor::new(level)?;
    let pack = Box::new(move |body: &[u8]| compressor.compress(body));
    Ok(Case { name: "zstd", level, pack, took: Vec::new(), len: 0 })
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { 30 };
    let mut body = Vec::new();
    for event in corpus::corpus(corpus::ASCII).iter().take(EVENTS) {
        serde_json::to_writer(&mut body, event)?;
        body.push(b'\n');
    }
    let mut cases: Vec<Case> =
        (1..=9).map(gzip).chain([-3, -1, 1, 2, 3, 4, 6].map(zstd)).collect::<Result<_>>()?;
    for _ in 0..rounds {
        for case in &mut cases {
            let began = Instant::now();
            case.len = black_box((case.pack)(black_box(&body))?).len();
            case.took.push(began.elapsed());
        }
    }
    println!("{EVENTS} events, {} bytes; the median of {rounds} interleaved rounds", body.len());
    println!("       level   ns an event   MB/s   of the size");
    for case in &mut cases {
        case.took.sort();
        let median = case.took.get(rounds / 2).copied().unwrap_or(Duration::MAX).as_secs_f64();
        println!(
            "{} {:>7} {:>13.0} {:>6.0} {:>12.1} %",
            case.name,
            case.level,
            median * 1e9 / EVENTS as f64,
            body.len() as f64 / median / 1e6,
            100.0 * case.len as f64 / body.len() as f64
        );
    }
    Ok(())
}
