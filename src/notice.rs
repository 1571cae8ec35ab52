//! Every line that overspill logs about itself: target `overspill::notice`.
//!
//! Edges and totals, never one line per event: what may repeat itself is said at most once per
//! [`NOTICE_EVERY`](crate::limits::NOTICE_EVERY), with a count of those left out. A notice of WARN or ERROR that the
//! application log has no reader for goes to the fallback sink; INFO is then dropped. Notices are written by the thread that writes the
//! log, in their place among the spilled events; beside a `SpillSink` they have a thread of their own, so that a sink that is stuck
//! keeps none of them. That the log is stuck is told to the fallback.

mod throttle;

use crate::budget::Budget;
use crate::clock::Stamp;
use crate::encode::printable;
use crate::ledger::{Stats, Totals};
use crate::limits::{DETAIL_CHARS_MAX, LOG_STALL, NOTICE_BYTES};
use crate::mode::Mode;
use crate::outcome::Reason;
use crate::reentry;
use crate::spill::log::{self, Home, Read, Witness};
use crate::spill::log_queue::LogQueue;
use crate::spill::{LogLevel, Notice, Refused, SpillSink};
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{Arc, contain};
use std::time::Duration;
use throttle::Throttle;

/// The target of notices: what overspill says about itself, with the client's id in the field `spill_client`.
///
/// | level | the text begins | what it means |
/// |---|---|---|
/// | INFO | `started` | the client is up; endpoint (without path), memory bound, mode, and what tells whether a spilled event is kept |
/// | WARN | `outage began` | posts fail: events go to the log until a probe succeeds. Why, and what to do, is behind the colon |
/// | WARN | `outage continues` | every 30 s; what it has cost so far |
/// | WARN | `some posts fail` | a tenth of the posts or more, and others are delivered: perhaps one of several backends is bad. Every 30 s as long as it lasts |
/// | WARN | `posts no longer fail` | that has ended; what it has cost |
/// | WARN | `batches are smaller` | the endpoint refuses large ones and takes small ones: lower `batch_bytes_max` or `batch_events_max`, or raise its limit |
/// | WARN | `outage ended` | the totals: look for `lost`, which is zero as long as the log works |
/// | WARN | `the queue is full` | the endpoint is slower than the events, or hangs |
/// | WARN | `no new value for the header` | what `header_with` or `bearer_auth_file` asks has failed: the last value stays in use |
/// | WARN | `mode changed`, `budget changed` | somebody switched, or `memory_watch` did |
/// | WARN | `nobody reads target` | no subscriber formats `overspill::spill`: spilled events go to the fallback sink (stderr). Let the target through |
/// | WARN | `the spill sink failed`, `SpillLayer failed` | the same: a `SpillSink` of yours, or the writer of the layer, has reported an error |
/// | WARN | `a log write has been stuck` | to the fallback sink only; events that find no room behind it are lost until the log takes again |
/// | WARN | `more is to be spilled than` | events are lost: raise `spill_bytes_per_second_max`, or send less |
/// | ERROR | `an event could not be redacted` | an event is lost: mend the function given to `Redact::rewrite` |
/// | ERROR | `neither the log nor the fallback` | an event is lost: give the process a log that can be written |
/// | ERROR | `an event could not be encoded`, `an event is longer` | an event is lost: mend its `Serialize`, raise `event_bytes_max` |
/// | ERROR | `the observer panicked` | a hook of yours; its panic was contained |
/// | ERROR | `the sender panicked` | what it had in hand is in the log, reason `abandoned`; it goes on |
/// | INFO | `shut down` | the final books; WARN if anything was lost |
///
/// What may repeat itself is said once in 30 s, with a count of those left out; switches and outages ten times.
pub const NOTICE_TARGET: &str = "overspill::notice";

