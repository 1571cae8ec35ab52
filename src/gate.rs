//! The gate for every event that does not go through a shard: refused ones, those for the log only, those at the side door. It counts
//! them and says, in the same atomic step, whether the client is closed.
//!
//! In: callers with an event, the sender before it sleeps, a thread that closes. Out: a count.
//!
//! GT1: one word, one modification order. An announcement comes before or after the close, and before or after the sender's last look. So
//!     neither side needs a fence or a second look at the other.
//! GT2: [`announced`](Gate::announced) never falls, and is final once closed: an event after the close is counted when it is settled.
//!
//! Deliberately not here: what is pushed where, and who is woken.

use crate::sync::{AtomicU64, Ordering};

const CLOSED: u64 = 1;
/// What one announcement adds; 2^63 of them are nine hundred years of ten billion a second.
const ONE: u64 = 1 << 1;

/// Whether an event came before or after the close. This decides where it is counted: at the gate, or when it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Open,
    Closed,
}

/// The result of an announcement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    before: u64,
}

impl Pass {
    #[inline]
    pub(crate) fn side(self) -> Side {
        if self.before & CLOSED == 0 { Side::Open } else { Side::Closed }
    }
}

/// One client's gate.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    word: AtomicU64,
    /// The count at the moment of closing. Only meaningful to a thread that has seen the gate closed.
    closed_at: AtomicU64,
}

impl Gate {
    /// Counts one more event.
    #[inline]
    pub(crate) fn announce(&self) -> Pass {
        // AcqRel: a caller that comes after the sender's look sees what the sender stored before it (GT1); a thread that takes over after a
        // close sees what callers did before their announcement.
        Pass { before: self.word.fetch_add(ONE, Ordering::AcqRel) }
    }

    /// How many events were announced, up to the close.
    pub(crate) fn announced(&self) -> u64 {
        self.announced_at(self.word.load(Ordering::Acquire))
    }

    fn announced_at(&self, word: u64) -> u64 {
        if word & CLOSED == 0 {
            return word / ONE;
        }
        // Relaxed: written before the bit that we have seen with Acquire.
        self.closed_at.load(Ordering::Relaxed)
    }

    /// How many events were announced before this moment. A caller that announces one later sees what this thread has done before.
    pub(crate) fn announced_after_this(&self) -> u64 {
        self.announced_at(self.word.fetch_or(0, Ordering::AcqRel))
    }

    /// Closes the gate. Idempotent. Tries again while an announcement comes between its two instructions.
    pub(crate) fn close(&self) {
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word & CLOSED != 0 {
                return;
            }
            // Of all attempts, the one with the largest count succeeds: counts before the close never fall, and after it nobody tries. So
            // this value is right whenever the bit is seen.
            self.closed_at.fetch_max(word / ONE, Ordering::Relaxed);
            if self.word.compare_exchange(word, word | CLOSED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return;
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Like [`is_closed`](Gate::is_closed), for a thread that has just done something that the sender of a closed client waits for: the
    /// answer is no only if a thread that closes later sees it done.
    pub(crate) fn is_closed_after_this(&self) -> bool {
        // A write that changes nothing, for its place in the word's order (GT1). A load could come before a close that does not see
        // what was done.
        self.word.fetch_or(0, Ordering::AcqRel) & CLOSED != 0
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_after_the_close_learns_so_and_is_not_counted() {
        let gate = Gate::default();
        let passes = [gate.announce(), gate.announce()];
        assert_eq!(passes.map(Pass::side), [Side::Open, Side::Open]);
        gate.close();
        let pass = gate.announce();
        gate.close();
        assert_eq!((pass.side(), gate.announced(), gate.announced_after_this()), (Side::Closed, 2, 2));
    }
}
