//! The table of the ladder: times in seconds, memory in MB.

use super::*;

const POLICY: Policy = Policy {
    rungs: Rungs::Even { first: 800, step: 100 },
    warning: 720,
    rearm_below: 700,
    rearm_after: Duration::from_secs(600),
    spacing: Duration::from_secs(60),
    cool_down: Duration::from_secs(60),
    per_hour_max: 4,
};

const TAKE: LadderStep = LadderStep::Take(Cause::Threshold);
const DEMAND: LadderStep = LadderStep::Take(Cause::Demand);

/// Looks at each moment; every snapshot succeeds.
fn course(ladder: &mut Ladder, looks: &[(u64, u64, LadderStep)]) {
    for &(second, in_use, expected) in looks {
        let now = Duration::from_secs(second);
        let step = ladder.look(now, in_use);
        assert_eq!(step, expected, "at {second} s with {in_use} MB: {ladder:?}");
        if matches!(step, LadderStep::Take(_)) {
            ladder.taken(now, in_use);
        }
    }
}

#[test]
fn a_growing_heap_leaves_a_series_of_one_snapshot_per_step() {
    let mut ladder = Ladder::new(POLICY);
    course(
        &mut ladder,
        &[
            (0, 600, LadderStep::Rest),
            (15, 730, LadderStep::Warn),
            (30, 760, LadderStep::Rest),
            (45, 801, TAKE),
            (60, 850, LadderStep::Rest),
            (120, 899, LadderStep::Rest),
            (135, 900, TAKE),
            (200, 1005, TAKE),
        ],
    );
    assert_eq!(ladder.rung(), 1100);
}

#[test]
fn a_leap_over_several_steps_is_one_snapshot() {
    let mut ladder = Ladder::new(POLICY);
    course(&mut ladder, &[(0, 1_250, TAKE), (100, 1_299, LadderStep::Rest), (200, 1_300, TAKE)]);
}

#[test]
fn memory_that_swings_around_a_threshold_is_one_snapshot_until_it_has_rested_below() {
    let mut ladder = Ladder::new(POLICY);
    course(&mut ladder, &[(0, 810, TAKE)]);
    for swing in 1..100 {
        let in_use = if swing % 2 == 0 { 810 } else { 600 };
        course(&mut ladder, &[(swing * 15, in_use, LadderStep::Rest)]);
    }
    course(
        &mut ladder,
        &[
            (2_000, 600, LadderStep::Rest),
            // The last swing went below at 1,485 s.
            (2_084, 600, LadderStep::Rest),
            (2_085, 600, LadderStep::Rearm),
            (2_615, 600, LadderStep::Rest),
            (2_630, 730, LadderStep::Warn),
            (2_645, 800, TAKE),
        ],
    );
}

#[test]
fn the_warning_comes_once_and_again_only_after_a_rest_below() {
    let mut ladder = Ladder::new(POLICY);
    course(
        &mut ladder,
        &[(0, 720, LadderStep::Warn), (15, 650, LadderStep::Rest), (30, 720, LadderStep::Rest)],
    );
    course(
        &mut ladder,
        &[(45, 650, LadderStep::Rest), (645, 650, LadderStep::Rearm), (660, 720, LadderStep::Warn)],
    );
}

#[test]
fn the_cool_down_spaces_the_series_and_delays_it_no_longer_than_that() {
    let mut ladder = Ladder::new(POLICY);
    course(
        &mut ladder,
        &[(0, 800, TAKE), (15, 910, LadderStep::Rest), (59, 1_500, LadderStep::Rest), (60, 1_510, TAKE)],
    );
    assert_eq!(ladder.rung(), 1_600);
}

#[test]
fn an_hour_has_its_limit_and_surplus_snapshots_are_reported_once() {
    let mut ladder = Ladder::new(POLICY);
    course(&mut ladder, &[(0, 800, TAKE), (60, 900, TAKE), (120, 1_000, TAKE), (180, 1_100, TAKE)]);
    let in_an_hour = |second: u64| Duration::from_secs(3_600 - second);
    course(
        &mut ladder,
        &[
            (240, 1_200, LadderStep::HoldBack(Cause::Threshold, in_an_hour(240))),
            (255, 1_300, LadderStep::Rest),
            (3_599, 1_400, LadderStep::Rest),
            (3_600, 1_400, TAKE),
            (3_660, 1_500, TAKE),
        ],
    );
    // A request is never ignored silently.
    course(&mut ladder, &[(3_661, 1_500, LadderStep::Rest)]);
    for second in [3_662, 3_670] {
        ladder.ask();
        let answer = ladder.look(Duration::from_secs(second), 1_500);
        let expected = if second < 3_665 {
            LadderStep::Rest
        } else {
            // Two of the four must go: the hour's last one is reserved for the threshold.
            LadderStep::HoldBack(Cause::Demand, Duration::from_secs(3_780 - second))
        };
        assert_eq!(answer, expected, "at {second}");
    }
}

