use super::*;
use crate::clock::Stamp;
use crate::format::{Frame, Overhead};

pub(super) fn shape(events_max: usize, bytes_max: usize) -> Shape {
    let overhead = Overhead { per_batch: 0, per_event: 0 };
    Shape { events_max, bytes_max, overhead, frame: Frame { before: b"", between: b"", behind: b"" } }
}

fn event(text: &[u8]) -> Event {
    let mut event = Event::vacant(Stamp(7));
    assert!(event.append(text).is_ok());
    event
}

fn queue(events_max: usize, bytes_max: usize) -> Queue {
    Queue::new(events_max, bytes_max, shape(500, 1000))
}

/// All texts that are there, in order.
fn pull(queue: &Queue) -> Vec<String> {
    let mut line = queue.line();
    line.sweep();
    let mut texts = Vec::new();
    while let Some(chunk) = line.pop() {
        let pieces = (0..chunk.len()).filter_map(|nth| chunk.piece(nth, &queue.shape.frame));
        texts.extend(pieces.map(|piece| String::from_utf8_lossy(piece.text).into_owned()));
    }
    texts
}

#[test]
fn a_push_without_room_for_one_more_event_or_for_its_bytes_is_refused_and_takes_nothing() {
    let queue = queue(2, 10);
    assert_eq!(queue.push(&event(b"12345")), Ok(()));
    assert_eq!(queue.push(&event(b"123456")), Err(Full::NoRoom));
    queue.resolve_beside(1);
    assert_eq!(queue.push(&event(b"1")), Ok(()));
    assert_eq!(queue.push(&event(b"1")), Err(Full::NoRoom));
    assert_eq!((queue.held_bytes(), queue.len()), (6, 2));
}

#[test]
fn bytes_are_free_again_when_they_are_settled_and_places_when_they_are_pulled() {
    let queue = queue(1, 5);
    assert_eq!(queue.push(&event(b"12345")), Ok(()));
    assert_eq!(queue.push(&event(b"1")), Err(Full::NoRoom));
    assert_eq!(pull(&queue), ["12345"]);
    assert_eq!(queue.len(), 0);
    assert_eq!(queue.push(&event(b"1")), Err(Full::NoRoom));
    queue.discharge(5);
    assert_eq!(queue.push(&event(b"1")), Ok(()));
}

#[test]
fn a_refusal_is_exact_whatever_other_shards_have_taken_in_advance() {
    let queue = queue(4_096, 1 << 20);
    // Each shard takes a step and uses one event of it.
    (0..QUEUE_SHARDS).for_each(|home| assert_eq!(queue.push_at(home, &event(b"1")), Ok(())));
    let more = 4_096 - QUEUE_SHARDS;
    (0..more).for_each(|_| assert_eq!(queue.push_at(0, &event(b"1")), Ok(())));
    assert_eq!(queue.push_at(0, &event(b"1")), Err(Full::NoRoom));
    assert_eq!(pull(&queue).len(), 4_096);
}

#[test]
fn a_closed_queue_refuses_and_is_drained_once_the_rest_is_pulled() {
    let queue = queue(8, 100);
    assert_eq!(queue.push(&event(b"1")), Ok(()));
    queue.close();
    assert_eq!(queue.push(&event(b"2")), Err(Full::Closed));
    assert!(!queue.is_drained());
    assert_eq!(pull(&queue), ["1"]);
    assert!(queue.is_drained());
}

#[test]
fn a_sender_does_not_fall_asleep_over_what_it_waits_for() {
    let queue = queue(8, 100);
    assert!(queue.arm_for_any());
    assert_eq!(queue.push(&event(b"1")), Ok(()));
    assert!(!queue.arm_for_any());
    assert!(queue.arm_for_batch(2, 50) && !queue.arm_for_batch(1, 50));
}

