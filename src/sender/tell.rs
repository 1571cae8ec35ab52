//! What the operator learns about the endpoint: when an outage begins and ends, a share of posts that fails, batches that are too large.
//!
//! In: these edges. Out: notices and signals. Each states its cost: the difference of the ledger between its beginning and now.

use super::Sender;
use super::fit::Size;
use super::outage::Edge;
use super::share::ShareEdge;
use crate::clock::Stamp;
use crate::ledger::Totals;
use crate::limits::OUTAGE_NOTICE_EVERY;
use crate::notice::NoticeTold;
use crate::observer::Signal;

/// The ledger at the beginning of the outage, or of a share of failing posts, and when to report the outage again.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    at_beginning: Totals,
    next_at: Stamp,
    /// Whether its beginning was reported: then its end is reported too.
    began: NoticeTold,
    /// The cause: also the detail of every event that goes straight to the log.
    pub(super) detail: String,
    share_at_beginning: Totals,
}

impl Default for Telling {
    fn default() -> Telling {
        Telling {
            at_beginning: Totals::default(),
            next_at: Stamp::NEVER,
            began: NoticeTold::No,
            detail: String::new(),
            share_at_beginning: Totals::default(),
        }
    }
}

impl Telling {
    /// When the outage is reported again.
    pub(super) fn next_at(&self) -> Stamp {
        self.next_at
    }
}

impl Sender {
    /// Called before a failure is settled: if it begins an outage or a failing share, the figures of that include it.
    pub(super) fn note_books(&mut self) {
        let (healthy, quiet) = (self.outage.is_healthy(), self.sharing.is_quiet());
        if healthy || quiet {
            let totals = self.shared.totals();
            if healthy {
                self.telling.at_beginning = totals;
            }
            if quiet && !self.outage.hearing().share(self.shared.now()).has_failed() {
                self.telling.share_at_beginning = totals;
            }
        }
    }

    /// The outage has begun or ended.
    pub(super) fn edge(&mut self, edge: Option<Edge>, detail: &str, advice: Option<&str>) {
        let shared = &self.shared;
        let at = shared.clock.now();
        match edge {
            None => {}
            Some(Edge::Began) => {
                shared.ledger.outage();
                self.shared.endpoint.0.set_out_since(self.outage.since());
                self.sharing.outage_began();
                self.telling.next_at = at.after(OUTAGE_NOTICE_EVERY);
                self.telling.detail = detail.to_owned();
                self.telling.began = shared.notices.outage_began(at, detail, advice);
                shared.signal(&Signal::OutageBegan { detail });
            }
            Some(Edge::Ended { lasted }) => {
                self.shared.endpoint.0.set_out_since(None);
                let before = self.telling.at_beginning;
                self.telling.next_at = Stamp::NEVER;
                if self.telling.began == NoticeTold::Yes {
                    shared.notices.outage_ended(lasted, &before);
                }
                // The log may be slow, and the endpoint should not wait for it. Events on their way there are counted first, because they
                // may be written meanwhile.
                let on_its_way = shared.log.events() as u64;
                let spilled = shared.totals().spilled_since(&before) + on_its_way;
                shared.signal(&Signal::OutageEnded { lasted, spilled });
            }
        }
    }

    pub(super) fn notice_outage(&mut self, now: Stamp) {
        if let (Some(since), true) = (self.outage.since(), now >= self.telling.next_at) {
            self.telling.next_at = now.after(OUTAGE_NOTICE_EVERY);
            // If its beginning was not reported, this reports it, and then its end.
            self.telling.began = NoticeTold::Yes;
            let shared = &self.shared;
            let (lasted, before) = (now.since(since), &self.telling.at_beginning);
            shared.notices.outage_continues(lasted, before, &shared.totals(), &self.telling.detail);
        }
    }

    /// A share of the posts fails, or no longer does.
    pub(super) fn share_edge(&mut self, edge: Option<ShareEdge>, detail: &str, advice: Option<&str>) {
        let shared = &self.shared;
        let (at, before, now) = (shared.clock.now(), self.telling.share_at_beginning, shared.totals());
        let spilled = now.spilled_since(&before);
        match edge {
            None => {}
            Some(ShareEdge::Began(share) | ShareEdge::Continues(share)) => {
                shared.notices.some_posts_fail(at, &share.to_string(), detail, advice, spilled);
                shared.signal(&Signal::SomePostsFail {
                    failed: share.failed,
                    posts: share.posts,
                    within: share.within,
                    detail,
                });
            }
            Some(ShareEdge::Ended { lasted }) => {
                shared.notices.no_posts_fail(at, lasted, spilled);
                shared.signal(&Signal::NoPostsFail { lasted, spilled });
            }
        }
    }

    /// Batches are smaller from now on.
    pub(super) fn fitted(&self, limit: Size, refused: Size, detail: &str) {
        let shared = &self.shared;
        shared.notices.batches_fitted(shared.clock.now(), &limit.to_string(), &refused.to_string(), detail);
    }
}
