//! The text reports, useful under any allocator.

use crate::world::{Course, MB, World};
use overspill::memory_watch::{Builder, Kind, Level, Looked};
use overspill::{Client, Mode};
use std::time::Duration;

/// A snapshot at 800 MB and at every 100 MB above it, whatever the limit is.
fn fixed(world: &World) -> Builder {
    world.builder().threshold(Level::Bytes(800 * MB)).step(Level::Bytes(100 * MB))
}

/// The report of one snapshot.
fn report(world: &World, client: &Client, expected: Kind) -> String {
    let mut watch = fixed(world).client(client).build().unwrap();
    world.resident(850 * MB);
    let Looked::Taken(snapshot) = Course::new().look(&mut watch, 0) else { panic!("no snapshot") };
    assert_eq!(snapshot.kind, expected);
    let text = std::fs::read_to_string(world.folder.join(snapshot.file)).unwrap();
    assert_eq!(snapshot.file_bytes, text.len());
    text
}

fn client_with_books() -> Client {
    let client = Client::builder("http://127.0.0.1:9/").mode(Mode::LogOnly).build().unwrap();
    for nth in 0..3 {
        client.emit(&nth);
    }
    client.shutdown_blocking(Duration::from_secs(5));
    client
}

#[test]
fn the_report_has_the_process_the_cgroup_the_allocator_and_the_books() {
    let (world, client) = (World::new(), client_with_books());
    world.cgroup(1_000 * MB, 700 * MB);
    let text = report(&world, &client, Kind::Report);
    let bound = format!("memory_bound_bytes {}\n", client.memory_bound());
    for part in [
        "overspill memory report 1\nservice shop\ntime 20",
        "cause threshold\nrss_bytes 85",
        "threshold_bytes 800000000\nlimit_bytes 1000000000\nheadroom_bytes 300000000\n",
        "because jemalloc's profiling is off: ",
        "[client 0]\nemitted 3 = delivered 0 + spilled 3 (log_only 3) + lost 0 + pending 0 (0 B)",
        &bound,
        "[cgroup v2]\nlimit_bytes 1000000000\nin_use_bytes 700000000\nheadroom_bytes 300000000\n",
        "[allocator]\njemalloc\nallocated_bytes ",
        "\ncounts anonymous\ncounted_bytes 85",
        "\noverspill.process=",
        "\noverspill.uptime_ns=",
        "[status]\nName:\tservice\n",
        "[smaps_rollup]\nRss: 1 kB\n",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert_eq!(world.notices("no heap profiles, text reports instead").len(), 1, "reported once");
}

#[test]
fn near_the_limit_of_the_cgroup_or_of_the_machine_the_report_is_short() {
    for near in [(|world: &World| world.cgroup(1_000 * MB, 950 * MB)) as fn(&World), |world| {
        world.machine(8_000 * MB, 60 * MB)
    }] {
        let (world, client) = (World::new(), client_with_books());
        near(&world);
        let text = report(&world, &client, Kind::ShortReport);
        assert!(text.contains("because memory is nearly used up\n"), "{text}");
        assert!(
            text.contains("[client 0]\nemitted 3\ndelivered 0\nspilled 3\nlost 0\npending 0\n"),
            "{text}"
        );
        assert!(text.len() < 1_000 && !text.contains("[status]"), "{text}");
    }
}

#[test]
fn old_snapshots_are_removed_only_when_there_is_memory_again() {
    let world = World::new();
    let builder = fixed(&world).retained_files_max(3).cool_down(Duration::ZERO);
    let (mut watch, mut course) = (builder.build().unwrap(), Course::new());
    world.machine(8_000 * MB, 60 * MB);
    for step in 0..6 {
        world.resident((800 + 100 * step) * MB);
        assert!(matches!(course.look(&mut watch, 15), Looked::Taken(_)));
    }
    assert!(matches!(course.look(&mut watch, 15), Looked::Calm));
    assert_eq!(world.files().len(), 6);
    world.machine(8_000 * MB, 4_000 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Calm));
    assert_eq!(world.files().len(), 3);
}
