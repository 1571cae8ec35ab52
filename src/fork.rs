//! A client in the child processes of its process.
//!
//! A child has a copy of the parent's memory but only one thread. Its copy of the sender does not run, its copy
//! of a lock may be held forever by a thread that does not exist, and the connections and the events in the queue
//! belong to the parent. So a child uses only the settings and single atomic words of its parent's client, and makes
//! its own client from the same settings, with its own id, queue, sender and ledger, when it first has an event to
//! emit or a setting to change. Until then it has emitted nothing, and has nothing to flush or to shut down.
//!
//! In: what callers hold, in any process. Out: the [`Shared`] of this process.
//! K1: no event of a child enters its parent's queue, and a child sends no event of its parent.
//! K2: no thread waits for a thread that does not exist. One thread makes a child's client and
//! announces it first; other threads wait for it at most [`FORK_PATIENCE`]. If the maker belongs
//! to an earlier process, they do not wait: one of them makes a client in the next place.
//! K3: a child never drops what belongs to its parent: the drop may wait
//! for a lock, or write the parent's events to the log a second time.

use crate::limits::{FORK_PATIENCE, FORK_PLACES};
use crate::mode::{Mode, ModeSwitch};
use crate::reentry;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::sync::Arc;
use crate::sync::plain::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Duration;

/// A client, as seen by one process.
pub(crate) struct Own {
    pub(crate) shared: Arc<Shared>,
    make_for_child: MakeForChild,
    /// The client of a child, for which this process is the parent, and so on.
    child: [Place; FORK_PLACES],
}

/// Where a child's client is, once made.
#[derive(Default)]
struct Place {
    /// The process that makes it; 0: none has begun.
    maker: AtomicU64,
    own: OnceLock<Box<Own>>,
}

/// Makes the client of a child process, given its parent's, whose sender does not run there.
pub(crate) type MakeForChild = Box<dyn Fn(&Shared) -> Own + Send + Sync>;

impl Own {
    pub(crate) fn new(shared: Arc<Shared>, make_for_child: MakeForChild) -> Own {
        Own { shared, make_for_child, child: Default::default() }
    }

    /// The mode. A whole family of clients shares the mode of the first, so
    /// an unwanted event costs a child as little as it costs its parent.
    #[inline]
    pub(crate) fn mode(&self) -> &ModeSwitch {
        &self.shared.mode
    }

    /// Sets the mode for this process only, because processes share no memory, and returns the previous mode.
    pub(crate) fn set_mode(&self, mode: Mode) -> Mode {
        let from = self.shared.mode.swap(mode);
        let mut own = self;
        while let Some(child) = own.childs() {
            child.shared.mode.swap(mode);
            own = child;
        }
        from
    }

    /// For emitting: this process's client, made if it does not exist yet.
    #[inline]
    pub(crate) fn for_event(&self) -> &Shared {
        if self.shared.process.is_this() {
            return &self.shared;
        }
        self.for_event_of_child()
    }

    #[cold]
    fn for_event_of_child(&self) -> &Shared {
        match self.latest() {
            Ok(own) => &own.shared,
            // An echo adds to one counter and needs no client.
            Err(parent) if reentry::is_echo() => &parent.shared,
            Err(parent) => self.child_of(parent),
        }
    }

    /// For changing a setting: this process's client.
    pub(crate) fn to_change(&self) -> &Shared {
        match self.latest() {
            Ok(own) => &own.shared,
            Err(parent) if parent.shared.mode.is_off_for_good() => &parent.shared,
            Err(parent) => self.child_of(parent),
        }
    }

    fn child_of<'a>(&'a self, parent: &'a Own) -> &'a Shared {
        let wanted = parent.shared.mode.get();
        let made = parent.make();
        let mode = made.shared.mode.get();
        // The new client has no way to the endpoint.
        if mode != wanted {
            self.set_mode(mode);
        }
        &made.shared
    }

    /// For reading: this process's client, or its parent's, as an error, if it has none yet.
    pub(crate) fn look(&self) -> Result<&Shared, &Shared> {
        self.latest().map(|own| &*own.shared).map_err(|parent| &*parent.shared)
    }

    fn latest(&self) -> Result<&Own, &Own> {
        let mut own = self;
        while !own.shared.process.is_this() {
            own = own.childs().ok_or(own)?;
        }
        Ok(own)
    }

    fn childs(&self) -> Option<&Own> {
        self.child.iter().find_map(|place| place.own.get()).map(|own| &**own)
    }

    /// Makes this process's client; `self` is its parent's.
    fn make(&self) -> &Own {
        let this = u64::from(std::process::id());
        let make = || Box::new((self.make_for_child)(&self.shared));
        for place in &self.child {
            // Acquire: a thread that sees a maker also sees what the maker was copied with.
            match place.maker.compare_exchange(0, this, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    let made = make();
                    return place.own.get_or_init(|| made);
                }
                Err(maker) if maker == this => {
                    if let Some(own) = place.wait() {
                        return own;
                    }
                }
                // An earlier process forked while one of its threads was making the client.
                Err(_) => {}
            }
        }
        // Every place has failed once by now; all threads share the last one.
        self.child[FORK_PLACES - 1].own.get_or_init(make)
    }

    /// Closes a child's client that was never made: events emitted from now on are spilled as closed.
    pub(crate) fn shut_unused(parent: &Shared) -> Stats {
        // Only the word is changed: there is no thread to wake.
        parent.queue.gate().close();
        Own::unused(parent)
    }

    /// The stats of a child that has emitted nothing.
    pub(crate) fn unused(parent: &Shared) -> Stats {
        parent.unused()
    }
}

/// The last handle is dropped.
impl Drop for Own {
    fn drop(&mut self) {
        if self.shared.process.is_this() {
            self.shared.close(self.shared.config.shutdown_timeout);
        } else {
            // K3.
            std::mem::forget(Arc::clone(&self.shared));
        }
    }
}

impl Place {
    /// Waits for another thread of this process that makes the client.
    fn wait(&self) -> Option<&Own> {
        const STEP: Duration = Duration::from_millis(1);
        for _ in 0..FORK_PATIENCE.as_millis() / STEP.as_millis() {
            if let Some(own) = self.own.get() {
                return Some(own);
            }
            std::thread::sleep(STEP);
        }
        None
    }
}
