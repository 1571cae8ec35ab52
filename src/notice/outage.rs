//! What notices say about the endpoint: outages, failing posts, refused batches.

use super::*;

impl Notices {
    /// While an endpoint flaps, some of these are left out.
    pub(crate) fn outage_began(&self, now: Stamp, detail: &str, advice: Option<&str>) -> NoticeTold {
        let Some(left_out) = self.outage.speak(now) else { return NoticeTold::No };
        self.say_outage_began(detail, advice, left_out);
        NoticeTold::Yes
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
                    "batches are smaller: {refused} were refused ({detail}) but passed in parts; at most {limit} from now on, \
                     growing slowly; lower batch_events_max or batch_bytes_max, or raise the endpoint's limit{}",
                    since_last(left_out)
                )
            );
        }
    }

    pub(crate) fn outage_ended(&self, lasted: Duration, before: &Totals) {
        let text = format!("outage ended after {:.1} s: ", lasted.as_secs_f64());
        let ends = NoticeEnd::WithCost(Box::new(*before));
        self.log.hand_over_notice(NoticeLine { level: LogLevel::Warn, text, ends });
    }
}
