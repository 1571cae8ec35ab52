//! loom: every interleaving of a small model, and every value that a load may see.

use loom::sync::{Condvar, Mutex};
use std::ops::Deref;

pub(crate) use loom::sync::atomic::Ordering;
pub(crate) use loom::sync::{Mutex as Latch, MutexGuard as LatchGuard};
pub(crate) use loom::thread::yield_now;
#[cfg(test)]
pub(crate) use loom::thread::{JoinHandle, spawn};

/// loom's atomic, without one inaccuracy: in loom, a read-modify-write whose result is overwritten by a store is not ordered before that
/// store, and a third thread may read the result long after it is gone. Here a store is a read-modify-write too, and so has its place in
/// the order.
#[derive(Debug, Default)]
pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> AtomicU64 {
        AtomicU64(loom::sync::atomic::AtomicU64::new(value))
    }

    pub(crate) fn store(&self, value: u64, ordering: Ordering) {
        self.0.swap(value, ordering);
    }
}

impl Deref for AtomicU64 {
    type Target = loom::sync::atomic::AtomicU64;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// One ring is remembered; a waiter that nobody wakes is a deadlock, which loom reports.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

#[expect(clippy::unwrap_used, reason = "a model never poisons its lock")]
impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    /// For the code that awaits it; no model does.
    pub(crate) async fn rung(&self) {
        self.wait();
    }

    pub(crate) fn wait(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.changed.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Tries every interleaving.
#[cfg(test)]
pub(crate) fn explore(model: impl Fn() + Send + Sync + 'static) {
    check(&loom::model::Builder::new(), "by loom: all", model);
}

/// Tries every interleaving with at most this many preemptions, where all of them would take hours.
/// `LOOM_MAX_PREEMPTIONS` overrides the number.
#[cfg(test)]
pub(crate) fn explore_preempting(at_most: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let at_most = *builder.preemption_bound.get_or_insert(at_most);
    check(&builder, &format!("by loom: all with at most {at_most} preemptions"), model);
}

#[cfg(test)]
fn check(builder: &loom::model::Builder, which: &str, model: impl Fn() + Send + Sync + 'static) {
    use std::sync::{Arc, atomic};
    let tried = Arc::new(atomic::AtomicU64::new(0));
    let count = Arc::clone(&tried);
    builder.check(move || {
        count.fetch_add(1, atomic::Ordering::Relaxed);
        model();
    });
    let tried = tried.load(atomic::Ordering::Relaxed);
    super::figures::report(34, "schedules without a counterexample", format!("{tried} {which}"));
}
