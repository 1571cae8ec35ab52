//! A notice on its way to the log, and the target that it has there. What notices say: [`crate::notice`].

use super::LogLevel;
use crate::ledger::Totals;

/// The target of notices: what overspill logs about itself, with the client's id in the field `spill_client`.
///
/// | level | the text begins | what it means |
/// |---|---|---|
/// | INFO | `started` | the client is up; gives endpoint (without path), memory bound, mode, the parent's client in a forked process, and how overspill knows whether a spilled event is kept |
/// | ERROR | `could not start as configured` | what is wrong and what to do; events go to the log ([`build_or_log_only`](crate::Builder::build_or_log_only)) |
/// | WARN | `outage began` | posts fail: events go to the log until a probe succeeds. The reason, and what to do, follow the colon |
/// | WARN | `outage continues` | every 30 s; what the outage has cost so far |
/// | WARN | `some posts fail` | a tenth of the posts or more fail while others are delivered: one of several backends may be bad. Every 30 s while it lasts |
/// | WARN | `posts no longer fail` | that has ended; what it cost |
/// | WARN | `batches are smaller` | the endpoint refuses large batches and takes small ones: lower `batch_bytes_max` or `batch_events_max`, or raise the endpoint's limit |
/// | WARN | `outage ended` | the totals: check `lost`, which is zero as long as the log works |
/// | WARN | `the queue is full` | events come faster than the endpoint takes them, or the endpoint hangs |
/// | WARN | `no new value for the header` | the function of `header_with` or the file of `bearer_auth_file` failed: the last value stays in use |
/// | WARN | `mode changed`, `queue share changed` | somebody switched it, or `memory_watch` did |
/// | WARN | `nobody reads target` | no subscriber formats `overspill::spill`: spilled events go to the fallback sink (stderr). Let the target through |
/// | WARN | `the spill sink failed`, `SpillLayer failed` | the same, because your `SpillSink`, or the layer's writer, reported an error |
/// | WARN | `a log write has been stuck` | only to the fallback sink; events that find no room are lost until the log works again |
/// | WARN | `more to spill than` | events are lost: raise `spill_bytes_per_second_max`, or send less |
/// | ERROR | `an event could not be redacted` | an event is lost: fix the function given to `Redact::rewrite` |
/// | WARN | `main ended with` | only to the fallback sink: hold a [guard](crate::Client::shutdown_on_drop) until the end of `main` |
/// | ERROR | `neither the log nor the fallback` | an event is lost: give the process a log that can be written |
/// | ERROR | `an event could not be encoded`, `an event is longer` | an event is lost: fix its `Serialize`, or raise `event_bytes_max` |
/// | ERROR | `the observer panicked` | one of your hooks panicked; the panic was contained |
/// | ERROR | `the sender panicked` | the events it held are in the log, reason `abandoned`; the sender goes on |
/// | INFO | `shut down` | the final stats; WARN if anything was lost |
///
/// A notice that may repeat appears at most once in 30 s, those of switches
/// and outages at most ten times; the next one counts those left out.
pub const NOTICE_TARGET: &str = "overspill::notice";

/// A notice on its way to the log.
#[derive(Debug)]
pub(crate) struct NoticeLine {
    pub(crate) level: LogLevel,
    pub(crate) text: String,
    pub(crate) ends: NoticeEnd,
}

/// How the text of a notice ends.
#[derive(Debug)]
pub(crate) enum NoticeEnd {
    Here,
    /// With how the log's writes are confirmed. The thread that writes the line asks the subscriber. If another thread
    /// asked, and no record followed there, the subscriber might apply its answer to the application's next record.
    WithWitness,
    /// With what was settled since these totals. This is known only once everything ahead of the notice is written.
    WithCost(Box<Totals>),
}
