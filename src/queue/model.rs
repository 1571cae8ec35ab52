//! The queue's promises (Q1 to Q4) in every interleaving, under loom and under shuttle: `crate::sync::model` tells how.
//!
//! Callers push on threads of their own. The sender does what `Sender::serve` does, less the batches: pull,
//! settle, and sleep when there is nothing. A sender that nobody wakes is a deadlock, which both checkers report.

use super::{Full, Queue};
use crate::clock::Stamp;
use crate::event::Event;
use crate::sync::Arc;
use crate::sync::model::{JoinHandle, explore, explore_preempting, spawn, yield_now};

/// Bytes enough for any of the models that are not about bytes.
const ROOMY: usize = 100;

fn event(bytes: usize) -> Event {
    let mut event = Event::vacant(Stamp(0));
    assert!(event.append(&vec![b'1'; bytes]).is_ok());
    event
}

/// Pushes; why it was refused and under which number, if it was. A refused push gives its own event back.
fn push(queue: &Queue, bytes: usize) -> Option<(u64, Full)> {
    let (returned, why) = queue.push(event(bytes)).err()?;
    assert_eq!(returned.charge(), bytes);
    if why == Full::NoRoom {
        queue.resolve_beside(1);
    }
    Some((returned.seq, why))
}

fn why(refused: Option<(u64, Full)>) -> Option<Full> {
    refused.map(|(_, why)| why)
}

fn spawn_with<R: Send + 'static>(
    queue: &Arc<Queue>,
    act: impl FnOnce(&Queue) -> R + Send + 'static,
) -> JoinHandle<R> {
    let queue = Arc::clone(queue);
    spawn(move || act(&queue))
}

/// The sender has found nothing to do: it sleeps, unless there is something by now.
fn sleep(queue: &Queue) {
    if queue.arm_for_any() {
        queue.wait();
    } else {
        yield_now();
    }
    queue.disarm();
}

fn settle(queue: &Queue, event: &Event) -> u64 {
    queue.resolve(1);
    queue.discharge(event.charge());
    event.seq
}

/// The sender until it has settled so many events; their numbers.
fn serve(queue: &Queue, events: usize) -> Vec<u64> {
    let mut settled = Vec::new();
    while settled.len() < events {
        match queue.pull() {
            Some(event) => settled.push(settle(queue, &event)),
            None => sleep(queue),
        }
    }
    settled
}

/// The sender until the closed queue is drained; the numbers of the events that it settled.
fn drain(queue: &Queue) -> Vec<u64> {
    let mut settled = Vec::new();
    while !queue.is_drained() {
        match queue.pull() {
            Some(event) => settled.push(settle(queue, &event)),
            None => sleep(queue),
        }
    }
    assert!(queue.pull().is_none());
    settled
}

/// At rest: nothing is held, and what was settled is what was accepted, each once.
#[track_caller]
fn assert_settled(queue: &Queue, mut settled: Vec<u64>, refused: [Option<(u64, Full)>; 2]) {
    settled.extend(refused.iter().flatten().map(|(number, _)| number));
    settled.sort_unstable();
    // Both got a number, and no number was given out twice.
    assert_eq!(settled, [0, 1]);
    assert!(queue.pull().is_none());
    assert_eq!(queue.held_bytes(), 0);
}

#[test]
fn a_sleeping_sender_is_woken_by_the_push_it_waits_for() {
    // Two pushers against the sleep: all interleavings would be too many.
    explore_preempting(3, || {
        let queue = Arc::new(Queue::new(2, ROOMY));
        let pushers = [(); 2].map(|()| spawn_with(&queue, |queue| push(queue, 1)));
        let settled = serve(&queue, 2);
        let refused = pushers.map(|pusher| pusher.join().unwrap());
        assert_eq!(refused, [None, None]);
        assert_settled(&queue, settled, refused);
    });
}

