//! Promises, one per module. Every test ends with the law: the emitted ids are the union of those at the endpoint and those
//! in the log, compared as sets.

#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

mod answers;
mod balancer;
mod build;
mod common;
mod credentials;
mod delivery;
mod emit;
mod end;
mod faults;
mod figures;
mod fleet;
mod formats;
mod hostile;
mod latency;
mod log;
mod metrics;
mod outage;
mod packed;
mod prometheus;
mod recovery;
mod redact;
mod refusal;
mod requests;
mod resend;
mod retry;
mod soak;
#[cfg(unix)]
mod socket;
mod split_mix;
mod support;
mod tracing_events;
mod witness;
mod writer;
