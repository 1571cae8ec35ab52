//! The queue's promises (Q1 to Q5) in every interleaving, under loom and under shuttle: see `crate::sync::model`.
//!
//! Each caller pushes on its own thread into its own shard. The sender does what `Sender::serve` does, without the batches: pull,
//! settle, and sleep when there is nothing. A sender that nobody wakes is a deadlock, which both checkers report.

use super::shard::{NotPut, Then};
use super::{Full, Queue, Shape, Want};
use crate::clock::Stamp;
use crate::event::Event;
use crate::format::{Frame, Overhead};
use crate::sync::Arc;
use crate::sync::model::{JoinHandle, explore, explore_preempting, spawn, yield_now};

/// Enough bytes for every model that is not about bytes.
const ROOMY: usize = 100;

fn event(bytes: usize) -> Event {
    let mut event = Event::vacant(Stamp(0));
    assert!(event.append(&vec![b'1'; bytes]).is_ok());
    event
}

/// A chunk is full with `events_max` events.
fn shape(events_max: usize) -> Shape {
    let overhead = Overhead { per_batch: 0, per_event: 0 };
    Shape { events_max, bytes_max: ROOMY, overhead, frame: Frame { before: b"", between: b"", behind: b"" } }
}

/// A queue of two shards.
fn queue(events_max: usize, bytes_max: usize, chunk_events: usize) -> Arc<Queue> {
    Arc::new(Queue::with_shards(2, events_max, bytes_max, shape(chunk_events)))
}

/// Pushes into this shard. Returns why it was refused, if it was.
fn push(queue: &Queue, home: usize, bytes: usize) -> Option<Full> {
    settle_refused(queue, queue.push_at(home, &event(bytes)))
}

/// Pushes into this shard and no other, however often it is busy.
fn push_into(queue: &Queue, shard: usize, bytes: usize) {
    loop {
        match queue.put(shard, &event(bytes)) {
            Ok(Then::Nothing) => return,
            Ok(Then::Ring) => return queue.ring(),
            Err(why) => assert_eq!(why, NotPut::Busy),
        }
        yield_now();
    }
}

fn settle_refused(queue: &Queue, pushed: Result<(), Full>) -> Option<Full> {
    let why = pushed.err()?;
    if why == Full::NoRoom {
        queue.resolve_beside(1);
    }
    Some(why)
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
        queue.disarm();
    } else {
        yield_now();
    }
}

/// Takes everything that is there, and settles it. Returns the number of events.
fn settle_all(queue: &Queue) -> usize {
    let mut line = queue.line();
    line.sweep();
    let mut events = 0;
    while line.front(Want::All).is_some() {
        let Some(chunk) = line.pop() else { break };
        events += chunk.len();
        queue.discharge(chunk.bytes());
    }
    events
}

/// The sender, until it has settled `events` events.
fn serve(queue: &Queue, events: usize) {
    let mut settled = 0;
    while settled < events {
        match settle_all(queue) {
            0 => sleep(queue),
            more => settled += more,
        }
    }
    assert_eq!(settled, events);
}

/// The sender, until the closed queue is drained. Returns the number of events that it has settled.
fn drain(queue: &Queue) -> usize {
    let mut settled = 0;
    while !queue.is_drained() {
        match settle_all(queue) {
            0 => sleep(queue),
            more => settled += more,
        }
    }
    settled
}

/// At rest: nothing is held, and what was settled is what was accepted.
#[track_caller]
fn assert_settled(queue: &Queue, settled: usize, accepted: usize, refused: usize) {
    assert_eq!(settled, accepted);
    assert_eq!(queue.emitted() as usize, accepted + refused);
    assert_eq!(settle_all(queue), 0);
    let mut line = queue.line();
    line.sweep();
    drop(line);
    queue.shards.iter().for_each(|shard| shard.0.give_back(&queue.budget.0));
    assert_eq!((queue.held_bytes(), queue.len()), (0, 0));
}

