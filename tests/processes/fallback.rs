//! Row 28: nobody reads the target of spilled events: no subscriber, a filter, the level compiled out. The fallback, standard error
//! by default, has every one of them, and one notice says so.
//!
//! The last case is a matter of the build: with `--features tracing/max_level_off` these same tests hold, every one of them
//! then with no reader at all.

use crate::child::{Part, Start, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, spilled};
use crate::support::{LONG, emit_all, quick};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub const PARTS: &[Part] = &[
    ("no subscriber", spill_and_end),
    ("filtered target", || {
        let filter = EnvFilter::new("trace,overspill::spill=off");
        tracing_subscriber::fmt().json().with_env_filter(filter).init();
        spill_and_end();
    }),
    ("filtered level", || {
        tracing_subscriber::fmt().json().with_max_level(LevelFilter::ERROR).init();
        spill_and_end();
    }),
];

const EVENTS: u64 = 1000;

/// Through the sender, and, closed, on the caller's own thread.
fn spill_and_end() {
    let client = quick(url()).build().unwrap();
    emit_all(&client, 0..EVENTS / 2);
    client.shutdown_blocking(LONG);
    emit_all(&client, EVENTS / 2..EVENTS);
    let stats = client.stats();
    assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
    say(format_args!("spilled {}", stats.spilled));
}

#[track_caller]
fn falls_back(part: &'static str) {
    let peer = Peer::refused();
    let ended = Start::of(part, peer.url()).start().succeed();
    assert_settled(&peer, &ended, EVENTS);
    assert_eq!(ended.figure::<usize>("spilled "), spilled(&ended).len());
    // Standard error is the sink's own form, one object without a level; nothing came by way of the subscriber.
    let by_subscriber = |line: &&String| line.contains("\"level\"") && line.contains("overspill::spill\"}");
    assert_eq!(ended.lines.iter().filter(by_subscriber).count(), 0, "{ended}");
    assert_eq!(ended.count_notices("nobody reads target overspill::spill"), 1, "{ended}");
    report(28, "events neither at the endpoint nor in the fallback", 0);
}

#[test]
fn without_a_subscriber_standard_error_has_every_event_and_one_notice_says_so() {
    falls_back("no subscriber");
}

#[test]
fn with_the_target_filtered_out_standard_error_has_every_event() {
    falls_back("filtered target");
}

#[test]
fn with_the_level_filtered_out_standard_error_has_every_event() {
    falls_back("filtered level");
}
