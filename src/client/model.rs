//! The whole client under random interleavings (shuttle): callers, sender, mode, flush, close and snapshots at once.
//!
//! The code under test is the client's own: `emit`, the encoder, queue, sender, batches, spill, ledger and board. Two things are replaced:
//! the endpoint, by a [`Transport`] with random replies, and time, by the number of steps. Besides the law (L1 to L3), these models check
//! that no thread sleeps forever: neither the sender (Q4), nor one that waits for a flush or for the end.

use super::Client;
use crate::format::Ndjson;
use crate::outcome::{Emitted, MaybeDelivered};
use crate::spill::{Record, SpillSink};
use crate::sync::Arc;
use crate::sync::model::{JoinHandle, block_on, choose, explore, pause, spawn};
use crate::transport::{Failure, FailureKind, Posting, Reply, Request, Transport};
use crate::waits::{Goal, Reached};
use crate::{Builder, Mode, Sender, Stats};
use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::Mutex;
use std::task::Poll;
use std::time::{Duration, Instant};

/// Longer than any run.
const EVER: Duration = Duration::from_secs(3000);

/// Where events have ended, outside the client. The lock is std's and not the checker's: taking notes is not part of the race.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    delivered: Vec<u64>,
    spilled: Vec<u64>,
}

impl Found {
    /// The events that have ended; none of them twice.
    #[track_caller]
    fn ended(&self) -> BTreeSet<u64> {
        let ended: BTreeSet<u64> = self.delivered.iter().chain(&self.spilled).copied().collect();
        assert_eq!(ended.len(), self.delivered.len() + self.spilled.len(), "an event in two places");
        ended
    }
}

impl Ends {
    fn note(&self, note: impl FnOnce(&mut Found)) {
        note(&mut self.0.lock().unwrap());
    }
}

/// The endpoint: after a while it takes the events, refuses them, is unavailable, or times out.
struct Endpoint(Ends);

impl Transport for Endpoint {
    fn post(&mut self, request: Request) -> Posting {
        let ends = self.0.clone();
        Box::pin(async move {
            for _ in 0..choose(3) {
                pause().await;
            }
            match choose(8) {
                0 => Ok(Reply::of_status(503)),
                1 => Ok(Reply::of_status(422)),
                2 => Err(Failure {
                    kind: FailureKind::Timeout,
                    maybe_delivered: MaybeDelivered::Yes,
                    detail: String::new(),
                }),
                _ => {
                    let lines = std::str::from_utf8(&request.body).unwrap().lines();
                    let ids = lines.map(|id| id.parse::<u64>().unwrap());
                    ends.note(|found| found.delivered.extend(ids));
                    Ok(Reply::of_status(200))
                }
            }
        })
    }
}

/// The log.
impl SpillSink for Ends {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        self.note(|found| found.spilled.push(record.event.parse().unwrap()));
        Ok(())
    }

    fn notice(&self, _: &crate::spill::Notice<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// Like [`build`], but with a thread that writes the log, as a client has if its sender has a thread.
fn build_with_log_thread(ends: &Ends) -> (Client, Sender) {
    let (client, sender) = build(ends);
    let shared = client.shared();
    [&shared.log, &shared.notice_log].into_iter().for_each(|log| log.on_a_thread());
    (client, sender)
}

/// A client so small that everything in it fills up.
fn build(ends: &Ends) -> (Client, Sender) {
    Builder::new("model")
        .transport(Endpoint(ends.clone()))
        .spill_sink(ends.clone())
        .spill_fallback(ends.clone())
        .format(Ndjson)
        .queue_events_max(2)
        .queue_bytes_max(BYTES_MAX)
        .batch_events_max(2)
        .batch_bytes_max(8)
        .batch_age_max(Duration::from_micros(20))
        .post_timeout(EVER)
        .probe_interval_max(Duration::from_micros(40))
        .jitter_seed(1)
        .build_with_sender()
        .unwrap()
}

const BYTES_MAX: usize = 6;

fn spawn_with<R: Send + 'static>(
    client: &Client,
    act: impl FnOnce(&Client) -> R + Send + 'static,
) -> JoinHandle<R> {
    let client = client.clone();
    spawn(move || act(&client))
}

fn run(sender: Sender) -> JoinHandle<()> {
    spawn(move || block_on(sender.run()))
}

