//! From a batch to a request, and from its answer to what becomes of the batch.

use super::Sender;
use super::batch::Batch;
use super::flight::Flight;
use super::halving::{Halving, Next};
use super::outage::{Purpose, Weight};
use super::verdict::{Cause, RetryAfter, Verdict, judge};
use crate::clock::Stamp;
use crate::format::{Body, Layout, Refused};
use crate::ledger::{EndpointState, PostEnd};
use crate::limits::TRANSPORT_GRACE;
use crate::observer::Signal;
use crate::outcome::{MaybeDelivered, Reason};
use crate::sync::{contain, pause};
use crate::transport::{BodyEnd, Failure, Reply, Request, RequestBody};
use std::ops::Range;

/// Turns that the runtime gets to move sockets and connections before a request counts as late: one for each hand through
/// which an answer goes (socket, connection, request), twice.
const LOOKS_BEFORE_LATE: usize = 6;

impl Sender {
    /// Posts a range of the batch: all of it, a probe, or a half.
    pub(super) fn post(
        &mut self,
        mut batch: Batch,
        range: Range<usize>,
        purpose: Purpose,
        halving: Option<Halving>,
    ) {
        self.posts += 1;
        batch.number = self.posts;
        let body = match self.body(&mut batch, &range) {
            Ok(body) => body,
            Err(why) => {
                // The endpoint has no part in this: no word to the outage, except that no probe is on its way.
                batch.spill_rest(Reason::FormatFailed, &why, Stamp::NEVER);
                if purpose == Purpose::Probe {
                    self.outage.probe_lost(self.shared.now());
                }
                return self.end(batch);
            }
        };
        let request = Request {
            body,
            content_type: self.format.content_type(),
            content_encoding: self.packer.encoding(),
            idempotency_key: format!("{}-{}", self.shared.settler.spill.client(), batch.number),
            timeout: self.shared.config.post_timeout,
            settled_by: self.format.settled_by(),
        };
        let halving = halving.unwrap_or_else(|| Halving::of(range.len()));
        batch.post(range.clone());
        let posting = self.transport.post(request);
        let started_at = self.shared.now();
        self.moved_at = started_at;
        let late_at = started_at.after(self.shared.config.post_timeout).after(TRANSPORT_GRACE);
        self.flights.push(Flight { batch, range, purpose, halving, started_at, late_at, posting });
    }

    fn body(&mut self, batch: &mut Batch, range: &Range<usize>) -> Result<RequestBody, String> {
        let body = match self.limits.layout {
            Layout::Framed(_) => batch.body(range),
            Layout::Encoded => self.encoded(batch, range)?,
        };
        self.packer.pack(body).map_err(|error| error.to_string())
    }

    fn encoded(&self, batch: &Batch, range: &Range<usize>) -> Result<RequestBody, String> {
        let mut body = Body::with_room(self.limits.body(range.len(), batch.text_of(range)));
        contain(|| self.format.encode(batch.events(range.clone()), &mut body))
            .map_err(|panicked| format!("the format panicked: {}", panicked.0))?;
        let body = body.finish().ok_or("the format wrote more than its overhead allows")?;
        Ok(RequestBody::from(body))
    }

    /// A request has ended, one way or another.
    pub(super) fn land(&mut self, mut flight: Flight, answer: Result<Reply, Failure>) {
        let now = self.shared.now();
        self.moved_at = now;
        let verdict = judge(&answer, crate::clock::wall());
        self.account(&flight, &answer, &verdict, now);
        let range = flight.range.clone();
        match verdict {
            Verdict::Delivered => {
                self.deliver(&mut flight, answer);
                flight.halving.delivered();
                self.window.succeeded(flight.started_at);
                let edge = self.outage.succeeded(now);
                if edge.is_some() {
                    self.window.recovered();
                }
                self.edge(edge, "");
            }
            Verdict::Halve(cause) => match flight.halving.refused(range.clone()) {
                Next::Halved => {}
                Next::Found => {
                    flight.batch.spill(range, &cause, Stamp::NEVER);
                    if flight.purpose == Purpose::Probe {
                        // It answered, but it took nothing: not a recovery yet.
                        self.fail(now, &flight, &cause, Weight::One, RetryAfter::default());
                    }
                }
                Next::GiveUp => {
                    flight.batch.spill(0..flight.batch.len(), &cause, Stamp::NEVER);
                    self.fail(now, &flight, &cause, Weight::One, RetryAfter::default());
                    return self.end(flight.batch);
                }
            },
            Verdict::Failed(cause, retry_after) => {
                let weight = if cause.reason == Reason::Timeout { Weight::Two } else { Weight::One };
                if matches!(cause.reason, Reason::Timeout | Reason::Unavailable) {
                    self.window.overloaded(flight.started_at, now);
                }
                return self.fail_batch(now, flight, &cause, weight, retry_after);
            }
            Verdict::Denied(cause) => {
                return self.fail_batch(now, flight, &cause, Weight::Enough, RetryAfter::default());
            }
        }
        match flight.halving.next() {
            Some(half) => self.post(flight.batch, half, flight.purpose, Some(flight.halving)),
            None => self.end(flight.batch),
        }
    }

