//! When to report that a share of posts fails, and that it no longer does: a state machine of what was [heard](super::hearing).
//!
//! SH1: reported at once when it begins, again at intervals while posts go on failing, and once when it has ended.
//! SH2: an outage takes its place: it has its own notices.

use super::hearing::Share;
use crate::clock::Stamp;
use crate::limits::OUTAGE_NOTICE_EVERY;
use std::time::Duration;

#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum Sharing {
    #[default]
    Quiet,
    Told {
        since: Stamp,
        told_at: Stamp,
    },
}

/// Something to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShareEdge {
    Began(Share),
    Continues(Share),
    Ended { lasted: Duration },
}

impl Sharing {
    /// Called after a post has failed.
    pub(crate) fn failed(&mut self, now: Stamp, share: Share) -> Option<ShareEdge> {
        match *self {
            Sharing::Quiet if share.is_told() => {
                *self = Sharing::Told { since: now, told_at: now };
                Some(ShareEdge::Began(share))
            }
            Sharing::Told { since, told_at } if now.since(told_at) >= OUTAGE_NOTICE_EVERY => {
                *self = Sharing::Told { since, told_at: now };
                Some(ShareEdge::Continues(share))
            }
            _ => None,
        }
    }

    /// Called after a post was delivered.
    pub(crate) fn delivered(&mut self, now: Stamp, share: Share) -> Option<ShareEdge> {
        match *self {
            Sharing::Told { since, .. } if share.has_ended() => {
                *self = Sharing::Quiet;
                Some(ShareEdge::Ended { lasted: now.since(since) })
            }
            _ => None,
        }
    }

    /// An outage takes the place of a failing share (SH2).
    pub(crate) fn outage_began(&mut self) {
        *self = Sharing::Quiet;
    }

    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self, Sharing::Quiet)
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use crate::sender::hearing::{Heard, Hearing};

    fn at(millis: u64) -> Stamp {
        Stamp(millis * 1_000_000)
    }

    #[test]
    fn a_share_is_told_at_its_third_failure_then_every_half_minute_and_once_when_it_ends() {
        let (mut hearing, mut sharing, mut told) = (Hearing::default(), Sharing::default(), Vec::new());
        for post in 0..1_000_u64 {
            let now = at(post * 200);
            let fails = post < 500 && post % 3 == 0;
            hearing.hear(now, if fails { Heard::Failed } else { Heard::Delivered });
            let share = hearing.share(now);
            let edge = if fails { sharing.failed(now, share) } else { sharing.delivered(now, share) };
            told.extend(edge.map(|edge| (post * 200 / 1000, edge)));
        }
        let (began, ended) = (told[0], told[told.len() - 1]);
        assert!(matches!(began, (1, ShareEdge::Began(Share { failed: 3, posts: 7, .. }))), "{told:?}");
        assert!(matches!(ended, (120..=130, ShareEdge::Ended { .. })), "{told:?}");
        assert_eq!(told.len(), 2 + 3, "{told:?}");
    }

    #[test]
    fn an_outage_takes_its_place_without_a_word() {
        let share = Share { failed: 5, posts: 10, within: Duration::from_secs(30) };
        let mut sharing = Sharing::default();
        assert_eq!(sharing.failed(at(0), share), Some(ShareEdge::Began(share)));
        sharing.outage_began();
        assert_eq!(sharing.delivered(at(1), Share { failed: 0, ..share }), None);
    }
}