#[test]
fn the_events_of_one_shard_leave_in_the_order_of_their_coming_sealed_or_not() {
    let queue = Queue::new(100, 1000, shape(3, 1000));
    (0..8).for_each(|nth| assert_eq!(queue.push_at(1, &event(nth.to_string().as_bytes())), Ok(())));
    assert!(queue.look().sealed);
    assert_eq!(pull(&queue), ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[test]
fn what_is_swept_together_becomes_one_chunk_as_far_as_it_has_room() {
    let queue = Queue::new(100, 1000, shape(5, 1000));
    for home in 0..4 {
        (0..2).for_each(|_| assert_eq!(queue.push_at(home, &event(b"12")), Ok(())));
    }
    let mut line = queue.line();
    line.sweep();
    let lens: Vec<usize> = std::iter::from_fn(|| line.pop()).map(|chunk| chunk.len()).collect();
    assert_eq!(lens, [4, 4]);
}

#[test]
fn an_event_that_finds_every_shard_busy_goes_to_the_side_door_and_is_pulled_with_the_others() {
    let queue = queue(8, 100);
    assert_eq!(queue.push_alone(&event(b"1")), Ok(()));
    assert_eq!((queue.len(), queue.held_bytes(), queue.emitted()), (1, 1, 1));
    assert!(!queue.arm_for_any());
    assert_eq!(pull(&queue), ["1"]);
    assert!(queue.arm_for_any());
    queue.close();
    assert!(queue.is_drained());
}

/// Whether a sleeping sender has been rung.
fn is_rung(queue: &Queue) -> bool {
    let woken = std::pin::pin!(queue.woken());
    woken.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
}

#[test]
fn a_call_that_seals_a_chunk_wakes_the_sender_even_if_its_own_event_is_refused() {
    let queue = Queue::new(4_096, 20, shape(500, 16));
    assert_eq!(queue.push_at(0, &event(b"1234567890")), Ok(()));
    assert!(queue.arm_for_batch(500, 1_000));
    assert!(!is_rung(&queue));
    // No room next to the first event, neither in a chunk of 16 bytes nor in a budget of 20.
    assert_eq!(queue.push_at(0, &event(b"12345678901")), Err(Full::NoRoom));
    assert!(is_rung(&queue), "the sealed chunk waits for the sender's timer");
    assert_eq!(pull(&queue), ["1234567890"]);
}

#[test]
fn a_step_of_events_is_given_back_if_there_is_no_room_for_the_bytes() {
    let (budget, wake) = (Budget::new(4_096, 10, 1), Wake::default());
    let mut credit = budget::Credit::default();
    assert!(budget.cover(&mut credit, 11, &wake).is_none());
    assert_eq!((credit.events, credit.bytes, budget.events(), budget.bytes()), (0, 0, 0, 0));
    assert!(budget.cover(&mut credit, 10, &wake).is_some());
    assert_eq!((budget.events(), budget.bytes()), (credit.events, 10));
}

#[test]
fn a_sender_that_naps_before_relief_is_woken_at_seven_eighths_by_events_and_by_bytes() {
    for (events_max, bytes_max, quiet) in [(64, 1 << 20, 55), (1 << 10, 64, 55)] {
        let queue = Queue::new(events_max, bytes_max, shape(500, 1000));
        assert!(queue.arm_for_late_relief());
        (0..quiet).for_each(|_| assert_eq!(queue.push_at(0, &event(b"1")), Ok(())));
        assert!(!is_rung(&queue), "below seven eighths");
        assert_eq!(queue.push_at(0, &event(b"1")), Ok(()));
        assert!(is_rung(&queue));
        assert!(!queue.arm_for_late_relief(), "relief is due");
    }
}

#[test]
fn a_new_share_wakes_a_sender_that_may_wait_for_more_than_the_share_allows() {
    let queue = queue(100, 100);
    (0..50).for_each(|_| assert_eq!(queue.push_at(0, &event(b"1")), Ok(())));
    assert!(queue.arm_for_relief());
    assert!(!is_rung(&queue));
    assert_eq!(queue.set_queue_share(QueueShare::Half), QueueShare::Whole);
    assert_eq!(queue.push_at(0, &event(b"1")), Err(Full::NoRoom));
    assert!(is_rung(&queue) && !queue.arm_for_relief(), "relief is due");
}