    /// F3, for those that are still without an answer once the runtime has looked: this thread may have been at a slow log
    /// all the while.
    pub(super) async fn heed_late(&mut self, now: Stamp) {
        if now < self.flights.late_at() {
            return;
        }
        for _ in 0..LOOKS_BEFORE_LATE {
            pause().await;
            while let Some((flight, answer)) = self.flights.take_landed().await {
                self.land(flight, answer);
            }
        }
        while let Some((flight, answer)) = self.flights.take_late(now) {
            self.land(flight, answer);
        }
    }

    /// 2xx: all of the request's events, less those that the answer names.
    fn deliver(&mut self, flight: &mut Flight, answer: Result<Reply, Failure>) {
        let Ok(reply) = answer else { return };
        let range = flight.range.clone();
        let refused = contain(|| self.format.refused(&reply, range.len())).unwrap_or(Refused::Unknown);
        match refused {
            Refused::None => {}
            Refused::Events(positions) => {
                let cause =
                    Cause::of(Reason::Refused, format!("refused in the answer, status {}", reply.status));
                for nth in positions.into_iter().filter(|&nth| nth < range.len()) {
                    let nth = range.start + nth;
                    flight.batch.spill(nth..nth + 1, &cause, Stamp::NEVER);
                }
            }
            Refused::Unknown => {
                let why = match reply.body_end {
                    BodyEnd::Whole => "the answer does not say which events were refused",
                    BodyEnd::Cut => "the answer was cut off",
                };
                let cause = Cause {
                    reason: Reason::Broken,
                    maybe_delivered: MaybeDelivered::Yes,
                    detail: why.to_owned(),
                };
                flight.batch.spill(range.clone(), &cause, Stamp::NEVER);
            }
        }
        flight.batch.deliver(range);
    }

    /// The request's events, and the halves that wait behind them, go to the log.
    fn fail_batch(
        &mut self,
        now: Stamp,
        mut flight: Flight,
        cause: &Cause,
        weight: Weight,
        retry_after: RetryAfter,
    ) {
        // The state first, so that the notice of the outage precedes its events in the log.
        self.fail(now, &flight, cause, weight, retry_after);
        flight.batch.spill(flight.range.clone(), cause, Stamp::NEVER);
        let behind = Cause { maybe_delivered: MaybeDelivered::No, ..cause.clone() };
        flight.batch.spill(0..flight.batch.len(), &behind, Stamp::NEVER);
        self.end(flight.batch);
    }

    fn fail(&mut self, now: Stamp, flight: &Flight, cause: &Cause, weight: Weight, retry_after: RetryAfter) {
        if self.outage.state() == EndpointState::Healthy {
            // The books of the outage, if it becomes one, begin before its first failure is settled.
            self.outage_notice.at_beginning = self.shared.settler.totals();
        }
        let edge = self.outage.failed(now, flight.purpose, weight, retry_after);
        self.edge(edge, &format!("{}: {}", cause.reason, cause.detail));
    }

    fn account(&self, flight: &Flight, answer: &Result<Reply, Failure>, verdict: &Verdict, now: Stamp) {
        let settler = &self.shared.settler;
        settler.ledger.post(if *verdict == Verdict::Delivered {
            PostEnd::Succeeded
        } else {
            PostEnd::Failed
        });
        settler.signal(&Signal::PostEnded {
            batch: flight.batch.number,
            events: flight.range.len() as u64,
            status: answer.as_ref().ok().map(|reply| reply.status),
            took: now.since(flight.started_at),
        });
    }
}
