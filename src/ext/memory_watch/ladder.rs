//! Decides when to warn, to take a snapshot and to wait: a pure state machine.
//!
//! In: the time since the watch began, and the memory in use. Out: a [`LadderStep`]. The ladder has rungs (`plan.rs`); a
//! snapshot is taken on a rung, and the next one waits above it. LD1: at most one snapshot per rung until the ladder
//! is back at the bottom. LD2: only a snapshot that was written moves the ladder. LD3: at most `per_hour_max` snapshots
//! within an hour, the last of which is reserved for the threshold. Not here: reading memory, writing files, clocks.

use super::limits::DEMAND_EVERY;
use super::plan::Rungs;
use std::collections::VecDeque;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// The settings of a ladder, in bytes and durations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) rungs: Rungs,
    pub(super) warning: u64,
    /// If memory stays below this for `rearm_after`, the ladder is back at the bottom.
    pub(super) rearm_below: u64,
    pub(super) rearm_after: Duration,
    /// Minimum time between two snapshots of a series.
    pub(super) spacing: Duration,
    /// Minimum time after an attempt that failed.
    pub(super) cool_down: Duration,
    pub(super) per_hour_max: u32,
}

/// Why a snapshot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Memory has crossed a threshold.
    Threshold,
    /// A signal, or [`ask_for_snapshot`](super::MemoryWatch::ask_for_snapshot).
    Demand,
}

crate::names::names!(Cause, "a cause", { Threshold = "threshold", Demand = "demand", });

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LadderStep {
    Rest,
    /// The threshold is near; reported once until the ladder is back at the bottom.
    Warn,
    Take(Cause),
    /// A snapshot is due but this hour's limit is reached; reported once until a snapshot is possible again.
    HoldBack(Cause, Duration),
    /// The ladder is back at the bottom.
    Rearm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SnapshotTold {
    No,
    Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SnapshotRequest {
    No,
    Yes,
    /// There is no later look: the watch ends.
    AtOnce,
}

/// The last snapshot or attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    None,
    Taken(Duration),
    Refused(Duration),
}

#[derive(Debug)]
pub(super) struct Ladder {
    policy: Policy,
    rung: u64,
    warned: SnapshotTold,
    held_back: SnapshotTold,
    asked: SnapshotRequest,
    below_since: Option<Duration>,
    last: Last,
    /// The snapshots of the last hour; never longer than `per_hour_max`, which is its capacity.
    of_hour: VecDeque<Duration>,
}

impl Ladder {
    pub(super) fn new(policy: Policy) -> Ladder {
        Ladder {
            rung: policy.rungs.first(),
            warned: SnapshotTold::No,
            held_back: SnapshotTold::No,
            asked: SnapshotRequest::No,
            below_since: None,
            last: Last::None,
            of_hour: VecDeque::with_capacity(policy.per_hour_max as usize),
            policy,
        }
    }

    /// The next threshold.
    pub(super) fn rung(&self) -> u64 {
        self.rung
    }

    pub(super) fn threshold(&self) -> u64 {
        self.policy.rungs.first()
    }

    /// Whether no series has begun.
    pub(super) fn is_at_bottom(&self) -> bool {
        self.rung == self.threshold()
    }

    pub(super) fn rungs(&self) -> Rungs {
        self.policy.rungs
    }

    /// A snapshot was requested; all requests before the next look count as one.
    pub(super) fn ask(&mut self) {
        self.asked = SnapshotRequest::Yes;
    }

    /// The next look serves a waiting request, however soon it comes. Returns whether one is waiting.
    pub(super) fn hurry(&mut self) -> bool {
        let waits = self.asked != SnapshotRequest::No;
        if waits {
            self.asked = SnapshotRequest::AtOnce;
        }
        waits
    }

    /// How long until a delayed request can be served.
    pub(super) fn wish_due_in(&self, now: Duration) -> Option<Duration> {
        match (self.asked, self.last) {
            (SnapshotRequest::No, _) => None,
            (SnapshotRequest::Yes, Last::Taken(last) | Last::Refused(last)) => {
                Some(last.saturating_add(DEMAND_EVERY).saturating_sub(now))
            }
            (SnapshotRequest::AtOnce, _) | (SnapshotRequest::Yes, Last::None) => Some(Duration::ZERO),
        }
    }

    /// Whether a snapshot of the series must wait because of the last one.
    fn is_cooling(&self, now: Duration) -> bool {
        match self.last {
            Last::None => false,
            Last::Taken(last) => now.saturating_sub(last) < self.policy.spacing,
            Last::Refused(last) => now.saturating_sub(last) < self.policy.cool_down,
        }
    }

    pub(super) fn look(&mut self, now: Duration, in_use: u64) -> LadderStep {
        while self.of_hour.front().is_some_and(|&taken| now.saturating_sub(taken) >= HOUR) {
            self.of_hour.pop_front();
            self.held_back = SnapshotTold::No;
        }
        if self.wish_due_in(now) == Some(Duration::ZERO) {
            return self.take(Cause::Demand, now);
        }
        if in_use < self.policy.rearm_below {
            let since = *self.below_since.get_or_insert(now);
            let risen = !self.is_at_bottom() || self.warned == SnapshotTold::Yes;
            if risen && now.saturating_sub(since) >= self.policy.rearm_after {
                self.rung = self.threshold();
                self.warned = SnapshotTold::No;
                return LadderStep::Rearm;
            }
            return LadderStep::Rest;
        }
        self.below_since = None;
        if in_use >= self.rung {
            return if self.is_cooling(now) { LadderStep::Rest } else { self.take(Cause::Threshold, now) };
        }
        if in_use >= self.policy.warning && self.warned == SnapshotTold::No && self.is_at_bottom() {
            self.warned = SnapshotTold::Yes;
            return LadderStep::Warn;
        }
        LadderStep::Rest
    }

    fn take(&mut self, cause: Cause, now: Duration) -> LadderStep {
        let max = self.policy.per_hour_max as usize;
        // The last of an hour is reserved for the threshold.
        let (taken, kept) = (self.of_hour.len(), usize::from(cause == Cause::Demand));
        if taken + kept < max {
            return LadderStep::Take(cause);
        }
        let until_gone = self.of_hour.get(taken + kept - max);
        let until = until_gone.map_or(HOUR, |&taken| taken.saturating_add(HOUR).saturating_sub(now));
        // A refused request is reported each time; a waiting threshold is reported once.
        if cause == Cause::Demand {
            self.asked = SnapshotRequest::No;
            return LadderStep::HoldBack(cause, until);
        }
        match std::mem::replace(&mut self.held_back, SnapshotTold::Yes) {
            SnapshotTold::Yes => LadderStep::Rest,
            SnapshotTold::No => LadderStep::HoldBack(cause, until),
        }
    }

    /// A snapshot was written: the next one of the series waits above the memory now in use.
    pub(super) fn taken(&mut self, now: Duration, in_use: u64) {
        (self.last, self.asked) = (Last::Taken(now), SnapshotRequest::No);
        self.of_hour.push_back(now);
        if in_use >= self.rung {
            self.rung = self.policy.rungs.after(self.rung, in_use);
            // The first snapshot says more than the warning would.
            self.warned = SnapshotTold::Yes;
        }
    }

    /// No snapshot could be written: the ladder stays, and the next attempt comes after the cool-down (LD2).
    pub(super) fn refused(&mut self, now: Duration) {
        (self.last, self.asked) = (Last::Refused(now), SnapshotRequest::No);
    }
}

#[cfg(test)]
mod tests;
