//! Rows 28 and 46: nothing reads the target of spilled events: no subscriber, a filter, the level compiled out. The fallback, standard
//! error by default, has every event, and one notice says so.
//!
//! The last case depends on the build: with `--features tracing/max_level_off` the same tests hold, all of them without
//! any reader.

use crate::child::{Part, Start, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, spilled};
use crate::support::{LONG, emit_all, quick};
use overspill::LostReason;
use overspill::tracing_layer::SpillLayer;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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
    ("nothing keeps standard error", || {
        let client = quick(url()).build().unwrap();
        emit_all(&client, 0..EVENTS / 2);
        client.shutdown_blocking(LONG);
        emit_all(&client, EVENTS / 2..EVENTS);
        let stats = client.stats();
        assert_eq!((stats.emitted, stats.delivered, stats.pending), (EVENTS, 0, 0), "{stats}");
        say(format_args!("spilled {}", stats.spilled));
        say(format_args!("lost {}", stats.lost_by(LostReason::LogFailed)));
    }),
    ("the layer, and nothing keeps standard output", || {
        let layer = SpillLayer::new(std::io::stdout);
        tracing_subscriber::registry().with(layer).init();
        spill_and_end_quietly();
    }),
];

const EVENTS: u64 = 1000;

/// Spills through the sender, and after the close by the caller.
fn spill_and_end() {
    let client = quick(url()).build().unwrap();
    emit_all(&client, 0..EVENTS / 2);
    client.shutdown_blocking(LONG);
    emit_all(&client, EVENTS / 2..EVENTS);
    let stats = client.stats();
    assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
    say(format_args!("spilled {}", stats.spilled));
}

/// Standard output has no spilled events.
fn spill_and_end_quietly() {
    let client = quick(url()).build().unwrap();
    emit_all(&client, 0..EVENTS);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.lost, stats.pending), (EVENTS, 0, 0), "{stats}");
}

#[track_caller]
fn falls_back(part: &'static str) {
    let peer = Peer::refused();
    let ended = Start::of(part, peer.url()).start().succeed();
    assert_settled(&peer, &ended, EVENTS);
    assert_eq!(ended.figure::<usize>("spilled "), spilled(&ended).len());
    // Standard error has the sink's own form, an object without a level; nothing came through the subscriber.
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

/// The standard library returns `Ok` for each of these writes, except on the full disk.
const KEEPS_NOTHING: [(&str, &str); 4] = [
    ("closed", "exec N>&-"),
    ("the null device", "exec N>/dev/null"),
    ("read-only", "exec N</etc/passwd"),
    ("a full disk", "exec N>/dev/full"),
];

#[test]
fn on_a_standard_error_that_keeps_nothing_events_are_lost_and_counted_and_never_spilled() {
    for (name, redirect) in KEEPS_NOTHING {
        let peer = Peer::refused();
        let start = Start::of("nothing keeps standard error", peer.url()).after(&redirect.replace('N', "2"));
        let ended = start.start().succeed();
        assert_eq!(ended.figure::<u64>("spilled "), 0, "{name}: {ended}");
        assert_eq!(ended.figure::<u64>("lost "), EVENTS, "{name}: {ended}");
        assert!(spilled(&ended).is_empty());
    }
    report(46, "events nowhere, standard error closed, read-only, full or the null device", 0);
}

#[test]
fn what_the_layer_cannot_write_to_standard_output_is_in_the_fallback() {
    // The test framework itself does not start on a full disk.
    for (_, redirect) in &KEEPS_NOTHING[..3] {
        let peer = Peer::refused();
        let start = Start::of("the layer, and nothing keeps standard output", peer.url());
        let ended = start.after(&redirect.replace('N', "1")).start().succeed();
        assert_settled(&peer, &ended, EVENTS);
        // With the level compiled out the layer is never asked.
        let told =
            ["SpillLayer failed to write", "nobody reads target"].map(|words| ended.count_notices(words));
        assert_eq!(told.iter().sum::<usize>(), 1, "{ended}");
    }
}
