//! What notices say about the log: nobody reads it, it is stuck, it fails, or it gets more than its budget. Most go to the fallback.

use super::*;
use crate::sync::start_thread;

impl TroubleReporter for Notices {
    fn tell(&self, now: Stamp, trouble: &Trouble) {
        match trouble {
            Trouble::ToFallback(refused) => self.primary_failed(now, refused),
            Trouble::Nowhere => self.log_failed(now),
            Trouble::Surplus { bytes_per_second_max } => self.log_budget(now, *bytes_per_second_max),
            Trouble::Unredacted => self.redact_failed(now),
        }
    }
}

impl Notices {
    fn primary_failed(&self, now: Stamp, refused: &PrimaryFailure) {
        if let Some(left_out) = self.no_log_reader.speak(now) {
            let why = match refused {
                PrimaryFailure::NobodyReads => {
                    format!(
                        "nobody reads target {} (no tracing subscriber, or it is filtered out)",
                        log::SPILL_TARGET
                    )
                }
                PrimaryFailure::LayerFailed => "SpillLayer failed to write".to_owned(),
                PrimaryFailure::SinkFailed(error) => {
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

    /// Goes to the fallback, because the log is stuck, and from a separate thread, because the fallback may be the same pipe. That thread
    /// is then stuck for as long as the pipe is, and a second one would only be stuck as well.
    pub(crate) fn log_stalled(&self, now: Stamp) {
        if self.telling.load(Ordering::Acquire) > 0 {
            self.log_stalled.left_out.fetch_add(1, Ordering::Relaxed);
        } else if let Some(left_out) = self.log_stalled.speak(now) {
            let text = format!(
                "a log write has been stuck for over {} ms: events are lost, reason log_stalled, until it completes{}",
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
            if start_thread("overspill-notice", tell).is_err() {
                // No thread, no notice; the events are counted.
                self.telling.store(0, Ordering::Release);
            }
        }
    }

    fn log_failed(&self, now: Stamp) {
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

    fn log_budget(&self, now: Stamp, bytes_per_second_max: usize) {
        if let Some(left_out) = self.log_budget.speak(now) {
            say!(
                self,
                Warn,
                format!(
                    "more to spill than spill_bytes_per_second_max ({bytes_per_second_max}) allows: the surplus is lost, reason \
                     log_budget{}",
                    since_last(left_out)
                )
            );
        }
    }

    fn redact_failed(&self, now: Stamp) {
        if let Some(left_out) = self.redact_failed.speak(now) {
            say!(
                self,
                Error,
                format!(
                    "an event could not be redacted and must not be written unredacted: it is lost, reason redact_failed{}",
                    since_last(left_out)
                )
            );
        }
    }
}
