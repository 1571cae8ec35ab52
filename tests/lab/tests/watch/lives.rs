//! Events in a process's life: signals that are blocked, replaced or sent early, a fork, a change of folder, a kill during a dump.

use crate::figures;
use crate::world::{FOLDER, MB, World, folder_of_child, lines_of, names_in, play, until};
use fork::{Fork, fork};
use overspill::memory_watch::{Cause, Level, Looked, MemoryWatch};
use rustix::process::{Signal, getpid, kill_process};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

pub const PART_FORK: &str = "a service that forks";
pub const PART_BLOCKED: &str = "a service whose parent blocks the signal";
pub const PART_MOVES: &str = "a service that changes its folder";
pub const PART_KILLED: &str = "a service that is killed while it dumps";
const LONG: Duration = Duration::from_secs(3_600);
const PROFILED: (&str, &str) = ("_RJEM_MALLOC_CONF", "prof:true,prof_active:true,lg_prof_sample:14");

/// A watch of the real process that takes snapshots on demand only.
fn asked() -> MemoryWatch {
    let builder = MemoryWatch::builder("shop", folder_of_child()).interval(LONG).disk_free_min(0);
    builder.threshold(Level::Bytes(u64::MAX / 2)).headroom_min(0).snapshot_on_sigusr2().start().unwrap()
}

pub fn a_service_whose_parent_blocks_the_signal() {
    // Before the start: the signal stays pending, because all threads block it.
    kill_process(getpid(), Signal::USR2).unwrap();
    let watch = asked();
    until("the snapshot requested before the start", || names_in(&folder_of_child()).len() == 1);
    std::thread::sleep(overspill::memory_watch::limits::DEMAND_EVERY); // the gap between two, in real time
    kill_process(getpid(), Signal::USR2).unwrap();
    until("another", || names_in(&folder_of_child()).len() == 2);
    watch.stop();
}

#[test]
fn a_signal_that_the_parent_blocked_is_handled_even_if_it_was_sent_before_the_start() {
    let world = World::new();
    let said = play(PART_BLOCKED, "exec env --block-signal=USR2 \"$@\";", &world.folder, &[]);
    assert_eq!(world.files().len(), 2, "{said}");
    figures::report(35, "snapshots by a signal that the parent blocked, taken / expected", "2 / 2");
}

#[test]
fn a_signal_whose_handler_was_replaced_is_reported_once() {
    for (sets, words) in [
        ("SigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n", "has set it back to its own action"),
        ("SigIgn:\t0000000000000800\nSigCgt:\t0000000000000000\n", "has set it to be ignored"),
    ] {
        let world = World::new();
        let watch =
            world.builder().interval(Duration::from_millis(10)).snapshot_on_sigusr2().start().unwrap();
        let status = |sets| world.put("proc/self/status", &format!("RssAnon:\t 1 kB\n{sets}"));
        status("SigIgn:\t0000000000000000\nSigCgt:\t0000000000000800\n");
        std::thread::park_timeout(Duration::from_millis(50)); // several looks, none of which finds a fault
        assert!(world.notices("does not arrive").is_empty());
        status(sets);
        until("the notice", || !world.notices("does not arrive").is_empty());
        std::thread::park_timeout(Duration::from_millis(50)); // some more looks
        watch.stop();
        let told = world.notices("the signal for memory snapshots does not arrive");
        assert_eq!(told.len(), 1);
        assert!(told[0]["fields"]["message"].as_str().unwrap().contains(words), "{told:?}");
    }
}

pub fn a_service_that_forks() {
    let watch = asked();
    let builder = MemoryWatch::builder("shop", folder_of_child()).disk_free_min(0).headroom_min(0);
    let mut by_hand = builder.threshold(Level::Bytes(u64::MAX / 2)).build().unwrap();
    match fork().unwrap() {
        Fork::Child => {
            // None of this reaches the parent's watch or ends it.
            watch.ask_for_snapshot();
            kill_process(getpid(), Signal::USR2).unwrap();
            watch.stop();
            by_hand.ask_for_snapshot();
            let looked = by_hand.look(Instant::now());
            assert!(matches!(looked, Looked::Taken(snapshot) if snapshot.cause == Cause::Demand));
            std::process::exit(0);
        }
        Fork::Parent(child) => {
            let status = fork::waitpid(child).unwrap();
            assert_eq!(status, 0, "the child");
            assert_eq!(names_in(&folder_of_child()).len(), 1, "of the child alone");
            watch.ask_for_snapshot();
            until("a snapshot of the parent", || names_in(&folder_of_child()).len() == 2);
            watch.stop();
        }
    }
}

