//! Posting again: a post that was certainly not taken, and a few events while every post hangs.
//!
//! In: a flight that has failed. Out: its next post, or its events in the log.

use super::Sender;
use super::flight::Flight;
use super::outage::Purpose;
use super::post::{Post, is_feeler};
use super::retry::price;
use super::verdict::{PostVerdict, SpillCause};
use crate::clock::Stamp;
use crate::limits::FRESH_CONNECTIONS_EVERY;
use crate::outcome::MaybeDelivered;
use crate::transport::{Failure, FailureKind, Reply};

impl Sender {
    /// For a post of a few events that got no answer within a short time. The endpoint may just be slow: the posts that hang will show
    /// whether it is. The next few events try again.
    pub(super) fn feel_on(&mut self, now: Stamp, mut flight: Flight, cause: &SpillCause) {
        self.hear_apart(now, cause, None);
        flight.batch.spill(flight.range.clone(), cause);
        flight.range = 0..0;
        match flight.halving.next(is_feeler) {
            Some(range) if self.outage.since().is_none() => {
                let Flight { batch, purpose, patience, halving, refusal, .. } = flight;
                self.post(batch, Post { range, purpose, patience, halving, first_try: None, refusal });
            }
            Some(_) => self.spill_batch(flight, &self.in_outage()),
            None => self.end(flight.batch),
        }
    }

    /// Posts again at once, if the post was certainly not taken and a second try is left; otherwise spills to the log.
    pub(super) fn again_or_spill(
        &mut self,
        now: Stamp,
        flight: Flight,
        answer: &Result<Reply, Failure>,
        verdict: &PostVerdict,
    ) {
        let (PostVerdict::Failed(cause, _) | PostVerdict::Denied(cause)) = verdict else {
            return self.end(flight.batch);
        };
        let goes_again = self.goes_again(now, &flight, answer, verdict);
        if flight.purpose == Purpose::Probe || self.outage.since().is_some() {
            self.freshen(now, answer);
        }
        if goes_again {
            return self.post_again(now, flight, answer);
        }
        self.spill_batch(flight, cause);
    }

    /// Posts again with the same idempotency key, over another connection.
    pub(super) fn post_again(&mut self, now: Stamp, flight: Flight, answer: &Result<Reply, Failure>) {
        self.freshen(now, answer);
        let maybe_delivered = match answer {
            Err(failure) => failure.maybe_delivered,
            Ok(_) => MaybeDelivered::No,
        };
        let Flight { batch, range, purpose, patience, halving, refusal, .. } = flight;
        let first_try = Some(maybe_delivered);
        self.post(batch, Post { range, purpose, patience, halving, first_try, refusal });
    }

    /// The next post uses a new connection if this one was gone, or led to a peer that accepts no data.
    fn freshen(&mut self, now: Stamp, answer: &Result<Reply, Failure>) {
        match answer {
            Err(failure) if failure.kind == FailureKind::Stale => {}
            Ok(_) if now >= self.fresh_at => self.fresh_at = now.after(FRESH_CONNECTIONS_EVERY),
            Ok(_) | Err(_) => return,
        }
        self.transport.connections_are_stale();
    }

    pub(super) fn goes_again(
        &mut self,
        now: Stamp,
        flight: &Flight,
        answer: &Result<Reply, Failure>,
        verdict: &PostVerdict,
    ) -> bool {
        let Some(price) = price(answer, verdict) else { return false };
        let may = flight.purpose == Purpose::Delivery
            && flight.first_try.is_none()
            && self.outage.may_try_again()
            && now < self.closing_times().0;
        let others_deliver = match verdict {
            PostVerdict::Denied(_) => self.outage.hearing().delivers(now),
            PostVerdict::Failed(_, retry_after) => {
                retry_after.0.is_zero() || self.outage.doubts_retry_after(now)
            }
            PostVerdict::Delivered | PostVerdict::Sorted(_) | PostVerdict::Halve(_) => false,
        };
        may && others_deliver && self.second_tries.spend(price)
    }
}
