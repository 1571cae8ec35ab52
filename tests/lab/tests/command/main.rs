//! The command `overspill`, as a shell runs it: arguments, standard streams, signals and exit codes.
//!
//! These tests are not in the root, whose `cargo test` does not build the command. The first test that needs it builds it, with the
//! root's lock file.
#![cfg(target_os = "linux")]
#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

#[path = "../../../../src/bin/overspill/ship/lines.rs"]
#[allow(dead_code, reason = "a part of the command, which uses all of it")]
mod lines;
mod drill;
mod guide;
mod made;
mod report;
mod ship;
mod shipped_lines;
mod stage;
mod usage;
mod watch;
