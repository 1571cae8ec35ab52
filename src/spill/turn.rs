//! One log write at a time, and none behind one that is stuck.
//!
//! A log can stop taking: a pipe that nobody reads, a disk that hangs. Whoever is inside the write then stays there. So
//! writes of ours take turns, which the log's own lock makes of them anyway, and a thread that waits for its turn gives
//! up once the write before it has been going on for [`LOG_STALL`]: at most one thread of a client is ever stuck. A thread never
//! waits for itself: what a sink or a layer of the user's makes us say while it writes is left out.

use crate::clock::{Clock, Source, Stamp};
use crate::limits::LOG_STALL;
use crate::reentry::{ThreadMark, this_thread};
use crate::sync::{Condvar, Mutex, PoisonError, lock};

/// Somebody has the turn.
#[derive(Debug)]
struct Write {
    since: Stamp,
    by: ThreadMark,
}

/// Whose turn it is.
#[derive(Debug)]
pub(crate) struct Turn {
    state: Mutex<State>,
    ended: Condvar,
    /// The machine's: a stuck write is stuck in real time, whatever clock the client runs on. Its ticks are fine enough for a
    /// second, and every event in the log would pay for more.
    clock: Clock,
}

#[derive(Debug, Default)]
struct State {
    writing: Option<Write>,
    /// How many wait: ringing for nobody is a system call all the same, and there is a write per event.
    waiting: usize,
}

impl Turn {
    pub(crate) fn new() -> Turn {
        Turn {
            state: Mutex::new(State::default()),
            ended: Condvar::new(),
            clock: Clock::start(Source::Machine),
        }
    }

    /// Whether this very thread has it.
    pub(crate) fn is_mine(&self) -> bool {
        lock(&self.state).writing.as_ref().is_some_and(|write| write.by == this_thread())
    }

    /// The turn to write, or `None` if the log is stuck, or waits for this very thread.
    ///
    /// # Blocking
    /// While others write and get done; at most [`LOG_STALL`] behind one that does not.
    pub(crate) fn take(&self) -> Option<Writing<'_>> {
        let mut state = lock(&self.state);
        while let Some(write) = &state.writing {
            if write.by == this_thread() {
                return None;
            }
            let lasts = self.clock.last_tick().since(write.since);
            let left = LOG_STALL.checked_sub(lasts).filter(|left| !left.is_zero())?;
            state.waiting += 1;
            state = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
        state.writing = Some(Write { since: self.clock.last_tick(), by: this_thread() });
        Some(Writing(self))
    }
}

/// A write under way.
pub(crate) struct Writing<'a>(&'a Turn);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.writing = None;
        let waited_for = state.waiting > 0;
        drop(state);
        if waited_for {
            self.0.ended.notify_one();
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let turn = Turn::new();
        let writing = turn.take();
        let began = turn.clock.now();
        assert!(turn.take().is_none());
        assert!(turn.clock.now().since(began) < LOG_STALL / 2);
        drop(writing);
        assert!(turn.take().is_some());
    }

    #[test]
    fn a_write_that_is_stuck_keeps_others_out_and_lets_them_in_once_it_is_through() {
        let turn = &Turn::new();
        let (stuck, is_stuck) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        std::thread::scope(move |scope| {
            let writer = scope.spawn(move || {
                let writing = turn.take();
                stuck.send(writing.is_some()).unwrap();
                may_go_on.recv().unwrap();
            });
            assert!(is_stuck.recv().unwrap());
            let began = turn.clock.now();
            assert!(turn.take().is_none());
            assert!(
                turn.clock.now().since(began) >= LOG_STALL / 2,
                "it was given the time that a slow log may take"
            );
            let again = turn.clock.now();
            assert!(turn.take().is_none());
            assert!(
                turn.clock.now().since(again) < LOG_STALL / 2,
                "known to be stuck, it is not waited for again"
            );
            go_on.send(()).unwrap();
            writer.join().unwrap();
        });
        assert!(turn.take().is_some());
    }
}
