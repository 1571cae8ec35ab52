//! From a batch to a request, and from its answer to what becomes of the batch.

use super::Sender;
use super::batch::{Batch, BatchLimits};
use super::fit::{Fit, Size};
use super::flight::{Flight, Patience};
use super::halving::{Halving, Next};
use super::outage::{Miss, Purpose, Weight};
use super::retry::price;
use super::verdict::{Cause, Heed, RetryAfter, Verdict, judge};
use super::words;
use crate::clock::Stamp;
use crate::format::{Body, Layout, Refused};
use crate::ledger::PostEnd;
use crate::limits::{FRESH_CONNECTIONS_EVERY, PROBE_EVENTS_MAX, PROBE_TIMEOUT, TRANSPORT_GRACE};
use crate::observer::Signal;
use crate::outcome::{MaybeDelivered, Reason};
use crate::sync::{contain, pause};
use crate::transport::{BodyEnd, Failure, FailureKind, Reply, Request, RequestBody};
use std::ops::Range;

/// Turns that the runtime gets to move sockets and connections before a request counts as late: one for each hand through
/// which an answer goes (socket, connection, request), twice.
const LOOKS_BEFORE_LATE: usize = 6;
/// Bytes of an answer's body that are searched for secrets.
const WORDS_LOOKED_AT: usize = 4 << 10;

/// A range of a batch that is to be posted: all of it, a probe, or a half; for the first time or the second.
pub(super) struct Post {
    range: Range<usize>,
    purpose: Purpose,
    patience: Patience,
    halving: Halving,
    /// What became of the first try: the second has its number.
    first_try: Option<MaybeDelivered>,
    /// What the endpoint has said to a larger part of the batch.
    refusal: String,
}

impl Post {
    /// What is larger than the endpoint takes is posted in parts.
    pub(super) fn first(
        batch: &Batch,
        range: Range<usize>,
        (purpose, patience): (Purpose, Patience),
        fit: &Fit,
        limits: &BatchLimits,
    ) -> Post {
        let mut halving = Halving::of(range.len());
        let mut first = range.clone();
        if !fit.allows(size_of(batch, &range, limits)) {
            halving = Halving::of_parts(range);
            let part = halving.next(|range| fit.allows(size_of(batch, range, limits)));
            first = part.unwrap_or(first);
        }
        Post { range: first, purpose, patience, halving, first_try: None, refusal: String::new() }
    }

    /// A few events, to find out whether anybody is there; the others wait for what becomes of them.
    pub(super) fn feeler(batch: &Batch) -> Post {
        let mut halving = Halving::of_parts(0..batch.len());
        let first = halving.next(is_feeler).unwrap_or(0..batch.len());
        let (purpose, patience) = (Purpose::Delivery, Patience::Short);
        Post { range: first, purpose, patience, halving, first_try: None, refusal: String::new() }
    }
}

fn is_feeler(range: &Range<usize>) -> bool {
    range.len() <= PROBE_EVENTS_MAX
}

/// Of the body of these events. All of a batch is known without a look at each.
fn size_of(batch: &Batch, range: &Range<usize>, limits: &BatchLimits) -> Size {
    let all = *range == (0..batch.len());
    let texts = if all { batch.text_len() } else { batch.text_of(range) };
    Size { events: range.len(), bytes: limits.body(range.len(), texts) }
}

