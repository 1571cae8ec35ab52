//! The only table of the stats as metrics: names, kinds, help texts and labels, which do not change.
//!
//! In: [`Stats`]. Out: [`Figure`]s. The Prometheus text (`prometheus.rs`)
//! is built from this table, and so is what guests publish.

use super::{EndpointState, Stats};
use crate::mode::Mode;
use crate::names::names;
use std::time::UNIX_EPOCH;

/// Whether a [`Figure`] only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FigureKind {
    /// It only grows, starting at 0 when the client is built.
    Counter,
    /// It goes up and down.
    Gauge,
}

names!(FigureKind, "a kind of figure", { Counter = "counter", Gauge = "gauge", });

/// One number of the stats under its fixed name, for any metrics system: [`Stats::figures`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figure {
    /// As in [`Stats::prometheus_text`]: `overspill_events_spilled_total`. Lowercase letters and `_`; the unit last, where there is one.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: FigureKind,
    /// What it counts, in one sentence.
    pub help: &'static str,
    /// The name and the value of its label, if it has one: `("reason", "outage")`.
    pub label: Option<(&'static str, &'static str)>,
    /// The current value.
    pub value: u64,
}

impl Stats {
    /// The stats as metrics, for your own metrics system: each number with the name, label and value that it has
    /// in [`prometheus_text`](Stats::prometheus_text), in the same order. Figures with the same name are adjacent.
    ///
    /// ```
    /// # let stats = overspill::Client::disabled().stats();
    /// for figure in stats.figures() {
    ///     println!("{} {:?} {}", figure.name, figure.label, figure.value);
    /// }
    /// ```
    pub fn figures(&self) -> impl Iterator<Item = Figure> + '_ {
        FAMILIES.iter().flat_map(|family| family.figures(self))
    }
}

type FigureLabel = Option<(&'static str, &'static str)>;

/// All figures of one name.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: FigureKind,
    pub(super) help: &'static str,
    values: fn(&Stats) -> Vec<(FigureLabel, u64)>,
}

impl Family {
    pub(super) fn figures(&self, stats: &Stats) -> impl Iterator<Item = Figure> {
        let (name, kind, help) = (self.name, self.kind, self.help);
        (self.values)(stats).into_iter().map(move |(label, value)| Figure { name, kind, help, label, value })
    }
}

const fn counter(
    name: &'static str,
    help: &'static str,
    values: fn(&Stats) -> Vec<(FigureLabel, u64)>,
) -> Family {
    Family { name, kind: FigureKind::Counter, help, values }
}

const fn gauge(
    name: &'static str,
    help: &'static str,
    values: fn(&Stats) -> Vec<(FigureLabel, u64)>,
) -> Family {
    Family { name, kind: FigureKind::Gauge, help, values }
}

/// A family of one figure, without a label.
fn one(value: u64) -> Vec<(FigureLabel, u64)> {
    vec![(None, value)]
}

/// A figure for each value of a label.
fn each(label: &'static str, values: impl Iterator<Item = (&'static str, u64)>) -> Vec<(FigureLabel, u64)> {
    values.map(|(value, number)| (Some((label, value)), number)).collect()
}

