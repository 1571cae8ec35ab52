//! How an event may end: closed enums, one string each, the same in the log, in the metrics and in `Display`.
//!
//! In: nothing. Out: [`Reason`], [`LostReason`], [`Emitted`], [`MaybeDelivered`]. No logic beyond the names.

use crate::names::names;

macro_rules! named_reasons {
    ($what:literal, $(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        names!($name, $what, { $($variant = $text,)* });

        impl $name {
            /// The index of its counter.
            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

named_reasons! {
    "a reason",
    /// Why an event was written to the log instead of being delivered.
    Reason {
        /// The queue had no room, in events or bytes; or the sender wrote a batch to the log before that could happen
        /// (`relieved by the sender`).
        QueueFull = "queue_full",
        /// Emitted after `shutdown`, or after the sender had ended.
        Closed = "closed",
        /// The mode is [`Mode::LogOnly`](crate::Mode::LogOnly).
        LogOnly = "log_only",
        /// Its JSON is longer than `event_bytes_max`.
        Oversized = "oversized",
        /// The endpoint is out: the event was not posted and went straight to the log.
        Outage = "outage",
        /// No connection: refused, unreachable, name not found, TLS refused.
        Connect = "connect",
        /// No answer in time. `maybe_delivered` says whether the request may have arrived.
        Timeout = "timeout",
        /// The exchange broke off, or the answer was not HTTP.
        Broken = "broken",
        /// The endpoint refused this event: 400, 413, 422 after halving, or a refusal named in a 2xx answer. If a batch has many of them,
        /// the rest of it is not halved.
        Refused = "refused",
        /// The endpoint refuses us: 401, 403, 404, a redirect and similar. The settings are wrong, not the event.
        Denied = "denied",
        /// The endpoint cannot take it now: 408, 409, 425, 429, 5xx, and any other 4xx.
        Unavailable = "unavailable",
        /// The deadline of `shutdown` passed first.
        Deadline = "deadline",
        /// The `Format` panicked or wrote more than it declared, or the body could not be compressed.
        FormatFailed = "format_failed",
        /// The sender panicked or was dropped while it held the event.
        Abandoned = "abandoned",
    }
}

named_reasons! {
    "a reason",
    /// Why an event's content could not be put anywhere.
    LostReason {
        /// A log write has been stuck for [`LOG_STALL`](crate::limits::LOG_STALL), or the log made no room in that time, and its queue is
        /// full.
        LogStalled = "log_stalled",
        /// Neither the log nor the fallback took the record.
        LogFailed = "log_failed",
        /// The surplus beyond [`spill_bytes_per_second_max`](crate::Builder::spill_bytes_per_second_max).
        LogBudget = "log_budget",
        /// The rules of [`spill_redact`](crate::Builder::spill_redact) could not be applied, and the event must not be written unredacted.
        RedactFailed = "redact_failed",
        /// `Serialize` failed or panicked, or nested deeper than [`DEPTH_MAX`](crate::limits::DEPTH_MAX): there is no content.
        EncodeFailed = "encode_failed",
        /// Longer than twice `event_bytes_max`: too long to be held and written to the log.
        Oversized = "oversized",
        /// Not written to the log before `shutdown` had to return.
        Deadline = "deadline",
        /// Emitted by the `Serialize` of an event that was itself emitted by a `Serialize`.
        Reentrant = "reentrant",
    }
}

/// What happened to an event by the time `emit` returned. Look at it in tests; do not handle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Emitted {
    /// In the queue; the sender settles it.
    Queued,
    /// Handed to the thread that writes the log, which settles it: spilled once it is written, lost if the log fails.
    Spilled(Reason),
    /// Not an event: the mode is [`Mode::Off`](crate::Mode::Off).
    Off,
    /// Not an event: the call came from overspill's own logging (a tracing layer or a `SpillSink` that emits), which
    /// [`Stats::echoes`](crate::Stats::echoes) counts.
    Echo,
    /// Its content could not be put anywhere; counted.
    Lost(LostReason),
}

/// Whether a spilled event may also have reached the endpoint. There is no third case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaybeDelivered {
    /// It certainly did not: the endpoint took no request that carried it.
    No,
    /// The reply is unknown. Remove the duplicate by `client` and `batch`, or by an id of your own.
    Yes,
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_that_reads_back() {
        for &reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(Reason::ALL[reason.index()], reason);
        }
        for &reason in LostReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
    }
}
