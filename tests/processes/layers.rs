//! Row 48, with a global subscriber: a layer that reports what it receives while it holds its lock, for its own records too.
//! And a global subscriber that is set after the client was built.

use crate::child::{Part, Start, log_to_stdout, say, url};
use crate::law::{Peer, assert_settled, found};
use crate::support::{LONG, Numbered, emit_all, quick};
use overspill::limits::LOG_STALL;
use overspill::spill::WriteSink;
use overspill::{Client, LostReason, Mode};
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

pub const PARTS: &[Part] = &[
    ("a layer that locks", layer_that_locks),
    ("a subscriber that comes later", || {
        let fallback = WriteSink::new(io::sink());
        let client = quick(url()).spill_fallback(fallback).mode(Mode::LogOnly).build().unwrap();
        log_to_stdout();
        emit_all(&client, 0..RECORDS);
        let stats = client.shutdown_blocking(LONG);
        assert_eq!((stats.spilled, stats.lost, stats.pending), (RECORDS, 0, 0), "{stats}");
    }),
];

const MODE: &str = "PROCESSES_MODE";
const RECORDS: u64 = 300;

/// Builds its client at the first record and switches the mode at the second, under its lock like everything else.
#[derive(Default)]
struct Locks(Mutex<(Option<Client>, u64)>);

static LOCKS: Locks = Locks(Mutex::new((None, 0)));

impl<S: tracing::Subscriber> Layer<S> for &'static Locks {
    fn enabled(&self, _: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        drop(self.0.lock().unwrap());
        true
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut state = self.0.lock().unwrap();
        if event.metadata().target() != "application" {
            return;
        }
        let (client, heard) = &mut *state;
        let client = client.get_or_insert_with(|| {
            quick(url()).queue_events_max(100).event_bytes_max(20_000).build().unwrap()
        });
        match std::env::var(MODE).unwrap().as_str() {
            "closed" if *heard == 50 => _ = client.shutdown_blocking(Duration::from_millis(50)),
            mode if *heard == 1 => client.set_mode(mode.parse().unwrap_or(Mode::On)),
            _ => {}
        }
        client.emit(&Numbered::of(*heard));
        *heard += 1;
    }
}

fn layer_that_locks() {
    let formatter = tracing_subscriber::fmt::layer().json();
    tracing_subscriber::registry().with(&LOCKS).with(formatter).init();
    let mut slowest = Duration::ZERO;
    for _ in 0..RECORDS {
        let began = Instant::now();
        tracing::info!(target: "application", "something happened");
        slowest = slowest.max(began.elapsed());
        // An application does something else in between, so that its log makes progress.
        std::thread::sleep(Duration::from_micros(200));
    }
    let client = LOCKS.0.lock().unwrap().0.clone().unwrap();
    let stats = client.shutdown_blocking(LONG);
    assert_eq!(stats.pending, 0, "{stats}");
    // Only events that cannot be written before a deadline are lost, because the layer waits for the deadline under its lock.
    assert_eq!(stats.lost, stats.lost_by(LostReason::Deadline), "{stats}");
    say(format_args!("emitted {}", stats.emitted));
    say(format_args!("lost {}", stats.lost));
    say(format_args!("slowest {}", slowest.as_micros()));
}

#[test]
fn a_global_layer_that_builds_switches_emits_and_shuts_down_under_its_own_lock_deadlocks_in_no_mode() {
    for (mode, peer) in [
        ("on", Peer::healthy()),
        ("on", Peer::refused()),
        // The queue is full from the hundredth event on.
        ("on", Peer::tarpit()),
        ("log_only", Peer::healthy()),
        ("off", Peer::healthy()),
        ("closed", Peer::healthy()),
    ] {
        let ended = Start::of("a layer that locks", peer.url()).variable(MODE, mode).start().succeed();
        let emitted: u64 = ended.figure("emitted ");
        match mode {
            // Only the event before the switch.
            "off" => assert_eq!((emitted, found(&peer, &ended).len()), (1, 1), "{ended}"),
            "closed" => {
                // Events that were taken over at the deadline may have arrived as well.
                assert!(found(&peer, &ended).len() as u64 + ended.figure::<u64>("lost ") >= RECORDS);
                // Of the layer's 250 calls after the end, at most five wait in vain.
                let waited = ended.took;
                assert!(waited < LOG_STALL + LONG / 4, "{waited:?}");
            }
            _ => {
                assert_eq!((emitted, ended.figure::<u64>("lost ")), (RECORDS, 0), "{ended}");
                assert_settled(&peer, &ended, RECORDS);
            }
        }
        assert_eq!(ended.count_notices("started"), 1, "{ended}");
        println!("slowest call, {mode}: {} us", ended.figure::<u64>("slowest "));
    }
}

#[test]
fn a_global_subscriber_installed_after_the_client_gets_every_event() {
    let peer = Peer::refused();
    let ended = Start::of("a subscriber that comes later", peer.url()).start().succeed();
    assert_settled(&peer, &ended, RECORDS);
}