pub(super) const FAMILIES: &[Family] = &[
    counter("overspill_events_emitted_total", "Events given to emit.", |of| one(of.emitted)),
    counter("overspill_events_delivered_total", "Events the endpoint took.", |of| one(of.delivered)),
    counter("overspill_events_spilled_total", "Events written to the log instead.", |of| {
        each("reason", of.spilled_by_reason().map(|(reason, events)| (reason.as_str(), events)))
    }),
    counter("overspill_events_lost_total", "Events that could be put nowhere.", |of| {
        each("reason", of.lost_by_reason().map(|(reason, events)| (reason.as_str(), events)))
    }),
    counter(
        "overspill_events_maybe_delivered_total",
        "Events written to the log that may be at the endpoint as well.",
        |of| one(of.maybe_delivered),
    ),
    gauge("overspill_events_pending", "Events not settled yet.", |of| one(of.pending)),
    gauge("overspill_pending_bytes", "Bytes of pending events.", |of| one(of.pending_bytes as u64)),
    gauge("overspill_pending_limit_bytes", "The most that the bytes of pending events may be.", |of| {
        one(of.queue_bytes_max as u64)
    }),
    gauge("overspill_queue_events", "Events in the queue, not yet in a batch.", |of| {
        one(of.queue_events as u64)
    }),
    gauge("overspill_queue_limit_events", "The most events that may be in the queue.", |of| {
        one(of.queue_events_max as u64)
    }),
    gauge(
        "overspill_memory_bound_bytes",
        "The most bytes that the client can hold, whatever happens.",
        |of| one(of.memory_bound as u64),
    ),
    counter("overspill_echoes_total", "Calls of emit out of overspill's own logging.", |of| one(of.echoes)),
    counter("overspill_posts_total", "Requests that ended.", |of| one(of.posts)),
    counter(
        "overspill_posts_failed_total",
        "Requests that failed: without a 2xx, or with one that took nothing.",
        |of| one(of.posts_failed),
    ),
    counter("overspill_post_failures_total", "Requests that failed, by reason.", |of| {
        each("reason", of.posts_failed_by_reason().map(|(reason, posts)| (reason.as_str(), posts)))
    }),
    gauge(
        "overspill_last_delivery_timestamp_seconds",
        "When the last request was delivered, in seconds since 1970; 0 if none was.",
        |of| {
            let since_epoch = of.last_delivery.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            one(since_epoch.unwrap_or_default().as_secs())
        },
    ),
    counter("overspill_outages_total", "Outages that have begun.", |of| one(of.outages)),
    gauge("overspill_outage_seconds", "How long the current outage has lasted; 0 if there is none.", |of| {
        one(of.outage_lasts.as_secs())
    }),
    counter(
        "overspill_log_stalls_total",
        "Writes to the log that were stuck for a second or longer.",
        |of| one(of.log_stalls),
    ),
    counter("overspill_log_stalled_seconds_total", "How long those writes took, all together.", |of| {
        one(of.log_stalled.as_secs())
    }),
    gauge(
        "overspill_log_write_seconds",
        "How long the current write to the log has lasted; 0 if there is none.",
        |of| one(of.log_write_lasts.as_secs()),
    ),
    gauge("overspill_endpoint_state", "1 for the state of the endpoint.", |of| {
        let is = |state: &EndpointState| (state.as_str(), u64::from(*state == of.endpoint));
        each("state", EndpointState::ALL.iter().map(is))
    }),
    gauge("overspill_mode", "1 for the mode.", |of| {
        each("mode", Mode::ALL.iter().map(|mode| (mode.as_str(), u64::from(*mode == of.mode))))
    }),
];

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::super::tests::stats;
    use super::*;
    use std::collections::BTreeSet;

    /// What metrics systems require of names: one kind and help
    /// text per name, counters end in `_total`, no series twice.
    #[test]
    fn each_figure_is_one_series_under_a_name_that_says_its_kind() {
        let stats = stats();
        let figures: Vec<Figure> = stats.figures().collect();
        let series: BTreeSet<_> = figures.iter().map(|figure| (figure.name, figure.label)).collect();
        assert_eq!(series.len(), figures.len());
        let families: BTreeSet<_> =
            figures.iter().map(|figure| (figure.name, figure.kind.as_str(), figure.help)).collect();
        assert_eq!(families.len(), FAMILIES.len());
        for figure in &figures {
            assert!(figure.name.starts_with("overspill_"), "{figure:?}");
            assert!(figure.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')), "{figure:?}");
            assert_eq!(figure.name.ends_with("_total"), figure.kind == FigureKind::Counter, "{figure:?}");
            assert!(figure.help.ends_with('.'), "{figure:?}");
        }
        assert!(figures.windows(2).filter(|two| two[0].name != two[1].name).count() + 1 == FAMILIES.len());
    }

    #[test]
    fn the_figures_are_the_lines_of_the_text() {
        let stats = stats();
        let of = |figure: Figure| match figure.label {
            None => format!("{} {}", figure.name, figure.value),
            Some((name, value)) => format!("{}{{{name}=\"{value}\"}} {}", figure.name, figure.value),
        };
        let lines: Vec<String> = stats.figures().map(of).collect();
        let text = stats.prometheus_text();
        assert_eq!(lines, text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>());
    }
}
