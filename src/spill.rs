//! Writes events to the log: one event per record, or several packed. This is the only place where an event's content reaches a log.
//!
//! In: an event's text, sequence number and time, and why it is spilled. Out: `Ok` only if a
//! destination took every part of it; otherwise the reason why it is lost.
//!
//! A [`Record`] carries an event's JSON, or part `spill_part` of `spill_parts` of it. With [`SpillPacking::Packed`] it carries a JSON array
//! of `spill_events` events, numbered from `spill_seq`. [`read_line`] and [`join`] turn lines back into events; [`Records`] does it for a
//! whole log.
//!
//! - S1: "spilled" is claimed only for a record that a subscriber read (see `log`)
//!   or that a sink took without an error.
//! - S2: whatever the destination does (panic, error, silence), the next destination gets the whole event.
//! - S3: one thread writes, and no caller waits behind a stuck write (see `log_queue`): the event is lost instead.
//! - S4: a record is one line of printable text, at most `spill_line_bytes_max` long. A long event
//!   takes several records, which join to the identical JSON.
//! - S5: a pack is written, refused and lost as a whole: all its events go to the same destination, or to none.

mod checkpoint;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod log_queue;
#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;
pub(crate) mod pack;
mod parts;
mod rate;
pub(crate) mod read;
mod record;
mod redact;
mod sink;
mod stream;
pub mod witness;
mod write_sink;

pub use crate::time::Rfc3339;
pub use checkpoint::{Checkpoint, Place};
pub use log::LogLevel;
pub use pack::SpillPacking;
pub use read::{
    Entries, Entry, Joined, JoinedRecords, Joiner, Loss, Losses, Records, Seen, SpilledNotice, SpilledPart,
    join, read_line,
};
pub use record::{Notice, Record};
pub use redact::Redact;
pub use sink::{SpillSink, Stderr, Stdout};
pub use write_sink::WriteSink;

use crate::clock::{Calendar, Clock, Stamp};
use crate::common::Common;
use crate::encode::printable;
use crate::limits::{
    DETAIL_CHARS_MAX, DETAIL_ESCAPED_BYTES_MAX, EVENT_NAME_BYTES_MAX, SPILL_BYTES_PER_LINE, SPILL_FRAME_BYTES,
};
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use crate::reentry;
use crate::sync::{Arc, contain};
use crate::time;
use pack::PackMemory;
use parts::TextParts;
use rate::Rate;
use std::borrow::Cow;

/// One event, or a pack of events, as the log sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf<'a> {
    /// The sequence number of the first event.
    pub(crate) seq: u64,
    /// When the oldest event was emitted.
    pub(crate) emitted_at: Stamp,
    /// The calendar that dated the event's text, if the text contains its time; otherwise the current one is used.
    pub(crate) calendar: Option<Calendar>,
    /// Empty if there is no name, or if the text contains it.
    pub(crate) name: &'a str,
    pub(crate) text: &'a [u8],
    /// The number of events. If more than 1, `text` is an array of that many, fits in
    /// one record, and is already redacted.
    pub(crate) events: u32,
    /// Whether redaction changed a pack.
    pub(crate) redacted: bool,
}

/// Why the event is spilled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordCause<'a> {
    pub(crate) reason: Reason,
    pub(crate) maybe_delivered: MaybeDelivered,
    /// 0 if the event was never in a batch.
    pub(crate) batch: u64,
    pub(crate) detail: &'a str,
}

impl RecordCause<'_> {
    pub(crate) fn simple(reason: Reason) -> RecordCause<'static> {
        RecordCause { reason, maybe_delivered: MaybeDelivered::No, batch: 0, detail: "" }
    }
}

/// Where records go first.
pub(crate) enum Primary {
    Log(log::Log),
    Sink(Arc<dyn SpillSink>),
}

/// What records look like.
#[derive(Debug, Clone)]
pub(crate) struct RecordSettings {
    pub(crate) level: LogLevel,
    pub(crate) packing: SpillPacking,
    pub(crate) line_bytes_max: usize,
    pub(crate) bytes_per_second_max: usize,
    pub(crate) redact: Arc<Redact>,
    /// The common fields as they may appear in the log, if records carry them next to their events.
    pub(crate) common: Option<CommonInLog>,
}

/// The common fields as one JSON object, as records carry them.
#[derive(Debug, Clone)]
pub(crate) struct CommonInLog {
    pub(crate) text: String,
    redacted: bool,
}

