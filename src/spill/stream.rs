//! Standard output and standard error as destinations that return `Ok` only if the bytes were written.
//!
//! The standard library returns `Ok` for a write to a closed or read-only descriptor.
//! Before `main` it also opens the null device in place of any descriptor that the process
//! started without. Nothing written there arrives anywhere, so both are errors here.

use std::any::Any;
use std::io::{self, Write};

#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// Which stream it is, if `write` is one of the standard library's handles.
    pub(super) fn of(write: &dyn Any) -> Option<Stream> {
        if write.is::<io::Stderr>() {
            Some(Stream::Err)
        } else {
            write.is::<io::Stdout>().then_some(Stream::Out)
        }
    }

    /// Writes everything without the lock that [`write`](Stream::write) takes. For
    /// the child of a fork: the thread that held the lock may not exist there.
    pub(super) fn write_unlocked(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Out => write_all(&mut io::stdout(), bytes),
            Stream::Err => write_all(&mut io::stderr(), bytes),
        }
    }

    /// Writes everything under the standard library's own lock, so that no other output
    /// of the application comes in between.
    pub(super) fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Stream::Out => {
                let mut stream = io::stdout().lock();
                // What was printed earlier goes first.
                stream.flush()?;
                write_all(&mut stream, bytes)
            }
            Stream::Err => write_all(&mut io::stderr().lock(), bytes),
        }
    }
}

#[cfg(target_os = "linux")]
fn write_all(stream: &mut impl std::os::fd::AsFd, bytes: &[u8]) -> io::Result<()> {
    use rustix::fs::{FileType, fstat, major, minor};
    use rustix::io::Errno;

    let descriptor = stream.as_fd();
    let kind = fstat(descriptor)?;
    let is_null = FileType::from_raw_mode(kind.st_mode) == FileType::CharacterDevice
        && (major(kind.st_rdev), minor(kind.st_rdev)) == (1, 3);
    if is_null {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it is the null device"));
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(descriptor, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes through a duplicate, which is a file and reports its errors. If there is no spare
/// descriptor, uses the standard library's handle.
#[cfg(all(unix, not(target_os = "linux")))]
fn write_all(stream: &mut (impl std::os::fd::AsFd + Write), bytes: &[u8]) -> io::Result<()> {
    const EMFILE: i32 = 24;
    match stream.as_fd().try_clone_to_owned() {
        Ok(descriptor) => std::fs::File::from(descriptor).write_all(bytes),
        Err(error) if error.raw_os_error() == Some(EMFILE) => {
            stream.write_all(bytes)?;
            stream.flush()
        }
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn write_all(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}
