//! Plans below limits, and whole runs up to them.

use super::super::ladder::{Cause, Ladder, LadderStep, Policy};
use super::super::level::Level;
use super::super::limits::{COOL_DOWN, MB, SNAPSHOTS_PER_HOUR};
use super::super::settings::Builder;
use super::*;

const MIB: u64 = 1 << 20;
const SIZES: [u64; 7] =
    [128 * MIB, 256 * MIB, 512 * MIB, 1_024 * MIB, 2_048 * MIB, 4_096 * MIB, 65_536 * MIB];

fn builder() -> Builder {
    Builder::new("shop", "/nowhere")
}

fn below(limit: u64, builder: Builder) -> Plan {
    builder.plan(Bounds { group: Some(limit), machine: Some(1 << 40), room: Some(limit) }).unwrap()
}

fn series(plan: &Plan, limit: u64) -> Vec<u64> {
    let next = |&rung: &u64| Some(plan.rungs.after(rung, rung));
    std::iter::successors(Some(plan.rungs.first()), next)
        .take_while(|&rung| rung < limit)
        .map(|rung| rung / MB)
        .collect()
}

#[test]
fn by_default_the_series_follows_the_limit_of_the_group() {
    let table: [(u64, &[u64]); 4] = [
        (256 * MIB, &[93, 125, 145, 159, 169, 177, 187, 228]),
        (512 * MIB, &[219, 292, 341, 374, 395, 412, 439, 488]),
        (1_024 * MIB, &[471, 628, 733, 802, 849, 883, 942, 1_008]),
        (4_096 * MIB, &[1_981, 2_641, 3_081, 3_375, 3_571, 3_705, 3_962, 4_128]),
    ];
    for (limit, expected) in table {
        let plan = below(limit, builder());
        assert_eq!(series(&plan, limit), expected, "{limit}");
        assert_eq!(plan.shortfall, None);
    }
}

#[test]
fn without_a_limit_of_a_group_the_series_is_fixed_unless_the_machine_is_too_small_for_it() {
    let fixed = Rungs::Even { first: 800 * MB, step: 100 * MB };
    for machine in [None, Some(2_000 * MB), Some(8_000 * MB)] {
        assert_eq!(
            builder().plan(Bounds { machine, ..Bounds::default() }).unwrap().rungs,
            fixed,
            "{machine:?}"
        );
    }
    let small = Bounds { machine: Some(1_000 * MB), ..Bounds::default() };
    let small = builder().plan(small).unwrap();
    assert!(matches!(small.rungs, Rungs::Toward { limit, .. } if limit == 1_000 * MB), "{small:?}");
    assert_eq!(small.shortfall, None);
    // The group's limit is above the machine's memory: it was not chosen for this machine.
    let group = Bounds { group: Some(8_000 * MB), machine: Some(1_000 * MB), room: None };
    assert_eq!(builder().plan(group).unwrap().rungs, small.rungs);
}

#[test]
fn what_others_use_in_the_container_at_the_start_is_not_available_to_this_process() {
    let beside = |others: u64, builder: Builder| {
        let bounds = Bounds { group: Some(1_000 * MB), machine: None, room: Some(1_000 * MB - others * MB) };
        builder.plan(bounds).unwrap()
    };
    let alone = beside(0, builder());
    // What the kernel holds anyway moves nothing, so that the series is the same at each start.
    assert_eq!(beside(60, builder()), alone);
    let half = beside(600, builder());
    assert_eq!((half.rungs.first() / MB, half.shortfall), (155, None));
    let chosen = beside(600, builder().threshold(Level::Bytes(400 * MB))).shortfall.unwrap();
    assert_eq!((chosen.fit, chosen.limit / MB, chosen.way.limit / MB), (0, 1_000, 400));
    let full = beside(950, builder());
    assert!(full.shortfall.is_some_and(|shortfall| shortfall.instead.is_none()), "{full:?}");
}

