//! What wakes a sleeping sender.
//!
//! In: the sender before it sleeps; callers at each step of the budget and each sealed chunk, and at a shard's first event if any event
//! should wake it. Out: at most one ring per sleep.
//! W1: the sender never sleeps through what it waits for: it says what it wants, then writes the words that callers write
//!     ([`Budget::taken`], [`Wake::sealed`]). If a caller's write comes before that, the sender sees it and stays awake; if it comes after,
//!     the caller sees what is wanted. If any event should wake it, the shards' latches take the place of the words.

use super::budget::Taken;
use crate::sync::{AtomicU64, Bell, Ordering};

/// What the sender sleeps for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Events and bytes taken by all shards.
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
/// Asleep until there is enough.
const FOR_ENOUGH: u64 = 1;
/// Asleep until there is anything.
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
        // Relaxed: the words' writes release it. A caller may read what a later sleep wants, and ring for that: one ring too many at
        // worst.
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

    /// The sender is about to sleep until this much is there; `taken` is called after that is published. `false`: it is there already.
    pub(crate) fn arm(&self, wanted: Wanted, taken: impl FnOnce() -> Taken) -> bool {
        self.want(wanted, FOR_ENOUGH);
        let asleep = !wanted.reached(taken()) && self.sealed.fetch_add(0, Ordering::AcqRel) < wanted.sealed;
        if !asleep {
            self.disarm();
        }
        asleep
    }

    /// The same, until anything is there; the caller of this then checks the shards.
    pub(crate) fn arm_for_any(&self) {
        self.want(Wanted::NOTHING, FOR_ANY);
    }

    pub(crate) fn disarm(&self) {
        self.state.store(AWAKE, Ordering::Release);
    }

    /// A caller has taken a step. Whether it must ring, once it has released its shard.
    pub(crate) fn after_step(&self, taken: Taken) -> bool {
        self.wanted().reached(taken) && self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    /// A caller has sealed a chunk and sent it.
    pub(crate) fn after_seal(&self) -> bool {
        let sealed = self.sealed.fetch_add(1, Ordering::AcqRel) + 1;
        sealed >= self.wanted().sealed && self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    /// A caller has put an event where the sender had found nothing before it slept.
    pub(crate) fn after_first(&self) -> bool {
        self.state.compare_exchange(FOR_ANY, AWAKE, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// A caller has put an event at the side door: rings whatever the sender sleeps for.
    pub(crate) fn after_alone(&self) -> bool {
        self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE
    }

    #[cfg(all(test, not(overspill_model)))]
    pub(crate) fn is_asleep(&self) -> bool {
        self.state.load(Ordering::Relaxed) != AWAKE
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
