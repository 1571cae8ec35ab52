//! `overspill replay` on real files: whatever happens to the log, the endpoint or the process, each spilled event ends up at the
//! endpoint or in the rejects file.
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

mod files;
mod follow;
mod killed;
mod made;
mod outages;
#[path = "../command/stage.rs"]
#[allow(dead_code, reason = "the other tests of the command use all of it")]
mod stage;
mod usage;
