//! Any bytes as a script of answers: the property of `tests/it/hostile.rs`.
#![no_main]

#[path = "../../it/hostile/reply.rs"]
mod reply;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| reply::check(bytes));
