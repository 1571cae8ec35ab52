//! Decides at which levels of memory snapshots are taken: pure arithmetic, done once when the watch is built.
//!
//! In: the user's settings, and the limits. Out: [`Plan`]. A comparison needs three heap profiles, so by
//! default three fit below the limit, whatever the service's normal level: the first halfway to the limit,
//! and each next one a third of the remaining distance further, so that there are always more ahead. PL1:
//! the distance ends where short reports begin, and includes what the kernel also holds for the process.
//! PL2: if the settings leave fewer than three, the plan says so, and which settings would leave three.

use super::error::StartError;
use super::limits::{
    HEADROOM_BYTES, HYSTERESIS_SHARE, INTERVAL, LOOK_EVERY_MIN, OVERHEAD_SHARE, PROFILES_TO_COMPARE,
    STEP_BYTES, STEP_BYTES_MIN, STEP_SHARE_MIN, THRESHOLD_BYTES, WARNING_SHARE,
};
use super::settings::{Builder, invalid};
use std::time::Duration;

/// The levels of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rungs {
    /// From the first, one every step.
    Even { first: u64, step: u64 },
    /// From the first, each a third of the remaining distance to `end` further; the steps shrink, but not below `step_min`.
    Toward { first: u64, end: u64, step_min: u64, limit: u64 },
}

impl Rungs {
    pub(super) fn first(self) -> u64 {
        match self {
            Rungs::Even { first, .. } | Rungs::Toward { first, .. } => first,
        }
    }

    /// The next rung above `rung` that `in_use` has not reached yet.
    pub(super) fn after(self, rung: u64, in_use: u64) -> u64 {
        match self {
            Rungs::Even { step, .. } => {
                let rungs = in_use.saturating_sub(rung) / step + 1;
                rung.saturating_add(step.saturating_mul(rungs))
            }
            Rungs::Toward { end, step_min, limit, .. } => {
                let mut next = rung;
                // At most about forty turns below `end`, and two per limit beyond it.
                while next <= in_use && next < u64::MAX {
                    next = match end.saturating_sub(next) {
                        0 => {
                            // Short reports: two more until the limit, and beyond
                            // it, if there is swap, no more often than that.
                            let step = (limit.saturating_sub(end) / 2).max(step_min);
                            let rungs = in_use.saturating_sub(next) / step + 1;
                            next.saturating_add(step.saturating_mul(rungs))
                        }
                        rest if rest < step_min.saturating_mul(2) => end,
                        rest => next + (rest / 3).max(step_min),
                    };
                }
                next
            }
        }
    }

    /// How many rungs are below `end`, counted only up to [`PROFILES_TO_COMPARE`].
    fn below(self, end: u64) -> usize {
        let next = |&rung: &u64| Some(self.after(rung, rung));
        std::iter::successors(Some(self.first()), next)
            .take(PROFILES_TO_COMPARE)
            .filter(|&rung| rung < end)
            .count()
    }
}

/// The limits on this process, in bytes, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// The smallest limit of its groups.
    pub(super) group: Option<u64>,
    /// The machine's memory.
    pub(super) machine: Option<u64>,
    /// What it may have in use in addition to what others in its groups use now.
    pub(super) room: Option<u64>,
}

/// What the limits leave: the total, and where short reports begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    /// What this process may have in use: the limit, minus what others use of it.
    pub(super) limit: u64,
    /// With less than this left, only short reports are written.
    pub(super) headroom_min: u64,
}

impl Allowance {
    /// The room under this limit; the headroom is the user's, or the default, which is at most half of the limit.
    pub(super) fn with(limit: u64, headroom_min: Option<u64>) -> Allowance {
        Allowance { limit, headroom_min: headroom_min.unwrap_or(HEADROOM_BYTES.min(limit / 2)) }
    }

    /// The room under this limit minus what others use, if they use more than what the kernel holds anyway.
    fn beside_others(limit: u64, room: Option<u64>, headroom_min: Option<u64>) -> Allowance {
        let way = Allowance::with(limit, headroom_min);
        let noticeable = |&room: &u64| room < limit.saturating_sub(way.overhead());
        Allowance { limit: room.filter(noticeable).unwrap_or(limit), ..way }
    }

    fn overhead(self) -> u64 {
        (self.limit as f64 * OVERHEAD_SHARE) as u64
    }

    /// What this process may have in use while a heap profile is still written (PL1).
    fn end(self) -> u64 {
        self.limit.saturating_sub(self.headroom_min).saturating_sub(self.overhead())
    }

    /// The rungs that follow the limit, from `first`, or from halfway.
    fn rungs(self, first: Option<u64>) -> Rungs {
        let step_min = ((self.limit as f64 * STEP_SHARE_MIN) as u64).max(STEP_BYTES_MIN);
        let first = first.unwrap_or((self.end() / 2).max(STEP_BYTES_MIN));
        Rungs::Toward { first, end: self.end(), step_min, limit: self.limit }
    }
}

