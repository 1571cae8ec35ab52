//! A bad setting is an error at the start, which says what to do.

use crate::world::World;
use overspill::memory_watch::{Builder, Level, MemoryWatch, StartError};
use std::time::Duration;

type Bad = (&'static str, fn(Builder) -> Builder);

#[test]
fn a_bad_setting_is_an_error_that_says_what_to_do() {
    let bad: [Bad; 15] = [
        ("interval", |builder| builder.interval(Duration::ZERO)),
        ("interval", |builder| builder.interval(Duration::from_secs(100_000))),
        ("cool_down", |builder| builder.cool_down(Duration::MAX)),
        ("rearm_after", |builder| builder.rearm_after(Duration::MAX)),
        ("threshold", |builder| builder.threshold(Level::Bytes(0))),
        ("threshold", |builder| builder.threshold(Level::ShareOfLimit(0.0))),
        ("threshold", |builder| builder.threshold(Level::ShareOfLimit(f64::NAN))),
        ("threshold", |builder| builder.threshold(Level::ShareOfLimit(1.01))),
        ("step", |builder| builder.step(Level::Bytes(1))),
        ("warning", |builder| builder.warning(Level::Bytes(u64::MAX))),
        ("snapshots_per_hour_max", |builder| builder.snapshots_per_hour_max(0)),
        ("snapshots_per_hour_max", |builder| builder.snapshots_per_hour_max(u32::MAX)),
        ("retained_files_max", |builder| builder.retained_files_max(2)),
        ("snapshot_on_signal", |builder| builder.snapshot_on_signal(9)),
        ("snapshot_on_signal", |builder| builder.snapshot_on_signal(15)),
    ];
    let world = World::new();
    for (name, spoil) in bad {
        let error = spoil(world.builder()).build().expect_err(name);
        assert!(matches!(&error, StartError::Setting { name: named, .. } if *named == name), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(name) && text.contains(": "), "{text}");
    }
    for service in ["", "a/b", "..", "-a", "a b", "é", &"a".repeat(65)] {
        let error = MemoryWatch::builder(service, &world.folder).build().expect_err(service).to_string();
        assert!(error.starts_with("service is "), "{error}");
    }
    for folder in ["", "a\nb", "a\u{202e}b", &"a".repeat(241)] {
        let error = MemoryWatch::builder("shop", folder).build().expect_err(folder).to_string();
        assert!(error.starts_with("folder is "), "{error}");
    }
    assert_eq!(world.files(), [""; 0], "and nothing was made");
}

#[test]
fn without_proc_there_is_no_watch_and_the_error_says_why() {
    let world = World::new();
    let error = world.builder().system_root(world.root().join("nowhere")).start().expect_err("no /proc");
    assert!(matches!(error, StartError::Unreadable(_)), "{error}");
    assert!(error.to_string().contains("needs Linux with /proc"), "{error}");
}

#[test]
fn a_share_of_an_unknown_limit_is_an_error() {
    let world = World::new();
    std::fs::remove_file(world.root().join("proc/meminfo")).unwrap();
    let error =
        world.builder().threshold(Level::ShareOfLimit(0.5)).build().expect_err("no limit").to_string();
    assert!(error.ends_with("give it in bytes"), "{error}");
}

#[test]
fn a_watch_of_the_real_system_starts_and_reports_what_it_sees() {
    let world = World::new();
    let watch = MemoryWatch::builder("shop", &world.folder).disk_free_min(0).start().unwrap();
    let started = world.notices("memory watch started");
    assert_eq!(started.len(), 1);
    assert!(started[0]["fields"]["rss_bytes"].as_u64().unwrap() > 1_000_000);
    assert!(started[0]["fields"]["limit_bytes"].as_u64().unwrap() > 1_000_000);
    watch.stop();
}
