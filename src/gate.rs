//! The gate that every event passes once: there it gets its number, and learns in the same atomic step whether the client is
//! closed and whether the sender sleeps.
//!
//! In: callers with an event; the sender before it sleeps; whoever closes. Out: numbers from 0, without a gap or a double.
//!
//! G1: one word, one modification order. An announcement stands before the close or behind it; one that stands before the
//!     sender has armed is in the count that the sender gets when it arms, one that stands behind it has seen that it must look
//!     whether to wake. So neither side needs a fence, nor a second look at the other.
//! G2: [`announced`](Gate::announced) never falls, and never again changes once closed: numbers that were given out behind the
//!     close are names of events, but not part of the count. Such an event counts at its end.
//!
//! Deliberately not here: what is pushed where, and who is woken.

use crate::sync::{AtomicU64, Ordering};

const CLOSED: u64 = 1;
const ARMED: u64 = 1 << 1;
/// What one announcement adds; 2^62 of them are four hundred years of ten billion a second.
const ONE: u64 = 1 << 2;

/// On which side of the close an event stands, which decides how it is counted: in the gate, or at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Open,
    Closed,
}

/// What an announcement got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    before: u64,
}

impl Pass {
    /// The event's number.
    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.before / ONE
    }

    #[inline]
    pub(crate) fn side(self) -> Side {
        if self.before & CLOSED == 0 { Side::Open } else { Side::Closed }
    }

    /// Whether the sender sleeps, or is about to.
    #[inline]
    pub(crate) fn saw_armed(self) -> bool {
        self.before & ARMED != 0
    }
}

/// One client's gate.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    word: AtomicU64,
    /// What the count was when the gate closed. Means something only to who has seen it closed.
    closed_at: AtomicU64,
}

impl Gate {
    /// One more event.
    #[inline]
    pub(crate) fn announce(&self) -> Pass {
        // AcqRel: who sees the armed bit sees what the sender stored before it (G1); who takes over after a close sees what
        // callers did before their announcement.
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

    /// The sender is about to sleep: from now on announcements see it. How many stand before.
    pub(crate) fn arm(&self) -> u64 {
        let before = self.word.fetch_or(ARMED, Ordering::AcqRel);
        self.announced_at(before)
    }

    /// The sender is awake.
    pub(crate) fn disarm(&self) {
        self.word.fetch_and(!ARMED, Ordering::AcqRel);
    }

    /// Idempotent. Ends when one of its attempts meets no announcement between two instructions.
    pub(crate) fn close(&self) {
        loop {
            let word = self.word.load(Ordering::Acquire);
            if word & CLOSED != 0 {
                return;
            }
            // The largest of all attempts, of whoever else closes, is the one that succeeds: counts before the close never
            // fall, and behind it nobody tries. So what is here is right whenever the bit is seen.
            self.closed_at.fetch_max(word / ONE, Ordering::Relaxed);
            if self.word.compare_exchange(word, word | CLOSED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return;
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Like [`is_closed`](Gate::is_closed), for who has just done something that the sender of a closed client waits for: the
    /// answer is no only if whoever closes later sees it done.
    pub(crate) fn is_closed_after_this(&self) -> bool {
        // A write that changes nothing, for its place in the order of the word (G1). A load could come before a close that in
        // its turn does not see what was done.
        self.word.fetch_or(0, Ordering::AcqRel) & CLOSED != 0
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_behind_the_close_and_the_count_does_not() {
        let gate = Gate::default();
        let passes = [gate.announce(), gate.announce()];
        assert_eq!(passes.map(|pass| (pass.number(), pass.side())), [(0, Side::Open), (1, Side::Open)]);
        gate.close();
        let pass = gate.announce();
        gate.close();
        assert_eq!((pass.number(), pass.side(), gate.announced()), (2, Side::Closed, 2));
    }

    #[test]
    fn an_announcement_is_counted_by_who_arms_or_sees_it_armed() {
        let gate = Gate::default();
        assert!(!gate.announce().saw_armed());
        assert_eq!(gate.arm(), 1);
        assert!(gate.announce().saw_armed());
        gate.disarm();
        assert!(!gate.announce().saw_armed());
    }
}
