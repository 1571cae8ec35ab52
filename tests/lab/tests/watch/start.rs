//! The check at startup reports what will not work.

use crate::figures;
use crate::world::{World, folder_of_child, lines_of, names_in, play};
use overspill::memory_watch::{Level, MemoryWatch};
use std::time::Instant;

pub const PART: &str = "a service that starts";
const PROFILED: &str = "prof:true,prof_active:true,lg_prof_sample:14";

/// Starts, and takes one snapshot.
pub fn a_service_that_starts() {
    let builder = MemoryWatch::builder("shop", folder_of_child()).threshold(Level::Bytes(1_000_000));
    let mut watch = builder.step(Level::Bytes(1_000_000)).disk_free_min(0).headroom_min(0).build().unwrap();
    println!("built");
    let held = vec![1_u8; 20_000_000];
    drop(watch.look(Instant::now()));
    drop(std::hint::black_box(held));
}

/// What the service logs before its first look.
fn at_the_start(commands: &str, variables: &[(&str, &str)], world: &World) -> String {
    let said = play(PART, commands, &world.folder, variables);
    // Standard error comes after standard output.
    lines_of(&said, "memory watch of shop").join("\n")
}

#[test]
fn a_variable_that_this_program_does_not_read_is_reported_with_the_one_that_it_reads() {
    for (set, other) in [("_RJEM_MALLOC_CONF", "MALLOC_CONF"), ("MALLOC_CONF", "_RJEM_MALLOC_CONF")] {
        let world = World::new();
        let said = at_the_start("", &[(set, PROFILED)], &world);
        let heap = world.files().iter().any(|file| file.ends_with(".pb.gz"));
        // tikv-jemallocator, as built here, reads only one of them.
        let in_vain = said.contains(&format!(
            "{set} is set, which this program's jemalloc does not heed: set {other} to the same"
        ));
        assert!(heap != in_vain, "{set}: {heap} {said}");
    }
    let said = at_the_start("", &[], &World::new());
    assert!(
        said.contains("start with _RJEM_MALLOC_CONF=prof:true")
            && said.contains("or with MALLOC_CONF=prof:true"),
        "{said}"
    );
}

#[test]
fn inactive_profiling_is_reported_before_the_first_crossing() {
    let said = at_the_start("", &[("_RJEM_MALLOC_CONF", "prof:true,prof_active:false")], &World::new());
    assert!(said.contains("as things are: heap profiles would be empty"), "{said}");
}

#[test]
fn a_temporary_folder_that_is_missing_read_only_or_full_is_no_obstacle() {
    let elsewhere = World::new();
    let full = elsewhere.root().join("full");
    let mut taken = 0;
    std::fs::write(&full, "not even a folder").unwrap();
    for temporary in ["/nowhere/at/all", "/proc", "/sys/kernel", full.to_str().unwrap()] {
        let world = World::new();
        // The child's own world is in the temporary folder, and the watch's folder is not.
        let said = at_the_start("", &[("_RJEM_MALLOC_CONF", PROFILED), ("TMPDIR", temporary)], &world);
        let files = world.files();
        assert!(files.len() == 1 && files[0].ends_with(".pb.gz"), "{temporary}: {files:?} {said}");
        taken += 1;
    }
    figures::report(36, "heap profiles without a temporary folder, taken / expected", format!("{taken} / 4"));
}

#[test]
fn a_limit_on_the_size_of_files_is_reported() {
    let said = at_the_start("trap '' XFSZ; ulimit -f 64;", &[("_RJEM_MALLOC_CONF", PROFILED)], &World::new());
    assert!(said.contains("may not write files of more than"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_to_is_found_by_a_trial_write() {
    let world = World::new();
    // No mode keeps root out, but sysfs does: its folders belong to root and accept no files.
    let folder = if rustix::process::geteuid().is_root() {
        std::path::PathBuf::from("/sys/kernel")
    } else {
        std::fs::create_dir(&world.folder).unwrap();
        std::fs::set_permissions(&world.folder, std::os::unix::fs::PermissionsExt::from_mode(0o500)).unwrap();
        world.folder.clone()
    };
    let _watch = world.builder_into(&folder).build().unwrap();
    let told = world.notices("snapshots cannot be written as things are: the folder cannot be written to: ");
    assert_eq!(told.len(), 1);
    // If the folder can be written to, the trial leaves nothing behind.
    let world = World::new();
    let _watch = world.builder().build().unwrap();
    assert_eq!(names_in(&world.folder), [""; 0]);
    assert!(world.notices("as things are").is_empty());
}

#[test]
fn low_disk_space_is_reported() {
    let world = World::new();
    let free = rustix::fs::statvfs(world.root()).map(|stat| stat.f_bavail * stat.f_frsize).unwrap();
    let _watch = world.builder().disk_free_min(free - 16_000_000).build().unwrap();
    assert_eq!(world.notices("the snapshots' folder has room for ").len(), 1);
}

#[test]
fn a_cgroup_that_cannot_be_seen_is_reported() {
    let world = World::new();
    world.put("proc/self/cgroup", "0::/kubepods/pod7/app\n");
    let _watch = world.builder().build().unwrap();
    assert_eq!(world.notices("the memory limit of this process's cgroup cannot be seen").len(), 1);
}

#[test]
fn in_another_users_folder_the_advice_is_a_subfolder_that_the_watch_creates() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: only root can make a folder for another user");
        return;
    }
    let world = World::new();
    std::fs::create_dir(&world.folder).unwrap();
    std::os::unix::fs::chown(&world.folder, Some(4_711), None).unwrap();
    std::fs::set_permissions(&world.folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let _watch = world.builder().build().unwrap();
    let told = world.notices("snapshots cannot be written as things are");
    let text = told[0]["fields"]["message"].as_str().unwrap();
    assert!(text.contains("name one below it that does not exist yet"), "{text}");
    let below = world.folder.join("heap");
    let world = World::new();
    let _watch = world.builder_into(&below).build().unwrap();
    assert!(world.notices("as things are").is_empty());
    assert_eq!(crate::world::mode_of(&below), 0o700);
    std::fs::remove_dir_all(below.parent().unwrap()).unwrap();
}