#[test]
fn a_sleeping_sender_is_woken_by_the_push_it_waits_for_whichever_shard_it_comes_to() {
    explore_preempting(2, || {
        let queue = queue(8, ROOMY, 4);
        let pushers = [0, 1].map(|home| spawn_with(&queue, move |queue| push(queue, home, 1)));
        serve(&queue, 2);
        assert_eq!(pushers.map(|pusher| pusher.join().unwrap()), [None, None]);
        assert_settled(&queue, 2, 2, 0);
    });
}

#[test]
fn two_who_meet_at_one_shard_both_find_a_place_and_a_sleeping_sender_hears_of_both() {
    explore_preempting(2, || {
        let queue = Arc::new(Queue::with_shards(1, 8, ROOMY, shape(4)));
        let pusher = spawn_with(&queue, |queue| push(queue, 0, 1));
        let beside = spawn_with(&queue, |queue| settle_refused(queue, queue.push_alone(&event(1))));
        serve(&queue, 2);
        assert_eq!([pusher, beside].map(|pusher| pusher.join().unwrap()), [None, None]);
        assert_settled(&queue, 2, 2, 0);
    });
}

#[test]
fn a_sender_that_waits_for_a_full_chunk_is_woken_by_the_call_that_seals_it() {
    explore_preempting(3, || {
        let queue = queue(64, ROOMY, 2);
        let pusher = spawn_with(&queue, |queue| [1, 1].map(|bytes| push_into(queue, 0, bytes)));
        let mut settled = 0;
        while settled < 2 {
            // As for a batch that fills: only a sealed chunk or this many events wake it.
            if queue.arm_for_batch(16, ROOMY) {
                queue.wait();
                queue.disarm();
            } else {
                yield_now();
            }
            let mut line = queue.line();
            line.absorb();
            while line.front(Want::Sealed).is_some() {
                let Some(chunk) = line.pop() else { break };
                settled += chunk.len();
                queue.discharge(chunk.bytes());
            }
        }
        pusher.join().unwrap();
        assert_settled(&queue, settled, 2, 0);
    });
}

#[test]
fn a_sender_that_waits_for_an_amount_is_woken_by_the_step_that_reaches_it() {
    explore_preempting(2, || {
        // A step is one event.
        let queue = queue(8, ROOMY, 8);
        let pusher = spawn_with(&queue, |queue| [0, 1].map(|home| push(queue, home, 1)));
        while !queue.arm_for_batch(2, ROOMY) && queue.len() < 2 {
            yield_now();
        }
        if queue.len() < 2 {
            queue.wait();
        }
        queue.disarm();
        assert_eq!(pusher.join().unwrap(), [None, None]);
        assert_eq!(settle_all(&queue), 2);
        assert_settled(&queue, 2, 2, 0);
    });
}

#[test]
fn a_push_that_races_with_close_is_refused_or_pulled_before_the_queue_is_drained() {
    explore_preempting(2, || {
        let queue = queue(8, ROOMY, 4);
        let pusher = spawn_with(&queue, |queue| push(queue, 0, 1));
        let closer = spawn_with(&queue, Queue::close);
        let settled = drain(&queue);
        let refused = pusher.join().unwrap();
        closer.join().unwrap();
        assert_ne!(refused, Some(Full::NoRoom));
        assert_eq!(push(&queue, 1, 1), Some(Full::Closed));
        assert_settled(&queue, settled, usize::from(refused.is_none()), 0);
    });
}

#[test]
fn a_push_at_the_side_door_that_races_with_close_is_refused_or_pulled_before_the_queue_is_drained() {
    explore_preempting(2, || {
        let queue = Arc::new(Queue::with_shards(1, 8, ROOMY, shape(4)));
        let pusher = spawn_with(&queue, |queue| settle_refused(queue, queue.push_alone(&event(1))));
        let closer = spawn_with(&queue, Queue::close);
        let settled = drain(&queue);
        let refused = pusher.join().unwrap();
        closer.join().unwrap();
        assert_ne!(refused, Some(Full::NoRoom));
        assert_settled(&queue, settled, usize::from(refused.is_none()), 0);
    });
}

