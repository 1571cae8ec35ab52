//! Sends events from a log to the endpoint again, with a separate client.
//!
//! In: events that were read back. Out: what became of each. RN1: each event that goes in gets
//! exactly one end, in the order given; an event that is neither delivered nor refused was not
//! taken, and is the caller's again. RN2: nothing is written to a log. RN3: the client gets only
//! part of what its queue can hold at a time, so no event is refused because the queue is full.
//!
//! Not here: reading logs (`spill::read`), when to retry, and what to do with refused events.

use crate::build_error::BuildError;
use crate::client::Client;
use crate::config::Builder;
use crate::format::resent::{AsTheyWere, Carried, number_of};
use crate::limits::{EVENT_NAME_BYTES_MAX, RESEND_OVERHEAD_BYTES};
use crate::mode::Mode;
use crate::outcome::{Emitted, LostReason, MaybeDelivered, Reason};
use crate::spill::{Joined, Record, Redact, SpillPacking, SpillSink};
use crate::stats::Stats;
use crate::sync::{Arc, Mutex, lock};
use crate::waits::Deadline;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

/// What became of an event that was sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resent {
    /// The endpoint answered 2xx to a request that carried it.
    Delivered,
    /// The endpoint does not want this event, or it cannot be sent: a retry will not help.
    #[non_exhaustive]
    Refused {
        /// The endpoint's reply, or what is wrong with the event.
        words: String,
        /// Whether it may be at the endpoint anyway.
        maybe_delivered: MaybeDelivered,
    },
    /// Not delivered for now: it was not sent, or the reply is unknown.
    #[non_exhaustive]
    NotTaken {
        /// The reason, as a log would state it.
        reason: Reason,
        /// Status or error kind.
        words: String,
        /// Whether it may be at the endpoint anyway.
        maybe_delivered: MaybeDelivered,
    },
}

/// Sends events that were read back from a log, with their original id,
/// time, name and common fields. Made by [`Builder::build_resender`].
///
/// ```
/// use overspill::{Client, Resent, format::Ndjson, spill::Records};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut resender = Client::builder("http://127.0.0.1:9/").format(Ndjson).build_resender()?;
/// let events: Vec<_> = Records::new(&b"a log\n"[..]).joined().collect::<Result<_, _>>()?;
/// for (event, resent) in events.iter().zip(resender.send(&events)) {
///     match resent {
///         Resent::Delivered => {}
///         Resent::Refused { words, .. } => eprintln!("{}-{}: {words}", event.client, event.seq),
///         // Wait, and send it again.
///         _ => {}
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Resender {
    client: Client,
    back: Arc<Back>,
    grouping: Grouping,
}

/// How events are grouped for sending.
#[derive(Debug, Clone, Copy)]
struct Grouping {
    /// Whether the events of one request must have the same common fields.
    common: Together,
    events_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Together {
    Any,
    OfOneKind,
}

/// The events that the client could not deliver.
#[derive(Debug, Default)]
struct Back(Mutex<BTreeMap<u64, Resent>>);

impl SpillSink for Back {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        if record.part > 1 {
            return Ok(());
        }
        let number = number_of(record.event)
            .ok_or_else(|| io::Error::other("an event that this resender did not send"))?;
        let (words, maybe_delivered) = (record.detail.to_owned(), record.maybe_delivered);
        let resent = match record.reason {
            Reason::Refused | Reason::FormatFailed => Resent::Refused { words, maybe_delivered },
            Reason::Oversized => Resent::Refused { words: TOO_LONG.to_owned(), maybe_delivered },
            reason => Resent::NotTaken { reason, words, maybe_delivered },
        };
        lock(&self.0).insert(number, resent);
        Ok(())
    }
}

const TOO_LONG: &str = "it is longer than event_bytes_max allows: raise it";

impl Builder {
    /// Builds a [`Resender`] for the events in a log. It sends them the same way and in
    /// the same format as a client with these settings: in batches, in halves if one event
    /// is refused, and as probes while the endpoint is out. It writes nothing to a log.
    ///
    /// Events keep their own [common fields](Builder::common_field), names and times. A format that writes
    /// common fields once per request writes the event's fields there; for any other format, the fields that
    /// stood next to the event in the log go into its JSON. An event takes about [`RESEND_OVERHEAD_BYTES`]
    /// and up to twice its bytes here: if [`event_bytes_max`](Builder::event_bytes_max) and
    /// [`batch_bytes_max`](Builder::batch_bytes_max) were high, raise them.
    ///
    /// # Errors
    /// Like [`build`](Builder::build), and if a common field, a time field,
    /// a spill sink or a mode is set, because they would do nothing here.
    ///
    /// # Blocking
    /// Like `build`.
    pub fn build_resender(mut self) -> Result<Resender, BuildError> {
        const OWN: &str = "is not for events that are sent again";
        if !self.common_fields.is_empty() {
            return Err(BuildError::invalid("common_field", OWN, "leave it out: they bring their own"));
        }
        if self.time_field.is_some() {
            return Err(BuildError::invalid("time_field", OWN, "leave it out: they bring their own"));
        }
        if self.spill_sink.is_some() {
            return Err(BuildError::invalid(
                "spill_sink",
                OWN,
                "leave it out: `send` tells what was not delivered",
            ));
        }
        if self.mode != Mode::On {
            let problem = format!("is {}: nothing would be sent", self.mode);
            return Err(BuildError::invalid("mode", problem, "leave it out, also as OVERSPILL_MODE"));
        }
        let format = AsTheyWere::new(self.format, &self.name_field);
        let grouping = Grouping {
            common: if format.is_beside() { Together::OfOneKind } else { Together::Any },
            // Half of the queue: an event that is posted twice, or waits for the log, stays there longer.
            events_max: (self.queue_events_max / 2).max(1),
            // A block may be twice as large as its event.
            bytes_max: self.queue_bytes_max / 4,
        };
        let back = Arc::new(Back::default());
        self.format = Box::new(format);
        self.spill_sink = Some(Arc::clone(&back) as Arc<dyn SpillSink>);
        self.spill_packing = SpillPacking::OneByOne;
        self.spill_redact = Redact::new();
        self.spill_bytes_per_second_max = usize::MAX;
        Ok(Resender { client: self.build()?, back, grouping })
    }
}

