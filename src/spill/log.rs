//! The application log as a destination: tracing, target `overspill::spill`.
//!
//! LG1: "read" means that one of our layers wrote the record without an error (see `witness`) or, if there is none,
//! that some layer formatted the event's text. tracing reports whether a subscriber is interested, but not whether it
//! took the record (a layer may drop it later, or only count it), so the text itself is the witness.
//! LG2: the subscriber is asked about the exact event that it then gets, and asked every time. tracing's
//! macros cache one answer for the whole process, and it may come from a thread that has no subscriber.

use super::Record;
use super::line::NOTICE_TARGET;
use super::record::NAMES;
use super::time::Rfc3339;
use super::witness::{self, WitnessReport};
use crate::names::names;
use crate::outcome::MaybeDelivered;
use crate::reentry::{self, Thread};
use crate::sync::contain;
use std::cell::Cell;
use std::fmt;
use tracing::callsite::Identifier;
use tracing::dispatcher::{self, Dispatch, WeakDispatch};
use tracing::field::{Field, FieldSet, Value, display};
use tracing::level_filters::STATIC_MAX_LEVEL;
use tracing::metadata::Kind;
use tracing::span::Id;
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Callsite, Event, Level, Metadata};

/// The target of spilled events.
pub const SPILL_TARGET: &str = "overspill::spill";

/// The level at which spilled events are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum LogLevel {
    /// ERROR
    Error,
    /// WARN, the default: an event in the log is missing elsewhere.
    #[default]
    Warn,
    /// INFO
    Info,
    /// DEBUG
    Debug,
}

names!(LogLevel, "a level", { Error = "error", Warn = "warn", Info = "info", Debug = "debug", });

impl LogLevel {
    /// The name as log lines have it.
    pub(super) const fn as_upper(self) -> &'static str {
        match self {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
        }
    }
}

/// Whether a subscriber read a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordRead {
    Yes,
    No,
    /// One of our layers tried to write the record and failed. Part of it may be in the log.
    Failed,
}

/// How a client learns whether the events it spills are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witnessed {
    /// By a layer that reports the result of each write.
    Layer,
    /// By a subscriber that formats the record.
    Formatting,
    /// No subscriber is interested.
    Nobody,
}

/// The subscriber that was current when the client was built, if any. The sender's thread does not see a
/// subscriber that the application set for one scope only. Weak, so that the client does not keep it alive.
#[derive(Debug, Clone)]
pub(crate) struct Home(Option<WeakDispatch>);

impl Home {
    pub(crate) fn capture() -> Home {
        Home(dispatcher::get_default(|current| (!current.is::<NoSubscriber>()).then(|| current.downgrade())))
    }

    /// Runs `write` under the thread's own subscriber and under the captured one until one of them reads. Our threads
    /// see only the global subscriber; on a caller's thread, the thread's own subscriber is the better choice.
    pub(crate) fn write(&self, thread: Thread, write: impl Fn() -> RecordRead) -> RecordRead {
        let at_home = || match self.0.as_ref().and_then(WeakDispatch::upgrade) {
            Some(home) => contain(|| dispatcher::with_default(&home, &write)).unwrap_or(RecordRead::No),
            None => RecordRead::No,
        };
        let here = || contain(&write).unwrap_or(RecordRead::No);
        match thread {
            Thread::Caller => either(here, at_home),
            Thread::Sender => either(at_home, here),
        }
    }

    /// How the client will learn whether a record of this level is kept.
    pub(crate) fn witnessed(&self, level: LogLevel) -> Witnessed {
        let found = Cell::new(Witnessed::Nobody);
        self.write(reentry::thread(), || {
            let metadata = record_metadata(level);
            let interested = Cell::new(false);
            let answer = witness::listen(|| {
                dispatcher::get_default(|current| interested.set(is_interested(current, metadata)));
            });
            match (interested.get(), answer) {
                (false, _) => return RecordRead::No,
                (true, WitnessReport::Nobody) => found.set(Witnessed::Formatting),
                (true, _) => found.set(Witnessed::Layer),
            }
            RecordRead::Yes
        });
        found.get()
    }
}

/// Tries the second only if nobody reads under the first. If the first failed, it has already
/// written, and the second may be the same subscriber.
fn either(first: impl Fn() -> RecordRead, second: impl Fn() -> RecordRead) -> RecordRead {
    match first() {
        RecordRead::No => second(),
        read => read,
    }
}

/// A tracing callsite that caches no interest (LG2).
struct LogCallsite(&'static Metadata<'static>);

impl Callsite for LogCallsite {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

macro_rules! metadata {
    ($name:literal, $target:expr, $level:ident, $fields:expr) => {{
        static METADATA: Metadata<'static> = Metadata::new(
            $name,
            $target,
            Level::$level,
            Some(file!()),
            Some(line!()),
            Some(module_path!()),
            FieldSet::new($fields, Identifier(&SITE)),
            Kind::EVENT,
        );
        static SITE: LogCallsite = LogCallsite(&METADATA);
        &METADATA
    }};
}

fn record_metadata(level: LogLevel) -> &'static Metadata<'static> {
    match level {
        LogLevel::Error => metadata!("event spilled", SPILL_TARGET, ERROR, &NAMES),
        LogLevel::Warn => metadata!("event spilled", SPILL_TARGET, WARN, &NAMES),
        LogLevel::Info => metadata!("event spilled", SPILL_TARGET, INFO, &NAMES),
        LogLevel::Debug => metadata!("event spilled", SPILL_TARGET, DEBUG, &NAMES),
    }
}

const NOTICE_NAMES: [&str; 2] = ["message", "spill_client"];

