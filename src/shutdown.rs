//! The end: close, drain, deadline, spill the rest.
//!
//! The caller's half (close, wait, take over) and the times at which the sender's half changes its ways. The sender
//! posts on until writing down what waits would no longer be done by the deadline ([`Closing::latest_start`]); then that goes
//! to the log, while requests in flight keep their chance. Just before the deadline, as long as writing their events down
//! takes, they are aborted and spilled as `maybe_delivered`; what is not written down [`SHUTDOWN_GRACE`] after it is lost. If the sender is stuck in a log write
//! even then, the caller counts its events as lost and returns.

use crate::clock::Stamp;
use crate::limits::SHUTDOWN_GRACE;
use crate::reentry;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::waits::{Deadline, Goal, Reached, in_the_future};
use std::time::{Duration, Instant};

/// When to end; `NEVER` until somebody asks. Of several askers the earliest deadline holds.
#[derive(Debug)]
pub(crate) struct Closing {
    deadline: AtomicU64,
    /// Half of the time that was given: nothing is given up before.
    half_time: AtomicU64,
}

impl Default for Closing {
    fn default() -> Closing {
        Closing { deadline: AtomicU64::new(Stamp::NEVER.0), half_time: AtomicU64::new(Stamp::NEVER.0) }
    }
}

impl Closing {
    fn ask(&self, now: Stamp, within: Duration) {
        self.half_time.fetch_min(now.after(within / 2).0, Ordering::AcqRel);
        self.deadline.fetch_min(now.after(within).0, Ordering::AcqRel);
    }

    fn deadline(&self) -> Stamp {
        Stamp(self.deadline.load(Ordering::Acquire))
    }

    /// When something must begin to go to the log, if that takes so long, to be done by the deadline.
    pub(crate) fn latest_start(&self, time_to_spill: Duration) -> Stamp {
        let deadline = self.deadline();
        if deadline == Stamp::NEVER {
            return Stamp::NEVER;
        }
        deadline.before(time_to_spill).max(Stamp(self.half_time.load(Ordering::Acquire)))
    }

    /// From then on nothing more is written.
    pub(crate) fn too_late(&self) -> Stamp {
        self.deadline().after(SHUTDOWN_GRACE)
    }
}

impl Shared {
    /// Refuses further events and tells the sender to finish. Never waits.
    pub(crate) fn close(&self, within: Duration) {
        self.settler.closing.ask(self.now(), within);
        self.settler.queue.close();
    }

    pub(crate) async fn shutdown(&self, deadline: Deadline) -> Stats {
        let until = self.begin_shutdown(deadline);
        let reached = self.board.wait(Goal::Ended, until).await;
        if reached == Reached::Yes {
            // What callers have emitted since is not pending, but on its way.
            self.board.wait(self.all_written(), until).await;
        }
        self.end_shutdown(reached)
    }

    pub(crate) fn shutdown_blocking(&self, deadline: Deadline) -> Stats {
        let until = self.begin_shutdown(deadline);
        if reentry::is_echo() {
            // A hook of the user's inside our own work (or a panic hook, if one of them panics): on the sender's thread, or on the
            // one that writes the log. Each of them would wait for itself.
            return self.stats();
        }
        let reached = self.board.wait_blocking(Goal::Ended, until);
        if reached == Reached::Yes {
            self.board.wait_blocking(self.all_written(), until);
        }
        self.end_shutdown(reached)
    }

    /// Closes; the moment by which the caller must be off.
    fn begin_shutdown(&self, deadline: Deadline) -> Instant {
        let within = deadline.remaining();
        self.close(within);
        // A little after the sender's own last moment, so that an unstuck sender always ends by itself.
        let until = SHUTDOWN_GRACE + Duration::from_millis(20);
        in_the_future(within.saturating_add(until))
    }

    fn end_shutdown(&self, reached: Reached) -> Stats {
        if reached == Reached::No {
            self.settler.take_over();
        }
        self.stats()
    }
}
