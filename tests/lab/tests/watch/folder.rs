//! The disk guard: an unsuitable folder is refused with a reason, and nothing is left in it.

use crate::figures;
use crate::world::{Course, MB, World, folder_of_child, mode_of, names_in, play};
use overspill::memory_watch::{Looked, SnapshotError};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What can be wrong with a folder.
struct Fault {
    name: &'static str,
    /// Breaks it, and returns the folder to give to the watch.
    make: fn(&World) -> PathBuf,
    /// Repairs it.
    mend: fn(&World),
    reason: fn(&SnapshotError) -> bool,
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn made(world: &World) -> PathBuf {
    fs::create_dir(&world.folder).unwrap();
    world.folder.clone()
}

fn replaced_by_a_folder(world: &World) {
    fs::remove_file(&world.folder).unwrap();
    fs::create_dir(&world.folder).unwrap();
}

const FAULTS: &[Fault] = &[
    Fault {
        name: "missing parent",
        make: |world| world.folder.join("below"),
        mend: |world| fs::create_dir(&world.folder).unwrap(),
        reason: |error| matches!(error, SnapshotError::MissingParent),
    },
    Fault {
        name: "symbolic link",
        make: |world| {
            fs::create_dir(world.root().join("target")).unwrap();
            symlink(world.root().join("target"), &world.folder).unwrap();
            world.folder.clone()
        },
        mend: replaced_by_a_folder,
        reason: |error| matches!(error, SnapshotError::Symlink),
    },
    Fault {
        name: "a file",
        make: |world| {
            fs::write(&world.folder, "mine").unwrap();
            world.folder.clone()
        },
        mend: replaced_by_a_folder,
        reason: |error| matches!(error, SnapshotError::NotAFolder),
    },
    Fault {
        name: "writable by others",
        make: |world| {
            made(world);
            mode(&world.folder, 0o1777);
            world.folder.clone()
        },
        mend: |world| mode(&world.folder, 0o700),
        reason: |error| matches!(error, SnapshotError::WritableByOthers(0o1777)),
    },
    Fault {
        name: "writable by the group",
        make: |world| {
            made(world);
            mode(&world.folder, 0o770);
            world.folder.clone()
        },
        mend: |world| mode(&world.folder, 0o700),
        reason: |error| matches!(error, SnapshotError::WritableByOthers(0o770)),
    },
];

/// Runs into the fault at a threshold, twice; once it is repaired, the snapshot for the same threshold is written.
fn refused_then_taken(world: &World, fault: &Fault) -> usize {
    let given = (fault.make)(world);
    let (mut watch, mut course) = (world.builder_into(&given).build().unwrap(), Course::new());
    assert_eq!(
        world.notices("cannot be written as things are").len(),
        1,
        "{}: reported at startup",
        fault.name
    );
    world.resident(850 * MB);
    for attempt in 1..=3 {
        match course.look(&mut watch, 60) {
            Looked::Refused(error) => assert!((fault.reason)(&error), "{}: {error:?}", fault.name),
            looked => panic!("{}: {looked:?}", fault.name),
        }
        let noticed = world.notices("no memory snapshot");
        assert_eq!(noticed.len(), attempt, "{}", fault.name);
        let error = noticed[0]["fields"]["error"].as_str().unwrap();
        assert!(error.contains(": "), "{}: a reason, and what to do: {error}", fault.name);
        assert_eq!(noticed[0]["level"], "WARN");
        assert!(
            matches!(course.look(&mut watch, 15), Looked::Calm),
            "{}: not before the cool-down",
            fault.name
        );
    }
    let leftovers = names_in(&given).len() + names_in(&world.root().join("target")).len();
    (fault.mend)(world);
    assert!(
        matches!(course.look(&mut watch, 60), Looked::Taken(_)),
        "{}: the threshold still applies",
        fault.name
    );
    assert_eq!(world.notices("memory snapshot:")[0]["fields"]["threshold_bytes"], 800 * MB, "{}", fault.name);
    assert_eq!(names_in(&given).len(), 1, "{}", fault.name);
    leftovers
}

#[test]
fn an_unsuitable_folder_is_refused_with_a_reason_and_nothing_is_left_in_it() {
    let leftovers: usize = FAULTS.iter().map(|fault| refused_then_taken(&World::new(), fault)).sum();
    assert_eq!(leftovers, 0);
    figures::report(36, "leftovers after missing, linked, no folder, open to others", leftovers);
}

#[test]
fn a_folder_of_another_user_is_refused() {
    // Root gives its folder to another user; other users take one of the system's.
    let fault = Fault {
        name: "foreign owner",
        make: |world| {
            made(world);
            chown(&world.folder, Some(4_711), None).unwrap();
            world.folder.clone()
        },
        mend: |world| chown(&world.folder, Some(0), None).unwrap(),
        reason: |error| matches!(error, SnapshotError::ForeignOwner(4_711)),
    };
    let world = World::new();
    if is_root() {
        let leftovers = refused_then_taken(&world, &fault);
        figures::report(36, "leftovers in a folder of another user", leftovers);
        return;
    }
    let mut watch = world.builder_into(Path::new("/usr/lib")).build().unwrap();
    world.resident(850 * MB);
    let looked = Course::new().look(&mut watch, 0);
    assert!(matches!(looked, Looked::Refused(SnapshotError::ForeignOwner(0))), "{looked:?}");
    let ours = names_in(Path::new("/usr/lib")).iter().filter(|name| name.contains("shop-")).count();
    assert_eq!(ours, 0);
    figures::report(36, "leftovers in a folder of another user", ours);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused() {
    let world = World::new();
    // No mode keeps root out, but sysfs does: its folders belong to root and accept no files.
    let folder = if is_root() { PathBuf::from("/sys/kernel") } else { made(&world) };
    if !is_root() {
        mode(&folder, 0o500);
    }
    let mut watch = world.builder_into(&folder).build().unwrap();
    world.resident(850 * MB);
    let looked = Course::new().look(&mut watch, 0);
    assert!(matches!(looked, Looked::Refused(SnapshotError::ReadOnly)), "{looked:?}");
    let ours = names_in(&folder).iter().filter(|name| name.contains("shop-")).count();
    assert_eq!(ours, 0);
    figures::report(36, "leftovers in a folder that cannot be written to", ours);
}

#[test]
fn a_disk_that_is_nearly_full_is_left_alone() {
    let world = World::new();
    let (mut watch, mut course) =
        (world.builder().disk_free_min(u64::MAX / 2).build().unwrap(), Course::new());
    world.resident(850 * MB);
    let looked = course.look(&mut watch, 0);
    assert!(matches!(looked, Looked::Refused(SnapshotError::DiskShort { .. })), "{looked:?}");
    assert_eq!(world.files(), [""; 0]);
    figures::report(36, "leftovers on a disk that is nearly full", world.files().len());
}

pub const PART: &str = "a disk that fills up";

/// In a child whose files are limited to a kilobyte.
pub fn a_disk_that_ends() {
    let folder = folder_of_child();
    let world = World::new();
    world.resident(850 * MB);
    let mut watch = world.builder_into(&folder).build().unwrap();
    match Course::new().look(&mut watch, 0) {
        Looked::Refused(SnapshotError::Io("writing the file", error)) => println!("refused: {error}"),
        looked => panic!("{looked:?}"),
    }
}

#[test]
fn a_write_that_fails_halfway_leaves_nothing() {
    let world = World::new();
    made(&world);
    // Looks like a full disk to the process: the file takes a part of what is written, and then no more. The child's log is in memory, and
    // its output is a pipe.
    let said = play(PART, "trap '' XFSZ; ulimit -f 1;", &world.folder, &[]);
    assert!(said.contains("refused: "), "{said}");
    assert_eq!(world.files(), [""; 0]);
    figures::report(36, "leftovers after a write that failed", world.files().len());
}

#[test]
fn the_folder_and_its_files_are_accessible_to_their_owner_only() {
    let world = World::new();
    let mut watch = world.builder().build().unwrap();
    assert_eq!(mode_of(&world.folder), 0o700);
    world.resident(850 * MB);
    let Looked::Taken(snapshot) = Course::new().look(&mut watch, 0) else { panic!("no snapshot") };
    assert_eq!(mode_of(&world.folder.join(snapshot.file)), 0o600);
}
