//! What a service experiences while its endpoint fails: memory, latency, CPU, the time to recover. One test at a time, in a
//! separate process, because the process is what is measured. 20,000 events a second of 300 bytes from four threads.
//!
//! Latencies are reported and not asserted, because other processes affect them.

#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

#[path = "../it/figures.rs"]
mod figures;
mod generator;
mod ids;
mod outages;
mod process;
mod trickles;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
