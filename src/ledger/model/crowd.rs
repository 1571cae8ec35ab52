//! The ledger with more threads than can be tried exhaustively: three callers, a sender with batches, two threads that take over, two
//! that look.

use super::{Books, LOST, SPILLED, assert_lawful, join, snapshot, spawn_with};
use crate::gate::Side;
use crate::ledger::Ending;
use crate::sync::Arc;
use crate::sync::model::{channel, choose, explore, yield_now};

const EVENTS: u64 = 9;

/// Settles some of its events, as if the queue were full, and hands on the others.
fn call(books: &Books, push_end: &channel::Sender<u64>) {
    for _ in 0..EVENTS / 3 {
        let pass = books.gate.announce();
        if pass.side() == Side::Closed {
            books.ledger.settle(1, Side::Closed, SPILLED);
        } else if choose(3) == 0 || push_end.try_send(0).is_err() {
            books.ledger.take_in_hand(1);
            books.ledger.settle_in_hand(1, SPILLED);
        }
        assert_lawful(books);
    }
}

/// The sender: takes in hand what it finds, and settles it in two steps, as after a halving. It goes on until everything is settled, by any
/// thread.
fn send(books: &Books, pull_end: &channel::Receiver<u64>) {
    while snapshot(books).1 < EVENTS {
        let pulled = std::iter::from_fn(|| pull_end.try_recv().ok()).count() as u64;
        if pulled == 0 {
            yield_now();
            continue;
        }
        books.ledger.take_in_hand(pulled);
        let delivered = pulled / 2;
        books.ledger.settle_in_hand(delivered, Ending::Delivered);
        books.ledger.settle_in_hand(pulled - delivered, SPILLED);
    }
}

fn look(books: &Books) {
    let mut before = (0, 0);
    for _ in 0..3 {
        assert_lawful(books);
        let now = snapshot(books);
        assert!(now.0 >= before.0 && now.1 >= before.1, "a count has gone back: {before:?}, {now:?}");
        before = now;
    }
}

#[test]
fn the_law_holds_in_every_snapshot_while_three_callers_a_sender_and_two_who_take_over_settle() {
    explore(|| {
        let books = Arc::<Books>::default();
        let (push_end, pull_end) = channel::bounded(4);
        let push_end = Arc::new(push_end);
        let callers = [(); 3].map(|()| {
            let push_end = Arc::clone(&push_end);
            spawn_with(&books, move |books| call(books, &push_end))
        });
        let takers = [(); 2].map(|()| {
            spawn_with(&books, |books| {
                books.ledger.take_over(LOST);
            })
        });
        let closer = spawn_with(&books, |books| books.gate.close());
        let lookers = [(); 2].map(|()| spawn_with(&books, look));
        send(&books, &pull_end);
        join(callers.into_iter().chain(takers).chain(lookers).chain([closer]));
        assert_eq!(snapshot(&books), (EVENTS, EVENTS), "L2 and L3");
    });
}
