//! The law (L1 to L3) in every interleaving, under loom and under shuttle: see `crate::sync::model`.

use super::{Ending, Ledger};
use crate::gate::{Gate, Side};
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use crate::sync::Arc;
use crate::sync::model::{JoinHandle, channel, explore, explore_preempting, spawn, yield_now};

const SPILLED: Ending = Ending::Spilled(Reason::Closed, MaybeDelivered::No);
const LOST: Ending = Ending::Lost(LostReason::Deadline);

/// The ledger, and the gate that the events come through.
#[derive(Default)]
struct Books {
    ledger: Ledger,
    gate: Gate,
}

fn spawn_with(books: &Arc<Books>, act: impl FnOnce(&Books) + Send + 'static) -> JoinHandle<()> {
    let books = Arc::clone(books);
    spawn(move || act(&books))
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Events emitted, and events settled, in one snapshot.
fn snapshot(books: &Books) -> (u64, u64) {
    let totals = books.ledger.totals(|| books.gate.announced());
    let spilled: u64 = totals.spilled_by.iter().sum();
    let lost: u64 = totals.lost_by.iter().sum();
    let settled = totals.delivered + spilled + lost;
    assert_eq!(totals.emitted, settled + totals.pending, "L1: pending went below zero");
    (totals.emitted, settled)
}

#[track_caller]
fn assert_lawful(books: &Books) {
    let (emitted, settled) = snapshot(books);
    assert!(settled <= emitted, "{settled} settled of {emitted}");
}

/// A caller that settles one of its events itself and hands another one to the sender, unless it finds the gate closed.
fn call(books: &Books, push_end: &channel::Sender<u64>) {
    settle_own(books);
    let pass = books.gate.announce();
    match pass.side() {
        Side::Open => assert!(push_end.try_send(0).is_ok()),
        Side::Closed => books.ledger.settle(1, Side::Closed, SPILLED),
    }
}

/// An event that was refused because the queue was full, or that came after the close.
fn settle_own(books: &Books) {
    match books.gate.announce().side() {
        Side::Open => {
            books.ledger.take_in_hand(1);
            books.ledger.settle_in_hand(1, SPILLED);
        }
        Side::Closed => books.ledger.settle(1, Side::Closed, SPILLED),
    }
}

/// The sender: takes the event in hand and delivers it, unless another thread has taken it over.
fn deliver(books: &Books, pull_end: &channel::Receiver<u64>) {
    while pull_end.try_recv().is_err() {
        yield_now();
    }
    books.ledger.take_in_hand(1);
    books.ledger.settle_in_hand(1, Ending::Delivered);
}

/// A thread that must return from `shutdown` before the sender has settled what it has in hand.
fn take_over(books: &Books) {
    books.ledger.take_over(LOST);
}

#[test]
fn no_snapshot_shows_more_events_settled_than_emitted() {
    explore(|| {
        let books = Arc::<Books>::default();
        let (push_end, pull_end) = channel::bounded(1);
        let caller = spawn_with(&books, move |books| call(books, &push_end));
        let sender = spawn_with(&books, move |books| deliver(books, &pull_end));
        assert_lawful(&books);
        join([caller, sender]);
        assert_eq!(snapshot(&books), (2, 2));
    });
}

#[test]
fn the_law_holds_while_callers_the_sender_and_a_thread_that_takes_over_settle() {
    // Four threads: all interleavings would be too many.
    explore_preempting(3, || {
        let books = Arc::<Books>::default();
        let (push_end, pull_end) = channel::bounded(1);
        let caller = spawn_with(&books, move |books| call(books, &push_end));
        let sender = spawn_with(&books, move |books| deliver(books, &pull_end));
        let taker = spawn_with(&books, take_over);
        assert_lawful(&books);
        join([caller, sender, taker]);
        assert_eq!(snapshot(&books), (2, 2));
    });
}

#[test]
fn events_in_hand_are_settled_once_by_the_sender_or_by_a_thread_that_takes_over_whichever_batch_comes_first()
{
    explore(|| {
        let books = Arc::<Books>::default();
        for _ in 0..3 {
            books.gate.announce();
        }
        let sender = spawn_with(&books, |books| {
            books.ledger.take_in_hand(1);
            books.ledger.take_in_hand(2);
            books.ledger.settle_in_hand(1, Ending::Delivered);
            books.ledger.settle_in_hand(2, SPILLED);
        });
        let taker = spawn_with(&books, take_over);
        assert_lawful(&books);
        join([sender, taker]);
        assert_eq!(snapshot(&books), (3, 3));
    });
}

#[test]
fn once_closed_nothing_new_is_pending_and_no_count_goes_back() {
    explore_preempting(3, || {
        let books = Arc::<Books>::default();
        let callers = [(); 2].map(|()| spawn_with(&books, settle_own));
        let before = snapshot(&books);
        books.gate.close();
        let after = snapshot(&books);
        assert!(after.0 >= before.0 && after.1 >= before.1, "{before:?} {after:?}");
        join(callers);
        assert_eq!(snapshot(&books), (2, 2));
    });
}

#[cfg(overspill_shuttle)]
mod crowd;
