//! Requests on the wire, each with the batch it carries.
//!
//! In: a batch and its request. Out: the batch again, with the answer. F1: at most `posts_in_flight_max` at once,
//! fewer while the endpoint is overloaded (`window`); in addition a few [spare ones](crate::limits::SPARE_POSTS).
//! F2: dropping a flight aborts its request; its batch then marks what the request carried as `maybe_delivered`.
//! F3: no flight lasts forever, whatever its transport does.

use super::batch::Batch;
use super::halving::Halving;
use super::outage::Purpose;
use crate::clock::Stamp;
use crate::outcome::MaybeDelivered;
use crate::sync::contain;
use crate::transport::{Failure, FailureKind, Posting, Reply};
use std::future::{pending, poll_fn};
use std::ops::Range;
use std::task::{Context, Poll};
use std::time::Duration;

/// One batch, and the request that carries a range of it.
pub(crate) struct Flight {
    pub(crate) batch: Batch,
    pub(crate) range: Range<usize>,
    pub(crate) purpose: Purpose,
    pub(crate) patience: Patience,
    pub(crate) halving: Halving,
    /// Whether the first try may have been delivered, if this is the second.
    pub(crate) first_try: Option<MaybeDelivered>,
    /// What the endpoint answered about a larger part of the batch.
    pub(crate) refusal: String,
    pub(crate) started_at: Stamp,
    /// When the sender ends it, even if the transport has not.
    pub(crate) late_at: Stamp,
    pub(crate) posting: Posting,
}

/// How long a request may wait for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// The whole post timeout.
    Full,
    /// A probe that makes way for the next.
    Short,
}

/// All requests on the wire: few enough to check each of them whenever one moves.
#[derive(Default)]
pub(crate) struct Flights(Vec<Flight>);

impl Flights {
    pub(crate) fn push(&mut self, flight: Flight) {
        self.0.push(flight);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn probes(&self) -> usize {
        self.0.iter().filter(|flight| flight.purpose == Purpose::Probe).count()
    }

    pub(crate) fn patient_probes(&self) -> usize {
        let patient =
            |flight: &&Flight| flight.purpose == Purpose::Probe && flight.patience == Patience::Full;
        self.0.iter().filter(patient).count()
    }

    /// Number of flights that have waited this long.
    pub(crate) fn hung(&self, now: Stamp, after: Duration) -> usize {
        self.0.iter().filter(|flight| now >= flight.started_at.after(after)).count()
    }

    /// When the next flight will have waited this long.
    pub(crate) fn next_hung_at(&self, now: Stamp, after: Duration) -> Stamp {
        let moments = self.0.iter().map(|flight| flight.started_at.after(after));
        moments.filter(|&at| at > now).min().unwrap_or(Stamp::NEVER)
    }

    /// Unsettled events and bytes.
    pub(crate) fn open(&self) -> (usize, usize) {
        self.0
            .iter()
            .map(|flight| flight.batch.open())
            .fold((0, 0), |sum, open| (sum.0 + open.0, sum.1 + open.1))
    }

    pub(crate) fn first_pull(&self) -> Option<u64> {
        self.0.iter().map(|flight| flight.batch.first_pull).min()
    }

    /// The next flight that has landed.
    pub(crate) fn poll_landed(&mut self, cx: &mut Context<'_>) -> Poll<(Flight, Result<Reply, Failure>)> {
        for nth in 0..self.0.len() {
            let posting = self.0[nth].posting.as_mut();
            // A transport's panic is an exchange that broke off: its batch is spilled, the others continue.
            let polled = contain(|| posting.poll(cx)).unwrap_or_else(|panicked| {
                Poll::Ready(Err(Failure {
                    kind: FailureKind::Broken,
                    maybe_delivered: MaybeDelivered::Yes,
                    detail: format!("the transport panicked: {}", panicked.0),
                }))
            });
            if let Poll::Ready(answer) = polled {
                return Poll::Ready((self.take(nth), answer));
            }
        }
        Poll::Pending
    }

    /// When the first of them counts as late.
    pub(crate) fn late_at(&self) -> Stamp {
        self.0.iter().map(|flight| flight.late_at).min().unwrap_or(Stamp::NEVER)
    }

    /// A flight that has landed by now.
    pub(crate) async fn take_landed(&mut self) -> Option<(Flight, Result<Reply, Failure>)> {
        poll_fn(|cx| match self.poll_landed(cx) {
            Poll::Ready(landed) => Poll::Ready(Some(landed)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// A late flight, aborted, with its result.
    pub(crate) fn take_late(&mut self, now: Stamp) -> Option<(Flight, Result<Reply, Failure>)> {
        let nth = self.0.iter().position(|flight| now >= flight.late_at)?;
        let failure = Failure {
            kind: FailureKind::Timeout,
            maybe_delivered: MaybeDelivered::Yes,
            detail: "the transport did not keep the post timeout".to_owned(),
        };
        Some((self.take(nth), Err(failure)))
    }

    /// Ends the request first, so that the batch owns its text again.
    fn take(&mut self, nth: usize) -> Flight {
        let mut flight = self.0.swap_remove(nth);
        flight.posting = Box::pin(pending());
        flight
    }

    /// Aborts every request and hands back the batches.
    pub(crate) fn abort(&mut self) -> impl Iterator<Item = Batch> {
        self.0.drain(..).map(|flight| flight.batch)
    }
}