#[test]
fn chosen_settings_hold_and_the_others_follow_the_limit() {
    let gb = 1_000 * MB;
    let both = below(gb, builder().threshold(Level::Bytes(400 * MB)).step(Level::ShareOfLimit(0.1)));
    assert_eq!(both.rungs, Rungs::Even { first: 400 * MB, step: 100 * MB });
    let threshold = below(gb, builder().threshold(Level::ShareOfLimit(0.5)));
    assert_eq!(series(&threshold, gb), [500, 624, 707, 762, 799, 830, 873, 936]);
    let step = below(gb, builder().step(Level::Bytes(50 * MB)));
    assert_eq!(step.rungs, Rungs::Even { first: 436_750_000, step: 50 * MB });
    // The appetite is lowered when memory is short, and halfway it is not.
    assert_eq!(threshold.appetite_from, 500 * MB);
    assert_eq!(below(gb, builder()).appetite_from / MB, 679);
}

#[test]
fn settings_that_leave_fewer_than_three_heap_profiles_are_reported_with_some_that_leave_three() {
    type Set = fn(Builder) -> Builder;
    // (limit in MB, settings, how many fit)
    let table: [(u64, Set, usize); 10] = [
        // The first was reported from outside: the fixed defaults under a limit of a GiB.
        (1_073, |it| it.threshold(Level::Bytes(800 * MB)).step(Level::Bytes(100 * MB)), 2),
        (192, |it| it.threshold(Level::ShareOfLimit(0.7)), 0),
        (192, |it| it.threshold(Level::ShareOfLimit(0.7)).step(Level::Bytes(5 * MB)), 0),
        (500, |it| it.threshold(Level::Bytes(800 * MB)), 0),
        (500, |it| it.threshold(Level::Bytes(250 * MB)).step(Level::Bytes(100 * MB)), 2),
        (2_000, |it| it.step(Level::Bytes(900 * MB)), 2),
        (500, |it| it.headroom_min(400 * MB), 2),
        (500, |it| it.headroom_min(u64::MAX), 0),
        (2_000, |it| it.threshold(Level::Bytes(800 * MB)).step(Level::Bytes(100 * MB)), 3),
        (192, |it| it, 3),
    ];
    for (mb, set, fit) in table {
        let plan = below(mb * MB, set(builder()));
        assert_eq!(plan.shortfall.map_or(3, |shortfall| shortfall.fit), fit, "{mb} MB: {plan:?}");
        if let Some(Shortfall { instead: Some((first, step)), way, .. }) = plan.shortfall {
            let instead = builder()
                .threshold(Level::Bytes(first))
                .step(Level::Bytes(step))
                .headroom_min(way.headroom_min);
            assert_eq!(below(mb * MB, instead).shortfall, None, "{mb} MB: {first} and {step}");
        }
    }
    for mb in [2, 4, 8, 16, 32, 64, 96] {
        let plan = below(mb * MB, builder());
        assert!(plan.rungs.first() >= STEP_BYTES_MIN, "{mb} MB: {plan:?}");
        assert_eq!(plan.shortfall.is_none(), mb >= 16, "{mb} MB: {plan:?}");
    }
}

/// A service that normally uses `base` and leaks `speed` bytes a second until it is killed.
#[derive(Debug, Clone, Copy)]
struct Leak {
    limit: u64,
    base: f64,
    speed: f64,
    /// How long a heap profile takes, and the memory for it; short reports take nothing.
    dump: Duration,
    dump_bytes: f64,
}

/// Where the way to this limit ends: short reports begin there.
fn end(limit: u64) -> f64 {
    Allowance::with(limit, None).end() as f64
}

/// What the watch writes in that time: heap profiles, short reports.
fn written_by(leak: Leak) -> (usize, usize) {
    let plan = below(leak.limit, builder());
    let mut ladder = Ladder::new(Policy {
        rungs: plan.rungs,
        warning: plan.warning,
        rearm_below: plan.rearm_below,
        rearm_after: Duration::from_secs(600),
        spacing: Duration::ZERO,
        cool_down: COOL_DOWN,
        per_hour_max: SNAPSHOTS_PER_HOUR,
    });
    let limit = leak.limit as f64;
    // What the kernel also holds: page tables, and as much again.
    let besides = |own: f64| own / 500.0 + limit * OVERHEAD_SHARE / 2.0;
    // The leak begins while the watch sleeps.
    let own_at = |now: Duration| {
        leak.base + leak.speed * now.saturating_sub(Duration::from_millis(1_700)).as_secs_f64()
    };
    let (mut now, mut heap, mut short) = (Duration::ZERO, 0, 0);
    loop {
        let own = own_at(now);
        if own + besides(own) >= limit {
            return (heap, short);
        }
        let near = limit - own - besides(own) < plan.headroom_min as f64;
        if let LadderStep::Take(cause) = ladder.look(now, own as u64) {
            assert_eq!(cause, Cause::Threshold);
            let (took, bytes) = if near { (Duration::ZERO, 0.0) } else { (leak.dump, leak.dump_bytes) };
            let at_the_end = own_at(now + took) + besides(own) + bytes;
            if at_the_end >= limit {
                return (heap, short);
            }
            if near {
                short += 1
            } else {
                heap += 1
            }
            ladder.taken(now, own as u64);
            now += took;
        }
        now += until_next_look(plan.rungs, ladder.rung(), own as u64);
    }
}

