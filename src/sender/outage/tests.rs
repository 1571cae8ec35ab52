//! The state machine's table, and how it behaves behind a balancer with good and bad backends.

use super::*;
use crate::sender::retry::{Price, SecondTries};

const NO_HINT: RetryAfter = RetryAfter(Duration::ZERO);

fn outage() -> Outage {
    Outage::new(Backoff::new(1, Duration::from_millis(200), Duration::from_millis(1500)))
}

fn at(seconds: u64) -> Stamp {
    Stamp(0).after(Duration::from_secs(seconds))
}

fn miss(began: Stamp, weight: Weight) -> Miss {
    Miss { began, purpose: Purpose::Delivery, weight, retry_after: NO_HINT }
}

fn fail(outage: &mut Outage, now: Stamp) -> Option<Edge> {
    outage.failed(now, &miss(now, Weight::One))
}

fn told(outage: &mut Outage, now: Stamp, seconds: u64) -> Option<Edge> {
    let retry_after = RetryAfter(Duration::from_secs(seconds));
    outage.failed(now, &Miss { retry_after, ..miss(now, Weight::One) })
}

fn probe_fails(outage: &mut Outage, now: Stamp, hint: u64) -> Option<Edge> {
    let retry_after = RetryAfter(Duration::from_secs(hint));
    outage.failed(now, &Miss { retry_after, purpose: Purpose::Probe, ..miss(now, Weight::One) })
}

#[test]
fn the_third_failure_in_a_row_begins_an_outage_and_a_delivery_between_starts_the_count_anew() {
    let mut outage = outage();
    (0..20).for_each(|_| _ = outage.succeeded(at(0), at(0)));
    assert_eq!((fail(&mut outage, at(0)), fail(&mut outage, at(0))), (None, None));
    assert_eq!(outage.state(0), EndpointState::Failing);
    assert_eq!(outage.succeeded(at(1), at(1)), None);
    assert_eq!((fail(&mut outage, at(1)), fail(&mut outage, at(1))), (None, None));
    assert_eq!(outage.route(at(1)), Route::Post);
    assert_eq!(fail(&mut outage, at(2)), Some(Edge::Began));
    assert_eq!(outage.state(0), EndpointState::Out);
}

#[test]
fn two_posts_that_wait_for_their_whole_timeout_are_a_hang_and_it_began_with_the_first() {
    let mut outage = outage();
    assert_eq!(outage.failed(at(10), &miss(at(0), Weight::Two)), None);
    assert_eq!(outage.failed(at(11), &miss(at(1), Weight::Two)), Some(Edge::Began));
    assert_eq!(outage.since(), Some(at(10)));
}

#[test]
fn posts_that_hang_while_others_are_delivered_are_a_share_and_no_outage() {
    let mut outage = outage();
    for post in 0..100 {
        assert_eq!(outage.succeeded(at(10 * post + 9), at(10 * post + 9)), None);
        // Both began before that delivery.
        let hung = miss(at(10 * post), Weight::Two);
        assert_eq!(
            (outage.failed(at(10 * post + 10), &hung), outage.failed(at(10 * post + 10), &hung)),
            (None, None)
        );
    }
    assert!(outage.hearing().share(at(1000)).is_told());
}

#[test]
fn a_denial_is_enough_by_itself_until_something_is_delivered_and_then_is_one_of_three() {
    let mut denied = outage();
    assert_eq!(denied.failed(at(0), &miss(at(0), Weight::Denied)), Some(Edge::Began));
    let mut revoked = outage();
    revoked.succeeded(at(0), at(0));
    let deny = |outage: &mut Outage| outage.failed(at(1), &miss(at(1), Weight::Denied));
    assert_eq!((deny(&mut revoked), deny(&mut revoked)), (None, None));
    assert_eq!(deny(&mut revoked), Some(Edge::Began));
}

#[test]
fn single_events_that_are_refused_are_an_outage_by_the_third_and_a_batch_of_which_all_is_refused_at_once() {
    let mut single = outage();
    let refuse = |outage: &mut Outage, posts| outage.failed(at(0), &miss(at(0), Weight::Refused(posts)));
    assert_eq!((refuse(&mut single, 1), refuse(&mut single, 1)), (None, None));
    assert_eq!(refuse(&mut single, 1), Some(Edge::Began));
    assert_eq!(refuse(&mut outage(), 3), Some(Edge::Began));
    let mut poison = outage();
    for _ in 0..1000 {
        assert_eq!(refuse(&mut poison, 1), None);
        assert_eq!(poison.succeeded(at(0), at(0)), None, "one poison event among good ones");
    }
}

