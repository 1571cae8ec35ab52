//! Promises that only a whole process can keep or break: its end, its limits, its environment, its global subscriber.
//!
//! A test starts this binary again as a child in one role ([`child`]), under a watchdog, and is itself the endpoint;
//! so the law is checked outside the process that may have died.
#![cfg(target_os = "linux")] // /proc shows what a process holds, and the shell sets its limits.
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

mod child;
mod death;
mod echo;
mod ends;
mod environment;
mod fallback;
#[path = "../it/figures.rs"]
mod figures;
mod full;
mod law;
mod layers;
mod leaving;
mod limits;
mod panics;
mod pipe;
mod secrets;
mod several;
mod sigpipe;
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "../it/support.rs"]
mod support;
mod tarpit;
mod thaw;
mod tracing_events;

/// Not a promise but the entry point of children: returns at once in a process that was not started as a child.
#[test]
fn child() {
    let parts = [
        death::PARTS,
        echo::PARTS,
        ends::PARTS,
        environment::PARTS,
        fallback::PARTS,
        full::PARTS,
        layers::PARTS,
        leaving::PARTS,
        limits::PARTS,
        panics::PARTS,
        pipe::PARTS,
        secrets::PARTS,
        several::PARTS,
        sigpipe::PARTS,
        tarpit::PARTS,
        thaw::PARTS,
        tracing_events::PARTS,
    ];
    child::play(&parts.concat());
}
