//! Hostile input: content that tries to break out of its log line, answers that try to pass for a delivery.
//!
//! The properties are shared with the fuzz targets in `tests/fuzz`, which search for inputs guided by coverage. Here
//! a seeded generator makes as many inputs as `FAULTS_CASES` says, so that anyone can repeat a run.

use crate::figures;
use std::time::Instant;

#[path = "hostile/encoding.rs"]
mod encoding;
#[path = "hostile/formatters.rs"]
mod formatters;
#[path = "hostile/invisible.rs"]
mod invisible;
#[path = "hostile/random.rs"]
mod random;
#[path = "hostile/reply.rs"]
mod reply;
#[path = "hostile/retry_after.rs"]
mod retry_after;

use invisible::is_hostile;
use random::Random;

/// The default number of cases.
const CASES: u64 = 2_000;

/// The requested number of cases, at most the number that the promise names.
fn cases(promised: u64) -> u64 {
    let asked = std::env::var("FAULTS_CASES");
    asked.map_or(CASES, |text| text.parse().expect("FAULTS_CASES is a number")).min(promised)
}

/// The cases of one run, and their rate.
fn told(cases: u64, what: &str, began: Instant) -> String {
    let rate = cases as f64 / began.elapsed().as_secs_f64();
    format!("{cases} {what}, 0 counterexamples, {rate:.0}/s")
}

/// Row 32: one case is one content under one formatter.
#[test]
fn whatever_an_event_contains_its_record_is_one_printable_line_per_part_under_every_fmt_formatter() {
    let (mut random, began, cases) = (Random::seeded(32), Instant::now(), cases(10_000_000));
    let formatters = formatters::all();
    for case in 0..cases {
        let content = random.content();
        formatters[case as usize % formatters.len()].check(&content);
        formatters::check_packed(&content);
    }
    figures::report(32, "hostile cases through the fmt formatters", told(cases, "cases", began));
}

#[test]
fn whatever_serde_offers_is_encoded_or_refused_like_serde_json_does() {
    let (mut random, encoding) = (Random::seeded(33), encoding::Encoding::start());
    for _ in 0..cases(1_000_000) {
        encoding.check(&random.bytes(200));
    }
}

#[test]
fn whatever_the_endpoint_answers_only_2xx_delivers_and_each_event_has_one_ending() {
    let (mut random, began, cases) = (Random::seeded(11), Instant::now(), cases(1_000_000));
    for _ in 0..cases {
        reply::check(&random.bytes(200));
    }
    figures::report(11, "hostile answers", told(cases, "scripts of answers", began));
}

/// Row 13, with the whole client: checks when it posts again.
#[test]
fn any_retry_after_is_honoured_within_ten_minutes() {
    let (mut random, began, cases) = (Random::seeded(13), Instant::now(), cases(1_000_000));
    let mut endpoint = retry_after::Endpoint::start();
    for _ in 0..cases {
        let (text, expected) = random.retry_after();
        endpoint.check(&text, expected);
    }
    figures::report(13, "Retry-After inputs", told(cases, "inputs", began));
}