#[test]
fn a_child_made_by_fork_has_its_own_identity_and_leaves_its_parents_watch_alone() {
    let world = World::new();
    let said = play(PART_FORK, "", &world.folder, &[]);
    let mut processes: Vec<String> = world
        .files()
        .iter()
        .map(|file| {
            let text = fs::read_to_string(world.folder.join(file)).unwrap();
            lines_of(&text, "overspill.process=").concat()
        })
        .collect();
    processes.dedup();
    assert_eq!(processes.len(), 2, "{processes:?} {said}");
}

pub fn a_service_that_changes_its_folder() {
    let parent = folder_of_child().parent().unwrap().to_owned();
    std::env::set_current_dir(&parent).unwrap();
    let builder = MemoryWatch::builder("shop", "snapshots").interval(LONG).disk_free_min(0);
    let watch = builder.threshold(Level::Bytes(u64::MAX / 2)).headroom_min(0).start().unwrap();
    std::env::set_current_dir("/").unwrap();
    watch.ask_for_snapshot();
    watch.stop();
}

#[test]
fn a_relative_folder_is_resolved_when_the_watch_is_built() {
    let world = World::new();
    let said = play(PART_MOVES, "", &world.folder, &[]);
    let files = world.files();
    assert_eq!(files.len(), 1, "{said}");
    assert!(said.contains(&format!("{}/{}", world.folder.display(), files[0])), "{said}");
}

#[test]
fn a_snapshot_requested_before_the_end_is_taken_before_the_end() {
    let world = World::new();
    let watch = world.builder().interval(LONG).start().unwrap();
    watch.ask_for_snapshot();
    watch.stop();
    assert_eq!(world.files().len(), 1);
    // Again, within the gap between two on demand.
    let watch = world.builder().interval(LONG).start().unwrap();
    watch.ask_for_snapshot();
    until("the first", || world.files().len() == 2);
    watch.ask_for_snapshot();
    watch.stop();
    assert_eq!(world.files().len(), 3);
    let watch = world.builder().interval(LONG).start().unwrap();
    watch.stop();
    assert_eq!(world.files().len(), 3, "and nothing that was not requested");
}

#[test]
fn requested_snapshots_do_not_use_up_the_thresholds_hourly_limit() {
    let world = World::new();
    let (mut watch, mut course) = (world.builder().build().unwrap(), crate::world::Course::new());
    let mut taken = 0;
    for _ in 0..30 {
        watch.ask_for_snapshot();
        taken += usize::from(matches!(course.look(&mut watch, 5), Looked::Taken(_)));
    }
    assert_eq!((taken, world.notices("the last one of an hour is the threshold's").len()), (11, 19));
    world.resident(850 * MB);
    let looked = course.look(&mut watch, 60);
    assert!(matches!(looked, Looked::Taken(snapshot) if snapshot.cause == Cause::Threshold), "{looked:?}");
}

/// Dumps forever.
pub fn a_service_that_is_killed_while_it_dumps() {
    let held: Vec<Vec<u8>> = (0..20_000).map(|_| std::hint::black_box(vec![1; 1_000])).collect();
    let builder = MemoryWatch::builder("shop", folder_of_child()).disk_free_min(0).headroom_min(0);
    let mut watch = builder.retained_files_max(3).build().unwrap();
    let began = Instant::now();
    for nth in 0.. {
        watch.ask_for_snapshot();
        drop(watch.look(began + LONG * nth));
    }
    drop(held);
}

#[test]
fn the_next_start_removes_everything_that_a_service_killed_during_a_dump_left() {
    let world = World::new();
    let temporary = world.root().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let (mut left, mut killed) = (0, 0);
    for nth in 0..12 {
        let exe = std::env::current_exe().unwrap();
        let mut child = Command::new(exe)
            .args(["child", "--exact", "--quiet", "--test-threads=1"])
            .env(crate::world::PART, PART_KILLED)
            .env(FOLDER, &world.folder)
            .env("TMPDIR", &temporary)
            .env(PROFILED.0, PROFILED.1)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        until("a snapshot", || {
            world.files().iter().any(|file| file.contains(&format!("-{}.pb.gz", child.id())))
        });
        // Kills each process at a different point of a dump.
        std::thread::park_timeout(Duration::from_millis(nth * 3));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().signal() == Some(9));
        left += world.files().iter().filter(|file| !file.ends_with(".pb.gz")).count();
    }
    assert_eq!((killed, names_in(&temporary).len()), (12, 0), "and nothing in the temporary folder");
    // A partial file that is certainly there.
    fs::write(world.folder.join(".shop-20200101T000000.000Z-800MB-1.pb.gz.part"), "half of it").unwrap();
    let _watch = world.builder().build().unwrap();
    let after = world.files().iter().filter(|file| !file.ends_with(".pb.gz")).count();
    assert_eq!(after, 0, "{:?}", world.files());
    figures::report(
        36,
        "leftovers of 12 processes killed while they dumped, then after the next start",
        format!("{left}, then {after}"),
    );
}
