//! Every line that overspill logs about itself: target `overspill::notice`.
//!
//! Reports changes and totals, never one line per event. A notice that may repeat is written at most once per
//! [`NOTICE_EVERY`](crate::limits::NOTICE_EVERY), with a count of those left out. If the application log has no reader for a WARN or ERROR
//! notice, it goes to the fallback sink; an INFO notice is dropped. The thread that writes the log also writes the notices, in order with
//! the spilled events. With a `SpillSink`, notices have a separate thread, so a stuck sink holds none of them up. The notice that the
//! log is stuck goes to the fallback.

mod outage;
mod spilling;
mod throttle;

use crate::clock::Stamp;
use crate::encode::printable;
use crate::ledger::Totals;
use crate::limits::{DETAIL_CHARS_MAX, LOG_STALL, NOT_BUILT_CHARS_MAX, NOTICE_BYTES};
use crate::mode::Mode;
use crate::outcome::Reason;
use crate::queue_share::QueueShare;
use crate::reentry;
use crate::spill::line::{NoticeEnd, NoticeLine};
use crate::spill::log::{self, Home, RecordRead, WitnessedText};
use crate::spill::log_queue::LogQueue;
use crate::spill::{LogLevel, Notice, PrimaryFailure, SpillSink, Trouble, TroubleReporter};
use crate::stats::Stats;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{Arc, contain};
use std::time::Duration;
use throttle::Throttle;

/// The notices of one client.
pub(crate) struct Notices {
    client: String,
    home: Home,
    fallback: Arc<dyn SpillSink>,
    log: Arc<LogQueue>,
    no_log_reader: Throttle,
    log_stalled: Throttle,
    /// Threads that are reporting a stall: 0 or 1.
    telling: Arc<AtomicU64>,
    log_failed: Throttle,
    log_budget: Throttle,
    redact_failed: Throttle,
    encode_failed: Throttle,
    oversized: Throttle,
    hook_panicked: Throttle,
    mode_changed: Throttle,
    queue_share_changed: Throttle,
    queue_full: Throttle,
    header_not_known: Throttle,
    sender_panicked: Throttle,
    outage: Throttle,
    some_posts_fail: Throttle,
    no_posts_fail: Throttle,
    batches_fitted: Throttle,
}

/// Whether a notice was written, or left out for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeTold {
    No,
    Yes,
}

macro_rules! say {
    ($self:ident, $level:ident, $text:expr) => {
        $self.say(LogLevel::$level, $text)
    };
}
use say;

impl Notices {
    pub(crate) fn new(
        client: String,
        home: Home,
        fallback: Arc<dyn SpillSink>,
        log: Arc<LogQueue>,
    ) -> Notices {
        Notices {
            client,
            home,
            fallback,
            log,
            no_log_reader: Throttle::default(),
            log_stalled: Throttle::default(),
            telling: Arc::default(),
            log_failed: Throttle::default(),
            log_budget: Throttle::default(),
            redact_failed: Throttle::default(),
            encode_failed: Throttle::default(),
            oversized: Throttle::default(),
            hook_panicked: Throttle::default(),
            mode_changed: Throttle::of_switches(),
            queue_share_changed: Throttle::of_switches(),
            queue_full: Throttle::default(),
            header_not_known: Throttle::default(),
            sender_panicked: Throttle::default(),
            outage: Throttle::of_switches(),
            some_posts_fail: Throttle::default(),
            no_posts_fail: Throttle::default(),
            batches_fitted: Throttle::default(),
        }
    }

