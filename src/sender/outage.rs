//! Whether to post, to probe, or to go straight to the log: a state machine of its inputs, which include the time.
//!
//! healthy -> failing -> out -> healthy. Behind one name there may be several backends, one of them bad: a run of failures is judged
//! by how often posts [fail anyway](super::hearing), and where others deliver nobody speaks for all.
//! O1: while out, between two probes lies the backoff's delay, which is never less than the endpoint's Retry-After. A probe that hangs
//!     keeps no other from starting.
//! O2: any delivery ends the outage, a probe's or a straggler's. Nothing was held back, so there is no backlog to let loose.
//! O3: a post that began before the last delivery came, and fails after it, is one of a share, and not one of a run.
//! O4: a Retry-After takes the endpoint out at once, and is honoured when a second answer says so. If a post is delivered before its time
//!     has come, it was one backend's, and those to come are doubted: each is one failure among others.

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
    /// `needed` of them are no chance any more.
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

/// What Retry-After has said.
#[derive(Debug, Clone, Copy, Default)]
struct Hint {
    told_at: Stamp,
    until: Stamp,
    doubted_until: Stamp,
    /// Answers with one since the last delivery.
    answers: u32,
    /// Probes of this outage in a row that were answered with one.
    probes: u32,
}

/// Where the next batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Post,
    /// A few events as a probe, the others to the log.
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
    /// One of several that make an outage.
    One,
    /// A post that waited for its whole timeout: two of them in a row are a hang, and while they last nothing is heard.
    Two,
    /// We are denied: enough by itself, unless others deliver.
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

/// A change worth a notice.
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

    /// With so many probes on their way.
    pub(crate) fn state(&self, probes: usize) -> EndpointState {
        match self.phase {
            Phase::Healthy => EndpointState::Healthy,
            Phase::Failing { .. } => EndpointState::Failing,
            Phase::Out { .. } if probes > 0 => EndpointState::Probing,
            Phase::Out { .. } => EndpointState::Out,
        }
    }

    /// When the outage began, if there is one: with the first of the failures that made it.
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

    /// Whether what has just failed may go once more: the first of a run, or any where posts fail now and then anyway. So a fleet that
    /// loses its endpoint tries it once more each, and not with every post.
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

    /// O4.
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

    /// The next one comes whether or not this one is answered: O1.
    pub(crate) fn probe_started(&mut self, now: Stamp) {
        if let Phase::Out { probe_at, probes, .. } = &mut self.phase {
            *probes = probes.saturating_add(1);
            *probe_at = now.after(self.backoff.delay(*probes, Duration::ZERO));
        }
    }

    /// A post that began then was delivered.
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

    /// A failure that is one of a share, and not one of a run: a single event among others that were taken.
    pub(crate) fn failed_apart(&mut self, now: Stamp) {
        self.hearing.hear(now, Heard::Failed);
    }

    /// A probe, or a straggler from before the outage, which says nothing new but when to come back.
    fn failed_while_out(&mut self, now: Stamp, miss: &Miss) {
        let is_told = !miss.retry_after.0.is_zero();
        if miss.purpose == Purpose::Probe {
            self.hint.probes = if is_told { self.hint.probes.saturating_add(1) } else { 0 };
        }
        // O3 for hints: an older one was heard out by the delivery.
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

    /// How long to wait by the latest Retry-After; zero if one backend's is all there is.
    fn believed(&self, now: Stamp) -> Duration {
        let believed = match self.doubts_retry_after(now) {
            false => self.hint.answers >= RETRY_AFTER_BELIEVED_AFTER,
            true => self.hint.probes >= RETRY_AFTER_BELIEVED_AFTER_PROBES,
        };
        if believed { self.hint.until.since(now) } else { Duration::ZERO }
    }
}

/// A run of so many failures is no chance, where one post fails by these odds.
fn needed(odds: f64) -> u32 {
    (FAILURES_BEFORE_OUT..FAILURES_BEFORE_OUT_MAX)
        .find(|&failures| odds.powi(failures as i32) <= OUT_BY_CHANCE)
        .unwrap_or(FAILURES_BEFORE_OUT_MAX)
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
