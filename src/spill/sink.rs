//! Destinations other than the application log.

use super::Record;
use crate::sync::{Mutex, lock};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A place for spilled events: instead of the application log ([`Builder::spill_sink`](crate::Builder::spill_sink)),
/// or behind it for when nobody reads it ([`Builder::spill_fallback`](crate::Builder::spill_fallback)).
pub trait SpillSink: Send + Sync + 'static {
    /// Takes one part of one event; with [`SpillPacking::Packed`](super::SpillPacking::Packed) also several events at once,
    /// [`events`](Record::events) of them.
    ///
    /// # Errors
    /// `Ok` is a promise that the content is kept; any error sends the whole event, or all of the events, to the next
    /// destination.
    ///
    /// # Blocking
    /// Called on the sender's thread, or on a caller's for its own event. A panic is contained and counts as an error;
    /// what the sink emits is an echo and not an event.
    fn write(&self, record: &Record<'_>) -> io::Result<()>;

    /// Takes a notice of overspill about itself, when the application log has no reader for it, or is stuck. Comes to the fallback
    /// alone. Does nothing unless overridden.
    ///
    /// # Errors
    /// Ignored: a notice is not an event.
    fn notice(&self, text: &str) -> io::Result<()> {
        let _ = text;
        Ok(())
    }
}

/// One JSON object a line on standard error. The default fallback is `WriteSink::new(std::io::stderr())`, which also keeps a
/// line that an error has cut off apart from the next; this has no memory for that.
///
/// A record is one write. Whoever writes to standard error in pieces and without its lock, as a panic's backtrace does, can have
/// one in the middle of a line; [`read_line`](super::read_line) does not find it there. In a panic hook, shut down first and print then.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stderr;

impl SpillSink for Stderr {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        io::stderr().lock().write_all(&line(record)?)
    }

    fn notice(&self, text: &str) -> io::Result<()> {
        io::stderr().lock().write_all(&notice_line(text)?)
    }
}

/// One JSON object a line into any `Write`: a file, a pipe, a `Vec`. Lines are written whole, in one `write_all`; one that
/// an error has cut off ends before the next begins.
#[derive(Debug)]
pub struct WriteSink<W>(Mutex<Lines<W>>);

/// A `Write` that takes whole lines.
#[derive(Debug)]
struct Lines<W> {
    write: W,
    end: LineEnd,
}

/// How the last line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Whole,
    /// A full disk takes a line as far as it fits. What is written behind it must not become a part of it.
    Torn,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.end == LineEnd::Torn {
            self.write.write_all(b"\n")?;
        }
        // Also if the `Write` panics in the middle.
        self.end = LineEnd::Torn;
        self.write.write_all(line)?;
        self.end = LineEnd::Whole;
        self.write.flush()
    }
}

impl<W: Write + Send + 'static> WriteSink<W> {
    /// A sink into `write`. Unbuffered is best: a buffer holds what it promises to have written.
    pub fn new(write: W) -> WriteSink<W> {
        WriteSink(Mutex::new(Lines { write, end: LineEnd::Whole }))
    }
}

impl WriteSink<File> {
    /// A sink that appends to the file at `path`, created if missing.
    ///
    /// # Errors
    /// Whatever opening the file says.
    pub fn append(path: impl AsRef<Path>) -> io::Result<WriteSink<File>> {
        OpenOptions::new().create(true).append(true).open(path).map(WriteSink::new)
    }
}

impl<W: Write + Send + 'static> SpillSink for WriteSink<W> {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        lock(&self.0).write(&line(record)?)
    }

    fn notice(&self, text: &str) -> io::Result<()> {
        lock(&self.0).write(&notice_line(text)?)
    }
}

fn line(record: &Record<'_>) -> io::Result<Vec<u8>> {
    // The fields beside the event take less than 512 bytes.
    let mut line = Vec::with_capacity(record.event.len() + 512);
    serde_json::to_writer(&mut line, record)?;
    line.push(b'\n');
    Ok(line)
}

fn notice_line(text: &str) -> io::Result<Vec<u8>> {
    let mut line =
        serde_json::to_vec(&serde_json::json!({ "target": crate::notice::NOTICE_TARGET, "message": text }))?;
    line.push(b'\n');
    Ok(line)
}
