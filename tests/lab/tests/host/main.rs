//! What a host may do with a process that overspill lives in: SIGPIPE at its default action, a fork after `build`. Beside tests/processes,
//! because Rust has safe ways to neither; two small crates have.
//!
//! As there, a test starts this binary again as a child that plays one part, and plays the endpoint itself.
#![cfg(target_os = "linux")]

#[path = "../../../processes/child.rs"]
#[allow(dead_code, reason = "shared with tests/processes, which uses all of it")]
mod child;
#[path = "../../../it/figures.rs"]
mod figures;
mod fork;
#[path = "../../../processes/law.rs"]
#[allow(dead_code, reason = "as above")]
mod law;
mod metrics;
mod sigpipe;
#[path = "../../../it/support.rs"]
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;

/// Not a promise, the door for children: returns at once in a process that nobody started as one.
#[test]
fn child() {
    child::play(&[fork::PARTS, metrics::PARTS, sigpipe::PARTS].concat());
}