impl Sender {
    pub(super) fn post(&mut self, mut batch: Batch, post: Post) {
        let Post { range, purpose, patience, halving, first_try, refusal } = post;
        if first_try.is_none() {
            self.posts += 1;
            batch.number = self.posts;
        }
        let body = match self.body(&mut batch, &range) {
            Ok(body) => body,
            Err(why) => {
                // The endpoint has no part in this: no word to the outage.
                batch.spill_rest(Reason::FormatFailed, &why, Stamp::NEVER);
                return self.end(batch);
            }
        };
        let timeout = match patience {
            Patience::Full => self.shared.config.post_timeout,
            Patience::Short => self.shared.config.post_timeout.min(PROBE_TIMEOUT),
        };
        let request = Request {
            body,
            content_type: self.format.content_type(),
            content_encoding: self.packer.encoding(),
            idempotency_key: format!("{}-{}", self.shared.settler.spill.client(), batch.number),
            timeout,
            settled_by: self.format.settled_by(),
        };
        batch.post(range.clone());
        let posting = self.transport.post(request);
        let started_at = self.shared.now();
        self.moved_at = started_at;
        let late_at = started_at.after(timeout).after(TRANSPORT_GRACE);
        self.flights.push(Flight {
            batch,
            range,
            purpose,
            patience,
            halving,
            first_try,
            refusal,
            started_at,
            late_at,
            posting,
        });
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
        let mut verdict = self.judge(&answer);
        self.account(&flight, &answer, &verdict, now);
        let advice = answer.as_ref().ok().and_then(|reply| words::advice(reply.status));
        match &mut verdict {
            Verdict::Delivered => {
                self.deliver(&mut flight, answer);
                self.delivered(now, &mut flight);
            }
            Verdict::Halve(cause) => {
                if self.refused(now, &mut flight, cause, advice) == Next::GiveUp {
                    return self.end(flight.batch);
                }
            }
            Verdict::Failed(cause, retry_after) => {
                let weight = if cause.reason == Reason::Timeout { Weight::Two } else { Weight::One };
                let miss = miss(&flight, weight, *retry_after);
                if cause.reason == Reason::Timeout && self.gap.since(flight.started_at) {
                    // Time stood still: it is not the endpoint's fault.
                    return self.spill_batch(flight, cause);
                }
                if cause.reason == Reason::Timeout && is_feeler_flight(&flight) {
                    return self.feel_on(now, flight, cause);
                }
                if matches!(cause.reason, Reason::Timeout | Reason::Unavailable) {
                    self.window.overloaded(flight.started_at, now);
                }
                self.fail(now, &miss, cause, advice);
                return self.again_or_spill(now, flight, &answer, &verdict);
            }
            Verdict::Denied(cause) => {
                let miss = miss(&flight, Weight::Denied, RetryAfter::default());
                self.fail(now, &miss, cause, advice);
                return self.again_or_spill(now, flight, &answer, &verdict);
            }
        }
        if is_feeler_flight(&flight) {
            // It has found somebody, who answers soon: so may the others.
            flight.halving.rejoin();
        }
        let (fit, limits, batch) = (&self.fit, &self.limits, &flight.batch);
        match flight.halving.next(|range| fit.allows(size_of(batch, range, limits))) {
            Some(range) => {
                let Flight { batch, purpose, patience, halving, refusal, .. } = flight;
                self.post(batch, Post { range, purpose, patience, halving, first_try: None, refusal });
            }
            None => self.end(flight.batch),
        }
    }

    /// The answer's words are shown if they hold nothing secret.
    fn judge(&self, answer: &Result<Reply, Failure>) -> Verdict {
        let words = match answer {
            Ok(reply) if !(200..=299).contains(&reply.status) => words::of(reply),
            _ => String::new(),
        };
        let hidden = !words.is_empty()
            && answer.as_ref().is_ok_and(|reply| {
                // Not only what would be shown: a secret may stand across its end.
                let text = String::from_utf8_lossy(&reply.body[..reply.body.len().min(WORDS_LOOKED_AT)]);
                contain(|| self.transport.holds_secret(&text)).unwrap_or(true)
            });
        let words = if hidden { "" } else { words.as_str() };
        judge(answer, &Heed { wall: crate::clock::wall(), words, html: self.shared.config.html_answers })
    }

    fn delivered(&mut self, now: Stamp, flight: &mut Flight) {
        let size = size_of(&flight.batch, &flight.range, &self.limits);
        match flight.halving.delivered(&flight.range) {
            Some(passed) => {
                let passed = passed.map(|range| size_of(&flight.batch, &range, &self.limits));
                if let Some(limit) = self.fit.passed(&passed) {
                    self.fitted(limit, passed.refused, &flight.refusal);
                }
            }
            None => self.fit.delivered(size),
        }
        self.window.succeeded(flight.started_at);
        self.answers.delivered(now, now.since(flight.started_at));
        self.second_tries.delivered();
        let edge = self.outage.succeeded(now, flight.started_at);
        if edge.is_some() {
            self.window.recovered();
        }
        self.edge(edge, "", None);
        let share = self.sharing.delivered(now, self.outage.hearing().share(now));
        self.share_edge(share, "", None);
    }

    /// 400, 413, 422: the halves of the request wait, or its single event is refused, or all of it.
    fn refused(&mut self, now: Stamp, flight: &mut Flight, cause: &Cause, advice: Option<&str>) -> Next {
        let range = flight.range.clone();
        let next = flight.halving.refused(range.clone());
        if next == Next::Halved {
            flight.refusal.clone_from(&cause.detail);
            return next;
        }
        // The state first, so that the notice of an outage precedes its events in the log. A poison event among good ones says nothing:
        // what counts is a batch of which nothing was taken.
        let weight = match next {
            Next::GiveUp => Some(Weight::Refused(flight.halving.refusals())),
            _ => flight.halving.took_nothing().map(Weight::Refused),
        };
        match weight {
            Some(weight) => self.fail(now, &miss(flight, weight, RetryAfter::default()), cause, advice),
            None => self.hear_apart(now, cause, advice),
        }
        let spilled = if next == Next::GiveUp { 0..flight.batch.len() } else { range };
        flight.batch.spill(spilled, cause, Stamp::NEVER);
        next
    }

