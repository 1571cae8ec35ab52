//! The application log as a destination: tracing, target `overspill::spill`.
//!
//! "Read" means that somebody formatted the event's text: tracing says whether a subscriber is interested, but not
//! whether one took the record (a layer may drop it later, or only count it), so the text itself is the witness.

use super::Record;
use crate::outcome::MaybeDelivered;
use crate::reentry::{self, Thread};
use crate::sync::contain;
use std::cell::Cell;
use std::fmt;
use tracing::dispatcher::{self, WeakDispatch};
use tracing::subscriber::NoSubscriber;

/// The target of spilled events.
pub const SPILL_TARGET: &str = "overspill::spill";

/// At which level spilled events are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LogLevel {
    /// ERROR
    Error,
    /// WARN, the default: an event in the log is one that is missing elsewhere.
    #[default]
    Warn,
    /// INFO
    Info,
    /// DEBUG
    Debug,
}

impl LogLevel {
    /// The name that `OVERSPILL_SPILL_LEVEL` takes: `error`, `warn`, `info`, `debug`.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<LogLevel> {
        [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug]
            .into_iter()
            .find(|level| level.as_str() == name)
    }
}

/// Whether anybody read a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    Yes,
    No,
}

/// The subscriber that was current where the client was built, if there was one: the sender's thread does not see a
/// subscriber that the application set for its own scope only. Weak: it must not live longer for our sake.
#[derive(Debug, Clone)]
pub(crate) struct Home(Option<WeakDispatch>);

impl Home {
    pub(crate) fn capture() -> Home {
        Home(dispatcher::get_default(|current| (!current.is::<NoSubscriber>()).then(|| current.downgrade())))
    }

    /// Runs `write` under the thread's own subscriber and under the captured one until one of them reads: a caller's
    /// thread knows better where it logs, the sender's thread knows nothing.
    pub(crate) fn write(&self, thread: Thread, write: impl Fn() -> Read) -> Read {
        let at_home = || match self.0.as_ref().and_then(WeakDispatch::upgrade) {
            Some(home) => contain(|| dispatcher::with_default(&home, &write)).unwrap_or(Read::No),
            None => Read::No,
        };
        let here = || contain(&write).unwrap_or(Read::No);
        match thread {
            Thread::Caller => either(here, at_home),
            Thread::Sender => either(at_home, here),
        }
    }
}

fn either(first: impl Fn() -> Read, second: impl Fn() -> Read) -> Read {
    if first() == Read::Yes { Read::Yes } else { second() }
}

/// The destination itself.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) level: LogLevel,
    pub(crate) home: Home,
}

impl Log {
    pub(crate) fn write(&self, record: &Record<'_>) -> Read {
        self.home.write(reentry::thread(), || self.write_here(record))
    }

    fn write_here(&self, record: &Record<'_>) -> Read {
        let witness = Witness::of(record.event);
        macro_rules! write_at {
            ($level:ident) => {
                if tracing::enabled!(target: SPILL_TARGET, tracing::Level::$level) {
                    tracing::event!(
                        target: SPILL_TARGET,
                        // A root record: the fields of the application's spans are none of ours, and may hold anything.
                        parent: None,
                        tracing::Level::$level,
                        v = record.v(),
                        client = record.client,
                        seq = record.seq,
                        batch = record.batch,
                        reason = record.reason.as_str(),
                        maybe_delivered = record.maybe_delivered == MaybeDelivered::Yes,
                        age_ms = record.age_ms,
                        detail = record.detail,
                        part = record.part,
                        parts = record.parts,
                        // `None` is no field at all.
                        events = record.packed_events(),
                        event = %witness,
                    )
                }
            };
        }
        match self.level {
            LogLevel::Error => write_at!(ERROR),
            LogLevel::Warn => write_at!(WARN),
            LogLevel::Info => write_at!(INFO),
            LogLevel::Debug => write_at!(DEBUG),
        }
        witness.read()
    }
}

/// Text that knows whether somebody formatted it.
pub(crate) struct Witness<'a> {
    text: &'a str,
    read: Cell<Read>,
}

impl<'a> Witness<'a> {
    pub(crate) fn of(text: &'a str) -> Witness<'a> {
        Witness { text, read: Cell::new(Read::No) }
    }

    pub(crate) fn read(&self) -> Read {
        self.read.get()
    }
}

impl fmt::Display for Witness<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)?;
        self.read.set(Read::Yes);
        Ok(())
    }
}
