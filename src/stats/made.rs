//! For tests of a dashboard or an alert: stats with chosen counts, in which the law holds.

use super::Stats;
use crate::outcome::{LostReason, Reason};

#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
impl Stats {
    /// These stats plus this many delivered events. Like all `with_...` methods it raises emitted by the same number, so the law holds. You
    /// may set the other fields (`posts`, `endpoint`, `mode`).
    ///
    /// ```
    /// use overspill::{LostReason, Reason, Stats};
    ///
    /// let stats = Stats::default().with_delivered(700).with_spilled(Reason::Outage, 480).with_lost(LostReason::LogFailed, 1);
    /// assert_eq!((stats.emitted, stats.spilled_by(Reason::Outage), stats.lost), (1_181, 480, 1));
    /// assert!(stats.prometheus_text().contains("overspill_events_lost_total{reason=\"log_failed\"} 1"));
    /// ```
    pub fn with_delivered(mut self, events: u64) -> Stats {
        self.delivered += events;
        self.emitted += events;
        self
    }

    /// Plus this many events spilled for this reason.
    pub fn with_spilled(mut self, reason: Reason, events: u64) -> Stats {
        self.spilled_by[reason.index()] += events;
        self.spilled += events;
        self.emitted += events;
        self
    }

    /// Plus this many events lost for this reason.
    pub fn with_lost(mut self, reason: LostReason, events: u64) -> Stats {
        self.lost_by[reason.index()] += events;
        self.lost += events;
        self.emitted += events;
        self
    }

    /// Plus this many events that are not settled yet.
    pub fn with_pending(mut self, events: u64) -> Stats {
        self.pending += events;
        self.emitted += events;
        self
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    #[test]
    fn books_of_chosen_counts_keep_the_law_whatever_they_are_made_of() {
        let mut stats = Stats::default();
        for (nth, &reason) in Reason::ALL.iter().enumerate() {
            stats = stats.with_spilled(reason, nth as u64).with_delivered(3);
        }
        for (nth, &reason) in LostReason::ALL.iter().enumerate() {
            stats = stats.with_lost(reason, nth as u64).with_pending(2);
        }
        assert_eq!(stats.emitted, stats.delivered + stats.spilled + stats.lost + stats.pending);
        assert_eq!(stats.spilled, stats.spilled_by_reason().map(|(_, events)| events).sum::<u64>());
        assert_eq!(stats.lost, stats.lost_by_reason().map(|(_, events)| events).sum::<u64>());
    }
}
