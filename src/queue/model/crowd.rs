//! The queue with more threads than can be tried exhaustively: four callers, a sender with batches, one that helps it, a closer.

use super::{Full, Queue, event, spawn_with};
use crate::event::Event;
use crate::sync::Arc;
use crate::sync::model::{JoinHandle, choose, explore, spawn};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

const EVENTS_MAX: usize = 3;
const BYTES_MAX: i64 = 12;

/// Counts beside the queue what it has accepted and what was settled. Not the checker's atomics: a look at them is no step.
#[derive(Default)]
struct Shadow {
    bytes: AtomicI64,
    accepted: AtomicU64,
    settled: AtomicU64,
}

impl Shadow {
    /// Called after a push has succeeded: what is counted here is less than what the queue has charged, never more.
    fn accept(&self, bytes: i64) {
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        assert!(held <= BYTES_MAX, "Q2: {held} bytes accepted and not settled");
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Called before the bytes are given back. An event may be settled before its pusher has noted it: then the count is
    /// below zero for a while.
    fn settle(&self, bytes: i64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.settled.fetch_add(1, Ordering::Relaxed);
    }
}

/// Pushes events of one to five bytes; how many the queue has refused because it was closed.
fn push_some(queue: &Queue, shadow: &Shadow, events: usize) -> u64 {
    let mut closed = 0;
    for _ in 0..events {
        let bytes = 1 + i64::from(choose(5));
        match queue.push(event(bytes as usize)) {
            Ok(()) => shadow.accept(bytes),
            Err((returned, why)) => {
                assert_eq!(returned.charge() as i64, bytes, "Q1");
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

/// Settles a batch as the sender does: all its events with one discharge.
fn settle(queue: &Queue, shadow: &Shadow, batch: &mut Vec<Event>) {
    let bytes: i64 = batch.iter().map(|event| event.charge() as i64).sum();
    batch.iter().for_each(|event| shadow.settle(event.charge() as i64));
    queue.discharge(bytes as usize);
    batch.clear();
}

/// The sender until the closed queue is drained: batches of two, and a sleep when there is nothing to pull.
fn send(queue: &Queue, shadow: &Shadow) {
    let mut batch = Vec::new();
    while !queue.is_drained() || !batch.is_empty() {
        match queue.pull() {
            Some(event) => {
                queue.resolve(1);
                batch.push(event);
            }
            None if batch.is_empty() => super::sleep(queue),
            None => settle(queue, shadow, &mut batch),
        }
        if batch.len() == 2 {
            settle(queue, shadow, &mut batch);
        }
    }
    assert!(queue.pull().is_none(), "Q3: nothing is pushed into a drained queue");
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
    assert_eq!((queue.held_bytes(), shadow.bytes.load(Ordering::Relaxed)), (0, 0), "Q2");
    assert!(queue.is_drained() && queue.pull().is_none(), "Q3");
}

#[test]
fn four_callers_stay_within_the_budget_and_a_sender_with_batches_settles_all_and_ends_with_close() {
    explore(|| {
        let (queue, shadow) = (Arc::new(Queue::new(EVENTS_MAX, BYTES_MAX as usize)), Arc::default());
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
        let (queue, shadow) = (Arc::new(Queue::new(EVENTS_MAX, BYTES_MAX as usize)), Arc::default());
        let both = (&queue, &shadow);
        let callers = [(); 3].map(|()| spawn_noting(both, |queue, shadow| push_some(queue, shadow, 2)));
        let sender = spawn_noting(both, send);
        let closed: u64 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert_eq!(closed, 0);
        // As who takes over does: close, and settle what the sender has not pulled.
        queue.close();
        while let Some(event) = queue.pull() {
            queue.resolve_beside(1);
            settle(&queue, &shadow, &mut vec![event]);
        }
        sender.join().unwrap();
        assert_at_rest(&queue, &shadow);
    });
}
