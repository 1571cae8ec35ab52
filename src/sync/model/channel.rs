//! crossbeam's array channel, which no checker knows, without what the queue must not rely on: nothing is
//! `SeqCst`, and where crossbeam spins until a slot that is taken has been filled or emptied, this one gives up.

use super::{AtomicU64, Ordering, yield_now};
use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) struct Sender<T>(Arc<Ring<T>>);
pub(crate) struct Receiver<T>(Arc<Ring<T>>);
pub(crate) struct TrySendError<T>(T);

pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let slots = (0..capacity as u64).map(Slot::new).collect();
    let ring = Arc::new(Ring { head: AtomicU64::new(0), tail: AtomicU64::new(0), slots });
    (Sender(Arc::clone(&ring)), Receiver(ring))
}

struct Ring<T> {
    head: AtomicU64,
    tail: AtomicU64,
    slots: Vec<Slot<T>>,
}

impl<T> Ring<T> {
    fn lap(&self) -> u64 {
        self.slots.len() as u64
    }

    fn slot(&self, position: u64) -> &Slot<T> {
        &self.slots[(position % self.lap()) as usize]
    }
}

/// The stamp says who may touch the value. The lock is never contended, and not the checker's: it orders nothing.
struct Slot<T> {
    stamp: AtomicU64,
    value: Mutex<Option<T>>,
}

impl<T> Slot<T> {
    fn new(position: u64) -> Slot<T> {
        Slot { stamp: AtomicU64::new(vacant(position)), value: Mutex::new(None) }
    }

    fn value(&self) -> MutexGuard<'_, Option<T>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stamp of a slot that waits for the push at this position.
fn vacant(position: u64) -> u64 {
    2 * position
}

/// The stamp of a slot that waits for the pull at this position.
fn filled(position: u64) -> u64 {
    2 * position + 1
}

/// Moves one end of the ring on from this position. `Err`: it has moved already, to the position returned.
fn advance(end: &AtomicU64, position: u64) -> Result<u64, u64> {
    end.compare_exchange(position, position + 1, Ordering::AcqRel, Ordering::Relaxed)
}

/// Yields, then returns where this end is: after a yield loom shows no outdated values, and shuttle lets other threads go on.
fn reload(end: &AtomicU64) -> u64 {
    yield_now();
    end.load(Ordering::Relaxed)
}

impl<T> TrySendError<T> {
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Sender<T> {
    pub(crate) fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let ring = &self.0;
        let mut tail = ring.tail.load(Ordering::Relaxed);
        loop {
            let slot = ring.slot(tail);
            tail = match slot.stamp.load(Ordering::Acquire).cmp(&vacant(tail)) {
                Less => return Err(TrySendError(value)),
                Greater => reload(&ring.tail),
                Equal => match advance(&ring.tail, tail) {
                    Err(elsewhere) => elsewhere,
                    Ok(tail) => {
                        *slot.value() = Some(value);
                        slot.stamp.store(filled(tail), Ordering::Release);
                        return Ok(());
                    }
                },
            };
        }
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, ()> {
        let ring = &self.0;
        let mut head = ring.head.load(Ordering::Relaxed);
        loop {
            let slot = ring.slot(head);
            head = match slot.stamp.load(Ordering::Acquire).cmp(&filled(head)) {
                Less => return Err(()),
                Greater => reload(&ring.head),
                Equal => match advance(&ring.head, head) {
                    Err(elsewhere) => elsewhere,
                    Ok(head) => {
                        let value = slot.value().take();
                        slot.stamp.store(vacant(head + ring.lap()), Ordering::Release);
                        return value.ok_or(());
                    }
                },
            };
        }
    }

    /// Counts slots that are taken but not filled, as crossbeam does.
    pub(crate) fn len(&self) -> usize {
        let tail = self.0.tail.load(Ordering::Acquire);
        tail.saturating_sub(self.0.head.load(Ordering::Acquire)) as usize
    }
}
