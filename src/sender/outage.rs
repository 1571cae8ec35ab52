//! Whether to post, to probe, or to go straight to the log: a state machine of its inputs, the time included.
//!
//! healthy -> failing -> out -> healthy. One name may hide several backends, one of them bad: a run of failures is judged
//! by how often posts [fail anyway](super::hearing), and while others deliver, no backend speaks for all.
//! O1: while out, the backoff's delay separates two probes; it is never less than the endpoint's Retry-After. A probe that hangs
//!     keeps no other from starting.
//! O2: any delivery ends the outage, a probe's or a straggler's. Nothing was held back, so there is no backlog to release.
//! O3: a post that began before the last delivery arrived, and fails after it, is part of a share, not of a run.
//! O4: a Retry-After takes the endpoint out at once, and is honored when a second answer confirms it. If a post is delivered before that
//!     time has come, the hint was one backend's, and later hints are doubted: each is one failure among others.

use super::backoff::Backoff;
use super::hearing::{Heard, Hearing};
use super::verdict::RetryAfter;
use crate::clock::Stamp;
use crate::limits::{
    FAILURES_BEFORE_OUT, FAILURES_BEFORE_OUT_MAX, OUT_AFTER, OUT_BY_CHANCE, RETRY_AFTER_BELIEVED_AFTER,
    RETRY_AFTER_BELIEVED_AFTER_PROBES, RETRY_AFTER_DOUBTED_FOR,
};
use crate::stats::EndpointState;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Outage {
    phase: Phase,
    backoff: Backoff,
    hearing: Hearing,
    delivered_at: Stamp,
    hint: Hint,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Healthy,
    /// `needed` failures in a row are no coincidence any more.
    Failing {
        since: Stamp,
        failures: u32,
        needed: u32,
    },
    Out {
        since: Stamp,
        probe_at: Stamp,
        probes: u32,
    },
}

/// What the answers' `Retry-After` has said.
#[derive(Debug, Clone, Copy, Default)]
struct Hint {
    told_at: Stamp,
    until: Stamp,
    doubted_until: Stamp,
    /// Answers that carried one since the last delivery.
    answers: u32,
    /// Consecutive probes of this outage that were answered with one.
    probes: u32,
}

/// Where the next batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Post,
    /// A few events go as a probe, the others to the log.
    Probe,
    Log,
}

/// Why something is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Delivery,
    Probe,
}

/// How much a failure weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// One of several that together make an outage.
    One,
    /// A post that waited for its whole timeout: two of them in a row are a hang; until they end nothing is known.
    Two,
    /// The endpoint denies us: enough by itself, unless other posts are delivered.
    Denied,
    /// A batch of which nothing was taken, in this many posts: all were refused.
    Refused(u32),
}

/// A post that failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Miss {
    pub(crate) began: Stamp,
    pub(crate) purpose: Purpose,
    pub(crate) weight: Weight,
    pub(crate) retry_after: RetryAfter,
}

/// A change that deserves a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Began,
    Ended { lasted: Duration },
}

impl Outage {
    pub(crate) fn new(backoff: Backoff) -> Outage {
        Outage {
            phase: Phase::Healthy,
            backoff,
            hearing: Hearing::default(),
            delivered_at: Stamp(0),
            hint: Hint::default(),
        }
    }

    /// The state, with this many probes in flight.
    pub(crate) fn state(&self, probes: usize) -> EndpointState {
        match self.phase {
            Phase::Healthy => EndpointState::Healthy,
            Phase::Failing { .. } => EndpointState::Failing,
            Phase::Out { .. } if probes > 0 => EndpointState::Probing,
            Phase::Out { .. } => EndpointState::Out,
        }
    }

    /// When the outage began, if there is one: at the first of the failures that caused it.
    pub(crate) fn since(&self) -> Option<Stamp> {
        match self.phase {
            Phase::Out { since, .. } => Some(since),
            Phase::Healthy | Phase::Failing { .. } => None,
        }
    }

    /// Whether the next failure may be the first of an outage.
    pub(crate) fn is_healthy(&self) -> bool {
        matches!(self.phase, Phase::Healthy)
    }

    /// Whether the post that just failed may be posted again: the first of a run, or any while posts fail now and then anyway. So each
    /// client of a fleet that loses its endpoint makes one second try, not one for every post.
    pub(crate) fn may_try_again(&self) -> bool {
        match self.phase {
            Phase::Healthy => true,
            Phase::Failing { failures, needed, .. } => failures <= 1 || needed > FAILURES_BEFORE_OUT,
            Phase::Out { .. } => false,
        }
    }

    /// When the next probe is due, if the endpoint is out.
    pub(crate) fn probe_at(&self) -> Option<Stamp> {
        match self.phase {
            Phase::Out { probe_at, .. } => Some(probe_at),
            Phase::Healthy | Phase::Failing { .. } => None,
        }
    }

    pub(crate) fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// Whether a `Retry-After` is doubted now (O4).
    pub(crate) fn doubts_retry_after(&self, now: Stamp) -> bool {
        now < self.hint.doubted_until
    }

