//! Reads the logs on a separate thread. Each part comes with the position from which its log may be read again.
//!
//! RI1: a bounded number of parts waits; a slow endpoint slows the reading.
//! RI2: a position is reported only after the part that ends before it.

use crate::exit::CommandFailure;
use crate::logs;
use overspill::spill::{Checkpoint, Place, Records, SpilledPart};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// What comes out of the logs.
pub(crate) enum Came {
    /// A part of this log, and the position from which the log may be read again.
    Part(Box<SpilledPart>, LogFile, u64),
    /// This log was read to its end: this many bytes of its file.
    EndOf(LogFile, u64),
    /// Nothing arrived in the given time.
    Nothing,
    Failed(CommandFailure),
    End,
}

/// The file of a log, even if it was renamed since; `None` for standard input.
#[derive(Debug, Clone)]
pub(crate) struct LogFile(Option<Arc<File>>);

impl LogFile {
    /// The position after this many bytes; `None` if the input is not a file, or was truncated since.
    pub(crate) fn place(&self, offset: u64) -> Option<Place> {
        let file = self.0.as_ref()?;
        Place::in_log(&mut FileCursor { file: Arc::clone(file), at: 0 }, offset).ok()
    }
}

/// A separate position in a file that others read too.
#[derive(Debug)]
struct FileCursor {
    file: Arc<File>,
    at: u64,
}

impl Read for FileCursor {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = read_at(&self.file, into, self.at)?;
        self.at += bytes as u64;
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

impl Seek for FileCursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

pub(crate) struct LogInput {
    came: Receiver<Came>,
    total: Option<u64>,
    read: Arc<AtomicU64>,
}

/// Maximum number of waiting parts: usually 8 KiB each, 2 MiB at most.
const WAITING_MAX: usize = 256;
/// Bytes per read from the disk.
const READ_BYTES: usize = 256 << 10;
/// Interval between checks of a followed log.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl LogInput {
    pub(crate) fn start(
        logs: &[PathBuf],
        follow: bool,
        checkpoint: Checkpoint,
        stop: Arc<AtomicBool>,
    ) -> Result<LogInput, CommandFailure> {
        let mut total = Some(0);
        for log in logs {
            if is_stdin(log) {
                total = None;
                continue;
            }
            // Reports an unreadable file before anything is sent.
            drop(logs::open(log)?);
            let bytes = std::fs::metadata(log).map_err(|error| CommandFailure::of_file(log, error))?.len();
            total = total.map(|total| total + bytes);
        }
        if follow && logs.last().is_some_and(|log| is_stdin(log)) {
            return Err(CommandFailure::usage("-f follows a file: name it last"));
        }
        let (tell, came) = sync_channel(WAITING_MAX);
        let read: Arc<AtomicU64> = Arc::default();
        let reading = LogReading { checkpoint, stop, read: Arc::clone(&read), tell };
        let logs = logs.to_vec();
        std::thread::Builder::new()
            .name("overspill-read".to_owned())
            .spawn(move || {
                if let Err(failure) = reading.all(&logs, follow) {
                    let _ = reading.tell.send(Came::Failed(failure));
                }
            })
            .map_err(|error| CommandFailure::usage(format!("no thread to read with: {error}")))?;
        Ok(LogInput { came, total: if follow { None } else { total }, read })
    }

    pub(crate) fn next(&self, within: Duration) -> Came {
        match self.came.recv_timeout(within) {
            Ok(came) => came,
            Err(RecvTimeoutError::Timeout) => Came::Nothing,
            Err(RecvTimeoutError::Disconnected) => Came::End,
        }
    }

    /// The total size of the files on the disk; `None` with standard input, or if a log is followed.
    pub(crate) fn bytes_total(&self) -> Option<u64> {
        self.total
    }

    pub(crate) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }
}

fn is_stdin(log: &Path) -> bool {
    log == Path::new("-")
}

struct LogReading {
    checkpoint: Checkpoint,
    stop: Arc<AtomicBool>,
    read: Arc<AtomicU64>,
    tell: SyncSender<Came>,
}

/// The receiver of the parts is gone.
struct Gone;

