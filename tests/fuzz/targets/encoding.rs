//! Any bytes as a tree of keys and values, compared with serde_json: the property of `tests/it/hostile.rs`.
#![no_main]

#[path = "../../it/hostile/encoding.rs"]
mod encoding;
#[path = "../../it/hostile/invisible.rs"]
mod invisible;
use invisible::is_hostile;

use libfuzzer_sys::fuzz_target;

thread_local! {
    static ENCODING: encoding::Encoding = encoding::Encoding::start();
}

fuzz_target!(|bytes: &[u8]| ENCODING.with(|encoding| encoding.check(bytes)));