impl Resender {
    /// Sends the events and returns what became of each, in their order. When it returns, nothing is pending.
    ///
    /// You may send events that are [`NotTaken`](Resent::NotTaken) again, at once or later; while the endpoint is
    /// out, the next events you send are the probe. If the process ends during the call, its events may or may
    /// not be at the endpoint: send them again if that matters, to an endpoint that stores each id only once.
    ///
    /// # Blocking
    /// Blocks the calling thread until all are settled: a few `post_timeout`s.
    /// Do not call it on one of overspill's threads: it takes nothing there.
    pub fn send(&mut self, events: &[Joined]) -> Vec<Resent> {
        let mut ended = Vec::with_capacity(events.len());
        let mut rest = events;
        while !rest.is_empty() {
            let (together, others) = rest.split_at(self.grouping.together(rest));
            self.send_together(together, &mut ended);
            rest = others;
        }
        ended
    }

    /// The sending client's stats. What they count as spilled was refused or not taken.
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// Shuts the client down. Only its connection may need a moment to close.
    pub fn shutdown_blocking(self, deadline: impl Into<Deadline>) -> Stats {
        self.client.shutdown_blocking(deadline)
    }

    fn send_together(&self, events: &[Joined], ended: &mut Vec<Resent>) {
        let lost_before = self.client.stats().lost;
        lock(&self.back.0).clear();
        let mut lost_here = 0;
        let mut taken = Vec::with_capacity(events.len());
        for (number, event) in (0..).zip(events) {
            taken.push(match wrong_with(event) {
                Some(words) => Some(refused(words)),
                None => {
                    let emitted = self.client.emit(&Carried(number, event));
                    lost_here += u64::from(matches!(emitted, Emitted::Lost(_)));
                    end_of(emitted)
                }
            });
        }
        if taken.iter().any(Option::is_none) {
            // Every post ends within its timeout, so this loop ends too.
            while self.client.flush_blocking(FLUSH).is_err() {}
        }
        let mut back = std::mem::take(&mut *lock(&self.back.0));
        // The counters do not say which events were lost.
        let lost = self.client.stats().lost - lost_before - lost_here;
        let unknown = |resent: Option<Resent>| match resent {
            None if lost > 0 => not_taken("lost on its way", MaybeDelivered::Yes),
            None => Resent::Delivered,
            Some(resent) => resent,
        };
        for (number, resent) in (0..).zip(taken) {
            ended.push(resent.unwrap_or_else(|| unknown(back.remove(&number))));
        }
    }
}

/// One wait of this length is enough unless something goes wrong.
const FLUSH: Duration = Duration::from_secs(60);

impl Grouping {
    /// How many of the events can travel together.
    fn together(self, events: &[Joined]) -> usize {
        let (mut count, mut bytes) = (0, 0_usize);
        for event in events {
            let kin = self.common == Together::Any || event.common == events[0].common;
            let common = event.common.as_ref().map_or(0, String::len);
            bytes = bytes.saturating_add(RESEND_OVERHEAD_BYTES + 2 * event.event.len() + 2 * common);
            if count > 0 && (!kin || count >= self.events_max || bytes > self.bytes_max) {
                break;
            }
            count += 1;
        }
        count
    }
}

/// Rejects what a log may hold but overspill did not write: the
/// endpoint would read it as several events, or as a different one.
fn wrong_with(event: &Joined) -> Option<&'static str> {
    let is_printable = |text: &str| text.bytes().all(|byte| byte >= b' ');
    let is_json = |text: &str| is_printable(text) && serde_json::from_str::<IgnoredAny>(text).is_ok();
    let is_name = |name: &String| {
        name.len() <= EVENT_NAME_BYTES_MAX
            && name.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
    };
    let is_object = |common: &String| is_json(common) && common.starts_with('{') && common.ends_with('}');
    if !is_json(&event.event) {
        return Some("it is not JSON on one line");
    }
    if event.client.is_empty() || !event.client.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Some("its client is no id");
    }
    if !event.name.iter().all(is_name) {
        return Some("its name is none that an event can have");
    }
    (!event.common.iter().all(is_object)).then_some("its common fields are no JSON object")
}

fn refused(words: &str) -> Resent {
    Resent::Refused { words: words.to_owned(), maybe_delivered: MaybeDelivered::No }
}

fn not_taken(words: &str, maybe_delivered: MaybeDelivered) -> Resent {
    Resent::NotTaken { reason: Reason::Abandoned, words: words.to_owned(), maybe_delivered }
}

/// The end of an event that `emit` settled at once; `None` for one that is on its way.
fn end_of(emitted: Emitted) -> Option<Resent> {
    match emitted {
        Emitted::Queued | Emitted::Spilled(_) => None,
        Emitted::Lost(LostReason::Oversized) => Some(refused(TOO_LONG)),
        Emitted::Lost(LostReason::EncodeFailed) => Some(refused("it cannot be encoded")),
        Emitted::Lost(reason) => Some(not_taken(reason.as_str(), MaybeDelivered::No)),
        Emitted::Off | Emitted::Echo => {
            Some(not_taken("called from overspill's own work", MaybeDelivered::No))
        }
    }
}