/// How many bytes of a line are left for the event or events, as the formatter
/// writes them, next to these common fields.
pub(crate) fn event_room(line_bytes_max: usize, common: Option<&CommonInLog>) -> usize {
    // What a formatter writes around two more fields.
    const BESIDE: usize = 2 * "\u{1b}[3m  spill_common=\u{1b}[0m\"\"".len() + EVENT_NAME_BYTES_MAX;
    let beside = common.map_or(0, |common| BESIDE + parts::escaped_len(common.text.as_bytes()));
    line_bytes_max.saturating_sub(SPILL_FRAME_BYTES).saturating_sub(beside)
}

impl CommonInLog {
    /// `Some` if records carry the fields next to events; an error if they cannot be redacted.
    pub(crate) fn new(common: &Common, redact: &Redact) -> Result<Option<CommonInLog>, Unredacted> {
        let Some(fields) = common.beside_events() else { return Ok(None) };
        let redacted = redact.apply(fields).ok_or(Unredacted)?;
        Ok(Some(CommonInLog { redacted: redacted.is_changed(), text: redacted.text.into_owned() }))
    }
}

/// A redaction rule could not be applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unredacted;

/// Turns events into records and writes them.
pub(crate) struct Spill {
    client: String,
    primary: Primary,
    fallback: Arc<dyn SpillSink>,
    clock: Clock,
    notices: Arc<dyn TroubleReporter>,
    settings: RecordSettings,
    rate: Rate,
    event_room: usize,
    pub(crate) packing: PackMemory,
}

impl Spill {
    pub(crate) fn new(
        client: String,
        primary: Primary,
        fallback: Arc<dyn SpillSink>,
        clock: Clock,
        notices: Arc<impl TroubleReporter + 'static>,
        settings: RecordSettings,
    ) -> Spill {
        let event_room = event_room(settings.line_bytes_max, settings.common.as_ref());
        let packing = PackMemory::new(settings.packing, event_room, Arc::clone(&settings.redact));
        let rate = Rate::new(settings.bytes_per_second_max);
        Spill { client, primary, fallback, clock, notices, settings, rate, event_room, packing }
    }

