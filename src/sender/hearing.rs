//! How recent posts ended, as shares of all of them.
//!
//! In: how posts ended, and when. Out: how often they fail anyway, and whether that is worth reporting. A pure rule.
//!
//! One name may hide several backends, one of them bad. The symptom then is a share of failures, not a run of them.
//! HR1: bounded: the last results, and counts for the last half minute.
//! HR2: the share covers posts outside outages only: the failures that made an outage are reported with it, not twice.

use crate::clock::Stamp;
use crate::limits::{
    OUTCOMES_HEARD, OUTCOMES_HEARD_FOR, SHARE_ENDED_PERCENT, SHARE_FAILED_MIN, SHARE_OVER, SHARE_TOLD_PERCENT,
};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// How a post ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    Delivered,
    Failed,
}

#[derive(Debug, Default)]
pub(crate) struct Hearing {
    last: VecDeque<(Stamp, Heard)>,
    /// How many of `last` came after the last outage began: only they count for the share.
    fresh: usize,
    slices: [Slice; SLICES],
}

/// Posts within a few seconds.
#[derive(Debug, Default, Clone, Copy)]
struct Slice {
    nth: u64,
    posts: u64,
    failed: u64,
}

const SLICES: usize = 10;
const SLICE: Duration = Duration::from_nanos(SHARE_OVER.as_nanos() as u64 / SLICES as u64);

/// Failed posts out of all posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) failed: u64,
    pub(crate) posts: u64,
    pub(crate) within: Duration,
}

/// `25 of 75 posts failed in the last 30 s`
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} posts failed in the last {} s", self.failed, self.posts, self.within.as_secs())
    }
}

impl Share {
    pub(crate) fn is_told(&self) -> bool {
        self.failed >= SHARE_FAILED_MIN && self.failed * 100 >= self.posts * SHARE_TOLD_PERCENT
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed > 0
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.failed * 100 < self.posts * SHARE_ENDED_PERCENT
    }
}

impl Hearing {
    pub(crate) fn hear(&mut self, now: Stamp, heard: Heard) {
        if self.last.len() == OUTCOMES_HEARD {
            self.last.pop_front();
        }
        self.last.push_back((now, heard));
        self.fresh = (self.fresh + 1).min(self.last.len());
        let nth = nth_slice(now);
        let slice = &mut self.slices[nth as usize % SLICES];
        if slice.nth != nth {
            *slice = Slice { nth, ..Slice::default() };
        }
        slice.posts += 1;
        slice.failed += u64::from(heard == Heard::Failed);
    }

    /// HR2.
    pub(crate) fn outage_began(&mut self) {
        self.fresh = 0;
        self.slices = [Slice::default(); SLICES];
    }

    /// How often posts failed lately, if some were delivered: the probability that the next one fails though nothing has changed.
    pub(crate) fn odds(&self, now: Stamp) -> f64 {
        let (mut posts, mut failed) = (0_u32, 0_u32);
        for heard in self.lately(now) {
            posts += 1;
            failed += u32::from(heard == Heard::Failed);
        }
        if posts == failed { 0.0 } else { f64::from(failed) / f64::from(posts) }
    }

    /// Whether anything was delivered lately.
    pub(crate) fn delivers(&self, now: Stamp) -> bool {
        self.lately(now).any(|heard| heard == Heard::Delivered)
    }

    fn lately(&self, now: Stamp) -> impl Iterator<Item = Heard> {
        let recent = move |&&(at, _): &&(Stamp, Heard)| now.since(at) < OUTCOMES_HEARD_FOR;
        self.last.iter().filter(recent).map(|&(_, heard)| heard)
    }

