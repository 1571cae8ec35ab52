//! What a host may do with a process that uses overspill: SIGPIPE at its default action, a fork after `build`. Not in tests/processes,
//! because std has no safe way to do either; two small crates have.
//!
//! As there, a test starts this binary again as a child in one role, and is itself the endpoint.
#![cfg(target_os = "linux")]

#[path = "../../../processes/child.rs"]
#[allow(dead_code, reason = "shared with tests/processes, which uses all of it")]
mod child;
#[path = "../../../it/figures.rs"]
mod figures;
mod fork;
#[path = "../../../processes/law.rs"]
#[allow(dead_code, reason = "shared with tests/processes, which uses all of it")]
mod law;
mod metrics;
mod sigpipe;
#[path = "../../../it/support.rs"]
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;

/// Not a promise but the entry point of children: returns at once in a process that was not started as a child.
#[test]
fn child() {
    child::play(&[fork::PARTS, metrics::PARTS, sigpipe::PARTS].concat());
}