    /// How the client learns whether a record is kept, for the notice at startup.
    pub(crate) fn witnessed(&self) -> &'static str {
        match &self.primary {
            Primary::Sink(_) => "spilled events are kept once the spill sink has taken them",
            Primary::Log(log) => match log.home.witnessed(self.settings.level) {
                log::Witnessed::Layer => "spilled events are kept once SpillLayer has written them",
                log::Witnessed::Formatting => {
                    "spilled events count as kept once a subscriber formats them (SpillLayer would know whether they are \
                     written)"
                }
                log::Witnessed::Nobody => {
                    "spilled events go to the fallback sink, because no subscriber accepts target overspill::spill"
                }
            },
        }
    }

    pub(crate) fn client(&self) -> &str {
        &self.client
    }

    /// Writes the event or the pack to the log.
    ///
    /// # Blocking
    /// As long as the log takes. Only the thread that writes the log's queue calls this.
    pub(crate) fn write(&self, leaf: Leaf<'_>, why: &RecordCause<'_>) -> Result<(), LostReason> {
        let written = {
            let _own = reentry::own_work();
            self.write_record(leaf, why)
        };
        let Err(trouble) = written else { return Ok(()) };
        self.notices.tell(self.clock.now(), &trouble);
        match trouble {
            Trouble::ToFallback(_) => Ok(()),
            Trouble::Nowhere => Err(LostReason::LogFailed),
            Trouble::Surplus { .. } => Err(LostReason::LogBudget),
            Trouble::Unredacted => Err(LostReason::RedactFailed),
        }
    }

    fn write_record(&self, leaf: Leaf<'_>, why: &RecordCause<'_>) -> Result<(), Trouble> {
        // Always UTF-8 (E1); `from_utf8` checks many bytes at a time.
        let text = match std::str::from_utf8(leaf.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(leaf.text),
        };
        let (text, redacted) = match leaf.events {
            1 if !self.settings.redact.is_empty() => match self.settings.redact.apply(&text) {
                Some(redacted) => {
                    let changed = redacted.is_changed();
                    (Cow::Owned(redacted.text.into_owned()), changed)
                }
                None => return Err(Trouble::Unredacted),
            },
            _ => (text, leaf.redacted),
        };
        let common = self.settings.common.as_ref();
        let redacted = redacted || common.is_some_and(|common| common.redacted);
        let detail = self.detail(why.detail);
        let parts = match leaf.events {
            1 => parts::split(&text, self.event_room),
            // PK1: the pack was built to fit.
            _ => TextParts::One(&text),
        };
        if self.rate.is_bounded() {
            let bytes = text.len() + parts.len() * SPILL_BYTES_PER_LINE;
            if !self.rate.admits(self.clock.now(), bytes) {
                return Err(Trouble::Surplus { bytes_per_second_max: self.settings.bytes_per_second_max });
            }
        }
        let (now, wall) = (self.clock.now(), crate::clock::wall());
        let age_ms = u64::try_from(now.since(leaf.emitted_at).as_millis()).unwrap_or(u64::MAX);
        let calendar = leaf.calendar.unwrap_or_else(|| Calendar::at(now, wall));
        // Truncated to milliseconds last, so the earlier of two events never gets the later time.
        let (emitted_at, written_at) = (time::whole(calendar.time(leaf.emitted_at)), time::whole(wall));
        let record = |part: usize| Record {
            level: self.settings.level,
            written_at,
            client: &self.client,
            seq: leaf.seq,
            batch: why.batch,
            reason: why.reason,
            maybe_delivered: why.maybe_delivered,
            emitted_at,
            age_ms,
            detail: &detail,
            part: part as u32 + 1,
            parts: parts.len() as u32,
            events: leaf.events,
            redacted,
            name: Some(leaf.name).filter(|name| !name.is_empty()),
            common: common.map(|common| common.text.as_str()),
            event: parts[part],
        };
        // S2: all parts go to the same destination.
        let Err(refused) = (0..parts.len()).try_for_each(|part| self.to_primary(&record(part))) else {
            return Ok(());
        };
        let fallback = self.fallback.as_ref();
        match (0..parts.len()).try_for_each(|part| take(fallback, &record(part))) {
            Ok(()) => Err(Trouble::ToFallback(refused)),
            Err(_) => Err(Trouble::Nowhere),
        }
    }

    /// The start of an event that reaches no log: enough to recognize it, if a notice may show it.
    pub(crate) fn beginning_of(&self, text: &[u8]) -> String {
        if !self.settings.redact.is_empty() {
            return "with what is redacted".to_owned();
        }
        String::from_utf8_lossy(&text[..text.len().min(120)]).into_owned()
    }

    fn to_primary(&self, record: &Record<'_>) -> Result<(), PrimaryFailure> {
        match &self.primary {
            Primary::Log(log) => match log.write(record) {
                log::RecordRead::Yes => Ok(()),
                log::RecordRead::No => Err(PrimaryFailure::NobodyReads),
                log::RecordRead::Failed => Err(PrimaryFailure::LayerFailed),
            },
            Primary::Sink(sink) => take(sink.as_ref(), record).map_err(PrimaryFailure::SinkFailed),
        }
    }

    fn detail<'a>(&self, detail: &'a str) -> Cow<'a, str> {
        // A quote or a backslash is escaped to two characters.
        if detail.len() <= DETAIL_CHARS_MAX && detail.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Cow::Borrowed(detail);
        }
        let mut detail = printable(detail, DETAIL_CHARS_MAX);
        detail.truncate(parts::fitting(&detail, DETAIL_ESCAPED_BYTES_MAX));
        Cow::Owned(detail)
    }
}

/// Why an event's records are not where they belong.
pub(crate) enum Trouble {
    ToFallback(PrimaryFailure),
    Nowhere,
    Surplus { bytes_per_second_max: usize },
    Unredacted,
}

/// Reports trouble. The notices implement it: they are written through the spill, and so belong to a layer above it.
pub(crate) trait TroubleReporter: Send + Sync {
    fn tell(&self, now: Stamp, trouble: &Trouble);
}

/// Why the first destination did not take a record.
#[derive(Debug)]
pub(crate) enum PrimaryFailure {
    NobodyReads,
    LayerFailed,
    /// With the text of its error or panic.
    SinkFailed(String),
}

/// A panic in the user's sink counts as an error.
fn take(sink: &dyn SpillSink, record: &Record<'_>) -> Result<(), String> {
    match contain(|| sink.write(record)) {
        Ok(taken) => taken.map_err(|error| error.to_string()),
        Err(panicked) => Err(panicked.0),
    }
}
