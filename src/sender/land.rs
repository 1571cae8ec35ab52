//! From an answer to what happens to the batch: delivered, posted again, or written to the log.
//!
//! In: a flight and its answer. Out: its events settled, or their next post. Every answer also updates the endpoint's state; this comes
//! first, so that the notice of an outage precedes its events in the log.

use super::Sender;
use super::flight::{Flight, Patience};
use super::halving::Next;
use super::outage::{Miss, Purpose, Weight};
use super::post::{Post, size_of};
use super::verdict::{Heed, PostVerdict, RetryAfter, SpillCause, judge};
use super::words;
use crate::clock::Stamp;
use crate::format::{Fate, Repeats, Verdict};
use crate::ledger::PostEnd;
use crate::observer::Signal;
use crate::outcome::{MaybeDelivered, Reason};
use crate::sync::{contain, pause};
use crate::transport::{Failure, FailureKind, Reply};

/// Turns in which the runtime may move sockets and connections before a request counts as late: twice for each stage
/// that an answer passes (socket, connection, request).
const LOOKS_BEFORE_LATE: usize = 6;
/// Bytes of an answer's body that are searched for secrets.
const WORDS_LOOKED_AT: usize = 4 << 10;

impl Sender {
    /// Handles a request that has ended.
    pub(super) fn land(&mut self, mut flight: Flight, answer: Result<Reply, Failure>) {
        let now = self.shared.now();
        self.moved_at = now;
        let verdict = self.judge(&flight, &answer);
        self.account(&flight, &answer, &verdict, now);
        let advice = answer.as_ref().ok().and_then(|reply| words::advice(reply.status));
        match &verdict {
            PostVerdict::Delivered => {
                flight.batch.deliver(flight.range.clone());
                self.delivered(now, &mut flight);
            }
            PostVerdict::Sorted(sorted) => {
                if self.sorted(now, &mut flight, sorted, advice) == Next::GiveUp {
                    return self.end(flight.batch);
                }
            }
            PostVerdict::Halve(cause) => {
                if self.refused(now, &mut flight, cause, advice) == Next::GiveUp {
                    return self.end(flight.batch);
                }
            }
            PostVerdict::Failed(cause, retry_after) => {
                let weight = if cause.reason == Reason::Timeout { Weight::Two } else { Weight::One };
                let miss = miss(&flight, weight, *retry_after);
                if cause.reason == Reason::Timeout && self.gap.since(flight.started_at) {
                    // Time stood still: the endpoint is not to blame.
                    return self.spill_batch(flight, cause);
                }
                if cause.reason == Reason::Timeout && is_feeler_flight(&flight) {
                    return self.feel_on(now, flight, cause);
                }
                if is_stale(&answer) && self.goes_again(now, &flight, &answer, &verdict) {
                    // A closed idle connection says nothing about the endpoint; the result of the second try does.
                    return self.post_again(now, flight, &answer);
                }
                if matches!(cause.reason, Reason::Timeout | Reason::Unavailable) {
                    self.window.overloaded(flight.started_at, now);
                }
                self.fail(now, &miss, cause, advice);
                return self.again_or_spill(now, flight, &answer, &verdict);
            }
            PostVerdict::Denied(cause) => {
                let miss = miss(&flight, Weight::Denied, RetryAfter::default());
                self.fail(now, &miss, cause, advice);
                return self.again_or_spill(now, flight, &answer, &verdict);
            }
        }
        if is_feeler_flight(&flight) {
            // The endpoint answers again: the other requests may land soon too.
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

    /// The answer's words are shown if they contain no secret.
    fn judge(&self, flight: &Flight, answer: &Result<Reply, Failure>) -> PostVerdict {
        let (mut own, mut said) = (String::new(), Verdict::ByStatus);
        if let Ok(reply) = answer {
            let is_success = (200..=299).contains(&reply.status);
            let events = flight.range.len();
            let on_panic = if is_success { Verdict::Unknown } else { Verdict::ByStatus };
            said = contain(|| self.format.verdict(reply, events)).unwrap_or(on_panic);
            let shown = |words: &mut String| *words = self.shown(words);
            match &mut said {
                Verdict::Each(fates) => fates.iter_mut().filter_map(Fate::words_mut).for_each(shown),
                Verdict::NoneTaken { words }
                | Verdict::SomeRefused { words, .. }
                | Verdict::Unavailable { words, .. }
                | Verdict::Denied { words } => {
                    shown(words);
                }
                Verdict::ByStatus if !is_success => {
                    // Search more than what would be shown: a secret may cross its end.
                    let text = String::from_utf8_lossy(&reply.body[..reply.body.len().min(WORDS_LOOKED_AT)]);
                    own = words::of(reply);
                    if !own.is_empty() && self.holds_secret(&text) {
                        own.clear();
                    }
                }
                Verdict::ByStatus | Verdict::Unknown => {}
            }
        }
        let heed = Heed {
            wall: crate::clock::wall(),
            words: &own,
            html: self.shared.config.html_answers,
            said: &said,
            events: flight.range.len(),
            repeats: contain(|| self.format.repeats()).unwrap_or(Repeats::Double),
        };
        judge(answer, &heed)
    }

    /// The part of a format's words that may be shown.
    fn shown(&self, said: &str) -> String {
        let looked_at: String = said.chars().take(WORDS_LOOKED_AT).collect();
        let words = words::shown(&looked_at);
        if !words.is_empty() && self.holds_secret(&looked_at) { String::new() } else { words }
    }

    fn holds_secret(&self, text: &str) -> bool {
        contain(|| self.transport.holds_secret(text)).unwrap_or(true)
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
        self.hear_delivery(now, flight);
    }

    /// Notes everywhere that the endpoint takes events.
    pub(super) fn hear_delivery(&mut self, now: Stamp, flight: &Flight) {
        // For a status page; nothing here reads it.
        self.shared.endpoint.0.set_delivered_at(self.shared.clock.calendar().time(now));
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
    fn refused(&mut self, now: Stamp, flight: &mut Flight, cause: &SpillCause, advice: Option<&str>) -> Next {
        let range = flight.range.clone();
        let next = flight.halving.refused(range.clone());
        if cause.maybe_delivered == MaybeDelivered::Yes {
            flight.batch.doubt();
        }
        if next == Next::Halved {
            flight.refusal.clone_from(&cause.detail);
            return next;
        }
        self.hear_refusal(now, flight, next, cause, advice);
        match next {
            Next::GiveUp => flight.batch.spill(0..flight.batch.len(), cause),
            // It was alone in its request.
            _ => flight
                .batch
                .spill_known(range, &SpillCause { maybe_delivered: MaybeDelivered::No, ..cause.clone() }),
        }
        next
    }

    /// Updates the state first, so that the notice of an outage precedes its events in the log. A poison event among good ones says nothing
    /// about the endpoint: only a batch of which nothing was taken counts.
    pub(super) fn hear_refusal(
        &mut self,
        now: Stamp,
        flight: &Flight,
        next: Next,
        cause: &SpillCause,
        advice: Option<&str>,
    ) {
        let weight = match next {
            Next::GiveUp => Some(Weight::Refused(flight.halving.refusals())),
            _ => flight.halving.took_nothing().map(Weight::Refused),
        };
        match weight {
            Some(weight) => self.fail(now, &miss(flight, weight, RetryAfter::default()), cause, advice),
            None => self.hear_apart(now, cause, advice),
        }
    }

    /// Ends late requests (F3), if they still have no answer after the runtime has polled them: this thread may have been busy with a slow
    /// log all that time.
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

    /// The request's events, and the halves that wait after them, go to the log.
    pub(super) fn spill_batch(&mut self, mut flight: Flight, cause: &SpillCause) {
        let maybe_delivered = match flight.first_try {
            Some(MaybeDelivered::Yes) => MaybeDelivered::Yes,
            _ => cause.maybe_delivered,
        };
        let posted = SpillCause { maybe_delivered, ..cause.clone() };
        flight.batch.spill(flight.range.clone(), &posted);
        let behind = SpillCause { maybe_delivered: MaybeDelivered::No, ..posted };
        flight.batch.spill(0..flight.batch.len(), &behind);
        self.end(flight.batch);
    }

    /// Updates the state first, so that the notice of the outage precedes its events in the log.
    pub(super) fn fail(&mut self, now: Stamp, miss: &Miss, cause: &SpillCause, advice: Option<&str>) {
        self.note_books();
        let detail = format!("{}: {}", cause.reason, cause.detail);
        let edge = self.outage.failed(now, miss);
        self.edge(edge, &detail, advice);
        self.tell_share(now, &detail, advice);
    }

    /// Single refused events among good ones, and feelers that hang, form a share of failures if there are many.
    pub(super) fn hear_apart(&mut self, now: Stamp, cause: &SpillCause, advice: Option<&str>) {
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

    fn account(&self, flight: &Flight, answer: &Result<Reply, Failure>, verdict: &PostVerdict, now: Stamp) {
        let shared = &self.shared;
        shared.ledger.post(verdict.failed_by().map_or(PostEnd::Succeeded, PostEnd::Failed));
        shared.signal(&Signal::PostEnded {
            batch: flight.batch.number,
            events: flight.range.len() as u64,
            status: answer.as_ref().ok().map(|reply| reply.status),
            took: now.since(flight.started_at),
        });
    }
}

pub(super) fn miss(flight: &Flight, weight: Weight, retry_after: RetryAfter) -> Miss {
    Miss { began: flight.started_at, purpose: flight.purpose, weight, retry_after }
}

fn is_feeler_flight(flight: &Flight) -> bool {
    flight.purpose == Purpose::Delivery && flight.patience == Patience::Short
}

fn is_stale(answer: &Result<Reply, Failure>) -> bool {
    matches!(answer, Err(failure) if failure.kind == FailureKind::Stale)
}
