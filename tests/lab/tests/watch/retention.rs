//! Which files stay in the folder, and which are removed.

use crate::world::{Course, MB, World};
use overspill::memory_watch::Looked;
use std::fs::{self, File};
use std::time::Duration;

#[test]
fn the_first_and_the_newest_snapshots_are_kept_and_of_the_others_the_newer_ones() {
    let world = World::new();
    let builder = world.builder().retained_files_max(3).cool_down(Duration::ZERO);
    let (mut watch, mut course) = (builder.build().unwrap(), Course::new());
    let mut names = Vec::new();
    for step in 0..8 {
        world.resident((800 + 100 * step) * MB);
        let Looked::Taken(snapshot) = course.look(&mut watch, 15) else { panic!("no snapshot") };
        names.push(snapshot.file.to_owned());
    }
    assert_eq!(world.files(), [&*names[0], &*names[6], &*names[7]]);
    assert_eq!(world.notices("old memory snapshots removed").len(), 5);
}

#[test]
fn the_bytes_that_are_kept_are_bounded_too() {
    let world = World::new();
    let builder = world.builder().retained_bytes_max(1).cool_down(Duration::ZERO);
    let (mut watch, mut course) = (builder.build().unwrap(), Course::new());
    for step in 0..5 {
        world.resident((800 + 100 * step) * MB);
        assert!(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    }
    assert_eq!(world.files().len(), 2, "the first and the newest, whatever their size");
}

#[test]
fn only_snapshots_of_this_service_are_removed() {
    let world = World::new();
    fs::create_dir(&world.folder).unwrap();
    let others = [
        "notes.txt",
        "shop-old.pb.gz",
        "shop-20200101T000000.000Z-800MB-1.pb.gz.bak",
        "shop-2-20200101T000000.000Z-800MB-1.pb.gz",
        ".shop-x.part",
    ];
    for name in others {
        fs::write(world.folder.join(name), "precious").unwrap();
    }
    // A file with a name like ours that is not a snapshot.
    fs::create_dir(world.folder.join("shop-20200101T000000.000Z-800MB-2.pb.gz")).unwrap();
    let earlier = "shop-20200101T000000.000Z-800MB-1.pb.gz";
    fs::write(world.folder.join(earlier), "of a process that is gone").unwrap();
    let mut watch = world.builder().retained_bytes_max(1).build().unwrap();
    world.resident(850 * MB);
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Taken(_)));
    let left = world.files();
    assert!(others.iter().all(|other| left.contains(&(*other).to_owned())), "{left:?}");
    assert!(!left.contains(&earlier.to_owned()), "{left:?}");
    assert_eq!(left.len(), others.len() + 2);
}

#[test]
fn nothing_is_removed_if_no_new_snapshot_was_written() {
    let world = World::new();
    fs::create_dir(&world.folder).unwrap();
    let old: Vec<String> = (0..9).map(|nth| format!("shop-2020010{nth}T000000.000Z-800MB-1.pb.gz")).collect();
    old.iter().for_each(|name| fs::write(world.folder.join(name), "old").unwrap());
    let mut watch = world.builder().retained_files_max(3).disk_free_min(u64::MAX / 2).build().unwrap();
    world.resident(850 * MB);
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Refused(_)));
    assert_eq!(world.files(), old);
}

/// A process that is killed in the middle of a snapshot, because memory is full, leaves a partial file.
#[test]
fn a_partial_file_is_removed_once_its_writer_is_gone_and_not_before() {
    let world = World::new();
    fs::create_dir(&world.folder).unwrap();
    let [dead, alive] = [1, 2].map(|pid| format!(".shop-20200101T000000.000Z-800MB-{pid}.pb.gz.part"));
    File::create(world.folder.join(&dead)).unwrap();
    let writing = File::create(world.folder.join(&alive)).unwrap();
    rustix::fs::flock(&writing, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut watch = world.builder().build().unwrap();
    world.resident(850 * MB);
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Taken(_)));
    let left = world.files();
    assert!(left.contains(&alive) && !left.contains(&dead), "{left:?}");
}
