//! Knows, per thread, whether overspill itself called `emit`.
//!
//! Two paths lead back in: a `Serialize` that emits, and anything that receives our own log records (a tracing
//! layer, a `SpillSink`, an `Observer`, the HTTP client's records on the sender's thread). The first is a
//! normal event, up to a nesting limit; the second is an echo, which would feed on itself. The state belongs
//! to the thread, not to a client: otherwise two clients that spill into each other would never stop.

use crate::limits::NESTED_EMITS_MAX;
use crate::sync::thread_local;
use std::cell::Cell;

thread_local! {
    // const and without a destructor: usable at any time in a thread's life, including its end.
    static ENCODING: Cell<usize> = const { Cell::new(0) };
    static OWN_WORK: Cell<usize> = const { Cell::new(0) };
    static SENDER: Cell<usize> = const { Cell::new(0) };
}

/// A value that no other running thread has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadMark(usize);

pub(crate) fn this_thread() -> ThreadMark {
    ThreadMark(OWN_WORK.with(|own_work| std::ptr::from_ref(own_work).addr()))
}

/// Who owns this thread. The thread that writes the log counts as the sender's: both are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thread {
    Caller,
    Sender,
}

pub(crate) fn thread() -> Thread {
    if SENDER.with(Cell::get) > 0 { Thread::Sender } else { Thread::Caller }
}

/// Marks this thread as the sender's until the guard is dropped; everything that happens on it is overspill's own work.
#[must_use]
pub(crate) fn sender_thread() -> SenderThread {
    SENDER.with(|depth| depth.set(depth.get() + 1));
    SenderThread(own_work())
}

/// Keeps the mark of overspill's own work until dropped.
pub(crate) struct SenderThread(OwnWork);

impl Drop for SenderThread {
    fn drop(&mut self) {
        let OwnWork(()) = self.0;
        SENDER.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Whether this call of `emit` comes from our own logging.
#[inline]
pub(crate) fn is_echo() -> bool {
    OWN_WORK.with(Cell::get) > 0
}

/// Marks this thread as doing overspill's own work until the guard is dropped.
#[must_use]
pub(crate) fn own_work() -> OwnWork {
    OWN_WORK.with(|depth| depth.set(depth.get() + 1));
    OwnWork(())
}

pub(crate) struct OwnWork(());

impl Drop for OwnWork {
    fn drop(&mut self) {
        OWN_WORK.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Enters a `Serialize`, unless the nesting limit is reached.
#[inline]
pub(crate) fn encoding() -> Option<Encoding> {
    let depth = ENCODING.with(Cell::get);
    if depth > NESTED_EMITS_MAX {
        return None;
    }
    ENCODING.with(|encoding| encoding.set(depth + 1));
    Some(Encoding(()))
}

pub(crate) struct Encoding(());

impl Drop for Encoding {
    fn drop(&mut self) {
        ENCODING.with(|depth| depth.set(depth.get() - 1));
    }
}
