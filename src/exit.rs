//! The end of `main` without a shutdown: somebody has to say what was left behind.
//!
//! A value in a thread-local of the main thread is dropped when `main` has returned, or when that thread calls `std::process::exit`, on the
//! platforms where the standard library runs these (Linux with glibc, macOS, Windows). Whoever is killed or aborts says nothing.
//! Not here: waiting. Delivering at that point would keep a process alive that wants to end; the guard does it where it was asked for.

use crate::shared::Shared;
use crate::sync::{Arc, thread_local};
use std::cell::RefCell;
use std::sync::Weak;

/// The clients that were built on this thread.
struct Built(RefCell<Vec<Weak<Shared>>>);

impl Drop for Built {
    fn drop(&mut self) {
        for shared in self.0.borrow().iter().filter_map(Weak::upgrade) {
            // What is pending in a parent is its own.
            let pending = if shared.process.is_this() { shared.stats().pending } else { 0 };
            if pending > 0 {
                shared.settler.notices.left_behind(pending);
            }
        }
    }
}

thread_local! {
    static BUILT: Built = const { Built(RefCell::new(Vec::new())) };
}

/// If this is the main thread: its end will be told, if events are pending then.
pub(crate) fn watch_the_end_of_main(shared: &Arc<Shared>) {
    if std::thread::current().name() == Some("main") {
        // Not during that end.
        _ = BUILT.try_with(|built| {
            let mut built = built.0.borrow_mut();
            built.retain(|shared| shared.strong_count() > 0);
            built.push(Arc::downgrade(shared));
        });
    }
}