    /// Callers never write notices themselves: they may hold a lock that the log needs.
    fn say(&self, level: LogLevel, mut text: String) {
        // Bounds what a waiting notice holds.
        text.truncate((0..=text.len().min(NOTICE_BYTES)).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0));
        text.shrink_to_fit();
        self.log.hand_over_notice(NoticeLine { level, text, ends: NoticeEnd::Here });
    }

    /// Writes a notice to the application log, or to the fallback if nobody reads it there.
    pub(crate) fn write(
        &self,
        line: NoticeLine,
        witnessed: impl FnOnce() -> &'static str,
        totals: impl FnOnce() -> Totals,
    ) {
        let _own = reentry::own_work();
        let NoticeLine { level, mut text, ends } = line;
        match ends {
            NoticeEnd::Here => {}
            NoticeEnd::WithWitness => text.push_str(witnessed()),
            NoticeEnd::WithCost(before) => text.push_str(&difference(&before, &totals())),
        }
        let read =
            self.home.write(reentry::thread(), || log::tell(level, &self.client, &WitnessedText::of(&text)));
        if read != RecordRead::Yes && level != LogLevel::Info {
            // There is nobody else to tell: a notice is not an event, and its failure is not reported.
            drop(contain(|| self.fallback.notice(&Notice::new(level, &self.client, &text))));
        }
    }

    /// `parent`: the client of the process that forked.
    pub(crate) fn started(&self, endpoint: &str, memory_bound: usize, mode: Mode, parent: Option<&str>) {
        let forked =
            parent.map_or(String::new(), |parent| format!(", in a fork of the process of client {parent}"));
        let text = format!(
            "started: endpoint {endpoint}, holds at most {memory_bound} bytes, mode {mode}{forked}; "
        );
        self.log.hand_over_notice(NoticeLine { level: LogLevel::Info, text, ends: NoticeEnd::WithWitness });
    }

    pub(crate) fn not_built(&self, problem: &str, mode: Mode) {
        let problem = printable(problem, NOT_BUILT_CHARS_MAX);
        let then = if mode == Mode::Off { "nothing is emitted" } else { "events go to the log" };
        say!(
            self,
            Error,
            format!(
                "could not start as configured: {problem}. Mode {mode}: {then} until this is fixed and the process is restarted"
            )
        );
    }

    /// The process ends without a shutdown of the client. Goes only to the fallback, because the log may be gone.
    pub(crate) fn left_behind(&self, pending: u64) {
        let text = format!(
            "main ended with {pending} events pending: they are neither at the endpoint nor in the log. Hold a guard until the end of \
             main: let _guard = client.shutdown_on_drop(Duration::from_secs(2))"
        );
        let _own = reentry::own_work();
        drop(contain(|| self.fallback.notice(&Notice::new(LogLevel::Warn, &self.client, &text))));
    }

    pub(crate) fn mode_changed(&self, now: Stamp, from: Mode, to: Mode) {
        if let Some(left_out) = self.mode_changed.speak(now) {
            say!(self, Warn, format!("mode changed from {from} to {to}{}", since_last(left_out)));
        }
    }

    pub(crate) fn queue_share_changed(&self, now: Stamp, from: QueueShare, to: QueueShare) {
        if let Some(left_out) = self.queue_share_changed.speak(now) {
            say!(self, Warn, format!("queue share changed from {from} to {to}{}", since_last(left_out)));
        }
    }

    pub(crate) fn sender_panicked(&self, now: Stamp, text: &str) {
        if let Some(left_out) = self.sender_panicked.speak(now) {
            let text = printable(text, DETAIL_CHARS_MAX);
            say!(
                self,
                Error,
                format!(
                    "the sender panicked and goes on: {text}; the events it held are in the log, reason abandoned{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn shut_down(&self, stats: &Stats) {
        if stats.lost > 0 {
            say!(self, Warn, format!("shut down: {stats}"));
        } else {
            say!(self, Info, format!("shut down: {stats}"));
        }
    }

    pub(crate) fn queue_full(&self, now: Stamp) {
        if let Some(left_out) = self.queue_full.speak(now) {
            say!(
                self,
                Warn,
                format!(
                    "the queue is full: events come faster than the endpoint takes them, or it hangs; the surplus goes to the log, reason \
                     queue_full{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn header_not_known(&self, now: Stamp, name: &str, why: &str) {
        if let Some(left_out) = self.header_not_known.speak(now) {
            let why = printable(why, DETAIL_CHARS_MAX);
            say!(
                self,
                Warn,
                format!(
                    "no new value for the header {name:?}: {why}; the last one, if any, stays in use{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn encode_failed(&self, now: Stamp, why: &str) {
        if let Some(left_out) = self.encode_failed.speak(now) {
            let why = printable(why, DETAIL_CHARS_MAX);
            say!(
                self,
                Error,
                format!(
                    "an event could not be encoded: {why}; it is lost, reason encode_failed{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn oversized(&self, now: Stamp, event_bytes_max: usize, beginning: &str) {
        if let Some(left_out) = self.oversized.speak(now) {
            let beginning = printable(beginning, DETAIL_CHARS_MAX);
            say!(
                self,
                Error,
                format!(
                    "an event is longer than twice event_bytes_max ({event_bytes_max}): it is lost, reason oversized{}; it begins {beginning}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn hook_panicked(&self, now: Stamp, hook: &str, text: &str) {
        if let Some(left_out) = self.hook_panicked.speak(now) {
            let text = printable(text, DETAIL_CHARS_MAX);
            say!(self, Error, format!("the {hook} panicked: {text}{}", since_last(left_out)));
        }
    }
}

fn since_last(left_out: u64) -> String {
    if left_out == 0 { String::new() } else { format!(" ({left_out} more since the last such notice)") }
}

/// `denied: status 401: no (check the token)`.
fn with_advice(detail: &str, advice: Option<&str>) -> String {
    let detail = printable(detail, DETAIL_CHARS_MAX);
    match advice {
        Some(advice) => format!("{detail} ({advice})"),
        None => detail,
    }
}

/// What an outage cost: `delivered 16, spilled 4000 (outage 3990, timeout 10), lost 0`.
fn difference(before: &Totals, now: &Totals) -> String {
    let spilled: Vec<(Reason, u64)> = Reason::ALL
        .iter()
        .map(|&reason| (reason, now.spilled_by[reason.index()] - before.spilled_by[reason.index()]))
        .filter(|&(_, events)| events > 0)
        .collect();
    let total: u64 = spilled.iter().map(|&(_, events)| events).sum();
    let by_reason: Vec<String> =
        spilled.iter().map(|(reason, events)| format!("{reason} {events}")).collect();
    let by_reason = if by_reason.is_empty() { String::new() } else { format!(" ({})", by_reason.join(", ")) };
    let lost = now.lost_by.iter().sum::<u64>() - before.lost_by.iter().sum::<u64>();
    format!("delivered {}, spilled {total}{by_reason}, lost {lost}", now.delivered - before.delivered)
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
