//! The end: close, drain, deadline, spill the rest.
//!
//! This file has the caller's half (close, wait, take over), and the times at which the sender's half changes course. The sender
//! keeps posting until writing what waits would no longer be done by the deadline ([`Closing::latest_start`]); then that goes
//! to the log, while requests in flight keep their chance. They are aborted and spilled as `maybe_delivered` shortly before the
//! deadline, in time to write their events; what is not written [`SHUTDOWN_GRACE`] after the deadline is lost. If the
//! sender is stuck in a log write even then, the caller counts its events as lost and returns. A process that was frozen past the
//! deadline gets some time after the thaw ([`SHUTDOWN_THAW`]).

use crate::clock::Stamp;
use crate::limits::{
    SHUTDOWN_FROZEN_MIN, SHUTDOWN_GRACE, SHUTDOWN_SET_ASIDE, SHUTDOWN_SET_ASIDE_MAX, SHUTDOWN_THAW,
};
use crate::reentry;
use crate::shared::Shared;
use crate::stats::Stats;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use crate::waits::{Deadline, Goal, Reached, in_the_future};
use std::time::{Duration, Instant};

/// When to end; `NEVER` until someone asks. The earliest of several deadlines applies.
#[derive(Debug)]
pub(crate) struct Closing {
    deadline: AtomicU64,
    /// Half of the given time: nothing is given up before.
    half_time: AtomicU64,
    end: Mutex<End>,
}

/// The finding of the first thread to see that the time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    NotYet,
    /// Seen on time: it is over.
    OnTime,
    /// Seen far too late: nobody ran meanwhile. There is a new deadline.
    Frozen,
}

impl Default for Closing {
    fn default() -> Closing {
        Closing {
            deadline: AtomicU64::new(Stamp::NEVER.0),
            half_time: AtomicU64::new(Stamp::NEVER.0),
            end: Mutex::default(),
        }
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

    pub(crate) fn is_asked(&self) -> bool {
        self.deadline() != Stamp::NEVER
    }

    /// When writing to the log must begin so that it is done by the deadline, if it takes that long. Unless nothing has to be written, it
    /// begins at least a share of the given time early: no estimate knows how busy the machine will be.
    pub(crate) fn latest_start(&self, time_to_spill: Duration) -> Stamp {
        let deadline = self.deadline();
        if deadline == Stamp::NEVER {
            return Stamp::NEVER;
        }
        let half_time = Stamp(self.half_time.load(Ordering::Acquire));
        let set_aside = match time_to_spill {
            Duration::ZERO => Duration::ZERO,
            _ => (deadline.since(half_time) * 2 / SHUTDOWN_SET_ASIDE).min(SHUTDOWN_SET_ASIDE_MAX),
        };
        deadline.before(time_to_spill.max(set_aside)).max(half_time)
    }

    /// After this nothing more is written.
    fn too_late(&self) -> Stamp {
        self.deadline().after(SHUTDOWN_GRACE)
    }

    /// Whether nothing more is written: asked before each write, since the log may be slow.
    pub(crate) fn is_over(&self, now: Stamp) -> bool {
        let too_late = self.too_late();
        now > too_late && !self.was_frozen(now, now.since(too_late))
    }

    /// For a caller who has waited in vain and is this late: how much longer to wait; not at all, unless the process was frozen.
    fn more_time(&self, now: Stamp, late: Duration) -> Option<Duration> {
        self.was_frozen(now, late).then(|| self.too_late().since(now))
    }

    /// Whether the time is up because of a freeze, and a new deadline has not passed yet. The first to see the time up decides, by
    /// how late that is: after a thaw all threads wake at once, and none may give up what another would still write.
    fn was_frozen(&self, now: Stamp, late: Duration) -> bool {
        let mut end = lock(&self.end);
        if *end == End::NotYet {
            *end = if late >= SHUTDOWN_FROZEN_MIN { End::Frozen } else { End::OnTime };
            if *end == End::Frozen {
                self.deadline.store(now.after(SHUTDOWN_THAW).0, Ordering::Release);
            }
        }
        *end == End::Frozen && now <= self.too_late()
    }
}

/// Callers give up a little after the sender's own last moment, so that an unstuck sender always ends by itself.
const AFTER_THE_SENDER: Duration = Duration::from_millis(20);

impl Shared {
    /// Refuses further events and tells the sender to finish. Never waits.
    pub(crate) fn close(&self, within: Duration) {
        self.settler.closing.ask(self.now(), within);
        self.settler.queue.close();
    }

