//! Where a ready batch goes: onto the wire, in part as a probe, or to the log.
//!
//! In: the batch, the route, and what is on the wire. Out: a post, or events in the log. D1: a batch waits for a free request only
//! while the endpoint is not out; what waits then is bounded by the queue, which is relieved. D2: the wire never carries more than
//! `posts_in_flight_max` plus [`SPARE_POSTS`], the number that the memory bound assumes.

use super::batch::Batch;
use super::flight::Patience;
use super::outage::{Purpose, Route};
use super::post::Post;
use super::verdict::SpillCause;
use super::{Progress, Sender};
use crate::clock::Stamp;
use crate::limits::{PROBE_EVENTS_MAX, PROBES_MAX, RELIEF_PATIENCE, SPARE_POSTS, SPARE_POSTS_BESIDE_HUNG};
use crate::outcome::Reason;
use std::ops::Range;

impl Sender {
    /// Where the next batch goes. Without room on the wire for a probe it goes to the log.
    pub(super) fn route(&self, now: Stamp) -> Route {
        match self.outage.route(now) {
            Route::Probe if !self.has_room_for_probe() => Route::Log,
            route => route,
        }
    }

    fn has_room_for_probe(&self) -> bool {
        self.flights.probes() < PROBES_MAX && self.flights.len() < self.most_on_the_wire()
    }

    fn most_on_the_wire(&self) -> usize {
        self.shared.config.posts_in_flight_max + SPARE_POSTS
    }

    /// When the next probe is due, if there will be room for it.
    pub(super) fn probe_at(&self) -> Option<Stamp> {
        self.outage.probe_at().filter(|_| self.has_room_for_probe())
    }

    /// Whether a batch must wait for another to land. Requests that hang do not count, as long as they are few.
    fn has_no_slot(&self, now: Stamp) -> bool {
        let hung = match self.answers.hung_after(now) {
            Some(after) => self.flights.hung(now, after),
            None => 0,
        };
        let most = self.shared.config.posts_in_flight_max + SPARE_POSTS_BESIDE_HUNG;
        self.flights.len() - hung >= self.window.limit() || self.flights.len() >= most
    }

    /// Whether a few events may be posted while every post hangs, to learn when the endpoint is back: those that hang reveal nothing before
    /// their timeout. One at a time, in the room reserved for a probe.
    fn may_feel(&self, now: Stamp) -> bool {
        let Some(after) = self.answers.hung_after(now) else { return false };
        self.flights.hung(now, after) == self.flights.len() && self.flights.len() < self.most_on_the_wire()
    }

    /// When a post on the wire counts as hanging, so that another may start next to it.
    pub(super) fn hung_at(&self, now: Stamp) -> Stamp {
        self.answers.hung_after(now).map_or(Stamp::NEVER, |after| self.flights.next_hung_at(now, after))
    }

    /// Posts the ready batch, if there is one and a request is free.
    pub(super) fn dispatch(&mut self, now: Stamp) -> Progress {
        let Some(mut batch) = self.ready.take() else { return Progress::None };
        match self.route(now) {
            Route::Log => {
                let all = 0..batch.len();
                batch.spill(all, &self.in_outage());
                self.end(batch);
            }
            Route::Probe => self.probe(now, batch),
            Route::Post if self.has_no_slot(now) && self.may_feel(now) => {
                let feeler = Post::feeler(&batch);
                self.post(batch, feeler);
            }
            Route::Post if self.has_no_slot(now) => {
                let impatient = now >= self.moved_at.after(RELIEF_PATIENCE);
                if !(impatient && self.shared.queue.is_nearly_full()) {
                    self.ready = Some(batch);
                    return Progress::None;
                }
                let all = 0..batch.len();
                self.shared.notices.queue_full(now);
                batch.spill(all, &SpillCause::of(Reason::QueueFull, "relieved by the sender"));
                self.end(batch);
            }
            Route::Post => {
                let all = 0..batch.len();
                self.post_batch(batch, all, (Purpose::Delivery, Patience::Full));
            }
        }
        Progress::Some
    }

    fn probe(&mut self, now: Stamp, mut batch: Batch) {
        let probe = batch.len().min(PROBE_EVENTS_MAX);
        let others = probe..batch.len();
        batch.spill(others, &self.in_outage());
        self.outage.probe_started(now);
        let patience = if self.may_be_patient() { Patience::Full } else { Patience::Short };
        self.post_batch(batch, 0..probe, (Purpose::Probe, patience));
    }

    /// Whether the next probe may wait for a whole post timeout, in case the endpoint is slow: one at a time, and only if that
    /// leaves room for probes that are given up early.
    fn may_be_patient(&self) -> bool {
        self.flights.probes() > 0
            && self.flights.patient_probes() == 0
            && self.flights.len() + 1 < self.most_on_the_wire()
    }

    pub(super) fn in_outage(&self) -> SpillCause {
        SpillCause::of(Reason::Outage, self.telling.detail.as_str())
    }

    fn post_batch(&mut self, batch: Batch, range: Range<usize>, how: (Purpose, Patience)) {
        let post = Post::first(&batch, range, how, &self.fit, &self.limits);
        self.post(batch, post);
    }
}