#[test]
fn a_retry_after_takes_it_out_at_once_and_is_honoured_when_a_second_answer_says_so() {
    let mut outage = outage();
    (0..20).for_each(|_| _ = outage.succeeded(at(0), at(0)));
    assert_eq!(told(&mut outage, at(0), 30), Some(Edge::Began));
    assert_eq!(outage.route(at(1)), Route::Probe, "one may be one backend's");
    outage.probe_started(at(1));
    probe_fails(&mut outage, at(1), 5);
    assert_eq!(outage.route(at(29)), Route::Log, "the later of the two");
    assert_eq!(outage.route(at(46)), Route::Probe, "with jitter on top, half as long as the hint");
}

#[test]
fn a_stragglers_retry_after_counts_as_well() {
    let mut outage = outage();
    assert_eq!(told(&mut outage, at(0), 1), Some(Edge::Began));
    assert_eq!(told(&mut outage, at(0), 60), None);
    assert_eq!((outage.route(at(59)), outage.route(at(100))), (Route::Log, Route::Probe));
    assert_eq!(told(&mut outage, at(2), 5), None);
    assert_eq!(outage.route(at(59)), Route::Log, "an earlier time does not make it earlier");
}

#[test]
fn the_first_of_a_run_may_go_once_more_and_any_where_posts_fail_now_and_then() {
    let mut clean = outage();
    (0..20).for_each(|_| _ = clean.succeeded(at(0), at(0)));
    fail(&mut clean, at(0));
    assert!(clean.may_try_again());
    fail(&mut clean, at(0));
    assert!(!clean.may_try_again());
    let mut mixed = outage();
    for _ in 0..10 {
        mixed.succeeded(at(0), at(0));
        fail(&mut mixed, at(0));
        assert!(mixed.may_try_again());
    }
    fail(&mut mixed, at(0));
    assert!(mixed.may_try_again());
    while fail(&mut mixed, at(0)).is_none() {}
    assert!(!mixed.may_try_again(), "never in an outage");
}

#[test]
fn a_retry_after_that_a_delivery_contradicts_is_one_backends_until_three_probes_say_the_same() {
    let mut outage = outage();
    told(&mut outage, at(0), 60);
    outage.succeeded(at(1), at(1));
    assert!(outage.doubts_retry_after(at(1)));
    let mut now = at(2);
    while told(&mut outage, now, 60).is_none() {
        now = now.after(Duration::from_millis(200));
    }
    assert!(now.since(at(2)) > Duration::from_millis(400), "odds of a half: more than three");
    for probe in 0..3 {
        now = now.after(Duration::from_millis(1600));
        assert_eq!(outage.route(now), Route::Probe, "probe {probe}");
        outage.probe_started(now);
        probe_fails(&mut outage, now, 60);
    }
    assert_eq!(outage.route(now.after(Duration::from_secs(59))), Route::Log);
}

#[test]
fn a_delivery_of_a_post_that_began_before_the_hint_does_not_contradict_it() {
    let mut outage = outage();
    told(&mut outage, at(1), 60);
    outage.succeeded(at(2), at(0));
    assert!(!outage.doubts_retry_after(at(2)));
}

#[test]
fn while_out_a_probe_that_hangs_keeps_no_other_from_starting_and_its_failure_is_not_a_second_beginning() {
    let mut outage = outage();
    outage.failed(at(0), &miss(at(0), Weight::Denied));
    assert_eq!(outage.route(at(1)), Route::Probe);
    outage.probe_started(at(1));
    assert_eq!((outage.route(at(1)), outage.state(1)), (Route::Log, EndpointState::Probing));
    assert_eq!(outage.route(at(3)), Route::Probe, "though the first has no answer yet");
    assert_eq!(fail(&mut outage, at(100)), None, "a straggler");
    assert_eq!(probe_fails(&mut outage, at(100), 0), None);
    assert_eq!((outage.state(0), outage.since()), (EndpointState::Out, Some(at(0))));
}

