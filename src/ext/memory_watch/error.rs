//! Why no watch was started, and why no snapshot was written. Every text says what to do.

use std::fmt;
use std::io;

/// Why no watch was started.
#[non_exhaustive]
pub enum StartError {
    /// A setting is out of range.
    #[non_exhaustive]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The memory of this process cannot be read: there is no `/proc`, or this is not Linux.
    Unreadable(io::Error),
    /// The watch's thread could not be started, or its signal could not be registered.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Setting { name, problem, remedy } => write!(f, "{name} {problem}: {remedy}"),
            StartError::Unreadable(error) => write!(
                f,
                "the memory of this process cannot be read ({error}): the memory watch needs Linux with /proc; go \
                 on without it elsewhere"
            ),
            StartError::Thread(error) => write!(
                f,
                "the thread of the memory watch could not be started ({error}): raise the limit of threads or \
                 open files"
            ),
        }
    }
}

/// The same sentence as `Display`, because a `main` that returns the error prints it.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Unreadable(error) | StartError::Thread(error) => Some(error),
            StartError::Setting { .. } => None,
        }
    }
}

/// Why a snapshot was not written. Nothing of it is left in the folder, and the threshold remains due.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The folder's parent does not exist; overspill creates only the folder itself.
    MissingParent,
    /// The folder is a symbolic link.
    Symlink,
    /// Something that is not a folder has that name.
    NotAFolder,
    /// The folder belongs to another user: the user id of its owner.
    ForeignOwner(u32),
    /// Other users may write to the folder: its mode.
    WritableByOthers(u32),
    /// The folder, or its filesystem, cannot be written to.
    ReadOnly,
    /// Too little space would be left on the disk.
    #[non_exhaustive]
    DiskShort {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        needed: u64,
    },
    /// No longer returned: jemalloc's dump is written to the snapshots' folder, not to the temporary one (`TMPDIR`).
    #[non_exhaustive]
    TemporaryFolderShort {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        needed: u64,
    },
    /// The operating system reported an error: during what, and why.
    Io(&'static str, io::Error),
    /// jemalloc could not dump its profile, or the dump could not be read.
    Profile(String),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::MissingParent => {
                f.write_str("the folder's parent does not exist: create it, only the folder itself is made")
            }
            SnapshotError::Symlink => {
                f.write_str("the folder is a symbolic link, and none is followed: name its target")
            }
            SnapshotError::NotAFolder => {
                f.write_str("there is a file where the folder should be: name another")
            }
            SnapshotError::ForeignOwner(owner) => {
                write!(
                    f,
                    "the folder belongs to user {owner}, not to this process: name one below it that does not exist yet, which the \
                     watch makes for itself if it may write there, as it may in an emptyDir (there with fsGroup, if it is root's alone); or \
                     chown it"
                )
            }
            SnapshotError::WritableByOthers(mode) => {
                write!(f, "others may write to the folder (mode {mode:04o}): chmod it to 0700")
            }
            SnapshotError::ReadOnly => f.write_str(
                "the folder cannot be written to: mount its filesystem writable, or give this process the right",
            ),
            SnapshotError::DiskShort { free, needed } => {
                write!(f, "the disk has {free} bytes free and should have {needed}: make room")
            }
            SnapshotError::TemporaryFolderShort { free, needed } => write!(
                f,
                "the temporary folder (TMPDIR) has {free} bytes free and should have {needed}: make room, or set TMPDIR"
            ),
            SnapshotError::Io(what, error) => write!(f, "{what}: {error}"),
            SnapshotError::Profile(why) => write!(f, "no heap profile could be taken: {why}"),
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SnapshotError::Io(_, error) => Some(error),
            _ => None,
        }
    }
}