    /// Nobody was there in a short time. That is no word on the endpoint, which may be slow: the posts that hang will say. The next
    /// few events try again.
    fn feel_on(&mut self, now: Stamp, mut flight: Flight, cause: &Cause) {
        self.hear_apart(now, cause, None);
        flight.batch.spill(flight.range.clone(), cause, Stamp::NEVER);
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

    /// Once more at once, if it was certainly not taken and there is a second try left; else to the log.
    fn again_or_spill(
        &mut self,
        now: Stamp,
        flight: Flight,
        answer: &Result<Reply, Failure>,
        verdict: &Verdict,
    ) {
        let (Verdict::Failed(cause, _) | Verdict::Denied(cause)) = verdict else {
            return self.end(flight.batch);
        };
        let goes_again = self.goes_again(now, &flight, answer, verdict);
        if goes_again || flight.purpose == Purpose::Probe || self.outage.since().is_some() {
            self.freshen(now, answer);
        }
        if goes_again {
            let Flight { batch, range, purpose, patience, halving, refusal, .. } = flight;
            let first_try = Some(cause.maybe_delivered);
            return self.post(batch, Post { range, purpose, patience, halving, first_try, refusal });
        }
        self.spill_batch(flight, cause);
    }

    /// What comes next goes on a new connection, if this one was gone or led to somebody who takes nothing.
    fn freshen(&mut self, now: Stamp, answer: &Result<Reply, Failure>) {
        match answer {
            Err(failure) if failure.kind == FailureKind::Stale => {}
            Ok(_) if now >= self.fresh_at => self.fresh_at = now.after(FRESH_CONNECTIONS_EVERY),
            Ok(_) | Err(_) => return,
        }
        self.transport.connections_are_stale();
    }

    fn goes_again(
        &mut self,
        now: Stamp,
        flight: &Flight,
        answer: &Result<Reply, Failure>,
        verdict: &Verdict,
    ) -> bool {
        let Some(price) = price(answer, verdict) else { return false };
        let may = flight.purpose == Purpose::Delivery
            && flight.first_try.is_none()
            && self.outage.may_try_again()
            && now < self.closing_times().0;
        let others_deliver = match verdict {
            Verdict::Denied(_) => self.outage.hearing().delivers(now),
            Verdict::Failed(_, retry_after) => retry_after.0.is_zero() || self.outage.doubts_retry_after(now),
            Verdict::Delivered | Verdict::Halve(_) => false,
        };
        may && others_deliver && self.second_tries.spend(price)
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
    fn spill_batch(&mut self, mut flight: Flight, cause: &Cause) {
        let maybe_delivered = match flight.first_try {
            Some(MaybeDelivered::Yes) => MaybeDelivered::Yes,
            _ => cause.maybe_delivered,
        };
        let posted = Cause { maybe_delivered, ..cause.clone() };
        flight.batch.spill(flight.range.clone(), &posted, Stamp::NEVER);
        let behind = Cause { maybe_delivered: MaybeDelivered::No, ..posted };
        flight.batch.spill(0..flight.batch.len(), &behind, Stamp::NEVER);
        self.end(flight.batch);
    }

    /// The state first, so that the notice of the outage precedes its events in the log.
    fn fail(&mut self, now: Stamp, miss: &Miss, cause: &Cause, advice: Option<&str>) {
        self.note_books();
        let detail = format!("{}: {}", cause.reason, cause.detail);
        let edge = self.outage.failed(now, miss);
        self.edge(edge, &detail, advice);
        self.tell_share(now, &detail, advice);
    }

    /// Single events that are refused among good ones, and feelers that hang, are a share of failures, if they are many.
    fn hear_apart(&mut self, now: Stamp, cause: &Cause, advice: Option<&str>) {
        self.note_books();
        self.outage.failed_apart(now);
        self.tell_share(now, &format!("{}: {}", cause.reason, cause.detail), advice);
    }

    fn tell_share(&mut self, now: Stamp, detail: &str, advice: Option<&str>) {
        if self.outage.since().is_none() {
            let share = self.sharing.failed(now, self.outage.hearing().share(now));
            self.share_edge(share, detail, advice);
        }
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

fn miss(flight: &Flight, weight: Weight, retry_after: RetryAfter) -> Miss {
    Miss { began: flight.started_at, purpose: flight.purpose, weight, retry_after }
}

fn is_feeler_flight(flight: &Flight) -> bool {
    flight.purpose == Purpose::Delivery && flight.patience == Patience::Short
}