#[test]
fn a_delivery_ends_the_outage_says_how_long_it_was_and_what_hung_meanwhile_begins_no_other() {
    let mut outage = outage();
    outage.failed(at(10), &miss(at(10), Weight::Denied));
    outage.probe_started(at(11));
    assert_eq!(outage.succeeded(at(70), at(69)), Some(Edge::Ended { lasted: Duration::from_secs(60) }));
    assert_eq!(outage.state(0), EndpointState::Healthy);
    let hung = Miss { purpose: Purpose::Probe, ..miss(at(68), Weight::Two) };
    assert_eq!((outage.failed(at(71), &hung), outage.failed(at(71), &hung)), (None, None));
    assert_eq!(outage.state(0), EndpointState::Healthy);
}

#[test]
fn how_many_failures_in_a_row_are_no_chance_hangs_on_how_often_posts_fail_anyway() {
    for (odds, failures) in [(0.0, 3), (0.1, 3), (0.2, 5), (0.34, 7), (0.5, 10), (0.9, 10), (1.0, 10)] {
        assert_eq!(needed(odds), failures, "{odds}");
    }
}

#[test]
fn a_service_that_posts_seldom_is_told_after_a_while_though_a_share_of_its_posts_failed_before() {
    let mut outage = outage();
    for _ in 0..10 {
        outage.succeeded(at(0), at(0));
        fail(&mut outage, at(0));
    }
    outage.succeeded(at(0), at(0));
    let began = (1..20).find(|nth| fail(&mut outage, at(30 * nth)).is_some());
    assert_eq!(began, Some(3));
}

#[test]
fn an_endpoint_that_flaps_every_second_gets_seven_tenths_of_its_up_time_and_more() {
    const STEP: Duration = Duration::from_millis(5);
    const ROUNDS: u32 = 5000;
    let mut outage = outage();
    let mut delivering = 0;
    for step in 0..ROUNDS * 400 {
        let (now, up) = (Stamp(0).after(STEP * step), step / 200 % 2 == 1);
        match outage.route(now) {
            Route::Post if up => {
                delivering += 1;
                outage.succeeded(now, now);
            }
            Route::Post => _ = fail(&mut outage, now),
            Route::Probe => {
                outage.probe_started(now);
                if up {
                    outage.succeeded(now, now);
                } else {
                    probe_fails(&mut outage, now, 0);
                }
            }
            Route::Log => {}
        }
    }
    let share = f64::from(delivering) / f64::from(ROUNDS * 200);
    assert!((0.7..0.85).contains(&share), "{share:.3}");
}

#[test]
fn an_endpoint_that_stays_out_for_hours_is_probed_about_seventy_times_a_minute() {
    let mut outage = outage();
    outage.failed(at(0), &miss(at(0), Weight::Denied));
    let (mut now, mut probes) = (at(0), 0_u32);
    while now < at(3600) {
        now = now.after(Duration::from_millis(10));
        if outage.route(now) == Route::Probe {
            outage.probe_started(now);
            probes += 1;
            probe_fails(&mut outage, now, 0);
        }
    }
    // 200 ms and half of 1.3 s, and what the step adds.
    assert!((60 * 65..60 * 75).contains(&probes), "{probes}");
}

/// What one backend of several does with a post.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bad {
    Unavailable,
    RetryAfter,
    Denied,
    Refuses,
}

struct Balance {
    delivered: f64,
    out: f64,
    told_after: Option<Duration>,
}