#[test]
fn a_sender_that_waits_for_a_second_event_is_woken_by_it() {
    explore_preempting(3, || {
        let queue = Arc::new(Queue::new(2, ROOMY));
        let pushers = [(); 2].map(|()| spawn_with(&queue, |queue| push(queue, 1)));
        let mut settled = Vec::new();
        while settled.len() < 2 {
            settled.extend(queue.pull().iter().map(|event| settle(&queue, event)));
            // As with a batch in the making: nothing less than all that are still to come shall wake it.
            if settled.len() < 2 && queue.arm_for_batch(2 - settled.len(), ROOMY) {
                queue.wait();
                queue.disarm();
            } else {
                yield_now();
            }
        }
        assert_settled(&queue, settled, pushers.map(|pusher| pusher.join().unwrap()));
    });
}

#[test]
fn a_push_that_races_with_close_is_refused_or_pulled_before_the_queue_is_drained() {
    // Three threads, two of which ring: all interleavings would be too many.
    explore_preempting(3, || {
        let queue = Arc::new(Queue::new(1, ROOMY));
        let pusher = spawn_with(&queue, |queue| push(queue, 1));
        let closer = spawn_with(&queue, Queue::close);
        let settled = drain(&queue);
        let refused = pusher.join().unwrap();
        closer.join().unwrap();
        assert_ne!(why(refused), Some(Full::NoRoom));
        let late = push(&queue, 1);
        assert_eq!(why(late), Some(Full::Closed));
        assert_settled(&queue, settled, [refused, late]);
    });
}

#[test]
fn pushes_that_race_for_the_last_slot_of_a_closing_queue_are_refused_or_pulled() {
    // Three threads, all of which ring: all interleavings would be too many.
    explore_preempting(3, || {
        let queue = Arc::new(Queue::new(1, ROOMY));
        let closer = spawn_with(&queue, |queue| {
            let refused = push(queue, 1);
            queue.close();
            refused
        });
        let pusher = spawn_with(&queue, |queue| push(queue, 1));
        let settled = drain(&queue);
        let refused = [closer, pusher].map(|caller| caller.join().unwrap());
        assert_ne!(why(refused[0]), Some(Full::Closed));
        assert_settled(&queue, settled, refused);
    });
}

#[test]
fn two_who_close_at_once_agree_on_what_was_announced_before() {
    explore_preempting(3, || {
        let queue = Arc::new(Queue::new(2, ROOMY));
        let closers = [(); 2].map(|()| {
            spawn_with(&queue, |queue| {
                queue.close();
                queue.gate().announced()
            })
        });
        let refused = [push(&queue, 1), push(&queue, 1)];
        let agreed = closers.map(|closer| closer.join().unwrap());
        let accepted = refused.iter().filter(|refused| refused.is_none()).count() as u64;
        assert_eq!(agreed, [accepted; 2]);
        assert_settled(&queue, drain(&queue), refused);
    });
}

#[test]
fn a_sleeping_sender_is_woken_when_another_thread_closes_and_pulls_the_last_event() {
    explore(|| {
        let queue = Arc::new(Queue::new(1, ROOMY));
        assert_eq!(push(&queue, 1), None);
        let sender = spawn_with(&queue, drain);
        queue.close();
        let taken_over = queue.pull().map(|event| event.seq);
        if taken_over.is_some() {
            queue.resolve_beside(1);
            queue.discharge(1);
        }
        let settled = sender.join().unwrap();
        let late = push(&queue, 1);
        assert_eq!(why(late), Some(Full::Closed));
        assert_settled(&queue, settled.into_iter().chain(taken_over).collect(), [None, late]);
    });
}

#[test]
fn charged_bytes_accepted_and_not_yet_settled_never_exceed_the_maximum() {
    explore(|| {
        let queue = Arc::new(Queue::new(2, 10));
        let pushers = [(); 2].map(|()| spawn_with(&queue, |queue| push(queue, 6)));
        let mut settled = Vec::new();
        while settled.is_empty() {
            let Some(event) = queue.pull() else {
                sleep(&queue);
                continue;
            };
            // The other one besides would be 12 bytes.
            assert!(queue.pull().is_none());
            settled.push(settle(&queue, &event));
        }
        let refused = pushers.map(|pusher| pusher.join().unwrap());
        settled.extend(queue.pull().iter().map(|event| settle(&queue, event)));
        assert_settled(&queue, settled, refused);
    });
}

#[cfg(overspill_shuttle)]
mod crowd;
