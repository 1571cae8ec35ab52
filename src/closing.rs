//! When a shutdown changes course: its deadline, and what follows from it.
//!
//! In: the time that the caller gives. Out: when the sender must begin to write what waits, when it must abort its requests, when nothing
//! more is written. Not here: closing and waiting (`shutdown.rs`), and what the sender does at these times (`sender/end.rs`).

use crate::clock::Stamp;
use crate::limits::{
    SHUTDOWN_FROZEN_MIN, SHUTDOWN_GRACE, SHUTDOWN_SET_ASIDE, SHUTDOWN_SET_ASIDE_MAX, SHUTDOWN_THAW,
};
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{Mutex, lock};
use std::time::Duration;

/// When to end; `NEVER` until a caller asks. The earliest of several deadlines applies.
#[derive(Debug)]
pub(crate) struct Closing {
    deadline: AtomicU64,
    /// Half of the given time. Nothing is given up before this.
    half_time: AtomicU64,
    end: Mutex<End>,
}

/// Decided by the first thread that sees that the time is up.
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
    pub(crate) fn ask(&self, now: Stamp, within: Duration) {
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

    /// How much longer a caller waits after it has waited in vain and is this late. `None` unless the process was frozen.
    pub(crate) fn more_time(&self, now: Stamp, late: Duration) -> Option<Duration> {
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
    fn a_freeze_over_the_deadline_gives_more_time_once_to_each_thread_that_looks() {
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