    /// The share of failed posts in the last half minute, or among the last few posts if that covers more time.
    pub(crate) fn share(&self, now: Stamp) -> Share {
        let first = nth_slice(now).saturating_sub(SLICES as u64 - 1);
        let recent = self.slices.iter().filter(|slice| slice.nth >= first);
        let (posts, failed) = recent.fold((0, 0), |sum, slice| (sum.0 + slice.posts, sum.1 + slice.failed));
        let fresh = || self.last.iter().rev().take(self.fresh);
        if posts >= self.fresh as u64 {
            return Share { failed, posts, within: SHARE_OVER };
        }
        let oldest = fresh().map(|&(at, _)| at).min().unwrap_or(now);
        Share {
            failed: fresh().filter(|(_, heard)| *heard == Heard::Failed).count() as u64,
            posts: self.fresh as u64,
            within: now.since(oldest).max(SHARE_OVER),
        }
    }
}

fn nth_slice(now: Stamp) -> u64 {
    // Nanoseconds of three seconds fit.
    now.0 / SLICE.as_nanos() as u64
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn at(millis: u64) -> Stamp {
        Stamp(millis * 1_000_000)
    }

    /// Posts at this interval, of which every `nth` fails.
    fn every_nth(posts: u64, apart: u64, nth: u64) -> (Hearing, Stamp) {
        let mut hearing = Hearing::default();
        for post in 0..posts {
            let heard = if post % nth == nth - 1 { Heard::Failed } else { Heard::Delivered };
            hearing.hear(at(post * apart), heard);
        }
        (hearing, at((posts - 1) * apart))
    }

    #[test]
    fn a_share_of_failures_is_told_whether_posts_are_many_or_few() {
        for (posts, apart, nth, told) in [
            (9, 200, 3, true),
            (8, 200, 3, false),
            (150, 200, 3, true),
            (150, 200, 10, true),
            (150, 200, 11, false),
            (10_000, 5, 10, true),
            (10_000, 5, 25, false),
            // A post every twenty seconds, or every minute.
            (20, 20_000, 3, true),
            (20, 60_000, 3, true),
            (20, 60_000, 21, false),
        ] {
            let (hearing, now) = every_nth(posts, apart, nth);
            assert_eq!(hearing.share(now).is_told(), told, "{posts} posts, {apart} ms apart, 1 of {nth}");
        }
    }

    #[test]
    fn what_share_it_is_is_counted_over_the_last_half_minute_and_has_ended_below_a_twentieth() {
        let (mut hearing, now) = every_nth(1500, 200, 3);
        let share = hearing.share(now);
        assert!((135..=150).contains(&share.posts) && (45..=50).contains(&share.failed), "{share:?}");
        assert_eq!((share.within, share.has_ended()), (SHARE_OVER, false));
        let ended = (1..=150_u64).find(|post| {
            hearing.hear(now.after(Duration::from_millis(200) * *post as u32), Heard::Delivered);
            hearing.share(now.after(Duration::from_millis(200) * *post as u32)).has_ended()
        });
        assert!(ended.is_some_and(|posts| (100..=145).contains(&posts)), "{ended:?}");
    }

    #[test]
    fn failures_that_made_an_outage_are_no_share_and_are_remembered_as_odds() {
        let (mut hearing, now) = every_nth(20, 200, 2);
        assert!(hearing.share(now).is_told());
        hearing.outage_began();
        assert_eq!(hearing.share(now), Share { failed: 0, posts: 0, within: SHARE_OVER });
        assert!((hearing.odds(now) - 0.5).abs() < 0.01);
    }

    #[test]
    fn odds_are_known_where_something_was_delivered_and_are_forgotten_after_a_while() {
        let mut hearing = Hearing::default();
        (0..5).for_each(|nth| hearing.hear(at(nth), Heard::Failed));
        assert_eq!((hearing.odds(at(5)), hearing.delivers(at(5))), (0.0, false));
        hearing.hear(at(6), Heard::Delivered);
        assert!((0.8..0.9).contains(&hearing.odds(at(7))) && hearing.delivers(at(7)));
        let later = at(7).after(OUTCOMES_HEARD_FOR);
        assert_eq!((hearing.odds(later), hearing.delivers(later)), (0.0, false));
    }
}
