//! Decides which old snapshots are removed: only ours, never this process's first, never the newest.
//!
//! In: the names in the folder. Out: those to remove, oldest first, until number and bytes are within their
//! limits. RT1: called only after a new snapshot was written. RT2: a file is removed only if its name is one that
//! we write for this service, and it is a regular file. RT3: partial files whose writer is gone are removed too:
//! a process killed by the OOM killer leaves one. The choice is a pure function with a table test.

use super::folder::Folder;
use super::limits::FOLDER_NAMES_MAX;
use super::name::{kind_of, whole_of};
use rustix::fs::{self, AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

/// How much may stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub(super) files_max: usize,
    pub(super) bytes_max: u64,
}

/// A snapshot in the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Old {
    name: String,
    bytes: u64,
}

/// Removes the excess, and partial files that have lost their writer. Returns how many snapshots were removed.
pub(super) fn tidy(
    folder: &Folder,
    service: &str,
    retention: Retention,
    first: &str,
    newest: &str,
) -> Result<usize, Errno> {
    let mut snapshots = Vec::new();
    for entry in Dir::read_from(folder.fd())?.take(FOLDER_NAMES_MAX) {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        if kind_of(name, service).is_some() {
            // Another process of this service may remove it first; that is fine.
            let Ok(stat) = fs::statat(folder.fd(), name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                let bytes = u64::try_from(stat.st_size).unwrap_or_default();
                snapshots.push(Old { name: name.to_owned(), bytes });
            }
        } else {
            remove_if_abandoned(folder, name, service)?;
        }
    }
    let going = surplus(snapshots, service, retention, first, newest);
    for old in &going {
        match folder.remove(&old.name) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(going.len())
}

/// Removes partial files without a writer: a process killed in the middle of a snapshot left them.
pub(super) fn sweep(folder: &Folder, service: &str) -> Result<(), Errno> {
    for entry in Dir::read_from(folder.fd())?.take(FOLDER_NAMES_MAX) {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else { continue };
        remove_if_abandoned(folder, name, service)?;
    }
    Ok(())
}

fn remove_if_abandoned(folder: &Folder, name: &str, service: &str) -> Result<(), Errno> {
    if whole_of(name, service).is_none() || !is_abandoned(folder, name) {
        return Ok(());
    }
    match folder.remove(name) {
        // Another watch over this folder was faster.
        Err(Errno::NOENT) => Ok(()),
        removed => removed,
    }
}

/// A partial file is locked by its writer; the kernel releases the lock when
/// the writer dies. Anything that is not ours, or not a file, is left alone.
fn is_abandoned(folder: &Folder, name: &str) -> bool {
    let ours = fs::statat(folder.fd(), name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == rustix::process::geteuid().as_raw()
    });
    if !ours {
        return false;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = fs::openat(folder.fd(), name, flags, Mode::empty()) else { return false };
    fs::flock(&fd, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// The snapshots to remove.
fn surplus(
    mut snapshots: Vec<Old>,
    service: &str,
    retention: Retention,
    first: &str,
    newest: &str,
) -> Vec<Old> {
    // Names of one service sort by time.
    snapshots.sort_unstable_by(|one, other| one.name[service.len()..].cmp(&other.name[service.len()..]));
    let (mut files, mut bytes) = (snapshots.len(), snapshots.iter().map(|old| old.bytes).sum::<u64>());
    snapshots.retain(|old| {
        let too_much = files > retention.files_max || bytes > retention.bytes_max;
        let goes = too_much && old.name != first && old.name != newest;
        if goes {
            files -= 1;
            bytes -= old.bytes;
        }
        goes
    });
    snapshots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_until_number_and_bytes_fit_but_never_the_first_nor_the_newest() {
        let name = |second: u32| format!("s-20261124T0000{second:02}.000Z-800MB-1.pb.gz");
        let old = |second, bytes| Old { name: name(second), bytes };
        let all = || vec![old(4, 10), old(0, 10), old(3, 10), old(1, 10), old(2, 10)];
        // (maximum files, maximum bytes, the first of this process) -> which are removed
        let table: [(usize, u64, u32, &[u32]); 7] = [
            (5, 50, 0, &[]),
            (4, 50, 0, &[1]),
            (3, 50, 0, &[1, 2]),
            (3, 50, 2, &[0, 1]),
            (5, 35, 0, &[1, 2]),
            (5, 5, 0, &[1, 2, 3]),
            (1, 0, 4, &[0, 1, 2, 3]),
        ];
        for (files_max, bytes_max, first, expected) in table {
            let retention = Retention { files_max, bytes_max };
            let going: Vec<_> = surplus(all(), "s", retention, &name(first), &name(4))
                .into_iter()
                .map(|old| old.name)
                .collect();
            let expected: Vec<_> = expected.iter().map(|&second| name(second)).collect();
            assert_eq!(going, expected, "{retention:?}, first {first}");
        }
    }
}
