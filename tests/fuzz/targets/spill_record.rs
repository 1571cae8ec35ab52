//! Any bytes as an event's content, written by every fmt formatter and read back: the property of `tests/it/hostile.rs`.
#![no_main]

#[path = "../../it/hostile/invisible.rs"]
mod invisible;
use invisible::is_hostile;

#[path = "../../it/hostile/formatters.rs"]
mod formatters;

use libfuzzer_sys::fuzz_target;

thread_local! {
    static FORMATTERS: Vec<formatters::Formatter> = formatters::all();
}

fuzz_target!(|bytes: &[u8]| {
    let content = String::from_utf8_lossy(bytes);
    formatters::check_packed(&content);
    FORMATTERS.with(|all| all.iter().for_each(|formatter| formatter.check(&content)));
});
