//! Which shard a thread uses: always the same one, so that its events stay in order and two threads seldom meet.

use crate::sync::thread_local;
use crate::sync::{AtomicU64, Ordering};
use std::cell::Cell;

thread_local! {
    // 0: none yet. const and without a destructor: usable at any time in a thread's life, including its end.
    static HOME: Cell<u64> = const { Cell::new(0) };
}

/// This thread's number, from 1, in the order of arrival. All clients of the process use the number that the first of them gave.
#[inline]
pub(crate) fn of_this_thread(arrivals: &AtomicU64) -> usize {
    HOME.with(|home| match home.get() {
        0 => first(home, arrivals),
        number => number as usize,
    })
}

#[cold]
fn first(home: &Cell<u64>, arrivals: &AtomicU64) -> usize {
    // Relaxed: any number will do.
    let number = arrivals.fetch_add(1, Ordering::Relaxed) + 1;
    home.set(number);
    number as usize
}
