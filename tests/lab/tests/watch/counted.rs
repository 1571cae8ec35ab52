//! What counts as memory: what the kernel cannot give back, of this process and around it.

use crate::figures;
use crate::world::{Course, MB, World};
use overspill::memory_watch::{Appetite, Counted, Kind, Level, Looked};
use overspill::{Client, Mode};

#[test]
fn pages_of_mapped_files_cross_no_threshold_and_lower_no_appetite() {
    let world = World::new();
    let client = Client::builder("http://127.0.0.1:9/").build().unwrap();
    let builder = world.builder().threshold(Level::Bytes(100 * MB)).client(&client);
    let mut watch = builder.appetite_on_crossing(Appetite::LogOnly).build().unwrap();
    let mut course = Course::new();
    let mut taken = 0;
    for mapped in (0..=2_000).step_by(50) {
        world.memory((mapped + 1) * MB, MB);
        taken += usize::from(!matches!(course.look(&mut watch, 60), Looked::Calm));
    }
    assert_eq!((taken, client.mode()), (0, Mode::On));
    world.memory(2_100 * MB, 101 * MB);
    let Looked::Taken(snapshot) = course.look(&mut watch, 60) else { panic!("no snapshot") };
    assert_eq!((snapshot.rss_bytes / MB, snapshot.counted_bytes / MB), (2_100, 101));
    assert!(snapshot.file.contains("Z-101MB-"), "{}", snapshot.file);
    let told = &world.notices("memory snapshot: 101 MB in use")[0]["fields"];
    assert_eq!(
        (told["rss_bytes"].as_u64().unwrap() / MB, told["counted_bytes"].as_u64().unwrap() / MB),
        (2_100, 101)
    );
    figures::report(35, "snapshots for 2,000 MB of mapped files, expected 0", taken);
}

#[test]
fn what_is_swapped_out_counts() {
    let world = World::new();
    let mut watch = world.builder().threshold(Level::Bytes(100 * MB)).build().unwrap();
    world.put("proc/self/status", "RssAnon:\t 60000 kB\nVmSwap:\t 60000 kB\n");
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Taken(_)));
}

#[test]
fn the_resident_set_counts_if_configured() {
    let world = World::new();
    let builder = world.builder().threshold(Level::Bytes(100 * MB)).counts(Counted::Resident);
    let mut watch = builder.build().unwrap();
    world.memory(101 * MB, MB);
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Taken(_)));
    assert_eq!(world.notices("memory watch started")[0]["fields"]["counts"], "resident");
    assert!(world.notices("as things are").is_empty());
}

#[test]
fn if_the_kernel_does_not_report_anonymous_memory_the_resident_set_counts_and_a_notice_says_so() {
    let world = World::new();
    world.put("proc/self/status", "Name:\tservice\nVmRSS:\t 1 kB\n");
    let mut watch = world.builder().threshold(Level::Bytes(150 * MB)).build().unwrap();
    assert_eq!(world.notices("the resident set counts, pages of mapped files included").len(), 1);
    assert_eq!(world.notices("memory watch started")[0]["fields"]["counts"], "resident");
    world.put("proc/self/statm", "999999 50000 1 1 0 1 0\n");
    assert!(matches!(Course::new().look(&mut watch, 0), Looked::Taken(_)));
}

#[test]
fn cached_files_do_not_make_a_report_short() {
    let world = World::new();
    world.cgroup(1_000 * MB, 950 * MB);
    world.cgroup_stat(&format!("anon {}\nfile {}\nactive_file {}\n", 57 * MB, 860 * MB, 860 * MB));
    let mut watch = world.builder().threshold(Level::Bytes(50 * MB)).build().unwrap();
    world.resident(57 * MB);
    let Looked::Taken(snapshot) = Course::new().look(&mut watch, 0) else { panic!("no snapshot") };
    assert_eq!(snapshot.kind, Kind::Report, "the best kind that is possible here, and not the short one");
    let short = world.files().iter().filter(|file| file.ends_with(".short.txt")).count();
    figures::report(37, "short reports with 860 MB of cached files in the limit, expected 0", short);
}

#[test]
fn memory_used_by_others_in_the_container_is_reported_before_its_limit_is_reached() {
    let world = World::new();
    world.cgroup(1_000 * MB, 100 * MB);
    world.resident(57 * MB);
    let (mut watch, mut course) = (world.builder().build().unwrap(), Course::new());
    assert!(matches!(course.look(&mut watch, 15), Looked::Calm));
    world.cgroup(1_000 * MB, 930 * MB);
    assert!(matches!(course.look(&mut watch, 15), Looked::Warned));
    assert!(matches!(course.look(&mut watch, 15), Looked::Calm), "said once");
    let told = world.notices(
        "memory is near the limit: 930 MB of 1000 MB are in use where this process runs, 57 MB of them by",
    );
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["level"], "WARN");
    assert_eq!(told[0]["fields"]["in_use_bytes"], 930 * MB);
    assert_eq!(told[0]["fields"]["limit_bytes"], 1_000 * MB);
    // Memory that the kernel can reclaim does not count. Once usage has been low for a while, high usage is reported again.
    world.cgroup_stat(&format!("inactive_file {}\n", 200 * MB));
    assert!(matches!(course.look(&mut watch, 15), Looked::Calm));
    world.cgroup_stat("");
    assert!(matches!(course.look(&mut watch, 15), Looked::Warned));
}
