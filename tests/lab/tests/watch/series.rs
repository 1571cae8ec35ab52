//! Thresholds: a growing heap leaves a series of snapshots, and a fluctuating heap does not leave many files.

use crate::figures;
use crate::world::{Course, MB, World};
use overspill::memory_watch::{Cause, Kind, Level, Looked};
use std::time::Duration;

#[test]
fn a_growing_heap_leaves_an_escalating_series_of_one_snapshot_per_step() {
    let world = World::new();
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    let mut taken = Vec::new();
    for mb in (600..=1_520).step_by(2) {
        world.resident(mb * MB);
        match course.look(&mut watch, 15) {
            Looked::Taken(snapshot) => {
                assert_eq!((snapshot.kind, snapshot.cause), (Kind::Report, Cause::Threshold));
                taken.push((mb, snapshot.file.to_owned()));
            }
            Looked::Warned => assert_eq!(mb, 720, "nine tenths of the first threshold"),
            looked => assert!(matches!(looked, Looked::Calm), "{mb}: {looked:?}"),
        }
    }
    let at: Vec<u64> = taken.iter().map(|(mb, _)| *mb).collect();
    assert_eq!(at, [800, 900, 1_000, 1_100, 1_200, 1_300, 1_400, 1_500]);
    let names: Vec<String> = taken.into_iter().map(|(_, file)| file).collect();
    assert_eq!(world.files(), names, "each in the folder, in the order they were taken");
    let pid = std::process::id();
    for (mb, name) in at.iter().zip(&names) {
        assert!(name.starts_with("shop-") && name.ends_with(&format!("Z-{mb}MB-{pid}.report.txt")), "{name}");
    }
    assert_eq!(world.notices("memory is near the threshold").len(), 1);
    let noticed = world.notices("memory snapshot:");
    assert_eq!(noticed.len(), 8);
    let first = &noticed[0];
    assert_eq!(first["level"], "WARN");
    assert_eq!(first["fields"]["file"], format!("{}/{}", world.folder.display(), names[0]));
    assert_eq!(first["fields"]["threshold_bytes"], 800 * MB);
    assert_eq!(first["fields"]["next_threshold_bytes"], 900 * MB);
    assert_eq!(first["fields"]["cause"], "threshold");
    assert_eq!(first["fields"]["kind"], "report");
    let rss = first["fields"]["rss_bytes"].as_u64().unwrap();
    assert!((800 * MB..801 * MB).contains(&rss), "{rss}");
    figures::report(35, "a growing heap, taken / expected", format!("{} / 8", names.len()));
}

#[test]
fn memory_that_swings_around_a_threshold_for_an_hour_causes_one_snapshot() {
    let world = World::new();
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    let mut taken = 0;
    for look in 0..240 {
        let mb = [790, 812, 640, 899][look % 4];
        world.resident(mb * MB);
        taken += usize::from(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    }
    assert_eq!((taken, world.files().len()), (1, 1));
    figures::report(35, "swinging for an hour, taken / expected", format!("{taken} / 1"));
}

#[test]
fn a_new_series_begins_after_memory_has_stayed_below_the_threshold() {
    let world = World::new();
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    world.resident(810 * MB);
    let looked = course.look(&mut watch, 15);
    assert!(matches!(looked, Looked::Taken(_)), "{looked:?}");
    world.resident(600 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Calm));
    assert!(matches!(course.look(&mut watch, 599), Looked::Calm));
    assert!(matches!(course.look(&mut watch, 1), Looked::Rearmed));
    assert_eq!(world.notices("has come down").len(), 1);
    world.resident(810 * MB);
    let looked = course.look(&mut watch, 15);
    assert!(matches!(looked, Looked::Taken(_)), "{looked:?}");
}

#[test]
fn snapshots_per_hour_are_limited_and_the_log_says_when_the_next_is_possible() {
    let world = World::new();
    let builder = world.builder().snapshots_per_hour_max(3).cool_down(Duration::ZERO);
    let (mut watch, mut course) = (builder.build().unwrap(), Course::new());
    let mut taken = 0;
    for step in 0..200 {
        world.resident((800 + 100 * step) * MB);
        taken += usize::from(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    }
    assert_eq!(taken, 3);
    let said = world.notices("3 within an hour were taken");
    assert_eq!(said.len(), 1, "said once");
    assert!(said[0]["fields"]["message"].as_str().unwrap().ends_with("the next is possible in 3555 s"));
    world.resident(30_000 * MB);
    assert!(matches!(course.look(&mut watch, 3_600), Looked::Taken(_)));
}

#[test]
fn thresholds_can_be_shares_of_the_smallest_limit() {
    let world = World::new();
    world.cgroup(1_000 * MB, 500 * MB);
    let shares = world.builder().threshold(Level::ShareOfLimit(0.5)).step(Level::ShareOfLimit(0.1));
    let (mut watch, mut course) = (shares.build().unwrap(), Course::new());
    world.resident(499 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Warned));
    world.resident(500 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    assert_eq!(world.notices("memory snapshot:")[0]["fields"]["next_threshold_bytes"], 600 * MB);
    // Without a cgroup limit, the machine's memory is the limit.
    let world = World::new();
    let watch = world.builder().threshold(Level::ShareOfLimit(0.5)).build().unwrap();
    let total = 8_000 * MB / 1_024 * 1_024;
    assert!(format!("{watch:?}").contains(&format!("next_threshold_bytes: {}", total / 2)), "{watch:?}");
}

#[test]
fn unreadable_memory_figures_are_reported_once_and_read_again_later() {
    let world = World::new();
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    std::fs::rename(world.root().join("proc/self/statm"), world.root().join("away")).unwrap();
    for _ in 0..10 {
        assert!(matches!(course.look(&mut watch, 15), Looked::Unreadable(_)));
    }
    assert_eq!(world.notices("cannot be read").len(), 1);
    world.resident(810 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
}

#[test]
fn snapshots_in_the_same_millisecond_have_different_names() {
    let world = World::new();
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    for _ in 0..100 {
        watch.ask_for_snapshot();
        let looked = course.look(&mut watch, 3_600);
        assert!(matches!(looked, Looked::Taken(_)), "{looked:?}");
    }
}
