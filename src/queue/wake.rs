//! By what a sleeping sender is woken.
//!
//! In: the sender before it sleeps; callers at each step of the budget, at each sealed chunk, and, where any event is to wake it, at each shard's
//! first. Out: at most one ring for each sleep.
//! W1: no sleep over what it waits for: the sender says what it wants, then writes the words that callers write ([`Budget::taken`],
//!     [`Wake::sealed`]). A caller's write stands before that, and the sender sees it and stays awake; or behind it, and the caller
//!     sees what is wanted. For any event the shards' locks take the place of the words.

use super::budget::Taken;
use crate::sync::{AtomicU64, Bell, Ordering};

/// What the sender sleeps for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Events and bytes taken, by everybody.
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Chunks sealed, since the client was built.
    pub(crate) sealed: u64,
}

impl Wanted {
    pub(crate) const NOTHING: Wanted = Wanted { events: u64::MAX, bytes: u64::MAX, sealed: u64::MAX };

    fn reached(&self, taken: Taken) -> bool {
        taken.events >= self.events || taken.bytes >= self.bytes
    }
}

const AWAKE: u64 = 0;
/// Asleep until enough is there.
const FOR_ENOUGH: u64 = 1;
/// Asleep until anything is there.
const FOR_ANY: u64 = 2;

#[derive(Debug)]
pub(crate) struct Wake {
    state: AtomicU64,
    events: AtomicU64,
    bytes: AtomicU64,
    sealed_wanted: AtomicU64,
    sealed: AtomicU64,
    bell: Bell,
}

impl Default for Wake {
    fn default() -> Wake {
        Wake {
            state: AtomicU64::new(AWAKE),
            events: AtomicU64::new(u64::MAX),
            bytes: AtomicU64::new(u64::MAX),
            sealed_wanted: AtomicU64::new(u64::MAX),
            sealed: AtomicU64::new(0),
            bell: Bell::default(),
        }
    }
}

impl Wake {
    /// What the sender sleeps for, if it does.
    pub(crate) fn wanted(&self) -> Wanted {
        if self.state.load(Ordering::Relaxed) != FOR_ENOUGH {
            return Wanted::NOTHING;
        }
        // Relaxed: released by the words' writes, and what a caller reads may be what a later sleep wants: then it rings for that,
        // at worst once too often.
        Wanted {
            events: self.events.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            sealed: self.sealed_wanted.load(Ordering::Relaxed),
        }
    }

    fn want(&self, wanted: Wanted, state: u64) {
        self.events.store(wanted.events, Ordering::Relaxed);
        self.bytes.store(wanted.bytes, Ordering::Relaxed);
        self.sealed_wanted.store(wanted.sealed, Ordering::Relaxed);
        self.state.store(state, Ordering::Release);
    }

    /// The sender is about to sleep until so much is there; `taken` is read behind that. `false`: it is there.
    pub(crate) fn arm(&self, wanted: Wanted, taken: impl FnOnce() -> Taken) -> bool {
        self.want(wanted, FOR_ENOUGH);
        let asleep = !wanted.reached(taken()) && self.sealed.fetch_add(0, Ordering::AcqRel) < wanted.sealed;
        if !asleep {
            self.disarm();
        }
        asleep
    }

    /// The same until anything is there: the shards are asked by the caller of this.
    pub(crate) fn arm_for_any(&self) {
        self.want(Wanted::NOTHING, FOR_ANY);
    }

    pub(crate) fn disarm(&self) {
        self.state.store(AWAKE, Ordering::Release);
    }

    /// A caller has taken a step. Whether it has to ring, once it has let go of its shard.
    pub(crate) fn after_step(&self, taken: Taken) -> bool {
        self.wanted().reached(taken) && self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    /// A caller has sealed a chunk, which is in the channel.
    pub(crate) fn after_seal(&self) -> bool {
        let sealed = self.sealed.fetch_add(1, Ordering::AcqRel) + 1;
        sealed >= self.wanted().sealed && self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    /// A caller has put an event where the sender has found nothing before it slept for any.
    pub(crate) fn after_first(&self) -> bool {
        self.state.compare_exchange(FOR_ANY, AWAKE, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// A caller has put an event beside the shards, whatever the sender sleeps for.
    pub(crate) fn after_alone(&self) -> bool {
        self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    /// Chunks sealed so far.
    pub(crate) fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }

    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// # Cancel safety
    /// Cancel safe: a ring that comes meanwhile is kept.
    pub(crate) async fn woken(&self) {
        self.bell.rung().await;
    }

    #[cfg(all(test, overspill_model))]
    pub(crate) fn wait(&self) {
        self.bell.wait();
    }
}
