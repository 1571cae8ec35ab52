//! The load: four threads at a steady rate, every call timed.

use hdrhistogram::Histogram;
use overspill::Client;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, park_timeout, spawn};
use std::time::{Duration, Instant};

const RATE: u64 = 20_000;
const THREADS: u64 = 4;

/// Each thread emits this many events at once, then waits for its next tick: pauses shorter than a millisecond are not possible.
const TURN: Duration = Duration::from_millis(2);

#[derive(Serialize)]
struct Event<'a> {
    id: u64,
    padding: &'a str,
}

/// Emits until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Histogram<u64>>>,
}

impl Load {
    /// `next_id` keeps counting across several loads on one client.
    pub fn start(client: &Client, next_id: &Arc<AtomicU64>) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..THREADS)
            .map(|_| {
                let (client, next_id, stop) = (client.clone(), Arc::clone(next_id), Arc::clone(&stop));
                spawn(move || emit(&client, &next_id, &stop))
            })
            .collect();
        Load { stop, threads }
    }

    /// What the callers measured.
    pub fn end(self) -> Felt {
        self.stop.store(true, Ordering::Release);
        let mut all = histogram();
        for thread in self.threads {
            all.add(thread.join().expect("emit never panics")).expect("the same bounds");
        }
        Felt(all)
    }
}

/// The latencies of `emit`.
pub struct Felt(Histogram<u64>);

impl std::fmt::Display for Felt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1e3;
        write!(f, "emit p50 {:.1} us, p99.9 {:.0} us, of {} calls", at(0.5), at(0.999), self.0.len())
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(10, 60_000_000_000, 3).expect("bounds in order")
}

fn emit(client: &Client, next_id: &AtomicU64, stop: &AtomicBool) -> Histogram<u64> {
    let mut latencies = histogram();
    let padding = "x".repeat(280);
    let per_turn = RATE / THREADS * TURN.as_millis() as u64 / 1000;
    let (began, mut turns) = (Instant::now(), 0);
    while !stop.load(Ordering::Acquire) {
        for _ in 0..per_turn {
            let id = next_id.fetch_add(1, Ordering::AcqRel);
            let before = Instant::now();
            client.emit(&Event { id, padding: &padding });
            latencies.saturating_record(before.elapsed().as_nanos() as u64);
        }
        turns += 1;
        // Sets the rate of the load. A late tick catches up, so that the rate holds.
        park_timeout((TURN * turns).saturating_sub(began.elapsed()));
    }
    latencies
}
