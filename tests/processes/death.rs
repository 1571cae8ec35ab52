//! Row 22: the process ends. With `shutdown` nothing is lost; without, and by SIGKILL, at most what was pending.

use crate::child::{Ended, Part, Start, log_to_stdout, say, url};
use crate::figures::report;
use crate::law::{Peer, assert_settled, found};
use crate::support::{emit_all, quick, until};
use overspill::Client;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

pub const PARTS: &[Part] =
    &[("ends on SIGTERM", on_sigterm), ("exits", exits), ("goes on for ever", for_ever)];

fn client() -> Client {
    log_to_stdout();
    quick(url()).post_timeout(Duration::from_secs(5)).batch_events_max(100).build().unwrap()
}

/// Slow enough for the endpoint to keep up: 100 events, then a short wait.
fn pace() {
    // The pace.
    std::thread::sleep(Duration::from_millis(5));
}

fn on_sigterm() {
    let (client, stop) = (client(), AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut emitted = 0;
            while !stop.load(Ordering::Relaxed) && emitted < 1_000_000 {
                emit_all(&client, emitted..emitted + 100);
                emitted += 100;
                pace();
            }
            emitted
        });
        runtime.block_on(async {
            let mut term = signal(SignalKind::terminate()).unwrap();
            say("ready");
            term.recv().await;
            stop.store(true, Ordering::Relaxed);
        });
        let emitted = load.join().unwrap();
        say(format_args!("pending {}", client.stats().pending));
        let stats = runtime.block_on(client.shutdown(Duration::from_secs(5)));
        assert_eq!((stats.emitted, stats.lost, stats.pending), (emitted, 0, 0), "{stats}");
        say(format_args!("emitted {emitted}"));
    });
}

/// Prints how many events have been emitted and how many of them are pending, before the exit that this measures.
fn snapshot(client: &Client) {
    let stats = client.stats();
    say(format_args!("snapshot {} {}", stats.emitted, stats.pending));
}

fn exits() {
    let client = client();
    for nth in 0..20 {
        emit_all(&client, nth * 100..(nth + 1) * 100);
        pace();
    }
    snapshot(&client);
    std::process::exit(0);
}

fn for_ever() {
    let client = client();
    // Longer than the watchdog allows.
    for nth in 0..10_000 {
        emit_all(&client, nth * 100..(nth + 1) * 100);
        snapshot(&client);
        pace();
    }
}

#[test]
fn sigterm_with_shutdown_loses_nothing() {
    let peer = Peer::slow(Duration::from_millis(10));
    let mut child = Start::of("ends on SIGTERM", peer.url()).start();
    child.until_said("ready");
    until("some deliveries", || peer.taken.len() > 1000);
    child.signal("TERM");
    let ended = child.succeed();
    assert!(ended.figure::<u64>("pending ") > 0, "nothing was pending, so nothing was tested");
    assert_settled(&peer, &ended, ended.figure("emitted "));
    report(
        22,
        "SIGTERM with shutdown: lost, of pending",
        format_args!("0 of {}", ended.figure::<u64>("pending ")),
    );
}

/// Emitted and pending in the last whole snapshot, and how many of the events emitted by then are neither at the endpoint nor in the log.
fn missing(peer: &Peer, ended: &Ended) -> (u64, u64, u64) {
    let last: String = ended.figure("snapshot ");
    let (emitted, pending) = last.split_once(' ').unwrap();
    let (emitted, pending): (u64, u64) = (emitted.parse().unwrap(), pending.parse().unwrap());
    let found = found(peer, ended).range(..emitted).count() as u64;
    (emitted, pending, emitted - found)
}

#[test]
fn exit_without_shutdown_loses_at_most_what_was_pending() {
    for peer in [Peer::slow(Duration::from_millis(50)), Peer::tarpit()] {
        let ended = Start::of("exits", peer.url()).start().succeed();
        let (emitted, pending, missing) = missing(&peer, &ended);
        assert_eq!(emitted, 2000);
        assert!(0 < pending && missing <= pending, "{missing} missing, {pending} pending\n{ended}");
        report(22, "exit without shutdown: lost, of pending", format_args!("{missing} of {pending}"));
    }
}

#[test]
fn sigkill_loses_at_most_what_was_pending() {
    // Events go to the endpoint in one run, and to the log in the other.
    for peer in [Peer::slow(Duration::from_millis(20)), Peer::refused()] {
        let child = Start::of("goes on for ever", peer.url()).start();
        until("a hundred lines", || child.said().len() > 100);
        child.signal("KILL");
        let ended = child.end();
        assert_eq!(ended.status.signal(), Some(9), "{ended}");
        let (emitted, pending, missing) = missing(&peer, &ended);
        assert!(emitted > 10_000 && missing <= pending, "{missing} missing, {pending} pending\n{ended}");
        report(22, "SIGKILL: lost, of pending", format_args!("{missing} of {pending}"));
    }
}