/// The sender, as a future that is polled a few times, woken or not, and dropped at one of its awaits.
fn run_and_drop(sender: Sender) -> JoinHandle<()> {
    spawn(move || {
        let mut running = pin!(sender.run());
        let mut polls = choose(12);
        block_on(poll_fn(|cx| {
            if polls == 0 {
                return Poll::Ready(());
            }
            polls -= 1;
            cx.waker().wake_by_ref();
            running.as_mut().poll(cx)
        }));
    })
}

/// Emits ids of two digits each. Returns those that became events.
fn emit(client: &Client, ids: Range<u64>) -> Vec<u64> {
    ids.filter(|id| client.emit(id) != Emitted::Off).collect()
}

fn switch(client: &Client) {
    [Mode::LogOnly, Mode::Off, Mode::On].into_iter().for_each(|mode| client.set_mode(mode));
}

fn flush(client: &Client) -> Reached {
    let shared = client.shared();
    let number = shared.ask_for_flush();
    let until = Instant::now() + EVER;
    assert_eq!(shared.board.wait_blocking(Goal::Flushed(number), until), Reached::Yes);
    shared.board.wait_blocking(shared.all_written(), until)
}

/// L1 in one snapshot: the subtraction that makes `pending` has not gone below zero.
#[track_caller]
fn assert_lawful(stats: &Stats) {
    assert_eq!(stats.emitted, stats.delivered + stats.spilled + stats.lost + stats.pending, "{stats}");
}

/// Snapshots, one after the other: L1 in each, and no count goes back.
fn watch(client: &Client) {
    let counts = |stats: &Stats| [stats.emitted, stats.delivered, stats.spilled, stats.lost];
    let mut before = client.stats();
    for _ in 0..3 {
        let stats = client.stats();
        assert_lawful(&stats);
        assert!(
            counts(&before).iter().zip(counts(&stats)).all(|(before, now)| *before <= now),
            "{before}\n{stats}"
        );
        before = stats;
    }
}

/// L2 and L3: nothing is pending, nothing is held, and each event has ended in one place.
#[track_caller]
fn assert_settled(stats: &Stats, ends: &Ends, emitted: &[u64]) {
    assert_lawful(stats);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (emitted.len() as u64, 0, 0), "{stats}");
    assert_eq!(stats.pending_bytes, 0, "{stats}");
    let found = ends.0.lock().unwrap();
    assert_eq!((stats.delivered, stats.spilled), (found.delivered.len() as u64, found.spilled.len() as u64));
    assert_eq!(found.ended(), emitted.iter().copied().collect());
}

fn end<R>(threads: impl IntoIterator<Item = JoinHandle<R>>) -> Vec<R> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn every_event_has_one_ending_while_callers_mode_flush_close_and_snapshots_race() {
    explore(|| race(build));
}

#[test]
fn every_event_has_one_ending_while_all_that_race_and_a_thread_writes_the_log() {
    explore(|| race(build_with_log_thread));
}

fn race(build: fn(&Ends) -> (Client, Sender)) {
    let ends = Ends::default();
    let (client, sender) = build(&ends);
    let sender = run(sender);
    let callers = [10, 20, 30].map(|id| spawn_with(&client, move |client| emit(client, id..id + 2)));
    let others = [
        spawn_with(&client, switch),
        spawn_with(&client, watch),
        spawn_with(&client, |client| assert_eq!(flush(client), Reached::Yes)),
        spawn_with(&client, |client| assert_lawful(&client.shutdown_blocking(EVER))),
    ];
    let emitted = end(callers).concat();
    end(others);
    end([sender]);
    assert_settled(&client.stats(), &ends, &emitted);
}

#[test]
fn a_flush_returns_when_what_its_caller_has_emitted_before_is_settled() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build(&ends);
        let sender = run(sender);
        let flushers = [10, 20, 30].map(|id| {
            let ends = ends.clone();
            spawn_with(&client, move |client| {
                let emitted = emit(client, id..id + 2);
                assert_eq!(flush(client), Reached::Yes);
                let found = ends.0.lock().unwrap();
                assert!(emitted.iter().all(|id| found.delivered.contains(id) || found.spilled.contains(id)));
                emitted
            })
        });
        let emitted = end(flushers).concat();
        client.shutdown_blocking(EVER);
        end([sender]);
        assert_settled(&client.stats(), &ends, &emitted);
    });
}

#[test]
fn dropping_the_last_client_ends_a_sleeping_sender_which_settles_what_is_left() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build(&ends);
        let shared = Arc::clone(&client.own.shared);
        let sender = run(sender);
        let callers = [10, 20].map(|id| {
            let client = client.clone();
            spawn(move || emit(&client, id..id + 2))
        });
        drop(client);
        let emitted = end(callers).concat();
        end([sender]);
        assert_settled(&shared.stats(), &ends, &emitted);
    });
}