impl LogReading {
    fn all(&self, logs: &[PathBuf], follow: bool) -> Result<(), CommandFailure> {
        for (nth, log) in logs.iter().enumerate() {
            let last = follow && nth + 1 == logs.len();
            loop {
                match self.one(log, last)? {
                    Err(Gone) => return Ok(()),
                    Ok(()) if !last || self.stop.load(Ordering::Relaxed) => break,
                    // Rotated: continues with the next file of this name.
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    fn one(&self, log: &Path, follow: bool) -> Result<Result<(), Gone>, CommandFailure> {
        let failed = |error: io::Error| CommandFailure::in_the_middle(log, &error);
        if is_stdin(log) {
            return self.records(Records::new(logs::open(log)?), &LogFile(None), From(0)).map_err(failed);
        }
        let Some(file) = self.open(log, follow).map_err(failed)? else { return Ok(Ok(())) };
        let file = Arc::new(file);
        let cursor = |at| FileCursor { file: Arc::clone(&file), at };
        let own = LogFile(Some(Arc::clone(&file)));
        let from = self.checkpoint.place_in(&mut cursor(0)).map_err(failed)?;
        let counted = |at| CountingReader { read: cursor(at), bytes: Arc::clone(&self.read) };
        if is_packed(&mut cursor(0)).map_err(failed)? {
            let size = file.metadata().map_err(failed)?.len();
            if from == size {
                self.read.fetch_add(size, Ordering::Relaxed);
                return Ok(Ok(()));
            }
            let unpacked =
                logs::unpacked(BufReader::with_capacity(READ_BYTES, counted(0))).map_err(failed)?;
            return self.records(Records::new(unpacked), &own, Whole(size)).map_err(failed);
        }
        self.read.fetch_add(from, Ordering::Relaxed);
        if follow {
            let (raw, stop) = (counted(from), Arc::clone(&self.stop));
            let tail = Tail { raw, log: log.to_owned(), stop, replaced: None };
            let records = Records::new(BufReader::with_capacity(READ_BYTES, tail));
            return self.records(records, &own, From(from)).map_err(failed);
        }
        let records = Records::new(BufReader::with_capacity(READ_BYTES, counted(from)));
        self.records(records, &own, From(from)).map_err(failed)
    }

    /// Waits for a followed file: after a rotation it may take a moment to appear.
    fn open(&self, log: &Path, follow: bool) -> io::Result<Option<File>> {
        loop {
            match File::open(log) {
                Err(error) if follow && error.kind() == io::ErrorKind::NotFound => {
                    if self.stop.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    std::thread::sleep(LOOK_EVERY);
                }
                opened => return opened.map(Some),
            }
        }
    }

    fn records(
        &self,
        mut records: Records<impl io::BufRead>,
        log: &LogFile,
        place: Placed,
    ) -> io::Result<Result<(), Gone>> {
        while let Some(part) = records.next() {
            let offset = match place {
                From(from) => from + records.resume_at(),
                Whole(_) => 0,
            };
            if self.tell.send(Came::Part(Box::new(part?), log.clone(), offset)).is_err() {
                return Ok(Err(Gone));
            }
        }
        let end = match place {
            From(from) => from + records.resume_at(),
            Whole(size) => size,
        };
        Ok(self.tell.send(Came::EndOf(log.clone(), end)).map_err(|_| Gone))
    }
}

/// How a position in the content maps to one in the file.
#[derive(Clone, Copy)]
enum Placed {
    /// It is this many bytes further on.
    From(u64),
    /// Only the end of the content maps to a position: this one.
    Whole(u64),
}
use Placed::{From, Whole};

fn is_packed(log: &mut impl Read) -> io::Result<bool> {
    let mut first = Vec::new();
    log.by_ref().take(4).read_to_end(&mut first)?;
    Ok(logs::is_packed(&first))
}

struct CountingReader<R> {
    read: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.read.read(into)?;
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// A service keeps writing to a log that was moved until it is told
/// to reopen it: the file ends after this long without a byte.
const LINGER: Duration = Duration::from_secs(2);

/// A growing file. It ends some time after another file gets its name, when it is truncated, or at a stop.
struct Tail {
    raw: CountingReader<FileCursor>,
    log: PathBuf,
    stop: Arc<AtomicBool>,
    /// Since when another file has had its name and nothing more has arrived.
    replaced: Option<Instant>,
}

impl Read for Tail {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // Checked before the read, so that everything written until then is read.
            let is_over = self.stop.load(Ordering::Relaxed) || self.is_over();
            let bytes = self.raw.read(into)?;
            if bytes > 0 {
                self.replaced = None;
            }
            if bytes > 0 || is_over {
                return Ok(bytes);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Tail {
    fn is_over(&mut self) -> bool {
        let Ok(own) = self.raw.read.file.metadata() else { return true };
        if own.len() < self.raw.read.at {
            return true;
        }
        match std::fs::metadata(&self.log) {
            Ok(named) if !is_same(&own, &named) => {
                self.replaced.get_or_insert_with(Instant::now).elapsed() >= LINGER
            }
            // Moved away: the next file follows.
            _ => false,
        }
    }
}

#[cfg(unix)]
fn is_same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    one.created().ok() == other.created().ok()
}