#[test]
fn with_no_setting_a_leak_of_any_speed_up_to_a_sixteenth_of_the_limit_a_second_leaves_three_heap_profiles() {
    let mut fewest = usize::MAX;
    let mut most = 0;
    for limit in SIZES {
        // From nothing to the limit in a day, and in sixteen seconds; no look can foresee anything faster.
        for seconds in [86_400.0, 20_000.0, 3_600.0, 900.0, 300.0, 60.0, 30.0, 20.0, 16.0] {
            for base in [0.05, 0.2, 0.4, 0.6] {
                for dump in [0.05, 0.3, 0.8] {
                    let leak = Leak {
                        limit,
                        base: end(limit) * base,
                        speed: limit as f64 / seconds,
                        dump: Duration::from_secs_f64(dump),
                        dump_bytes: 16e6,
                    };
                    let (heap, short) = written_by(leak);
                    assert!(
                        heap >= PROFILES_TO_COMPARE,
                        "{heap} heap profiles, {short} short reports: {leak:?}"
                    );
                    assert!(heap + short <= SNAPSHOTS_PER_HOUR as usize, "{heap} + {short}: {leak:?}");
                    fewest = fewest.min(heap);
                    most = most.max(heap + short);
                }
            }
        }
    }
    assert!(
        (4..=8).contains(&fewest) && most <= 10,
        "at least {fewest} heap profiles, at most {most} snapshots"
    );
}

#[test]
fn a_service_with_a_high_normal_level_still_leaves_three_heap_profiles() {
    for limit in SIZES {
        for base in [0.7, 0.8] {
            let (base, speed, dump) = (end(limit) * base, limit as f64 / 600.0, Duration::from_millis(300));
            let leak = Leak { limit, base, speed, dump, dump_bytes: 8e6 };
            let (heap, _) = written_by(leak);
            assert!(heap >= PROFILES_TO_COMPARE, "{heap}: {leak:?}");
        }
    }
}

#[test]
fn the_next_look_is_soon_only_where_a_threshold_is_near() {
    let gb = 1_000 * MB;
    let plan = below(gb, builder());
    let first = plan.rungs.first();
    let table = [
        (1, 6_988),
        (first / 2, 3_494),
        (first - 100 * MB, 1_600),
        (first - MB, 250),
        (first, 1_000),
        (2 * first, 1_000),
    ];
    for (in_use, millis) in table {
        let until = until_next_look(plan.rungs, first, in_use);
        assert!(until.as_millis().abs_diff(millis) <= 1, "{in_use}: {until:?}");
    }
    assert_eq!(
        until_next_look(Rungs::Even { first: 800 * MB, step: 100 * MB }, 800 * MB, 799 * MB),
        INTERVAL
    );
}

#[test]
fn a_rung_is_always_above_what_is_in_use() {
    for rungs in [
        Rungs::Even { first: 800, step: u64::MAX },
        below(1_000 * MB, builder()).rungs,
        below(2 * MB, builder()).rungs,
    ] {
        for in_use in [0, 1, MB, 999 * MB, u64::MAX / 2, u64::MAX - 1] {
            let next = rungs.after(rungs.first(), in_use);
            assert!(
                next > in_use && (in_use < rungs.first() || next > rungs.first()),
                "{rungs:?} {in_use}: {next}"
            );
        }
        assert_eq!(rungs.after(u64::MAX, u64::MAX), u64::MAX);
    }
}