#[test]
fn a_sender_dropped_at_any_await_writes_down_what_it_and_the_queue_hold_while_callers_emit_on() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build(&ends);
        let sender = run_and_drop(sender);
        let callers = [10, 20, 30].map(|id| spawn_with(&client, move |client| emit(client, id..id + 2)));
        // Only the sender closes the queue.
        end([sender]);
        let emitted = end(callers).concat();
        // The end is reported once no thread holds an event.
        client.shutdown_blocking(EVER);
        assert_settled(&client.stats(), &ends, &emitted);
    });
}

/// What a caller does when it must not wait any longer. Then nothing is pending, wherever the other threads were.
fn take_over(client: &Client) {
    client.shared().take_over();
    let stats = client.stats();
    // `take_over` waits longer than any run takes.
    assert_eq!(stats.pending, 0, "{stats}");
}

#[test]
fn the_sender_and_threads_that_take_over_settle_each_event_once_between_them() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build(&ends);
        let sender = run(sender);
        let callers = [10, 20].map(|id| spawn_with(&client, move |client| emit(client, id..id + 2)));
        let others = [
            spawn_with(&client, watch),
            // Two calls of `shutdown` whose deadlines have passed.
            spawn_with(&client, take_over),
            spawn_with(&client, take_over),
        ];
        let emitted = end(callers).concat();
        end(others);
        end([sender]);
        let stats = client.stats();
        assert_lawful(&stats);
        assert_eq!(
            (stats.emitted, stats.pending, stats.pending_bytes),
            (emitted.len() as u64, 0, 0),
            "{stats}"
        );
        let found = ends.0.lock().unwrap();
        // Events that were taken over may still have been written or delivered; the others are where the ledger says.
        let ended = found.ended();
        assert!(ended.len() as u64 + stats.lost >= stats.emitted, "{stats}");
        assert!(
            found.delivered.len() as u64 >= stats.delivered && found.spilled.len() as u64 >= stats.spilled
        );
    });
}

/// A caller that goes straight to the log, which has room for two.
fn emit_to_log(client: &Client, ids: Range<u64>) -> Vec<u64> {
    client.set_mode(Mode::LogOnly);
    emit(client, ids)
}

#[test]
fn callers_that_wait_for_room_at_the_log_are_let_in_and_what_they_hand_over_is_written_once() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build_with_log_thread(&ends);
        let sender = run(sender);
        let callers =
            [10, 20, 30].map(|id| spawn_with(&client, move |client| emit_to_log(client, id..id + 3)));
        let watcher = spawn_with(&client, watch);
        let emitted = end(callers).concat();
        assert_eq!(flush(&client), Reached::Yes);
        assert_eq!(ends.0.lock().unwrap().spilled.len(), emitted.len());
        assert_lawful(&client.shutdown_blocking(EVER));
        end([watcher]);
        end([sender]);
        assert_settled(&client.stats(), &ends, &emitted);
    });
}

#[test]
fn a_sender_that_is_gone_leaves_what_callers_emit_to_a_thread_that_comes_and_goes() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build_with_log_thread(&ends);
        let sender = run_and_drop(sender);
        let callers =
            [10, 20, 30].map(|id| spawn_with(&client, move |client| emit_to_log(client, id..id + 2)));
        let emitted = end(callers).concat();
        end([sender]);
        client.shutdown_blocking(EVER);
        assert_settled(&client.stats(), &ends, &emitted);
    });
}

#[test]
fn threads_that_take_over_and_the_thread_that_writes_the_log_settle_each_event_once_between_them() {
    explore(|| {
        let ends = Ends::default();
        let (client, sender) = build_with_log_thread(&ends);
        let sender = run(sender);
        let callers = [10, 20].map(|id| spawn_with(&client, move |client| emit_to_log(client, id..id + 2)));
        let takers = [(); 2].map(|()| spawn_with(&client, take_over));
        let emitted = end(callers).concat();
        end(takers);
        end([sender]);
        // Events emitted after close are written by now. An event whose write had begun is counted as lost, and may be in the log.
        let stats = client.stats();
        assert_lawful(&stats);
        assert_eq!((stats.emitted, stats.pending_bytes), (emitted.len() as u64, 0), "{stats}");
        assert_eq!(stats.pending, 0, "{stats}");
        let found = ends.0.lock().unwrap();
        assert!(found.ended().len() as u64 + stats.lost >= stats.emitted, "{stats}");
    });
}