    pub(crate) async fn shutdown(&self, deadline: Deadline) -> Stats {
        let mut until = self.begin_shutdown(deadline);
        let mut reached = self.board.wait(Goal::Ended, until).await;
        if let (Reached::No, Some(thaw)) = (reached, self.thaw(until)) {
            until = thaw;
            reached = self.board.wait(Goal::Ended, until).await;
        }
        if reached == Reached::Yes {
            // What callers have emitted since is not pending, but on its way.
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
        let more = self.settler.closing.more_time(self.now(), until.elapsed())?;
        Some(in_the_future(more + AFTER_THE_SENDER))
    }

    fn end_shutdown(&self, reached: Reached) -> Stats {
        if reached == Reached::No {
            self.settler.take_over();
        }
        self.stats()
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn at(millis: u64) -> Stamp {
        Stamp(0).after(Duration::from_millis(millis))
    }

    fn closed_for_a_second() -> Closing {
        let closing = Closing::default();
        closing.ask(at(0), Duration::from_secs(1));
        closing
    }

    #[test]
    fn writing_begins_a_share_of_the_time_before_the_deadline_and_earlier_if_the_log_is_slow() {
        let (micros, millis, secs) = (Duration::from_micros, Duration::from_millis, Duration::from_secs);
        for (within, takes, begins) in [
            (secs(1), Duration::ZERO, secs(1)),
            (secs(1), micros(50), millis(875)),
            (secs(1), millis(125), millis(875)),
            (secs(1), millis(300), millis(700)),
            (secs(1), secs(9), millis(500)),
            (secs(60), micros(50), secs(60) - SHUTDOWN_SET_ASIDE_MAX),
            (millis(8), micros(50), millis(7)),
            (Duration::ZERO, micros(50), Duration::ZERO),
        ] {
            let closing = Closing::default();
            closing.ask(at(0), within);
            assert_eq!(closing.latest_start(takes), Stamp(0).after(begins), "{within:?}, {takes:?}");
        }
    }

    #[test]
    fn without_a_shutdown_nothing_is_ever_over() {
        assert!(!Closing::default().is_over(Stamp(u64::MAX - 1)));
    }

    #[test]
    fn seen_on_time_the_end_is_the_end_however_late_others_look() {
        let closing = closed_for_a_second();
        assert!(!closing.is_over(at(1_100)));
        assert_eq!(closing.more_time(at(1_120), Duration::ZERO), None, "the caller, on time");
        assert!(closing.is_over(at(9_000)), "a log that hung");
        assert_eq!(closing.more_time(at(9_000), Duration::from_secs(8)), None);
    }

    #[test]
    fn a_freeze_over_the_deadline_gives_more_time_once_to_whoever_looks() {
        let closing = closed_for_a_second();
        assert!(!closing.is_over(at(5_000)), "the log, after the thaw");
        let more = closing.more_time(at(5_010), Duration::from_millis(3_890));
        assert_eq!(more, Some(SHUTDOWN_THAW + SHUTDOWN_GRACE - Duration::from_millis(10)), "the caller too");
        assert!(closing.latest_start(Duration::ZERO) > at(5_010), "and what is in flight");
        assert!(!closing.is_over(at(6_100)));
        assert!(closing.is_over(at(6_101)), "once");
        assert_eq!(closing.more_time(at(20_000), Duration::from_secs(10)), None);
    }

    #[test]
    fn a_thread_that_is_a_little_late_is_no_freeze() {
        let closing = closed_for_a_second();
        assert!(closing.is_over(at(1_599)));
        assert!(!closed_for_a_second().is_over(at(1_600)));
    }
}
