//! The end of `main` without a shutdown: reports what was left behind.
//!
//! A value in a thread-local of the main thread is dropped when `main` has returned, or when that
//! thread calls `std::process::exit`, on platforms where the standard library runs such destructors
//! (Linux with glibc, macOS, Windows). A process that is killed or aborts reports nothing.
//! Not here: waiting. Delivering at that point would keep alive a process
//! that wants to end; the shutdown guard waits, for callers that ask for it.

use crate::shared::Shared;
use crate::sync::{Arc, thread_local};
use std::cell::RefCell;
use std::sync::Weak;

/// The clients that were built on this thread.
struct Built(RefCell<Vec<Weak<Shared>>>);

impl Drop for Built {
    fn drop(&mut self) {
        for shared in self.0.borrow().iter().filter_map(Weak::upgrade) {
            // A parent's pending events are the parent's business.
            let pending = if shared.process.is_this() { shared.stats().pending } else { 0 };
            if pending > 0 {
                shared.notices.left_behind(pending);
            }
        }
    }
}

thread_local! {
    static BUILT: Built = const { Built(RefCell::new(Vec::new())) };
}

/// If this is the main thread: a notice reports the events that are still pending when it ends.
pub(crate) fn watch_the_end_of_main(shared: &Arc<Shared>) {
    if std::thread::current().name() == Some("main") {
        // Does nothing once that end has begun.
        _ = BUILT.try_with(|built| {
            let mut built = built.0.borrow_mut();
            built.retain(|shared| shared.strong_count() > 0);
            built.push(Arc::downgrade(shared));
        });
    }
}
