//! The queue with more threads than can be tried exhaustively: four callers, a sender with batches, a thread that helps it, and one that
//! closes.

use super::{Full, Queue, Want, event, shape, spawn_with};
use crate::queue::Chunk;
use crate::sync::Arc;
use crate::sync::model::{JoinHandle, choose, explore, spawn};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

const EVENTS_MAX: usize = 3;
const BYTES_MAX: i64 = 12;

/// Counts separately what the queue has accepted and what was settled. The atomics are std's and not the checker's: reading them is no
/// step.
#[derive(Default)]
struct Shadow {
    bytes: AtomicI64,
    accepted: AtomicU64,
    settled: AtomicU64,
}

impl Shadow {
    /// Called after a push has succeeded: the count here is never more than what the queue has charged.
    fn accept(&self, bytes: i64) {
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        assert!(held <= BYTES_MAX, "Q2: {held} bytes accepted and not settled");
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Called before the bytes are given back. An event may be settled before its pusher has noted it: then the count is
    /// below zero for a while.
    fn settle(&self, chunk: &Chunk) {
        self.bytes.fetch_sub(chunk.bytes() as i64, Ordering::Relaxed);
        self.settled.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
}

/// Pushes events of one to five bytes into one of the two shards. Returns how many were refused because the queue was closed.
fn push_some(queue: &Queue, shadow: &Shadow, events: usize) -> u64 {
    let mut closed = 0;
    let home = choose(2) as usize;
    for _ in 0..events {
        let bytes = 1 + i64::from(choose(5));
        match queue.push_at(home, &event(bytes as usize)) {
            Ok(()) => shadow.accept(bytes),
            Err(why) => {
                if why == Full::NoRoom {
                    queue.resolve_beside(1);
                }
                assert!(closed == 0 || why == Full::Closed, "Q3: closed for good");
                closed += u64::from(why == Full::Closed);
            }
        }
    }
    closed
}

fn settle(queue: &Queue, shadow: &Shadow, want: Want) -> u64 {
    let mut line = queue.line();
    match want {
        Want::All => line.sweep(),
        Want::Sealed => line.absorb(),
    }
    let mut settled = 0;
    while line.front(want).is_some() {
        let Some(chunk) = line.pop() else { break };
        shadow.settle(&chunk);
        queue.discharge(chunk.bytes());
        settled += chunk.len() as u64;
        queue.keep(chunk);
    }
    settled
}

/// The sender, until the closed queue is drained: it takes full chunks as they come, sometimes everything that is there, and sleeps if
/// there is nothing.
fn send(queue: &Queue, shadow: &Shadow) {
    while !queue.is_drained() {
        if choose(2) == 0 && settle(queue, shadow, Want::Sealed) > 0 {
            continue;
        }
        if settle(queue, shadow, Want::All) == 0 {
            super::sleep(queue);
        }
    }
    assert_eq!(settle(queue, shadow, Want::All), 0, "Q3: nothing is pushed into a drained queue");
}

fn spawn_noting<R: Send + 'static>(
    (queue, shadow): (&Arc<Queue>, &Arc<Shadow>),
    act: impl FnOnce(&Queue, &Shadow) -> R + Send + 'static,
) -> JoinHandle<R> {
    let (queue, shadow) = (Arc::clone(queue), Arc::clone(shadow));
    spawn(move || act(&queue, &shadow))
}

#[track_caller]
fn assert_at_rest(queue: &Queue, shadow: &Shadow) {
    assert_eq!(shadow.accepted.load(Ordering::Relaxed), shadow.settled.load(Ordering::Relaxed), "Q1");
    queue.shards.iter().for_each(|shard| shard.0.give_back(&queue.budget.0));
    assert_eq!((queue.held_bytes(), shadow.bytes.load(Ordering::Relaxed)), (0, 0), "Q2");
    assert!(queue.is_drained() && queue.len() == 0, "Q3");
}

fn small() -> Arc<Queue> {
    Arc::new(Queue::with_shards(2, EVENTS_MAX, BYTES_MAX as usize, shape(2)))
}

#[test]
fn four_callers_stay_within_the_budget_and_a_sender_with_chunks_settles_all_and_ends_with_close() {
    explore(|| {
        let (queue, shadow) = (small(), Arc::default());
        let both = (&queue, &shadow);
        let callers = [(); 4].map(|()| spawn_noting(both, |queue, shadow| push_some(queue, shadow, 3)));
        let closer = spawn_with(&queue, Queue::close);
        send(&queue, &shadow);
        for thread in callers {
            thread.join().unwrap();
        }
        closer.join().unwrap();
        assert_at_rest(&queue, &shadow);
    });
}

#[test]
fn a_sender_that_sleeps_between_events_misses_none_of_those_of_three_callers_and_is_helped_to_its_end() {
    explore(|| {
        let (queue, shadow) = (small(), Arc::default());
        let both = (&queue, &shadow);
        let callers = [(); 3].map(|()| spawn_noting(both, |queue, shadow| push_some(queue, shadow, 2)));
        let sender = spawn_noting(both, send);
        let closed: u64 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert_eq!(closed, 0);
        // What a thread that takes over does: it closes, and settles what the sender has not pulled.
        queue.close();
        settle(&queue, &shadow, Want::All);
        queue.ring();
        sender.join().unwrap();
        assert_at_rest(&queue, &shadow);
    });
}
