//! Destinations other than the application log.

#[cfg(doc)]
use super::WriteSink;
use super::stream::Stream;
use super::{Notice, Record};
use std::io::{self, Write};

/// A destination for spilled events: instead of the application log ([`Builder::spill_sink`](crate::Builder::spill_sink)), or as the
/// fallback for when nobody reads it ([`Builder::spill_fallback`](crate::Builder::spill_fallback)).
///
/// ```
/// use overspill::spill::{Record, SpillSink};
/// use std::io;
/// use std::sync::mpsc::{SyncSender, TrySendError};
///
/// /// Sends each record, as a line of JSON, to another thread. If that thread is behind, it is an error, and the fallback takes the event.
/// struct Lines(SyncSender<String>);
///
/// impl SpillSink for Lines {
///     fn write(&self, record: &Record<'_>) -> io::Result<()> {
///         let line = serde_json::to_string(record)?;
///         self.0.try_send(line).map_err(|error| match error {
///             TrySendError::Full(_) => io::ErrorKind::WouldBlock.into(),
///             TrySendError::Disconnected(_) => io::ErrorKind::BrokenPipe.into(),
///         })
///     }
/// }
/// ```
pub trait SpillSink: Send + Sync + 'static {
    /// Takes one part of one event. With [`SpillPacking::Packed`](super::SpillPacking::Packed) it may also get several events at once,
    /// [`events`](Record::events) of them.
    ///
    /// # Errors
    /// `Ok` promises that the content is kept. Any error sends the whole event, or all of the events, to the next destination.
    ///
    /// # Blocking
    /// Called on a thread that only writes the log, outside of any runtime, so a sink may block on its own
    /// runtime. (With `build_with_sender`, on the thread that polls the sender.) While a sink is stuck, events
    /// that do not fit in the log's queue are lost. A panic is contained and counts as an error. Anything the sink
    /// emits is an echo, not an event. The notice `the spill sink failed` repeats the text of the error or panic.
    fn write(&self, record: &Record<'_>) -> io::Result<()>;

    /// Takes a notice about overspill itself, if the application log has no reader for it or is stuck. Only the fallback gets notices. Does
    /// nothing by default.
    ///
    /// # Errors
    /// Ignored: a notice is not an event.
    fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
        let _ = notice;
        Ok(())
    }
}

impl<T: SpillSink + ?Sized> SpillSink for Box<T> {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        (**self).write(record)
    }

    fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
        (**self).notice(notice)
    }
}

impl<T: SpillSink + ?Sized> SpillSink for std::sync::Arc<T> {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        (**self).write(record)
    }

    fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
        (**self).notice(notice)
    }
}

/// One JSON object per line on standard error. The default fallback is
/// `WriteSink::new(std::io::stderr())`, which also ends a line that an error cut off; this type does not.
///
/// As a sink and as a `Write` it reports what `std::io::stderr` does not: a descriptor that is closed, read-only or (on Linux) the null
/// device is an error. [`WriteSink`] does the same for the standard library's handles.
///
/// A record is one write. Code that writes to standard error in pieces and without its lock, such as a panic's
/// backtrace, can leave a record in the middle of a line, where [`read_line`](super::read_line) does not find it. In
/// a panic hook, shut down first, then print.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stderr;

/// One JSON object per line on standard output, with the errors that [`Stderr`] reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stdout;

macro_rules! standard_stream {
    ($name:ident, $stream:expr) => {
        impl SpillSink for $name {
            fn write(&self, record: &Record<'_>) -> io::Result<()> {
                $stream.write(&record_line(record)?)
            }

            fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
                $stream.write(&notice_line(notice)?)
            }
        }

        impl Write for $name {
            /// Writes all bytes.
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                $stream.write(bytes)?;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    };
}

standard_stream!(Stderr, Stream::Err);
standard_stream!(Stdout, Stream::Out);

pub(super) fn record_line(record: &Record<'_>) -> io::Result<Vec<u8>> {
    // The fields next to the event take less than this.
    line(record, record.event.len() + 768)
}

pub(super) fn notice_line(notice: &Notice<'_>) -> io::Result<Vec<u8>> {
    line(notice, notice.text.len() + 256)
}

fn line(written: &impl serde::Serialize, bytes: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(bytes);
    serde_json::to_writer(&mut line, written)?;
    line.push(b'\n');
    Ok(line)
}
