//! The only access to concurrency primitives: the real ones, or under `--cfg overspill_model` a checker's. These are loom's, which order
//! memory as weakly as the language allows, or, with `--cfg overspill_shuttle` as well, shuttle's, for the whole client.
//!
//! In: nothing. Out: atomics, locks, a bounded channel, a bell, a free list, containment of panics.
//! Deliberately not here: any decision. What the orderings mean is argued where they are used.

use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(overspill_model)]
pub(crate) use model::{AtomicU64, Bell, Latch, LatchGuard, Ordering, channel, yield_now as relax};
#[cfg(overspill_shuttle)]
pub(crate) use model::{Condvar, Mutex, MutexGuard, pause, start_thread, thread_local, yield_now};
use std::sync::TryLockError;
#[cfg(not(overspill_model))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, PoisonError};
#[cfg(not(overspill_shuttle))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard},
    thread::yield_now,
    thread_local,
};

/// A lock under which no user code runs, and that callers only [try](try_latch). The exhaustive models include it.
#[cfg(not(overspill_model))]
pub(crate) use std::sync::{Mutex as Latch, MutexGuard as LatchGuard};

/// Waits for the latch: for the sender, and for a thread that closes. Nobody holds it longer than it takes to copy one event.
pub(crate) fn latch<T>(latch: &Latch<T>) -> LatchGuard<'_, T> {
    latch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The latch, if it is free.
#[inline]
pub(crate) fn try_latch<T>(latch: &Latch<T>) -> Option<LatchGuard<'_, T>> {
    match latch.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Called between two attempts at a latch.
#[cfg(not(overspill_model))]
pub(crate) use std::hint::spin_loop as relax;

/// Atomics that no exhaustive model checks: flags whose interleavings do not touch the law. The models of the whole client check them.
pub(crate) mod plain {
    #[cfg(overspill_shuttle)]
    pub(crate) use super::model::{AtomicU8, AtomicU64, Ordering};
    #[cfg(not(overspill_shuttle))]
    pub(crate) use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
}

/// Starts a thread that nobody joins and that a broken pipe does not end. All our threads are started here.
#[cfg(not(overspill_shuttle))]
pub(crate) fn start_thread(name: &str, life: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let life = move || {
        block_sigpipe();
        life();
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(life).map(drop)
}

/// Makes a write of this thread to a peer that has gone return an error. If the process has SIGPIPE at its default action (a program in
/// another language has, and so has one that set it), such a write would end the process: neither the HTTP client nor a log protects its
/// writes. The action of the process does not change.
#[cfg(all(unix, not(overspill_shuttle)))]
fn block_sigpipe() {
    use nix::sys::signal::{SigSet, Signal};
    // Fails only for a wrong argument, and there is none.
    let _ = SigSet::from(Signal::SIGPIPE).thread_block();
}

#[cfg(all(not(unix), not(overspill_shuttle)))]
fn block_sigpipe() {}

/// Lets the runtime look at its other tasks and at the sockets.
#[cfg(not(overspill_shuttle))]
pub(crate) use tokio::task::yield_now as pause;

/// Keeps a value that many threads write off the cache lines of its neighbors.
///
/// 128 bytes: two lines, because current x86 cores prefetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// Locks, and goes on after a panic elsewhere: every state we keep behind a lock is valid between statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A user's hook panicked; the panic was contained and its text kept, cut to 200 characters.
#[derive(Debug)]
pub(crate) struct Panicked(pub(crate) String);

/// Runs a user's hook (Serialize, Format, Observer, SpillSink, subscriber) and contains its panic.
///
/// Unwind safety: the callers give the hook nothing of ours that outlives the call half-changed.
pub(crate) fn contain<R>(hook: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(hook)).map_err(|payload| {
        let text = panic_text(payload.as_ref());
        // The payload is the user's too: its drop may panic in turn, and what that leaves is not dropped again.
        if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
            std::mem::forget(again);
        }
        Panicked(text)
    })
}

fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a text");
    text.chars().take(200).collect()
}

/// The bounded channel, multi-producer and multi-consumer; a push that finds no room gives the value back.
#[cfg(not(overspill_model))]
pub(crate) mod channel {
    pub(crate) use crossbeam_channel::{Receiver, Sender, bounded};
}

/// Wakes the sender. One ring is remembered; further ones add nothing.
#[cfg(not(overspill_model))]
#[derive(Debug, Default)]
pub(crate) struct Bell(tokio::sync::Notify);

#[cfg(not(overspill_model))]
impl Bell {
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    /// Resolves at the next ring, or at once if one came since the last wait.
    ///
    /// # Cancel safety
    /// Cancel safe: a ring that arrives meanwhile is kept for the next wait.
    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}

/// A bounded stack of spare blocks; giving back to a full one drops the block, taking from an empty one is `None`.
#[derive(Debug)]
pub(crate) struct FreeList<T> {
    give: crossbeam_channel::Sender<T>,
    take: crossbeam_channel::Receiver<T>,
}

impl<T> FreeList<T> {
    pub(crate) fn new(spares_max: usize) -> Self {
        let (give, take) = crossbeam_channel::bounded(spares_max);
        FreeList { give, take }
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.take.try_recv().ok()
    }

    pub(crate) fn give(&self, spare: T) {
        // Full: the block is freed here, which is what keeps the spares bounded.
        drop(self.give.try_send(spare));
    }
}

/// The checkers' primitives, and a channel of their kind.
#[cfg(overspill_model)]
pub(crate) mod model;