#[test]
fn a_storm_of_requests_causes_one_snapshot_and_one_more_for_requests_during_it() {
    let mut ladder = Ladder::new(POLICY);
    (0..1_000).for_each(|_| ladder.ask());
    course(&mut ladder, &[(0, 100, DEMAND), (1, 100, LadderStep::Rest)]);
    (0..1_000).for_each(|_| ladder.ask());
    assert_eq!(ladder.wish_due_in(Duration::from_secs(2)), Some(Duration::from_secs(3)));
    course(&mut ladder, &[(2, 100, LadderStep::Rest), (5, 100, DEMAND), (100, 100, LadderStep::Rest)]);
    assert_eq!(ladder.wish_due_in(Duration::from_secs(100)), None);
}

#[test]
fn a_snapshot_on_demand_below_the_threshold_leaves_the_ladder_and_above_it_serves_the_rung() {
    let mut ladder = Ladder::new(POLICY);
    ladder.ask();
    course(&mut ladder, &[(0, 500, DEMAND)]);
    assert_eq!(ladder.rung(), 800);
    ladder.ask();
    course(&mut ladder, &[(5, 850, DEMAND), (200, 850, LadderStep::Rest)]);
    assert_eq!(ladder.rung(), 900);
}

#[test]
fn a_snapshot_that_was_refused_does_not_use_up_its_rung_nor_the_hour() {
    let mut ladder = Ladder::new(POLICY);
    for attempt in 0..100 {
        let now = Duration::from_secs(attempt * 60);
        assert_eq!(ladder.look(now, 830), TAKE, "attempt {attempt}");
        ladder.refused(now);
        assert_eq!(
            ladder.look(now + Duration::from_secs(15), 830),
            LadderStep::Rest,
            "not before the cool-down"
        );
        assert_eq!(ladder.rung(), 800);
    }
    course(&mut ladder, &[(6_000, 830, TAKE)]);
    assert_eq!(ladder.rung(), 900);
}

#[test]
fn the_numbers_at_their_ends_do_not_overflow() {
    let mut ladder = Ladder::new(Policy { rungs: Rungs::Even { first: 800, step: u64::MAX }, ..POLICY });
    course(&mut ladder, &[(0, u64::MAX, TAKE)]);
    assert_eq!(ladder.rung(), u64::MAX);
    assert_eq!(ladder.look(Duration::MAX, 0), LadderStep::Rest);
}

#[test]
fn requests_leave_the_last_snapshot_of_an_hour_to_the_threshold() {
    let mut ladder = Ladder::new(POLICY);
    for second in [0, 5, 10] {
        ladder.ask();
        course(&mut ladder, &[(second, 100, DEMAND)]);
    }
    ladder.ask();
    let until = |second: u64| LadderStep::HoldBack(Cause::Demand, Duration::from_secs(3_600 - second));
    course(&mut ladder, &[(15, 100, until(15)), (16, 100, LadderStep::Rest), (100, 800, TAKE)]);
    // Each request is answered, and none of them uses the threshold's snapshot.
    for second in [110, 120] {
        ladder.ask();
        let until = LadderStep::HoldBack(Cause::Demand, Duration::from_secs(3_605 - second));
        course(&mut ladder, &[(second, 850, until)]);
    }
    let held = LadderStep::HoldBack(Cause::Threshold, Duration::from_secs(3_600 - 200));
    course(&mut ladder, &[(200, 900, held), (3_600, 900, TAKE)]);
    // If an hour has only one snapshot, it is reserved for the threshold.
    let mut ladder = Ladder::new(Policy { per_hour_max: 1, ..POLICY });
    ladder.ask();
    course(&mut ladder, &[(0, 100, LadderStep::HoldBack(Cause::Demand, HOUR)), (1, 800, TAKE)]);
}

#[test]
fn at_the_end_a_request_is_served_at_once_and_without_one_nothing_is_taken() {
    let mut ladder = Ladder::new(POLICY);
    assert!(!ladder.hurry());
    ladder.ask();
    course(&mut ladder, &[(0, 100, DEMAND)]);
    assert!(!ladder.hurry(), "it was met");
    ladder.ask();
    course(&mut ladder, &[(1, 100, LadderStep::Rest)]);
    assert!(ladder.hurry());
    course(&mut ladder, &[(1, 100, DEMAND)]);
}

#[test]
fn where_the_series_is_not_spaced_a_refusal_still_has_its_cool_down() {
    let mut ladder = Ladder::new(Policy { spacing: Duration::ZERO, ..POLICY });
    course(&mut ladder, &[(0, 800, TAKE), (1, 900, TAKE), (2, 1_000, TAKE)]);
    assert_eq!(ladder.look(Duration::from_secs(3), 1_100), TAKE);
    ladder.refused(Duration::from_secs(3));
    course(&mut ladder, &[(62, 1_100, LadderStep::Rest), (63, 1_100, TAKE)]);
}
