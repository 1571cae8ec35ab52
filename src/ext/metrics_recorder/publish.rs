//! Publishes the client's stats through the `metrics` facade, to the process's recorder.

use crate::Figure;
use crate::FigureKind;
use crate::Stats;
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, with_recorder};

/// Writes a client's stats to the recorder of the process, under the names of [`Stats::prometheus_text`]. Call it just before the recorder
/// is read, or every few seconds. Without a recorder it does nothing.
///
/// Counters are written as totals, so it does not matter how often you call it.
///
/// ```
/// # let events = overspill::Client::disabled();
/// overspill::metrics_recorder::publish(&events.stats());
/// ```
pub fn publish(stats: &Stats) {
    with_recorder(|recorder| to(recorder, stats, None));
}

/// [`publish`] for one of several clients in a process: each series has the label `client` with this name.
pub fn publish_as(client: &str, stats: &Stats) {
    with_recorder(|recorder| to(recorder, stats, Some(client)));
}

const METADATA: Metadata<'static> = Metadata::new("overspill", Level::INFO, Some("overspill"));

fn to(recorder: &dyn Recorder, stats: &Stats, client: Option<&str>) {
    let mut described = "";
    for figure in stats.figures() {
        if figure.name != described {
            described = figure.name;
            describe(recorder, &figure);
        }
        let key = key(&figure, client);
        // All books are whole numbers, and exact in an f64 up to 2^53.
        match figure.kind {
            FigureKind::Counter => recorder.register_counter(&key, &METADATA).absolute(figure.value),
            FigureKind::Gauge => recorder.register_gauge(&key, &METADATA).set(figure.value as f64),
        }
    }
}

fn describe(recorder: &dyn Recorder, figure: &Figure) {
    let name = KeyName::from_const_str(figure.name);
    match figure.kind {
        FigureKind::Counter => recorder.describe_counter(name, None, figure.help.into()),
        FigureKind::Gauge => recorder.describe_gauge(name, None, figure.help.into()),
    }
}

fn key(figure: &Figure, client: Option<&str>) -> Key {
    let client = client.map(|client| Label::new("client", client.to_owned()));
    let label = figure.label.map(|(name, value)| Label::from_static_parts(name, value));
    Key::from_parts(figure.name, client.into_iter().chain(label).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::home::HomeProcess;
    use super::super::registry::Registry;
    use super::super::settings::Builder;
    use super::super::{MetricsRecorder, collector};
    use super::*;
    use crate::{Client, Reason, prometheus_text};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    /// The same numbers under the same names as in the text for Prometheus, so that one dashboard works for both.
    #[test]
    fn what_a_recorder_gets_are_the_lines_of_the_text() {
        let limits = Builder::new(&Client::disabled()).check().unwrap();
        let registry = Arc::new(Registry::new(limits, HomeProcess::here()));
        let stats = Stats::default().with_delivered(3).with_spilled(Reason::Outage, 2);
        metrics::with_local_recorder(&MetricsRecorder::new(Arc::clone(&registry)), || {
            publish_as("orders", &stats);
            publish_as("orders", &stats);
        });
        let began = collector::Moment { age: Duration::ZERO, wall: SystemTime::UNIX_EPOCH };
        let mut collector = collector::Collector::new(registry, &[], Duration::from_secs(1), began);
        let mut found = BTreeMap::new();
        collector.collect(began, |aggregate| {
            let event = serde_json::to_value(aggregate).unwrap();
            let labels: Vec<String> = event["labels"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let series = format!("{}{{{}}}", event["metric"].as_str().unwrap(), labels.join(","));
            let value = event.get("total").or(event.get("value")).unwrap().as_f64().unwrap();
            assert!(found.insert(series, value).is_none());
        });
        let text = prometheus_text(&[("orders", &stats)]);
        let lines: BTreeMap<String, f64> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
            // A counter that has counted nothing yet has nothing to report.
            .filter(|(series, value)| *value > 0.0 || !series.contains("_total"))
            .collect();
        assert!(lines.len() > 10);
        assert_eq!(found, lines);
        assert_eq!(found["overspill_events_spilled_total{client=\"orders\",reason=\"outage\"}"], 2.0);
    }
}