/// The levels at which a watch acts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) rungs: Rungs,
    pub(super) warning: u64,
    pub(super) rearm_below: u64,
    pub(super) headroom_min: u64,
    /// Above this a crossing lowers the clients' appetite: many
    /// services normally run at a first rung that follows the limit.
    pub(super) appetite_from: u64,
    pub(super) shortfall: Option<Shortfall>,
}

/// Fewer heap profiles fit below the limit than a comparison needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortfall {
    pub(super) fit: usize,
    pub(super) first: u64,
    pub(super) limit: u64,
    pub(super) way: Allowance,
    /// Settings that would leave three: the threshold and the step; `None` if the limit is too small for any.
    pub(super) instead: Option<(u64, u64)>,
}

impl Builder {
    /// The plan within these bounds.
    pub(super) fn plan(&self, bounds: Bounds) -> Result<Plan, StartError> {
        let Bounds { group, machine, room } = bounds;
        let limit = group.into_iter().chain(machine).min();
        let way = limit.map(|limit| Allowance::beside_others(limit, room, self.headroom_min));
        let first = self.threshold.map(|level| level.bytes("threshold", limit)).transpose()?;
        let step = self.step.map(|level| level.bytes("step", limit)).transpose()?;
        if let Some(first) = first.filter(|&first| first < STEP_BYTES_MIN) {
            return Err(invalid("threshold", format!("is {first} bytes"), "choose 1 MB or more"));
        }
        if let Some(step) = step.filter(|&step| step < STEP_BYTES_MIN) {
            return Err(invalid("step", format!("is {step} bytes"), "choose 1 MB or more: less is noise"));
        }
        let rungs = rungs(way.filter(|way| follows(*way, group)), first, step);
        let first = rungs.first();
        let warning = match self.warning {
            Some(warning) => warning.bytes("warning", limit)?,
            None => (first as f64 * WARNING_SHARE) as u64,
        };
        if warning > first {
            let problem = format!("is {warning} bytes, more than the threshold ({first})");
            return Err(invalid("warning", problem, "lower it"));
        }
        let rearm_below = (first as f64 * (1.0 - HYSTERESIS_SHARE)) as u64;
        let chosen = self.threshold.is_some() || !matches!(rungs, Rungs::Toward { .. });
        let third = rungs.after(rungs.after(first, first), rungs.after(first, first));
        Ok(Plan {
            rungs,
            warning,
            rearm_below: rearm_below.min(warning),
            headroom_min: way.map_or(self.headroom_min.unwrap_or(HEADROOM_BYTES), |way| way.headroom_min),
            appetite_from: if chosen { first } else { third },
            shortfall: limit.zip(way).and_then(|(limit, way)| shortfall(rungs, way, limit)),
        })
    }
}

/// Whether the defaults follow this limit: always for a cgroup's,
/// and for a machine's that is too small for the fixed defaults.
fn follows(way: Allowance, group: Option<u64>) -> bool {
    let fixed = Rungs::Even { first: THRESHOLD_BYTES, step: STEP_BYTES };
    group.is_some() || fixed.below(way.end()) < PROFILES_TO_COMPARE
}

/// The user's settings; the others follow the limit, or are fixed if there is no limit to follow.
fn rungs(way: Option<Allowance>, first: Option<u64>, step: Option<u64>) -> Rungs {
    match (way, first, step) {
        (Some(way), first, None) => way.rungs(first),
        (Some(way), None, Some(step)) => Rungs::Even { first: way.rungs(None).first(), step },
        (_, first, step) => {
            Rungs::Even { first: first.unwrap_or(THRESHOLD_BYTES), step: step.unwrap_or(STEP_BYTES) }
        }
    }
}

fn shortfall(rungs: Rungs, way: Allowance, limit: u64) -> Option<Shortfall> {
    let fit = rungs.below(way.end());
    let instead = || {
        let rungs = way.rungs(None);
        let step = rungs.after(rungs.first(), rungs.first()) - rungs.first();
        // An even step is easier to set: two of them above the first rung stay below the end.
        let step = step.min(way.end().saturating_sub(rungs.first()) / 3);
        (step >= STEP_BYTES_MIN && rungs.below(way.end()) == PROFILES_TO_COMPARE)
            .then_some((rungs.first(), step))
    };
    (fit < PROFILES_TO_COMPARE).then(|| Shortfall {
        fit,
        first: rungs.first(),
        limit,
        way,
        instead: instead(),
    })
}

/// The time until the next look if the levels follow a limit and the user has set no interval: short enough that memory
/// that grows by a sixteenth of the limit per second does not pass a rung by more than a quarter of the smallest step.
pub(super) fn until_next_look(rungs: Rungs, rung: u64, in_use: u64) -> Duration {
    let Rungs::Toward { limit, .. } = rungs else { return INTERVAL };
    if in_use >= rung {
        // It waits for the cool-down or the hour, not for memory.
        return LOOK_EVERY_MIN * 4;
    }
    let seconds = 16.0 * (rung - in_use) as f64 / limit.max(1) as f64;
    Duration::from_secs_f64(seconds.min(INTERVAL.as_secs_f64())).max(LOOK_EVERY_MIN)
}

#[cfg(test)]
mod tests;
