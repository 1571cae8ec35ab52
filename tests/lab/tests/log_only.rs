//! An application without a subscriber, with a logger of the `log` crate. With tracing's feature `log`, its spilled events and its notices
//! are in that log. A separate binary, because the logger is global.

use overspill::spill::{WriteSink, read_line};
use overspill::testkit::Spilled;
use overspill::{Client, Mode};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::LazyLock;

static LOG: LazyLock<Spilled> = LazyLock::new(Spilled::default);

/// Writes lines like env_logger's.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line =
            format!("[2026-11-26T12:19:45Z {:<5} {}] {}\n", record.level(), record.target(), record.args());
        LOG.clone().write_all(line.as_bytes()).unwrap();
    }

    fn flush(&self) {}
}

#[test]
fn an_application_that_logs_with_the_log_crate_finds_its_spilled_events_there() {
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let fallback = Spilled::default();
    let build =
        |url: &str| Client::builder(url).spill_fallback(WriteSink::new(fallback.clone())).build().unwrap();
    let client = build("http://127.0.0.1:9/");
    // Half of them through the sender, half by the caller.
    (0..100_u64).for_each(|id| _ = client.emit(&id));
    while client.stats().pending > 0 {
        std::thread::yield_now();
    }
    client.set_mode(Mode::LogOnly);
    (100..200_u64).for_each(|id| _ = client.emit(&id));
    let stats = client.shutdown_blocking(std::time::Duration::from_secs(20));
    assert_eq!((stats.spilled, stats.lost, stats.pending), (200, 0, 0), "{stats}");
    let ids: BTreeSet<u64> = LOG.events().iter().map(|event| event.event.parse().unwrap()).collect();
    assert_eq!(ids, (0..200).collect());
    assert_eq!(fallback.text(), "");
    assert!(LOG.text().lines().any(|line| read_line(line).is_none() && line.contains("started: ")));

    // A logger with this level off formats nothing. Then the fallback has the event.
    log::set_max_level(log::LevelFilter::Off);
    let client = build("http://127.0.0.1:9/");
    client.set_mode(Mode::LogOnly);
    client.emit(&200_u64);
    let stats = client.shutdown_blocking(std::time::Duration::from_secs(20));
    assert_eq!((stats.spilled, fallback.events().len()), (1, 1), "{stats}");
}