fn notice_metadata(level: LogLevel) -> &'static Metadata<'static> {
    match level {
        LogLevel::Error => metadata!("notice", NOTICE_TARGET, ERROR, &NOTICE_NAMES),
        LogLevel::Warn => metadata!("notice", NOTICE_TARGET, WARN, &NOTICE_NAMES),
        LogLevel::Info => metadata!("notice", NOTICE_TARGET, INFO, &NOTICE_NAMES),
        LogLevel::Debug => metadata!("notice", NOTICE_TARGET, DEBUG, &NOTICE_NAMES),
    }
}

/// A level that is compiled out has no reader, whatever a subscriber answers.
fn is_interested(current: &Dispatch, metadata: &'static Metadata<'static>) -> bool {
    *metadata.level() <= STATIC_MAX_LEVEL && current.enabled(metadata)
}

/// Passes the values, at most one per field, to the current subscriber. The event is a root: the
/// fields of the application's spans are not ours, and may contain anything.
fn give<const N: usize>(
    metadata: &'static Metadata<'static>,
    values: [Option<&dyn Value>; N],
    text: &WitnessedText<'_>,
) -> RecordRead {
    let answer = witness::listen(|| {
        dispatcher::get_default(|current| {
            if is_interested(current, metadata) {
                let mut names = metadata.fields().iter();
                #[expect(clippy::expect_used, reason = "both callers give a value for every field")]
                let fields: [Field; N] =
                    std::array::from_fn(|_| names.next().expect("a name for each value"));
                let named: [_; N] = std::array::from_fn(|nth| (&fields[nth], values[nth]));
                current.event(&Event::new_child_of(
                    None::<Id>,
                    metadata,
                    &metadata.fields().value_set(&named),
                ));
            }
        });
    });
    match answer {
        WitnessReport::Nobody => text.read(),
        WitnessReport::Kept => RecordRead::Yes,
        WitnessReport::Failed => RecordRead::Failed,
        // A layer is there, but did not get the record.
        WitnessReport::Present => RecordRead::No,
    }
}

/// Whether there is no subscriber. tracing's macros may then have a reader that we do not: with
/// tracing's feature `log`, they pass records to the `log` crate until a subscriber is set.
fn is_without_subscriber() -> bool {
    dispatcher::get_default(|current| current.is::<NoSubscriber>())
}

/// Writes a notice to the current subscriber.
pub(crate) fn tell(level: LogLevel, client: &str, text: &WitnessedText<'_>) -> RecordRead {
    if !is_without_subscriber() {
        return give(notice_metadata(level), [Some(&display(text)), Some(&client)], text);
    }
    macro_rules! tell_at {
        ($level:ident) => {
            tracing::event!(target: NOTICE_TARGET, parent: None, Level::$level, spill_client = client, "{text}")
        };
    }
    match level {
        LogLevel::Error => tell_at!(ERROR),
        LogLevel::Warn => tell_at!(WARN),
        LogLevel::Info => tell_at!(INFO),
        LogLevel::Debug => tell_at!(DEBUG),
    }
    text.read()
}

/// The log as a destination.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) home: Home,
}

impl Log {
    pub(crate) fn write(&self, record: &Record<'_>) -> RecordRead {
        self.home.write(reentry::thread(), || write_here(record))
    }
}

fn write_here(record: &Record<'_>) -> RecordRead {
    let event = WitnessedText::of(record.event);
    let (message, emitted_at) = (record.message(), Rfc3339(record.emitted_at));
    let maybe_delivered = record.maybe_delivered == MaybeDelivered::Yes;
    if !is_without_subscriber() {
        let values: [Option<&dyn Value>; NAMES.len()] = [
            Some(&display(&message)),
            Some(&Record::V),
            Some(&record.client),
            Some(&record.seq),
            Some(&record.batch),
            Some(&record.reason.as_str()),
            Some(&maybe_delivered),
            Some(&display(emitted_at)),
            Some(&record.age_ms),
            Some(&record.detail),
            Some(&record.part),
            Some(&record.parts),
            Some(&record.events),
            Some(&record.redacted),
            record.name.as_ref().map(|name| name as &dyn Value),
            record.common.as_ref().map(|common| common as &dyn Value),
            Some(&display(&event)),
        ];
        return give(record_metadata(record.level), values, &event);
    }
    macro_rules! write_at {
        ($level:ident) => {
            tracing::event!(
                target: SPILL_TARGET,
                parent: None,
                Level::$level,
                spill_v = Record::V,
                spill_client = record.client,
                spill_seq = record.seq,
                spill_batch = record.batch,
                spill_reason = record.reason.as_str(),
                spill_maybe_delivered = maybe_delivered,
                spill_emitted_at = %emitted_at,
                spill_age_ms = record.age_ms,
                spill_detail = record.detail,
                spill_part = record.part,
                spill_parts = record.parts,
                spill_events = record.events,
                spill_redacted = record.redacted,
                spill_name = record.name,
                spill_common = record.common,
                spill_event = %event,
                "{message}",
            )
        };
    }
    match record.level {
        LogLevel::Error => write_at!(ERROR),
        LogLevel::Warn => write_at!(WARN),
        LogLevel::Info => write_at!(INFO),
        LogLevel::Debug => write_at!(DEBUG),
    }
    event.read()
}

/// Text that knows whether it was formatted.
pub(crate) struct WitnessedText<'a> {
    text: &'a str,
    read: Cell<RecordRead>,
}

impl<'a> WitnessedText<'a> {
    pub(crate) fn of(text: &'a str) -> WitnessedText<'a> {
        WitnessedText { text, read: Cell::new(RecordRead::No) }
    }

    pub(crate) fn read(&self) -> RecordRead {
        self.read.get()
    }
}

impl fmt::Display for WitnessedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)?;
        self.read.set(RecordRead::Yes);
        Ok(())
    }
}
