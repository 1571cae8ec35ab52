//! https: trusted and untrusted certificates, and where the platform keeps its own.
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

#[allow(dead_code, reason = "shared with tests/processes, which uses all of it")]
#[path = "../../../processes/child.rs"]
mod child;
#[path = "../../../it/figures.rs"]
mod figures;
mod https;
#[allow(dead_code, reason = "shared with tests/processes, which uses all of it")]
#[path = "../../../processes/law.rs"]
mod law;
mod platform_roots;
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "../../../it/support.rs"]
mod support;

/// Not a promise but the entry point of children: returns at once in a process that was not started as a child.
#[test]
fn child() {
    child::play(platform_roots::PARTS);
}