/// The notices of one client.
pub(crate) struct Notices {
    client: String,
    home: Home,
    fallback: Arc<dyn SpillSink>,
    log: Arc<LogQueue>,
    no_log_reader: Throttle,
    log_stalled: Throttle,
    /// Threads that tell of a stall: 0 or 1.
    telling: Arc<AtomicU64>,
    log_failed: Throttle,
    log_budget: Throttle,
    redact_failed: Throttle,
    encode_failed: Throttle,
    oversized: Throttle,
    hook_panicked: Throttle,
    mode_changed: Throttle,
    budget_changed: Throttle,
    queue_full: Throttle,
    header_not_known: Throttle,
    sender_panicked: Throttle,
    outage: Throttle,
    some_posts_fail: Throttle,
    no_posts_fail: Throttle,
    batches_fitted: Throttle,
}

/// Whether something was told, or left out for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    No,
    Yes,
}

/// A notice on its way to the log.
#[derive(Debug)]
pub(crate) struct Line {
    level: LogLevel,
    text: String,
    ends: Ends,
}

/// What a line ends with.
#[derive(Debug)]
enum Ends {
    Here,
    /// By what the log is witnessed. Asked where the line is written: a subscriber that was asked about a record, on another thread, and
    /// then gets none, may apply its answer to the application's next one.
    WithWitness,
    /// By what was settled since these books: known once what is ahead of it in the log is written.
    WithCost(Box<Totals>),
}

