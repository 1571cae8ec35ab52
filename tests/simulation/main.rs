//! The whole client, simulated: emitters, mode switches, flushes, shutdowns, dropped futures, panics in every hook and days of
//! outage, all drawn from a seed, under a paused clock, in one thread. The law is checked after every step.
//!
//! Run `cargo test --release --test simulation`, with `FAULTS_SEEDS=100000` for a longer run, or with
//! `FAULTS_SEED=7` to repeat a seed that failed.

#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

mod actors;
mod books;
#[path = "../it/figures.rs"]
mod figures;
mod hooks;
mod plan;
mod run;
mod weather;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The number in an ordinary `cargo test`.
const SEEDS: u64 = 300;

fn from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")))
}

/// A life takes milliseconds. One that does not end would hang the run without naming its seed.
const LIFE_MAX: Duration = Duration::from_secs(10);

/// One run; a failure names its seed and how to repeat it. A deadline of `shutdown` is real time here too: if this process does not run for
/// a tenth of a second, a life may end differently. So only a failure that happens twice counts.
fn run(seed: u64) -> run::Outcome {
    catch_unwind(|| once(seed)).unwrap_or_else(|_| once(seed))
}

fn once(seed: u64) -> run::Outcome {
    let (_over, is_over) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if is_over.recv_timeout(LIFE_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            let text = format!("seed {seed} does not end: FAULTS_SEED={seed} cargo test --test simulation\n");
            // Not with a macro: the test harness would capture the text, and show it only after the end of the test.
            let _ = std::io::stderr().write_all(text.as_bytes());
            std::process::exit(101);
        }
    });
    catch_unwind(AssertUnwindSafe(|| run::of(seed))).unwrap_or_else(|_| {
        panic!("the law was broken under seed {seed}: FAULTS_SEED={seed} cargo test --test simulation")
    })
}

#[test]
fn the_law_holds_after_every_step_whatever_fails_and_whenever_it_ends() {
    hooks::silence_planned_panics();
    let (first, seeds) = match from_env("FAULTS_SEED") {
        Some(seed) => (seed, 1),
        None => (0, from_env("FAULTS_SEEDS").unwrap_or(SEEDS)),
    };
    let began = Instant::now();
    let mut total = run::Outcome::default();
    for seed in first..first + seeds {
        total.add(&run(seed));
    }
    println!("{seeds} seeds in {:.1?}: {total}", began.elapsed());
    if seeds > 1 {
        total.assert_everything_happened();
        let ends = total.ends_in_the_middle();
        figures::report(26, "shutdowns and senders dropped in the middle, law exact", ends);
        figures::report(
            34,
            "simulated lives of a client, law checked after every step",
            format!("{seeds} seeds, {total}"),
        );
    }
}

#[test]
fn a_seed_repeats_the_same_run() {
    hooks::silence_planned_panics();
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
