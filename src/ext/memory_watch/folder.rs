//! The folder of the snapshots: its requirements, and how a file gets into it completely or not at all.
//!
//! FO1: nothing is written until the folder was opened and checked: it is a folder and not a link, only we can write
//! to it, and it has room. FO2: all paths below are names within the opened folder. FO3: a file gets its name when it
//! is complete; until then it is a partial file, which is removed with its writer. FO4: nothing here allocates memory.

use super::error::SnapshotError;
use rustix::fs::{
    self, AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, StatVfs, StatVfsMountFlags,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A folder that passed the checks.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
}

impl Folder {
    /// Opens the folder. Creates it (mode 0700) if only the folder itself is missing.
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

    /// Whether this many bytes may be written here.
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
        // The partial file is removed when this frame ends, whether or not writing succeeds.
        let partial = Partial { folder: self, name: partial };
        // Locked while it is written: a partial file that can be locked has lost
        // its writer (`retention.rs`). Not every filesystem supports locks.
        let _unlocked = fs::flock(&fd, FlockOperation::NonBlockingLockExclusive);
        let mut file = File::from(fd);
        file.write_all(content).map_err(|error| SnapshotError::Io("writing the file", error))?;
        // No fsync: killing a process does not undo what it has written.
        partial.complete(name)
    }

    /// Whether a file can be written here, by writing one.
    pub(super) fn takes(&self, partial: &str) -> Result<(), SnapshotError> {
        self.nameless(partial).map(drop)
    }

    /// An empty file of mode 0600 without a name, for writing and reading: it disappears when closed. It
    /// is called `partial` for a moment, because not every filesystem can create files without a name.
    pub(super) fn nameless(&self, partial: &str) -> Result<File, SnapshotError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&self.fd, partial, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|errno| refusal("creating the file", errno))?;
        self.remove(partial).map_err(|errno| refusal("removing the file", errno))?;
        Ok(File::from(fd))
    }

    /// Free bytes for this user, if known.
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

/// An incomplete file.
struct Partial<'a> {
    folder: &'a Folder,
    name: &'a str,
}

impl Partial<'_> {
    fn complete(self, name: &str) -> Result<(), SnapshotError> {
        let fd = &self.folder.fd;
        let renamed = match fs::renameat_with(fd, self.name, fd, name, RenameFlags::NOREPLACE) {
            // Not every filesystem can refuse to replace a file; the name contains milliseconds and the pid.
            Err(Errno::INVAL | Errno::NOSYS) => fs::renameat(fd, self.name, fd, name),
            renamed => renamed,
        };
        renamed.map_err(|errno| refusal("naming the file", errno))
        // The drop that follows no longer finds the old name.
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        // It was renamed, or it is removed now; if even that fails, the next snapshot tries again.
        let _ = self.folder.remove(self.name);
    }
}

fn open(path: &Path) -> Result<OwnedFd, SnapshotError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        // For a link the kernel may return either error.
        Errno::NOTDIR | Errno::LOOP => match fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => SnapshotError::Symlink,
            _ => SnapshotError::NotAFolder,
        },
        errno => refusal("opening the folder", errno),
    })
}

/// Free bytes for this user; `None` for a filesystem without blocks to count.
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
