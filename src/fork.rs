//! A client in the children of its process.
//!
//! A child has a copy of everything and one thread of all. Its copy of the sender does not run, its copy of a lock may be held for ever
//! by a thread that is not there, the connections are the parent's, and so are the events in the queue. So a child touches nothing of
//! its parent's but settings and single words, and makes a client of its own of the same settings: with its own id, queue, sender and
//! books, when it first has an event to emit or a setting to change. Until then it has emitted nothing, and has nothing to flush or to shut down.
//!
//! In: what callers hold, in any process. Out: the [`Shared`] of this one.
//! K1: no event of a child's comes into its parent's queue, and none of the parent's leaves by the child.
//! K2: nobody waits for a thread that is not there. A child's client is made by one thread, which says so beforehand; another waits for it
//!     [`FORK_PATIENCE`] at most, and where the maker was a process before, not at all: then it makes one itself, in the next place.
//! K3: what is the parent's is never dropped in a child: it may wait for a lock, or write down the parent's events once more.

use crate::limits::{FORK_PATIENCE, FORK_PLACES};
use crate::mode::{Mode, ModeSwitch};
use crate::reentry;
use crate::shared::Shared;
use crate::start::{self, Parts};
use crate::stats::Stats;
use crate::sync::Arc;
use crate::sync::plain::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Duration;

/// A client as it is in one process.
pub(crate) struct Own {
    pub(crate) shared: Arc<Shared>,
    parts: Parts,
    /// A child's. In that child this process is its parent, and so on.
    child: [Place; FORK_PLACES],
}

/// Where a child's client is once it is made.
#[derive(Default)]
struct Place {
    /// The process that makes it; 0: none has begun.
    maker: AtomicU64,
    own: OnceLock<Box<Own>>,
}

impl Own {
    pub(crate) fn new(shared: Arc<Shared>, parts: Parts) -> Own {
        Own { shared, parts, child: Default::default() }
    }

    /// The mode, which for a whole family of clients is one: that of the first. So an event that is not wanted costs a child as little as
    /// its parent.
    #[inline]
    pub(crate) fn mode(&self) -> &ModeSwitch {
        &self.shared.mode
    }

    /// For this process alone, as all memory is. What was it before?
    pub(crate) fn set_mode(&self, mode: Mode) -> Mode {
        let from = self.shared.mode.swap(mode);
        let mut own = self;
        while let Some(child) = own.childs() {
            child.shared.mode.swap(mode);
            own = child;
        }
        from
    }

    /// For an event: this process's, which is made if it is not there.
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
            // One addition to a counter needs none.
            Err(parent) if reentry::is_echo() => &parent.shared,
            Err(parent) => self.child_of(parent),
        }
    }

    /// For a setting that is to change: this process's.
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
        // It has no way to the endpoint.
        if mode != wanted {
            self.set_mode(mode);
        }
        &made.shared
    }

    /// This process's, or, if it has none yet, its parent's: for single words.
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
        let make = || Box::new(start::in_child(&self.parts, &self.shared));
        for place in &self.child {
            // Acquire: who finds a maker finds what it was copied with.
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
                // A process that has forked while one of its threads made it.
                Err(_) => {}
            }
        }
        // Has to happen once for every place; the last one is everybody's.
        self.child[FORK_PLACES - 1].own.get_or_init(make)
    }

    /// The end of a child's client that it never had: what it emits from now on is closed out.
    pub(crate) fn shut_unused(parent: &Shared) -> Stats {
        // The word alone: there is nobody to wake.
        parent.settler.queue.gate().close();
        Own::unused(parent)
    }

    /// The books of a child that has not emitted anything.
    pub(crate) fn unused(parent: &Shared) -> Stats {
        parent.unused()
    }
}

/// The last handle goes.
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
    /// Another thread of this process makes it.
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
