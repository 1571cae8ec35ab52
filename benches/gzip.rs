//! What compressing a batch costs the sender, and what it saves, level by level: why `Builder::gzip` takes the fastest.
//!
//! `cargo bench --bench gzip`; with `-- --test` one round only.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench has no outside, and a person reads it")]

mod corpus;

use flate2::{Compression, write::GzEncoder};
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

const EVENTS: usize = 500;

fn packed(body: &[u8], level: u32) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len()), Compression::new(level));
    encoder.write_all(body)?;
    encoder.finish()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { 30 };
    let mut body = Vec::new();
    for event in corpus::corpus().iter().take(EVENTS) {
        serde_json::to_writer(&mut body, event)?;
        body.push(b'\n');
    }
    println!("{EVENTS} events, {} bytes; the median of {rounds} interleaved rounds", body.len());
    println!("level   ns an event   MB/s   of the size");
    let mut took = [const { Vec::new() }; 9];
    let mut len = [0; 9];
    for _ in 0..rounds {
        for (level, (took, len)) in (1..).zip(took.iter_mut().zip(&mut len)) {
            let began = Instant::now();
            *len = black_box(packed(black_box(&body), level)?).len();
            took.push(began.elapsed());
        }
    }
    for (level, (took, len)) in (1..).zip(took.iter_mut().zip(len)) {
        took.sort();
        let median = took.get(rounds / 2).copied().unwrap_or(Duration::MAX).as_secs_f64();
        println!(
            "{level:>5} {:>13.0} {:>6.0} {:>12.1} %",
            median * 1e9 / EVENTS as f64,
            body.len() as f64 / median / 1e6,
            100.0 * len as f64 / body.len() as f64
        );
    }
    Ok(())
}
