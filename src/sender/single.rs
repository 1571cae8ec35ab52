//! From an answer about single events to their ends: delivered, written to the log, or posted again without the others.
//!
//! In: a flight and its sorted events. Out: each settled, or waiting for its next post. The endpoint's state is updated first.

use super::Sender;
use super::flight::Flight;
use super::halving::{Next, Took};
use super::land::miss;
use super::outage::Weight;
use super::post::size_of;
use super::sorted::{CountsAs, Run, Sorted, What};
use super::verdict::SpillCause;
use crate::clock::Stamp;
use crate::outcome::{MaybeDelivered, Reason};
use std::ops::Range;

impl Sender {
    pub(super) fn sorted(
        &mut self,
        now: Stamp,
        flight: &mut Flight,
        sorted: &Sorted,
        advice: Option<&str>,
    ) -> Next {
        let start = flight.range.start;
        let within = |run: &Run| start + run.range.start..start + run.range.end;
        let again: Vec<Range<usize>> =
            sorted.runs.iter().filter(|run| run.what == What::Again).map(within).collect();
        for run in sorted.runs.iter().filter(|run| run.what == What::Deliver) {
            flight.batch.deliver(within(run));
        }
        let next = match &sorted.counts_as {
            CountsAs::Delivery(why_not_all) => {
                self.fit.delivered(size_of(&flight.batch, &flight.range, &self.limits));
                self.hear_delivery(now, flight);
                if let Some(cause) = why_not_all {
                    self.hear_apart(now, cause, advice);
                }
                flight.halving.told(Took::Some, again)
            }
            CountsAs::Refusal(cause) => {
                let next = flight.halving.told(Took::Nothing, again);
                self.hear_refusal(now, flight, next, cause, advice);
                next
            }
            CountsAs::Failure(cause) => {
                self.fail(now, &miss(flight, Weight::One, sorted.retry_after), cause, advice);
                // Posting what the endpoint did not look at would add to its overload.
                Next::GiveUp
            }
        };
        for run in &sorted.runs {
            if let What::Spill(cause) = &run.what {
                flight.batch.spill_known(within(run), cause);
            }
        }
        if sorted.runs.iter().any(|run| is_overload(&run.what)) {
            self.window.overloaded(flight.started_at, now);
        }
        if next == Next::GiveUp {
            flight.batch.spill(0..flight.batch.len(), &rest_because_of(&sorted.counts_as));
        }
        next
    }
}

/// Why the events that the endpoint did not look at are in the log.
fn rest_because_of(counts_as: &CountsAs) -> SpillCause {
    match counts_as {
        CountsAs::Delivery(Some(cause)) | CountsAs::Failure(cause) | CountsAs::Refusal(cause) => {
            SpillCause { maybe_delivered: MaybeDelivered::No, ..cause.clone() }
        }
        CountsAs::Delivery(None) => {
            SpillCause::of(Reason::Unavailable, "not taken after the maximum number of posts")
        }
    }
}

fn is_overload(what: &What) -> bool {
    matches!(what, What::Spill(cause) if cause.reason == Reason::Unavailable)
}
