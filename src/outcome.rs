//! How an event may end: closed enums, one string each, the same in the log, in the metrics and in `Display`.
//!
//! In: nothing. Out: [`Reason`], [`LostReason`], [`Emitted`], [`MaybeDelivered`]. No logic beyond the names.

use std::fmt;

macro_rules! named_reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every reason, in the order of their counters.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The one name of this reason in log records, metrics and `Display`.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            /// The reason of that name, if there is one.
            pub fn from_name(name: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|reason| reason.as_str() == name)
            }

            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named_reasons! {
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
pub enum Emitted {
    /// In the queue; the sender settles it.
    Queued,
    /// Handed over to the thread that writes the log, which settles it: spilled once it is written, lost if the log fails.
    Spilled(Reason),
    /// Not an event: the mode is [`Mode::Off`](crate::Mode::Off), or the call came out of overspill's own logging
    /// (a tracing layer or a `SpillSink` that emits), which is counted in [`Stats::echoes`](crate::Stats::echoes).
    Off,
    /// Its content could be put nowhere; counted.
    Lost(LostReason),
}

/// Whether an event that was spilled may also have reached the endpoint.
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
            assert_eq!(Reason::from_name(reason.as_str()), Some(reason));
            assert_eq!(Reason::ALL[reason.index()], reason);
        }
        for &reason in LostReason::ALL {
            assert_eq!(LostReason::from_name(reason.as_str()), Some(reason));
        }
    }
}
