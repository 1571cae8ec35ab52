//! Whether to post, to probe, or to go straight to the log: a state machine of its inputs, which include the time.
//!
//! healthy -> failing -> out -> probing -> healthy. O1: while out, at most one probe is on its way, and between
//! two of them lies the backoff's delay, which is never less than the endpoint's Retry-After. O2: any delivery ends the
//! outage, a probe's or a straggler's. Nothing was held back, so there is no backlog to let loose.

use super::backoff::Backoff;
use super::verdict::RetryAfter;
use crate::clock::Stamp;
use crate::ledger::EndpointState;
use crate::limits::FAILURES_BEFORE_OUT;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Outage {
    phase: Phase,
    backoff: Backoff,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Healthy,
    Failing { since: Stamp, failures: u32 },
    Out { since: Stamp, probe_at: Stamp, failed_probes: u32 },
    Probing { since: Stamp, failed_probes: u32 },
}

/// Where the next batch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Post,
    /// A few events as a probe, the others to the log.
    Probe,
    Log,
}

/// Why something is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Delivery,
    Probe,
}

/// How much a failure weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// One of several that make an outage.
    One,
    /// A post that waited for its whole timeout: two of them in a row are a hang, and while they last nothing is heard.
    Two,
    /// Enough by itself: we are denied, or told when to come back.
    Enough,
}

/// A change worth a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Began,
    Ended { lasted: Duration },
}

impl Outage {
    pub(crate) fn new(backoff: Backoff) -> Outage {
        Outage { phase: Phase::Healthy, backoff }
    }

    pub(crate) fn state(&self) -> EndpointState {
        match self.phase {
            Phase::Healthy => EndpointState::Healthy,
            Phase::Failing { .. } => EndpointState::Failing,
            Phase::Out { .. } => EndpointState::Out,
            Phase::Probing { .. } => EndpointState::Probing,
        }
    }

    /// When the outage began, if there is one: with the first of the failures that made it.
    pub(crate) fn since(&self) -> Option<Stamp> {
        match self.phase {
            Phase::Out { since, .. } | Phase::Probing { since, .. } => Some(since),
            Phase::Healthy | Phase::Failing { .. } => None,
        }
    }

    /// When the next probe is due, if one is waited for.
    pub(crate) fn probe_at(&self) -> Option<Stamp> {
        match self.phase {
            Phase::Out { probe_at, .. } => Some(probe_at),
            Phase::Healthy | Phase::Failing { .. } | Phase::Probing { .. } => None,
        }
    }

    pub(crate) fn route(&self, now: Stamp) -> Route {
        match self.phase {
            Phase::Healthy | Phase::Failing { .. } => Route::Post,
            Phase::Out { probe_at, .. } if now >= probe_at => Route::Probe,
            Phase::Out { .. } | Phase::Probing { .. } => Route::Log,
        }
    }

    pub(crate) fn probe_started(&mut self) {
        if let Phase::Out { since, failed_probes, .. } = self.phase {
            self.phase = Phase::Probing { since, failed_probes };
        }
    }

    pub(crate) fn succeeded(&mut self, now: Stamp) -> Option<Edge> {
        let ended = self.since().map(|since| Edge::Ended { lasted: now.since(since) });
        self.phase = Phase::Healthy;
        ended
    }

    pub(crate) fn failed(
        &mut self,
        now: Stamp,
        purpose: Purpose,
        weight: Weight,
        retry_after: RetryAfter,
    ) -> Option<Edge> {
        let (since, before) = match self.phase {
            Phase::Healthy => (now, 0),
            Phase::Failing { since, failures } => (since, failures),
            Phase::Probing { since, failed_probes } if purpose == Purpose::Probe => {
                self.go_out(now, since, failed_probes + 1, retry_after);
                return None;
            }
            // A straggler from before the outage says nothing new.
            Phase::Out { .. } | Phase::Probing { .. } => return None,
        };
        let failures = before
            + match weight {
                Weight::One => 1,
                Weight::Two => 2,
                Weight::Enough => FAILURES_BEFORE_OUT,
            };
        if failures < FAILURES_BEFORE_OUT && retry_after.0.is_zero() {
            self.phase = Phase::Failing { since, failures };
            return None;
        }
        self.go_out(now, since, 0, retry_after);
        Some(Edge::Began)
    }

    /// The probe, if one was on its way, was lost with whoever carried it: as if it had failed. Of any other request this says nothing.
    pub(crate) fn probe_lost(&mut self, now: Stamp) {
        if let Phase::Probing { since, failed_probes } = self.phase {
            self.go_out(now, since, failed_probes + 1, RetryAfter::default());
        }
    }

