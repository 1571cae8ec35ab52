//! The caller's half of a shutdown: close, wait, take over what is left.
//!
//! The sender keeps posting as long as the waiting events can still be written by the deadline ([`Closing::latest_start`]). Then it writes
//! them to the log, while requests in flight keep their chance. These are aborted and spilled as `maybe_delivered` shortly before the
//! deadline, in time to write their events. Events not written [`SHUTDOWN_GRACE`] after the deadline are lost. If the
//! sender is stuck in a log write even then, the caller counts its events as lost and returns. A process that was frozen past the
//! deadline gets some time after the thaw ([`SHUTDOWN_THAW`](crate::limits::SHUTDOWN_THAW)).
//!
//! Not here: the sender's half (`sender/end.rs`), the times (`closing.rs`), the end of `main` (`guard.rs`, `exit.rs`).
//!
//! [`Closing::latest_start`]: crate::closing::Closing::latest_start

use crate::clock::{Clock, Source, Stamp};
use crate::ledger::Ending;
use crate::limits::{SHUTDOWN_GRACE, TAKE_OVER_PATIENCE};
use crate::outcome::LostReason;
use crate::reentry;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::sync::yield_now;
use crate::waits::{Deadline, Goal, Reached, in_the_future};
use std::time::{Duration, Instant};

/// Callers give up a little after the sender's own last moment, so that a sender that is not stuck always ends first.
const AFTER_THE_SENDER: Duration = Duration::from_millis(20);

impl Shared {
    /// Refuses further events and makes the sender finish. Waits only for callers in the middle of a push.
    pub(crate) fn close(&self, within: Duration) {
        self.closing.ask(self.now(), within);
        self.queue.close();
    }

    pub(crate) async fn shutdown(&self, deadline: Deadline) -> Stats {
        let mut until = self.begin_shutdown(deadline);
        let mut reached = self.board.wait(Goal::Ended, until).await;
        if let (Reached::No, Some(thaw)) = (reached, self.thaw(until)) {
            until = thaw;
            reached = self.board.wait(Goal::Ended, until).await;
        }
        if reached == Reached::Yes {
            // Events emitted since the close are not pending, but may be on their way to the log.
            self.board.wait(self.all_written(), until).await;
        }
        self.end_shutdown(reached)
    }

    pub(crate) fn shutdown_blocking(&self, deadline: Deadline) -> Stats {
        let mut until = self.begin_shutdown(deadline);
        if reentry::is_echo() {
            // A user's hook inside our own work (or a panic hook, if one of them panics): on the sender's thread, or on the
            // one that writes the log. Each of them would wait for itself.
            return self.stats();
        }
        let mut reached = self.board.wait_blocking(Goal::Ended, until);
        if let (Reached::No, Some(thaw)) = (reached, self.thaw(until)) {
            until = thaw;
            reached = self.board.wait_blocking(Goal::Ended, until);
        }
        if reached == Reached::Yes {
            self.board.wait_blocking(self.all_written(), until);
        }
        self.end_shutdown(reached)
    }

    /// Closes; returns the moment by which the caller must return.
    fn begin_shutdown(&self, deadline: Deadline) -> Instant {
        let within = deadline.remaining();
        self.close(within);
        in_the_future(within.saturating_add(SHUTDOWN_GRACE + AFTER_THE_SENDER))
    }

    /// The new moment by which a caller that waited until the old one must return, if the process was frozen past it.
    fn thaw(&self, until: Instant) -> Option<Instant> {
        let more = self.closing.more_time(self.now(), until.elapsed())?;
        Some(in_the_future(more + AFTER_THE_SENDER))
    }

    fn end_shutdown(&self, reached: Reached) -> Stats {
        if reached == Reached::No {
            self.take_over();
        }
        self.stats()
    }

    /// Counts as lost what the sender has not settled when `shutdown` must return; nobody waits for it any longer.
    ///
    /// For a moment an event may be in neither place: claimed but not yet counted, announced but not yet pushed. Its holder
    /// then runs no user code and needs only moments, so this looks again.
    pub(crate) fn take_over(&self) {
        const LOST: Ending = Ending::Lost(LostReason::Deadline);
        self.queue.close();
        // The machine's clock: a thread that is late is late in real time, whatever clock the client runs on.
        let clock = Clock::start(Source::Machine);
        let mut events = 0;
        loop {
            events += self.take_over_queue(LOST);
            // Also what is on its way to the log: a thread that has begun to write it finds nothing left to settle.
            self.log.take_over().into_iter().for_each(|work| self.lose(work, LostReason::Deadline));
            events += self.ledger.take_over(LOST);
            if self.totals().pending == 0 || clock.now() >= Stamp(0).after(TAKE_OVER_PATIENCE) {
                break;
            }
            yield_now();
        }
        // A sender that sleeps until a caller has settled its event did not see that the event was taken over here.
        self.queue.ring();
        self.settled();
        self.tell(events, LOST);
    }
}