macro_rules! say {
    ($self:ident, $level:ident, $text:expr) => {
        $self.say(LogLevel::$level, $text)
    };
}

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
            budget_changed: Throttle::of_switches(),
            queue_full: Throttle::default(),
            header_not_known: Throttle::default(),
            sender_panicked: Throttle::default(),
            outage: Throttle::of_switches(),
            some_posts_fail: Throttle::default(),
            no_posts_fail: Throttle::default(),
            batches_fitted: Throttle::default(),
        }
    }

    /// No caller writes: it may hold a lock that the log needs.
    fn say(&self, level: LogLevel, mut text: String) {
        // What waits is bounded, whatever it says.
        text.truncate((0..=text.len().min(NOTICE_BYTES)).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0));
        text.shrink_to_fit();
        self.log.hand_over_notice(Line { level, text, ends: Ends::Here });
    }

    /// Writes a notice to the application log, or to the fallback if nobody reads it there.
    pub(crate) fn write(
        &self,
        line: Line,
        witnessed: impl FnOnce() -> &'static str,
        totals: impl FnOnce() -> Totals,
    ) {
        let _own = reentry::own_work();
        let Line { level, mut text, ends } = line;
        match ends {
            Ends::Here => {}
            Ends::WithWitness => text.push_str(witnessed()),
            Ends::WithCost(before) => text.push_str(&difference(&before, &totals())),
        }
        let read = self.home.write(reentry::thread(), || log::tell(level, &self.client, &Witness::of(&text)));
        if read != Read::Yes && level != LogLevel::Info {
            // Nobody else to tell: a notice is not an event, and its failure is nobody's news.
            drop(contain(|| self.fallback.notice(&Notice::new(level, &self.client, &text))));
        }
    }

    pub(crate) fn started(&self, endpoint: &str, memory_bound: usize, mode: Mode) {
        let text = format!("started: endpoint {endpoint}, holds at most {memory_bound} bytes, mode {mode}; ");
        self.log.hand_over_notice(Line { level: LogLevel::Info, text, ends: Ends::WithWitness });
    }

    pub(crate) fn mode_changed(&self, now: Stamp, from: Mode, to: Mode) {
        if let Some(left_out) = self.mode_changed.speak(now) {
            say!(self, Warn, format!("mode changed from {from} to {to}{}", since_last(left_out)));
        }
    }

    pub(crate) fn budget_changed(&self, now: Stamp, from: Budget, to: Budget) {
        if let Some(left_out) = self.budget_changed.speak(now) {
            say!(self, Warn, format!("budget changed from {from} to {to}{}", since_last(left_out)));
        }
    }

    /// Of an endpoint that flaps some are left out.
    pub(crate) fn outage_began(&self, now: Stamp, detail: &str, advice: Option<&str>) -> Said {
        let Some(left_out) = self.outage.speak(now) else { return Said::No };
        self.say_outage_began(detail, advice, left_out);
        Said::Yes
    }

    fn say_outage_began(&self, detail: &str, advice: Option<&str>, left_out: u64) {
        say!(
            self,
            Warn,
            format!(
                "outage began: {}; events go to the log until a probe succeeds{}",
                with_advice(detail, advice),
                since_last(left_out)
            )
        );
    }

    pub(crate) fn outage_continues(&self, lasted: Duration, before: &Totals, now: &Totals, detail: &str) {
        say!(
            self,
            Warn,
            format!(
                "outage continues after {} s: {}; it began with {}",
                lasted.as_secs(),
                difference(before, now),
                printable(detail, DETAIL_CHARS_MAX)
            )
        );
    }

    pub(crate) fn some_posts_fail(
        &self,
        now: Stamp,
        share: &str,
        detail: &str,
        advice: Option<&str>,
        spilled: u64,
    ) {
        if let Some(left_out) = self.some_posts_fail.speak(now) {
            say!(
                self,
                Warn,
                format!(
                    "some posts fail: {share}: {}; {spilled} events went to the log{}",
                    with_advice(detail, advice),
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn no_posts_fail(&self, now: Stamp, lasted: Duration, spilled: u64) {
        if let Some(left_out) = self.no_posts_fail.speak(now) {
            say!(
                self,
                Warn,
                format!(
                    "posts no longer fail, after {} s: {spilled} events went to the log{}",
                    lasted.as_secs(),
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn batches_fitted(&self, now: Stamp, limit: &str, refused: &str, detail: &str) {
        if let Some(left_out) = self.batches_fitted.speak(now) {
            let detail = printable(detail, DETAIL_CHARS_MAX);
            say!(
                self,
                Warn,
                format!(
                    "batches are smaller: {refused} were refused ({detail}), and passed in parts: at most {limit} from now on, \
                     slowly more; lower batch_events_max or batch_bytes_max, or raise the endpoint's limit{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn outage_ended(&self, lasted: Duration, before: &Totals) {
        let text = format!("outage ended after {:.1} s: ", lasted.as_secs_f64());
        let ends = Ends::WithCost(Box::new(*before));
        self.log.hand_over_notice(Line { level: LogLevel::Warn, text, ends });
    }

    pub(crate) fn sender_panicked(&self, now: Stamp, text: &str) {
        if let Some(left_out) = self.sender_panicked.speak(now) {
            let text = printable(text, DETAIL_CHARS_MAX);
            say!(
                self,
                Error,
                format!(
                    "the sender panicked and goes on: {text}; what it had in hand is in the log, reason abandoned{}",
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
                    "the queue is full: the endpoint is slower than the events, or hangs; the surplus goes to the log, reason \
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

    pub(crate) fn primary_failed(&self, now: Stamp, refused: &Refused) {
        if let Some(left_out) = self.no_log_reader.speak(now) {
            let why = match refused {
                Refused::NobodyReads => {
                    format!(
                        "nobody reads target {} (no tracing subscriber, or it is filtered out)",
                        log::SPILL_TARGET
                    )
                }
                Refused::LayerFailed => "SpillLayer failed to write".to_owned(),
                Refused::SinkFailed(error) => {
                    format!("the spill sink failed ({})", printable(error, DETAIL_CHARS_MAX))
                }
            };
            say!(
                self,
                Warn,
                format!("{why}: spilled events go to the fallback sink{}", since_last(left_out))
            );
        }
    }

    /// Not into the log, which is stuck, and not on this thread: the fallback may well be the same pipe. Then the thread
    /// that tells is stuck as well, for as long as the pipe is, and another one would only keep it company.
    pub(crate) fn log_stalled(&self, now: Stamp) {
        if self.telling.load(Ordering::Acquire) > 0 {
            self.log_stalled.left_out.fetch_add(1, Ordering::Relaxed);
        } else if let Some(left_out) = self.log_stalled.speak(now) {
            let text = format!(
                "a log write has been stuck for over {} ms: events are lost, reason log_stalled, until it comes back{}",
                LOG_STALL.as_millis(),
                since_last(left_out)
            );
            let (fallback, telling) = (Arc::clone(&self.fallback), Arc::clone(&self.telling));
            let client = self.client.clone();
            self.telling.store(1, Ordering::Release);
            let tell = move || {
                let _own = reentry::own_work();
                drop(contain(|| fallback.notice(&Notice::new(LogLevel::Warn, &client, &text))));
                telling.store(0, Ordering::Release);
            };
            if std::thread::Builder::new().name("overspill-notice".to_owned()).spawn(tell).is_err() {
                // No thread to be had, no notice; the events are counted.
                self.telling.store(0, Ordering::Release);
            }
        }
    }

    pub(crate) fn log_failed(&self, now: Stamp) {
        if let Some(left_out) = self.log_failed.speak(now) {
            say!(
                self,
                Error,
                format!(
                    "neither the log nor the fallback sink took an event: it is lost, reason log_failed{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn log_budget(&self, now: Stamp, bytes_per_second_max: usize) {
        if let Some(left_out) = self.log_budget.speak(now) {
            say!(
                self,
                Warn,
                format!(
                    "more is to be spilled than spill_bytes_per_second_max ({bytes_per_second_max}): the surplus is lost, reason \
                     log_budget{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn redact_failed(&self, now: Stamp) {
        if let Some(left_out) = self.redact_failed.speak(now) {
            say!(
                self,
                Error,
                format!(
                    "an event could not be redacted, and is not written down otherwise: it is lost, reason redact_failed{}",
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
mod tests {
    use super::*;
    use crate::limits::{NOTICE_EVERY, SWITCH_NOTICES};
    use crate::spill::Record;
    use crate::spill::log_queue::SenderPart;
    use crate::sync::{Mutex, lock};
    use std::io;

    /// A fallback on the same pipe as the log: who tells it something stays there.
    struct Stuck(Arc<AtomicU64>, Arc<Mutex<()>>);

    impl SpillSink for Stuck {
        fn write(&self, _: &Record<'_>) -> io::Result<()> {
            Ok(())
        }

        fn notice(&self, _: &Notice<'_>) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::AcqRel);
            drop(lock(&self.1));
            Ok(())
        }
    }

    fn until(condition: impl Fn() -> bool) {
        for _ in 0..20_000 {
            if condition() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        panic!("it did not come about");
    }

    #[test]
    fn a_few_switches_in_a_row_are_all_told_and_of_many_the_number() {
        let (once, switches) = (Throttle::default(), Throttle::of_switches());
        let soon = Stamp(0).after(NOTICE_EVERY / 2);
        let told = |throttle: &Throttle| (0..20).filter(|_| throttle.speak(soon).is_some()).count() as u64;
        assert_eq!((told(&once), told(&switches)), (1, SWITCH_NOTICES));
        let later = soon.after(NOTICE_EVERY);
        assert_eq!((once.speak(later), switches.speak(later)), (Some(19), Some(20 - SWITCH_NOTICES)));
        assert_eq!((once.speak(later), switches.speak(later)), (None, Some(0)));
    }

    #[test]
    fn a_stall_of_hours_holds_one_thread_however_often_it_would_be_told() {
        let (told, gate) = (Arc::<AtomicU64>::default(), Arc::new(Mutex::new(())));
        let fallback = Arc::new(Stuck(Arc::clone(&told), Arc::clone(&gate)));
        let notices = Notices::new(
            String::new(),
            Home::capture(),
            fallback,
            Arc::new(LogQueue::new(1, 1, SenderPart::Gone)),
        );
        let minute = |nth: u64| Stamp(0).after(Duration::from_secs(60 * nth));
        let shut = lock(&gate);
        (0..100).for_each(|nth| notices.log_stalled(minute(nth)));
        until(|| told.load(Ordering::Acquire) == 1);
        drop(shut);
        until(|| notices.telling.load(Ordering::Acquire) == 0);
        assert_eq!(told.load(Ordering::Acquire), 1, "one thread, not a hundred");
        notices.log_stalled(minute(200));
        until(|| told.load(Ordering::Acquire) == 2);
    }
}
