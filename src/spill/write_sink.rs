//! Writes whole lines to any `Write`, in every process that has the sink.
//!
//! In: records, notices. Out: lines. A torn line is ended before the next one begins. In the
//! child of a fork, the lock around the `Write` may have been held by a thread of the parent, and
//! is then never released. In that case a file is appended to without the lock, a standard stream
//! is written without the standard library's lock, and any other `Write` returns an error.

use super::sink::{SpillSink, notice_line, record_line};
use super::stream::Stream;
use super::{Notice, Record};
use crate::limits::FORK_LOCK_PATIENCE;
use crate::process::Process;
use crate::sync::plain::{AtomicU8, Ordering};
use crate::sync::{Mutex, MutexGuard, lock};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::TryLockError;
use std::time::Duration;

/// Writes one JSON object per line into any `Write`: a file, a pipe, a `Vec`. Lines are written whole, in one `write_all`. A line that an
/// error cut off is finished before the next one begins.
///
/// ```no_run
/// use overspill::{Client, spill::WriteSink};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let events = Client::builder("https://telemetry.example.com/v1/events")
///     .spill_fallback(WriteSink::append("/var/log/orders/spilled.ndjson")?)
///     .build()?;
/// # drop(events);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct WriteSink<W> {
    lines: Mutex<LineWriter<W>>,
    /// The process that made the lock; `None` where forks are not detected.
    process: Option<Process>,
    spare: Spare,
    /// 1 once a wait for the lock has failed.
    abandoned: AtomicU8,
}

/// A `Write` that takes whole lines.
#[derive(Debug)]
struct LineWriter<W> {
    write: W,
    end: LineEnd,
}

/// A way to the same place without the lock.
#[derive(Debug)]
enum Spare {
    None,
    Stream(Stream),
    /// Opened to append, so that the operating system keeps whole writes apart.
    File(File),
}

/// How the last line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Whole,
    /// A full disk takes only part of a line. The next line must not become part of it.
    Torn,
}

impl<W: Write + 'static> LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let stream = Stream::of(&self.write);
        let mut write_all = |bytes: &[u8]| match stream {
            Some(stream) => stream.write(bytes),
            None => self.write.write_all(bytes),
        };
        if self.end == LineEnd::Torn {
            write_all(b"\n")?;
        }
        // Set before the write, so that it also holds if the `Write` panics halfway.
        self.end = LineEnd::Torn;
        write_all(line)?;
        self.end = LineEnd::Whole;
        match stream {
            Some(_) => Ok(()),
            None => self.write.flush(),
        }
    }
}

impl Spare {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self {
            Spare::Stream(stream) => stream.write_unlocked(line),
            Spare::File(file) => (&mut &*file).write_all(line),
            Spare::None => {
                Err(io::Error::other("its lock was held when the process forked and will never be released"))
            }
        }
    }
}

impl<W: Write + Send + 'static> WriteSink<W> {
    /// A sink that writes to `write`. Best without a buffer: a buffer would hold back what the
    /// sink has promised to have written. For `std::io::stdout()` and `std::io::stderr()` it works
    /// like [`Stdout`](super::Stdout) and [`Stderr`](super::Stderr): a closed one is an error.
    pub fn new(write: W) -> WriteSink<W> {
        let spare = Stream::of(&write).map_or(Spare::None, Spare::Stream);
        WriteSink::beside(write, spare)
    }

    fn beside(write: W, spare: Spare) -> WriteSink<W> {
        WriteSink {
            lines: Mutex::new(LineWriter { write, end: LineEnd::Whole }),
            process: Process::this().ok(),
            spare,
            abandoned: AtomicU8::new(0),
        }
    }

    fn put(&self, line: &[u8]) -> io::Result<()> {
        match self.lines() {
            Some(mut lines) => lines.write(line),
            None => self.spare.write(line),
        }
    }

    /// `None`: no thread will ever release the lock.
    fn lines(&self) -> Option<MutexGuard<'_, LineWriter<W>>> {
        const STEP: Duration = Duration::from_millis(1);
        if self.process.as_ref().is_none_or(Process::is_this) {
            return Some(lock(&self.lines));
        }
        for _ in 0..FORK_LOCK_PATIENCE.as_millis() / STEP.as_millis() {
            match self.lines.try_lock() {
                Ok(lines) => return Some(lines),
                Err(TryLockError::Poisoned(lines)) => return Some(lines.into_inner()),
                Err(TryLockError::WouldBlock) if self.abandoned.load(Ordering::Relaxed) == 1 => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(STEP),
            }
        }
        self.abandoned.store(1, Ordering::Relaxed);
        None
    }
}

impl WriteSink<File> {
    /// A sink that appends to the file at `path`. A missing file is created; on Unix only its owner may read it (0600), because events are
    /// not for everybody on the machine. An existing file keeps its permissions. Several processes may append to one file: a record is one
    /// write.
    ///
    /// # Errors
    /// Whatever opening the file returns.
    pub fn append(path: impl AsRef<Path>) -> io::Result<WriteSink<File>> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        // If there is no descriptor for a copy, writes in a child depend on the lock.
        let spare = file.try_clone().map_or(Spare::None, Spare::File);
        Ok(WriteSink::beside(file, spare))
    }
}

impl<W: Write + Send + 'static> SpillSink for WriteSink<W> {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        self.put(&record_line(record)?)
    }

    fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
        self.put(&notice_line(notice)?)
    }
}
