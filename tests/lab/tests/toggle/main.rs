//! The toggle with providers that services have, and under load.
#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod law;
#[path = "../../toggle/memory.rs"]
mod memory;
mod ofrep;
#[path = "../../../it/support.rs"]
#[allow(dead_code, reason = "shared with tests/it, which uses all of it")]
mod support;
