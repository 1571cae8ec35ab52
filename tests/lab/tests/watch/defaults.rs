//! With default settings a service leaves three heap profiles before its limit; if other settings do not, a notice at startup says so.

use crate::figures;
use crate::world::{Course, MB, World};
use overspill::memory_watch::{Kind, Level, Looked};

const MIB: u64 = 1 << 20;

/// The snapshots of a service that leaks up to its limit, by kind: full, short.
fn until_the_limit(limit: u64, per_look: u64) -> (usize, usize) {
    let world = World::new();
    world.cgroup(limit, 20 * MB);
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    let (mut full, mut short, mut own) = (0, 0, 10 * MB);
    while own + own / 50 < limit {
        world.resident(own);
        // Includes the memory that the kernel holds in addition.
        world.cgroup(limit, own + own / 50);
        if let Looked::Taken(snapshot) = course.look(&mut watch, 1) {
            match snapshot.kind {
                Kind::ShortReport => short += 1,
                _ => full += 1,
            }
        }
        own += per_look;
    }
    assert!(world.notices("as things are").is_empty(), "nothing to report at startup");
    (full, short)
}

#[test]
fn a_leak_in_a_container_of_any_common_size_leaves_three_full_snapshots_before_the_limit() {
    let mut fewest = usize::MAX;
    for limit in [256, 512, 1_024, 2_048, 4_096].map(|mib| mib * MIB) {
        for share in [64, 200] {
            let (full, short) = until_the_limit(limit, limit / share);
            assert!(full >= 3 && full + short <= 12, "{limit}: {full} full, {short} short");
            fewest = fewest.min(full);
        }
    }
    let what = "full snapshots before 256 MiB to 4 GiB, by default, fewest / at least";
    figures::report(35, what, format!("{fewest} / 3"));
}

#[test]
fn settings_that_leave_no_heap_profile_are_reported_at_startup_with_settings_that_do() {
    let world = World::new();
    world.cgroup(192 * MB, 20 * MB);
    let _watch = world.builder().threshold(Level::ShareOfLimit(0.7)).build().unwrap();
    let told = world.notices("no heap profile fits before the limit of 192 MB");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["level"], "WARN");
    let text = told[0]["fields"]["message"].as_str().unwrap();
    let number = |before: &str| -> u64 {
        let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
        rest.split(')').next().unwrap().parse().unwrap()
    };
    let (threshold, step) = (number("threshold(Level::Bytes("), number("step(Level::Bytes("));
    // The settings that the notice advises cause no notice.
    let world = World::new();
    world.cgroup(192 * MB, 20 * MB);
    let builder = world.builder().threshold(Level::Bytes(threshold)).step(Level::Bytes(step));
    let _watch = builder.build().unwrap();
    assert!(world.notices("fit").is_empty());
}

#[test]
fn the_earlier_defaults_can_still_be_set_and_are_reported_if_they_are_too_high() {
    for (limit, expected) in
        [(1_024 * MIB, "only 2 of the 3 heap profiles"), (512 * MIB, "no heap profile fits")]
    {
        let world = World::new();
        world.cgroup(limit, 20 * MB);
        let builder = world.builder().threshold(Level::Bytes(800 * MB)).step(Level::Bytes(100 * MB));
        let _watch = builder.build().unwrap();
        assert_eq!(world.notices(expected).len(), 1, "{limit}");
    }
}

#[test]
fn memory_used_by_others_at_startup_is_reported_if_it_leaves_too_little() {
    let world = World::new();
    world.cgroup(1_000 * MB, 700 * MB);
    let _watch = world.builder().threshold(Level::Bytes(500 * MB)).build().unwrap();
    let told = world.notices("no heap profile fits before the limit of 1000 MB, of which others have 599 MB");
    assert_eq!(told.len(), 1, "{}", world.log.text());
    // The default thresholds depend on the memory that is left.
    let world = World::new();
    world.cgroup(1_000 * MB, 700 * MB);
    let mut watch = world.builder().build().unwrap();
    assert!(world.notices("fit").is_empty());
    let (mut course, mut full) = (Course::new(), 0);
    for own in (100..400).step_by(2) {
        world.resident(own * MB);
        world.cgroup(1_000 * MB, (600 + own) * MB);
        let looked = course.look(&mut watch, 1);
        full += usize::from(matches!(looked, Looked::Taken(snapshot) if snapshot.kind != Kind::ShortReport));
    }
    assert!(full >= 3, "{full}");
}