    pub(crate) fn route(&self, now: Stamp) -> Route {
        match self.phase {
            Phase::Healthy | Phase::Failing { .. } => Route::Post,
            Phase::Out { probe_at, .. } if now >= probe_at => Route::Probe,
            Phase::Out { .. } => Route::Log,
        }
    }

    /// Sets the time of the next probe, which comes whether or not this one is answered (O1).
    pub(crate) fn probe_started(&mut self, now: Stamp) {
        if let Phase::Out { probe_at, probes, .. } = &mut self.phase {
            *probes = probes.saturating_add(1);
            *probe_at = now.after(self.backoff.delay(*probes, Duration::ZERO));
        }
    }

    /// A post that began at this time was delivered.
    pub(crate) fn succeeded(&mut self, now: Stamp, began: Stamp) -> Option<Edge> {
        let ended = self.since().map(|since| Edge::Ended { lasted: now.since(since) });
        self.hearing.hear(now, Heard::Delivered);
        if now < self.hint.until && began >= self.hint.told_at {
            self.hint.doubted_until = now.after(RETRY_AFTER_DOUBTED_FOR);
        }
        (self.hint.until, self.hint.answers) = (Stamp(0), 0);
        self.delivered_at = now;
        self.phase = Phase::Healthy;
        ended
    }

    pub(crate) fn failed(&mut self, now: Stamp, miss: &Miss) -> Option<Edge> {
        let odds = self.hearing.odds(now);
        let weight = match miss.weight {
            Weight::One => 1,
            Weight::Two => 2,
            Weight::Refused(posts) => posts.max(1),
            Weight::Denied if self.hearing.delivers(now) => 1,
            Weight::Denied => FAILURES_BEFORE_OUT,
        };
        let (since, failures, needed) = match self.phase {
            Phase::Healthy => (now, 0, needed(odds)),
            Phase::Failing { since, failures, needed } => (since, failures, needed),
            Phase::Out { .. } => {
                self.failed_while_out(now, miss);
                return None;
            }
        };
        if miss.purpose == Purpose::Delivery {
            self.hearing.hear(now, Heard::Failed);
        }
        // O3.
        if miss.began < self.delivered_at {
            return None;
        }
        self.note_hint(now, miss.retry_after);
        let failures = failures.saturating_add(weight);
        let told = !miss.retry_after.0.is_zero() && !self.doubts_retry_after(now);
        let lasts = failures >= FAILURES_BEFORE_OUT && now.since(since) >= OUT_AFTER;
        if failures < needed && !lasts && !told {
            self.phase = Phase::Failing { since, failures, needed };
            return None;
        }
        self.hint.probes = 0;
        let probe_at = now.after(self.backoff.delay(0, self.believed(now)));
        self.phase = Phase::Out { since, probe_at, probes: 0 };
        self.hearing.outage_began();
        Some(Edge::Began)
    }

    /// A failure that is part of a share, not of a run: a single event among others that were taken.
    pub(crate) fn failed_apart(&mut self, now: Stamp) {
        self.hearing.hear(now, Heard::Failed);
    }

    /// For a failed probe, or a straggler from before the outage: it can only change when the next probe comes.
    fn failed_while_out(&mut self, now: Stamp, miss: &Miss) {
        let is_told = !miss.retry_after.0.is_zero();
        if miss.purpose == Purpose::Probe {
            self.hint.probes = if is_told { self.hint.probes.saturating_add(1) } else { 0 };
        }
        // O3 for hints: the delivery outweighs an older one.
        if !is_told || miss.began < self.delivered_at {
            return;
        }
        self.note_hint(now, miss.retry_after);
        let hint = self.believed(now);
        if !hint.is_zero() {
            let told = now.after(self.backoff.delay(0, hint));
            if let Phase::Out { probe_at, .. } = &mut self.phase {
                *probe_at = told.max(*probe_at);
            }
        }
    }

    fn note_hint(&mut self, now: Stamp, retry_after: RetryAfter) {
        if !retry_after.0.is_zero() {
            self.hint.told_at = now;
            self.hint.until = self.hint.until.max(now.after(retry_after.0));
            self.hint.answers = self.hint.answers.saturating_add(1);
        }
    }

    /// How long to wait according to the latest Retry-After; zero if only one backend sent any.
    fn believed(&self, now: Stamp) -> Duration {
        let believed = match self.doubts_retry_after(now) {
            false => self.hint.answers >= RETRY_AFTER_BELIEVED_AFTER,
            true => self.hint.probes >= RETRY_AFTER_BELIEVED_AFTER_PROBES,
        };
        if believed { self.hint.until.since(now) } else { Duration::ZERO }
    }
}

/// How many failures in a row are no coincidence, if one post fails with these odds.
fn needed(odds: f64) -> u32 {
    (FAILURES_BEFORE_OUT..FAILURES_BEFORE_OUT_MAX)
        .find(|&failures| odds.powi(failures as i32) <= OUT_BY_CHANCE)
        .unwrap_or(FAILURES_BEFORE_OUT_MAX)
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