    fn go_out(&mut self, now: Stamp, since: Stamp, failed_probes: u32, retry_after: RetryAfter) {
        let probe_at = now.after(self.backoff.delay(failed_probes, retry_after.0));
        self.phase = Phase::Out { since, probe_at, failed_probes };
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    const NO_HINT: RetryAfter = RetryAfter(Duration::ZERO);

    fn outage() -> Outage {
        Outage::new(Backoff::new(1, Duration::from_millis(200), Duration::from_secs(15)))
    }

    fn at(seconds: u64) -> Stamp {
        Stamp(0).after(Duration::from_secs(seconds))
    }

    fn fail(outage: &mut Outage, now: Stamp) -> Option<Edge> {
        outage.failed(now, Purpose::Delivery, Weight::One, NO_HINT)
    }

    #[test]
    fn the_third_failure_in_a_row_begins_an_outage_and_a_success_between_starts_the_count_anew() {
        let mut outage = outage();
        assert_eq!((fail(&mut outage, at(0)), fail(&mut outage, at(0))), (None, None));
        assert_eq!(outage.state(), EndpointState::Failing);
        assert_eq!(outage.succeeded(at(1)), None);
        assert_eq!((fail(&mut outage, at(1)), fail(&mut outage, at(1))), (None, None));
        assert_eq!(outage.route(at(1)), Route::Post);
        assert_eq!(fail(&mut outage, at(2)), Some(Edge::Began));
        assert_eq!(outage.state(), EndpointState::Out);
    }

    #[test]
    fn two_posts_that_wait_for_their_whole_timeout_are_a_hang_and_it_began_with_the_first() {
        let mut outage = outage();
        let hang = |outage: &mut Outage, now| outage.failed(now, Purpose::Delivery, Weight::Two, NO_HINT);
        assert_eq!((hang(&mut outage, at(10)), hang(&mut outage, at(11))), (None, Some(Edge::Began)));
        assert_eq!(outage.since(), Some(at(10)));
    }

    #[test]
    fn a_denial_and_a_retry_after_begin_it_at_once() {
        let mut denied = outage();
        assert_eq!(denied.failed(at(0), Purpose::Delivery, Weight::Enough, NO_HINT), Some(Edge::Began));
        let mut told = outage();
        let hint = RetryAfter(Duration::from_secs(30));
        assert_eq!(told.failed(at(0), Purpose::Delivery, Weight::One, hint), Some(Edge::Began));
        assert_eq!(told.route(at(29)), Route::Log);
        assert_eq!(told.route(at(46)), Route::Probe, "with jitter on top, half as long as the hint");
    }

    #[test]
    fn while_out_there_is_one_probe_at_a_time_and_its_failure_is_not_a_second_beginning() {
        let mut outage = outage();
        outage.failed(at(0), Purpose::Delivery, Weight::Enough, NO_HINT);
        assert_eq!(outage.route(at(1)), Route::Probe);
        outage.probe_started();
        assert_eq!((outage.route(at(100)), outage.state()), (Route::Log, EndpointState::Probing));
        assert_eq!(fail(&mut outage, at(100)), None, "a straggler");
        assert_eq!(outage.state(), EndpointState::Probing);
        assert_eq!(outage.failed(at(100), Purpose::Probe, Weight::One, NO_HINT), None);
        assert_eq!(outage.state(), EndpointState::Out);
        assert_eq!(outage.since(), Some(at(0)));
    }

    #[test]
    fn a_probe_that_is_lost_has_failed_and_without_one_nothing_has() {
        let mut outage = outage();
        for _ in 0..2 * FAILURES_BEFORE_OUT {
            outage.probe_lost(at(0));
            assert_eq!(outage.state(), EndpointState::Healthy);
        }
        fail(&mut outage, at(1));
        outage.probe_lost(at(1));
        assert_eq!(outage.state(), EndpointState::Failing);
        outage.failed(at(2), Purpose::Delivery, Weight::Enough, NO_HINT);
        outage.probe_started();
        outage.probe_lost(at(3));
        assert_eq!((outage.state(), outage.since()), (EndpointState::Out, Some(at(1))));
    }

    #[test]
    fn a_delivery_ends_the_outage_and_says_how_long_it_was() {
        let mut outage = outage();
        outage.failed(at(10), Purpose::Delivery, Weight::Enough, NO_HINT);
        outage.probe_started();
        assert_eq!(outage.succeeded(at(70)), Some(Edge::Ended { lasted: Duration::from_secs(60) }));
        assert_eq!(outage.state(), EndpointState::Healthy);
    }

    #[test]
    fn an_endpoint_that_flaps_every_second_gets_seven_tenths_of_its_up_time() {
        const STEP: Duration = Duration::from_millis(5);
        const ROUNDS: u32 = 5000;
        let mut outage = outage();
        let mut delivering = 0;
        for step in 0..ROUNDS * 400 {
            let (now, up) = (Stamp(0).after(STEP * step), step / 200 % 2 == 1);
            match outage.route(now) {
                Route::Post if up => delivering += 1,
                Route::Post => _ = fail(&mut outage, now),
                Route::Probe => {
                    outage.probe_started();
                    if up {
                        outage.succeeded(now);
                    } else {
                        outage.failed(now, Purpose::Probe, Weight::One, NO_HINT);
                    }
                }
                Route::Log => {}
            }
        }
        let share = f64::from(delivering) / f64::from(ROUNDS * 200);
        assert!((0.7..0.8).contains(&share), "{share:.3}");
    }

    #[test]
    fn an_endpoint_that_stays_out_is_probed_no_more_often_than_the_interval_allows() {
        let mut outage = outage();
        outage.failed(at(0), Purpose::Delivery, Weight::Enough, NO_HINT);
        let (mut now, mut probes) = (at(0), 0_u32);
        while now < at(3600) {
            now = now.after(Duration::from_millis(50));
            if outage.route(now) == Route::Probe {
                outage.probe_started();
                probes += 1;
                outage.failed(now, Purpose::Probe, Weight::One, NO_HINT);
            }
        }
        // Jitter halves the mean interval of 15 s: about 480 an hour.
        assert!((400..560).contains(&probes), "{probes}");
    }
}