/// Five posts a second for hours, at a balancer that picks one of `backends` by chance or in turn, of which `bad` are bad.
fn balance(
    kind: Bad,
    bad: u64,
    backends: u64,
    pick: fn(u64, &mut fastrand::Rng) -> u64,
    seed: u64,
) -> Balance {
    const POSTS: u64 = 5 * 3600 * 3;
    let (mut outage, mut tries) = (outage(), SecondTries::default());
    let (mut rng, mut requests) = (fastrand::Rng::with_seed(seed), 0);
    let mut ask = || {
        requests += 1;
        pick(requests, &mut rng) % backends >= bad
    };
    let (mut delivered, mut out, mut told_after) = (0_u32, 0_u32, None);
    for post in 0..POSTS {
        let now = at(1).after(Duration::from_millis(200 * post));
        let purpose = match outage.route(now) {
            Route::Log => {
                out += 1;
                continue;
            }
            Route::Probe => Purpose::Probe,
            Route::Post => Purpose::Delivery,
        };
        if purpose == Purpose::Probe {
            outage.probe_started(now);
        }
        for nth in 0..2 {
            if ask() {
                outage.succeeded(now, now);
                tries.delivered();
                // A probe takes a few of the events.
                delivered += u32::from(purpose == Purpose::Delivery);
                break;
            }
            let (weight, hint) = match kind {
                Bad::Unavailable => (Weight::One, 0),
                Bad::RetryAfter => (Weight::One, 30),
                Bad::Denied => (Weight::Denied, 0),
                Bad::Refuses => (Weight::Refused(1), 0),
            };
            let retry_after = RetryAfter(Duration::from_secs(hint));
            let edge = outage.failed(now, &Miss { began: now, purpose, weight, retry_after });
            if edge.is_some() || outage.hearing().share(now).is_told() {
                told_after = told_after.or(Some(now.since(at(1))));
            }
            let price = match kind {
                Bad::Unavailable => Some(Price::Post),
                Bad::RetryAfter if outage.doubts_retry_after(now) => Some(Price::Post),
                Bad::Denied if outage.hearing().delivers(now) => Some(Price::Post),
                _ => None,
            };
            let again = nth == 0 && purpose == Purpose::Delivery && outage.may_try_again();
            if !again || !price.is_some_and(|price| tries.spend(price)) {
                break;
            }
        }
    }
    let share = |count: u32| f64::from(count) / POSTS as f64;
    Balance { delivered: share(delivered), out: share(out), told_after }
}

fn in_turn(nth: u64, _: &mut fastrand::Rng) -> u64 {
    nth
}

fn by_chance(_: u64, rng: &mut fastrand::Rng) -> u64 {
    rng.u64(..)
}

/// The figures: the minimum share of posts that is delivered, if the balancer picks backends in turn and if it picks by chance.
#[test]
fn behind_a_balancer_the_healthy_backends_are_used_for_hours_and_the_share_that_fails_is_told() {
    for (kind, bad, backends, in_turn_min, by_chance_min) in [
        (Bad::Unavailable, 1, 3, 0.99, 0.85),
        (Bad::RetryAfter, 1, 3, 0.99, 0.80),
        (Bad::Denied, 1, 3, 0.99, 0.85),
        // Never tried twice: the endpoint has looked at it.
        (Bad::Refuses, 1, 3, 0.65, 0.63),
        (Bad::Unavailable, 1, 10, 0.99, 0.98),
        (Bad::RetryAfter, 1, 10, 0.99, 0.97),
        (Bad::Denied, 1, 10, 0.99, 0.98),
        (Bad::Unavailable, 1, 2, 0.65, 0.62),
        (Bad::Denied, 1, 2, 0.65, 0.62),
    ] {
        for seed in 0..5 {
            for (how, pick, least) in [
                ("in turn", in_turn as fn(u64, &mut fastrand::Rng) -> u64, in_turn_min),
                ("by chance", by_chance, by_chance_min),
            ] {
                let Balance { delivered, out, told_after } = balance(kind, bad, backends, pick, seed);
                let what = format!(
                    "{kind:?}, {bad} of {backends}, {how}: {delivered:.3} delivered, {out:.3} out, told after {told_after:?}"
                );

                assert!(delivered >= least, "{what}");
                let soon = Duration::from_secs(if backends > 3 { 180 } else { 10 });
                assert!(told_after.is_some_and(|after| after <= soon), "{what}");
            }
        }
    }
}

#[test]
fn an_endpoint_of_which_nothing_is_healthy_is_out_by_the_third_post_whatever_it_says() {
    for kind in [Bad::Unavailable, Bad::RetryAfter, Bad::Denied, Bad::Refuses] {
        let Balance { delivered, out, told_after } = balance(kind, 3, 3, in_turn, 0);
        assert!(delivered == 0.0 && out > 0.6, "{kind:?}: {out}");
        assert!(
            told_after.is_some_and(|after| after <= Duration::from_millis(400)),
            "{kind:?}: {told_after:?}"
        );
    }
}