#[test]
fn two_who_close_at_once_agree_on_what_was_emitted_before() {
    explore_preempting(2, || {
        let queue = queue(8, ROOMY, 4);
        let closers = [(); 2].map(|()| {
            spawn_with(&queue, |queue| {
                queue.close();
                queue.emitted()
            })
        });
        let refused = [push(&queue, 0, 1), push(&queue, 1, 1)];
        let agreed = closers.map(|closer| closer.join().unwrap());
        let accepted = refused.iter().filter(|refused| refused.is_none()).count();
        assert_eq!(agreed, [accepted as u64; 2]);
        assert_settled(&queue, drain(&queue), accepted, 0);
    });
}

#[test]
fn a_sleeping_sender_is_woken_when_another_thread_closes_and_pulls_the_last_event() {
    explore_preempting(3, || {
        let queue = queue(8, ROOMY, 4);
        assert_eq!(push(&queue, 0, 1), None);
        let sender = spawn_with(&queue, drain);
        queue.close();
        let taken_over = settle_all(&queue);
        queue.ring();
        let settled = sender.join().unwrap();
        assert_settled(&queue, settled + taken_over, 1, 0);
    });
}

#[test]
fn charged_bytes_accepted_and_not_yet_settled_never_exceed_the_maximum() {
    explore_preempting(1, || {
        let queue = queue(8, 10, 4);
        let pushers = [0, 1].map(|home| spawn_with(&queue, move |queue| push(queue, home, 6)));
        let mut settled = 0;
        while settled == 0 {
            let mut line = queue.line();
            line.sweep();
            // Both events together would be 12 bytes.
            assert!(line.len() <= 1);
            let chunk = line.pop();
            drop(line);
            match chunk {
                None => sleep(&queue),
                Some(chunk) => {
                    settled += chunk.len();
                    queue.discharge(chunk.bytes());
                }
            }
        }
        let refused = pushers.map(|pusher| pusher.join().unwrap());
        settled += settle_all(&queue);
        let refused = refused.iter().flatten().count();
        assert_settled(&queue, settled, 2 - refused, refused);
    });
}

#[test]
fn the_events_of_one_shard_are_pulled_in_their_order_while_its_caller_seals_and_the_sender_sweeps() {
    explore_preempting(2, || {
        let queue = queue(8, ROOMY, 2);
        let pusher = spawn_with(&queue, |queue| [1, 2, 3].map(|bytes| push_into(queue, 0, bytes)));
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let mut line = queue.line();
            line.sweep();
            while let Some(chunk) = line.pop() {
                let pieces = (0..chunk.len()).filter_map(|nth| chunk.piece(nth, &queue.shape.frame));
                seen.extend(pieces.map(|piece| piece.text.len()));
                queue.discharge(chunk.bytes());
            }
            drop(line);
            yield_now();
        }
        assert_eq!(seen, [1, 2, 3]);
        pusher.join().unwrap();
        assert_settled(&queue, 3, 3, 0);
    });
}

#[test]
fn no_snapshot_shows_an_event_settled_that_was_not_emitted() {
    explore_preempting(3, || {
        let queue = queue(8, ROOMY, 1);
        let ledger = Arc::new(crate::ledger::Ledger::default());
        let pusher = spawn_with(&queue, |queue| push(queue, 0, 1));
        let books = Arc::clone(&ledger);
        let sender = spawn_with(&queue, move |queue| {
            let mut settled = 0;
            while settled == 0 {
                settled = settle_all(queue) as u64;
                books.settle(settled, crate::gate::Side::Open, crate::ledger::Ending::Delivered);
                yield_now();
            }
        });
        let totals = ledger.totals(|| queue.emitted());
        assert_eq!(totals.emitted, totals.delivered + totals.pending, "L1");
        assert_eq!(pusher.join().unwrap(), None);
        sender.join().unwrap();
        assert_settled(&queue, 1, 1, 0);
    });
}

#[cfg(overspill_shuttle)]
mod crowd;
