//! Every line that the recorder logs: target `overspill::metrics_recorder`.
//! A WARN line that no subscriber reads goes to standard error.

use super::registry::Surplus;
use crate::spill::{LogLevel, Notice, SpillSink, Stderr};
use std::time::Duration;

/// The target of the recorder's own log records.
pub const METRICS_RECORDER_TARGET: &str = "overspill::metrics_recorder";

pub(super) fn started(interval: Duration, series_max: usize, memory_bound: usize) {
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    tracing::event!(
        target: METRICS_RECORDER_TARGET,
        parent: None,
        tracing::Level::INFO,
        interval_ms,
        series_max = series_max as u64,
        memory_bound_bytes = memory_bound as u64,
        "metrics recorder started: an interval of {interval:?}, {series_max} series at most, {memory_bound} bytes at most"
    );
}

/// Reports values that were only counted, because they have no series; `first` is the metric of one of them.
pub(super) fn surplus(reason: Surplus, limit: usize, values: u64, first: Option<&str>) {
    let metric = first.unwrap_or_default();
    let remedy = match reason {
        Surplus::SeriesMax => "use fewer values of labels, or raise series_max",
        Surplus::KeyBytesMax => "shorten its labels, or raise key_bytes_max",
    };
    let reason = reason.as_str();
    let text = format!(
        "metrics recorder: {values} values since the start have no series, {reason} is {limit}, {metric:?} is one of the metrics: {remedy}"
    );
    if tracing::enabled!(target: METRICS_RECORDER_TARGET, tracing::Level::WARN) {
        tracing::event!(
            target: METRICS_RECORDER_TARGET,
            parent: None,
            tracing::Level::WARN,
            reason,
            limit = limit as u64,
            values,
            metric,
            "{text}"
        );
    } else {
        // Nowhere else to report.
        drop(Stderr.notice(&Notice::new(LogLevel::Warn, "", &text)));
    }
}
