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
            /// The place of its counter.
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
        /// The queue had no room, in events or in bytes; or the sender gave a batch to the log before it came to that (`relieved by the
        /// sender`).
        QueueFull = "queue_full",
        /// Emitted after `shutdown`, or after the sender had ended.
        Closed = "closed",
        /// The mode is [`Mode::LogOnly`](crate::Mode::LogOnly).
        LogOnly = "log_only",
        /// Its JSON is longer than `event_bytes_max`.
        Oversized = "oversized",
        /// The endpoint is out: not tried, straight to the log.
        Outage = "outage",
        /// No connection: refused, unreachable, name not found, TLS refused.
        Connect = "connect",
        /// No answer in time. `maybe_delivered` says whether the request may have arrived.
        Timeout = "timeout",
        /// The exchange broke off, or what came back was not HTTP.
        Broken = "broken",
        /// The endpoint refused this very event: 400, 413, 422 after halving, or a refusal named in a 2xx answer. Where a batch has
        /// many of them, its rest goes unhalved.
        Refused = "refused",
        /// The endpoint refuses us: 401, 403, 404, a redirect and their like. The settings are wrong, not the event.
        Denied = "denied",
        /// The endpoint cannot now: 408, 409, 425, 429, 5xx, and whatever else 4xx there is.
        Unavailable = "unavailable",
        /// The deadline of `shutdown` came first.
        Deadline = "deadline",
        /// The `Format` panicked or wrote more than it declared, or the body could not be compressed.
        FormatFailed = "format_failed",
        /// The sender panicked, or was dropped, with the event in hand.
        Abandoned = "abandoned",
    }
}

named_reasons! {
    "a reason",
    /// Why the content of an event could be put nowhere.
    LostReason {
        /// A log write has been stuck for [`LOG_STALL`](crate::limits::LOG_STALL), or the log made no room in that time, and what waits
        /// for it is as much as may.
        LogStalled = "log_stalled",
        /// Neither the log nor the fallback took the record.
        LogFailed = "log_failed",
        /// More than [`spill_bytes_per_second_max`](crate::Builder::spill_bytes_per_second_max) was to be written: the surplus.
        LogBudget = "log_budget",
        /// The rules of [`spill_redact`](crate::Builder::spill_redact) could not be followed, and unredacted it must not be written.
        RedactFailed = "redact_failed",
        /// `Serialize` failed or panicked, or nested deeper than [`DEPTH_MAX`](crate::limits::DEPTH_MAX): there is no content.
        EncodeFailed = "encode_failed",
        /// Longer than twice `event_bytes_max`: more than may be held to write it down.
        Oversized = "oversized",
        /// Not written down before `shutdown` had to return.
        Deadline = "deadline",
        /// Emitted by the `Serialize` of an event that was itself emitted by a `Serialize`.
        Reentrant = "reentrant",
    }
}

/// What became of an event at the moment `emit` returned: to look at in tests, not to handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Emitted {
    /// In the queue; the sender settles it.
    Queued,
    /// Handed over to the thread that writes the log, which settles it: spilled once it is written, lost if the log fails.
    Spilled(Reason),
    /// Not an event: the mode is [`Mode::Off`](crate::Mode::Off).
    Off,
    /// Not an event: the call came out of overspill's own logging (a tracing layer or a `SpillSink` that emits), which
    /// [`Stats::echoes`](crate::Stats::echoes) counts.
    Echo,
    /// Its content could be put nowhere; counted.
    Lost(LostReason),
}

/// Whether an event that was spilled may also have reached the endpoint: it may, or it cannot, and there is no third.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaybeDelivered {
    /// It certainly did not: no request that carried it was taken by the endpoint.
    No,
    /// The answer is unknown; remove the duplicate by `client` and `batch`, or by an id of your own.
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
