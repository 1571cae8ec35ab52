//! The folder of the snapshots: what it must be like, and how a file gets into it whole or not at all.
//!
//! D1: nothing is written before the folder was opened, is a folder and not a link, is ours alone, and has room. D2: all
//! paths below are names within the folder that was opened. D3: a file has its name when it is complete; until then it is a
//! partial file, which goes with its writer. D4: nothing here asks for memory.

use super::error::SnapshotError;
use rustix::fs::{
    self, AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, StatVfs, StatVfsMountFlags,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A folder that was found good.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
}

impl Folder {
    /// Opens the folder, making it (mode 0700) if only that is missing.
    pub(super) fn open(path: &Path) -> Result<Folder, SnapshotError> {
        let fd = match open(path) {
            Err(SnapshotError::MissingParent) => {
                fs::mkdir(path, Mode::RWXU).map_err(|errno| refusal("making the folder", errno))?;
                open(path)?
            }
            opened => opened?,
        };
        let stat = fs::fstat(&fd).map_err(|errno| refusal("looking at the folder", errno))?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(SnapshotError::ForeignOwner(stat.st_uid));
        }
        let others = Mode::WGRP | Mode::WOTH;
        if Mode::from_raw_mode(stat.st_mode).intersects(others) {
            return Err(SnapshotError::WritableByOthers(stat.st_mode & 0o7777));
        }
        Ok(Folder { fd })
    }

    /// Whether so many bytes may be written here.
    pub(super) fn has_room(&self, needed: u64) -> Result<(), SnapshotError> {
        let stat = fs::fstatvfs(&self.fd).map_err(|errno| refusal("asking for the free space", errno))?;
        if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
            return Err(SnapshotError::ReadOnly);
        }
        match free(&stat) {
            Some(free) if free < needed => Err(SnapshotError::DiskShort { free, needed }),
            _ => Ok(()),
        }
    }

    /// Writes a file of mode 0600 that is called `partial` until it is complete, and then `name`.
    pub(super) fn write(&self, partial: &str, name: &str, content: &[u8]) -> Result<(), SnapshotError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, partial, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| refusal("creating the file", errno))?;
        // Goes with this frame, however it ends.
        let partial = Partial { folder: self, name: partial };
        // Held while it is written: what can be locked is nobody's any more (`retention.rs`). Not every filesystem can.
        let _unlocked = fs::flock(&fd, FlockOperation::NonBlockingLockExclusive);
        let mut file = File::from(fd);
        file.write_all(content).map_err(|error| SnapshotError::Io("writing the file", error))?;
        // No fsync: a process that is killed takes nothing with it that it has written.
        partial.complete(name)
    }

    /// Whether a file can be written here, by writing one.
    pub(super) fn takes(&self, partial: &str) -> Result<(), SnapshotError> {
        self.nameless(partial).map(drop)
    }

    /// An empty file of mode 0600 without a name, to be written and read: it is gone when it is closed. `partial` is its name for a moment, since
    /// not every filesystem makes files without.
    pub(super) fn nameless(&self, partial: &str) -> Result<File, SnapshotError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, partial, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| refusal("creating the file", errno))?;
        self.remove(partial).map_err(|errno| refusal("removing the file", errno))?;
        Ok(File::from(fd))
    }

    /// Free bytes for this user, as far as that can be told.
    pub(super) fn free(&self) -> Option<u64> {
        fs::fstatvfs(&self.fd).ok().as_ref().and_then(free)
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Errno> {
        fs::unlinkat(&self.fd, name, AtFlags::empty())
    }
}

/// A file that is not complete yet.
struct Partial<'a> {
    folder: &'a Folder,
    name: &'a str,
}

impl Partial<'_> {
    fn complete(self, name: &str) -> Result<(), SnapshotError> {
        let fd = &self.folder.fd;
        let renamed = match fs::renameat_with(fd, self.name, fd, name, RenameFlags::NOREPLACE) {
            // Not every filesystem can refuse to replace; the name has milliseconds and the pid in it.
            Err(Errno::INVAL | Errno::NOSYS) => fs::renameat(fd, self.name, fd, name),
            renamed => renamed,
        };
        renamed.map_err(|errno| refusal("naming the file", errno))
        // The drop that follows finds nothing of the old name.
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // It has been renamed, or it goes; if not even that can be done, the next snapshot tries again.
        let _ = self.folder.remove(self.name);
    }
}

fn open(path: &Path) -> Result<OwnedFd, SnapshotError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        // A link is one or the other, as the kernel likes.
        Errno::NOTDIR | Errno::LOOP => match fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => SnapshotError::Symlink,
            _ => SnapshotError::NotAFolder,
        },
        errno => refusal("opening the folder", errno),
    })
}

/// Free bytes for this user; `None` of a filesystem that has no blocks to count.
fn free(stat: &StatVfs) -> Option<u64> {
    (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn refusal(what: &'static str, errno: Errno) -> SnapshotError {
    match errno {
        Errno::NOENT => SnapshotError::MissingParent,
        Errno::ROFS | Errno::ACCESS | Errno::PERM => SnapshotError::ReadOnly,
        errno => SnapshotError::Io(what, errno.into()),
    }
}
