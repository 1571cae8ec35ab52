//! One event becomes one log record, or several events do: the only place where the content of an event reaches a log.
//!
//! In: an event's text, number and time, and why it is spilled. Out: `Ok` only if a destination took every part of
//! it, else the reason why it is lost.
//!
//! | `v` | `event` | when |
//! |---|---|---|
//! | 1 | an event's JSON, or part `part` of `parts` of it | always, unless asked otherwise |
//! | 2 | a JSON array of `events` events, numbered from `seq` on | [`SpillPacking::Packed`], for what the sender has together |
//!
//! [`read_line`] and [`join`] turn the lines of both back into events.
//!
//! S1: "spilled" is claimed only for a record that somebody read (see `log`) or that a sink took without error.
//! S2: whatever the destination does (panic, error, silence), the next destination gets the whole event.
//! S3: nobody joins a write that is stuck (see `turn`); the event is lost instead of the caller.
//! S4: a record is one line of printable text; a long event is several, which join to the identical JSON.
//! S5: a pack is written, refused and lost as a whole: all its events go to the same destination, or to none.

pub(crate) mod log;
pub(crate) mod pack;
mod parts;
pub(crate) mod read;
mod record;
mod sink;
pub(crate) mod turn;

pub use log::LogLevel;
pub use pack::SpillPacking;
pub use read::{Joined, SpilledPart, join, read_line};
pub use record::Record;
pub use sink::{SpillSink, Stderr, WriteSink};

use crate::clock::{Clock, Stamp};
use crate::encode::printable;
use crate::limits::{DETAIL_CHARS_MAX, PART_BYTES_MAX, PART_ESCAPED_BYTES_MAX};
use crate::notice::Notices;
use crate::outcome::{LostReason, MaybeDelivered, Reason};
use crate::reentry;
use crate::sync::{Arc, contain};
use pack::Packing;
use parts::Parts;
use std::borrow::Cow;

/// An event as the log sees it, or a pack of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaf<'a> {
    /// The number of the first.
    pub(crate) seq: u64,
    /// When the oldest was emitted.
    pub(crate) emitted_at: Stamp,
    pub(crate) text: &'a [u8],
    /// 1, or more: `text` is an array of so many then, and no longer than one record.
    pub(crate) events: u32,
}

/// Why it is spilled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why<'a> {
    pub(crate) reason: Reason,
    pub(crate) maybe_delivered: MaybeDelivered,
    /// 0: never was in a batch.
    pub(crate) batch: u64,
    pub(crate) detail: &'a str,
}

impl Why<'_> {
    pub(crate) fn simple(reason: Reason) -> Why<'static> {
        Why { reason, maybe_delivered: MaybeDelivered::No, batch: 0, detail: "" }
    }
}

/// Where records go first.
pub(crate) enum Primary {
    Log(log::Log),
    Sink(Arc<dyn SpillSink>),
}

/// The way from an event to its record.
pub(crate) struct Spill {
    client: String,
    primary: Primary,
    fallback: Arc<dyn SpillSink>,
    turn: Arc<turn::Turn>,
    clock: Clock,
    notices: Arc<Notices>,
    pub(crate) packing: Packing,
}

impl Spill {
    pub(crate) fn new(
        client: String,
        primary: Primary,
        fallback: Arc<dyn SpillSink>,
        turn: Arc<turn::Turn>,
        clock: Clock,
        notices: Arc<Notices>,
        packing: SpillPacking,
    ) -> Spill {
        Spill { client, primary, fallback, turn, clock, notices, packing: Packing::new(packing) }
    }

    pub(crate) fn client(&self) -> &str {
        &self.client
    }

    /// Writes the event down, or the pack of them.
    ///
    /// # Blocking
    /// As long as the log takes; at most [`LOG_STALL`](crate::limits::LOG_STALL) behind somebody else's stuck write.
    pub(crate) fn write(&self, leaf: Leaf<'_>, why: &Why<'_>) -> Result<(), LostReason> {
        let written = {
            let _own = reentry::own_work();
            match self.turn.take() {
                Some(_writing) => self.write_in_turn(leaf, why),
                None => Written::Stalled,
            }
        };
        // After the turn: notices take turns themselves.
        match written {
            Written::ToPrimary => Ok(()),
            Written::ToFallback => {
                self.notices.primary_failed(self.clock.now(), &self.primary);
                Ok(())
            }
            Written::Nowhere => {
                self.notices.log_failed(self.clock.now());
                Err(LostReason::LogFailed)
            }
            Written::Stalled => {
                self.notices.log_stalled(self.clock.now());
                Err(LostReason::LogStalled)
            }
        }
    }

    fn write_in_turn(&self, leaf: Leaf<'_>, why: &Why<'_>) -> Written {
        // Always text (E1); asked this way it is known at many bytes at once.
        let text = match std::str::from_utf8(leaf.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(leaf.text),
        };
        let detail = self.detail(why.detail);
        let parts = match leaf.events {
            1 => parts::split(&text, PART_BYTES_MAX, PART_ESCAPED_BYTES_MAX),
            // K1: it was made to fit.
            _ => Parts::One(&text),
        };
        let age = self.clock.last_tick().since(leaf.emitted_at).as_millis();
        let record = |part: usize| Record {
            client: &self.client,
            seq: leaf.seq,
            batch: why.batch,
            reason: why.reason,
            maybe_delivered: why.maybe_delivered,
            age_ms: u64::try_from(age).unwrap_or(u64::MAX),
            detail: &detail,
            part: part as u32 + 1,
            parts: parts.len() as u32,
            events: leaf.events,
            event: parts[part],
        };
        // S2: every part to the same place.
        if (0..parts.len()).all(|part| self.to_primary(&record(part))) {
            Written::ToPrimary
        } else if (0..parts.len()).all(|part| took(self.fallback.as_ref(), &record(part))) {
            Written::ToFallback
        } else {
            Written::Nowhere
        }
    }

    fn to_primary(&self, record: &Record<'_>) -> bool {
        match &self.primary {
            Primary::Log(log) => log.write(record) == log::Read::Yes,
            Primary::Sink(sink) => took(sink.as_ref(), record),
        }
    }

    fn detail<'a>(&self, detail: &'a str) -> Cow<'a, str> {
        if detail.len() <= DETAIL_CHARS_MAX && detail.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Cow::Borrowed(detail);
        }
        Cow::Owned(printable(detail, DETAIL_CHARS_MAX))
    }
}

/// Where an event's records went.
enum Written {
    ToPrimary,
    ToFallback,
    Nowhere,
    Stalled,
}

/// A panic or an error of the user's sink is a "no".
fn took(sink: &dyn SpillSink, record: &Record<'_>) -> bool {
    matches!(contain(|| sink.write(record)), Ok(Ok(())))
}
