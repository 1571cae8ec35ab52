//! The stats in Prometheus' text exposition format (version 0.0.4), written by hand: it takes a dozen lines.

use super::figures::FAMILIES;
use super::{Figure, Stats};
use std::fmt::Write;

impl Stats {
    /// The stats in Prometheus' text format, for your own `/metrics` page or to append to one. Names, kinds, labels and units do not
    /// change; [`guide::prometheus`](crate::guide::prometheus) lists them, with alert rules and a dashboard. Times are whole seconds,
    /// rounded down.
    ///
    /// For several clients in one process: [`prometheus_text`]. As values instead of text: [`figures`](Stats::figures).
    pub fn prometheus_text(&self) -> String {
        text(&[("", self)])
    }
}

/// The stats of several clients in one page ([`Stats::prometheus_text`]). Each series has the label
/// `client` with the name given here. If two clients have the same name, Prometheus keeps only one of them.
pub fn prometheus_text(clients: &[(&str, &Stats)]) -> String {
    text(clients)
}

fn text(clients: &[(&str, &Stats)]) -> String {
    let mut out = String::new();
    for family in FAMILIES {
        let (name, kind, help) = (family.name, family.kind, family.help);
        _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (client, stats) in clients {
            for figure in family.figures(stats) {
                let labels = [client_label(client), label_of(&figure)];
                let labels: Vec<String> = labels.into_iter().filter(|label| !label.is_empty()).collect();
                let labels =
                    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                _ = writeln!(out, "{name}{labels} {}", figure.value);
            }
        }
    }
    out
}

fn label_of(figure: &Figure) -> String {
    figure.label.map(|(name, value)| format!("{name}=\"{value}\"")).unwrap_or_default()
}

fn client_label(client: &str) -> String {
    if client.is_empty() {
        return String::new();
    }
    let escaped = client.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("client=\"{escaped}\"")
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::super::tests::stats;
    use super::*;

    #[test]
    fn the_exposition_has_every_count_by_its_pinned_name() {
        let text = stats().prometheus_text();
        for line in [
            "# TYPE overspill_events_emitted_total counter",
            "overspill_events_emitted_total 5",
            "overspill_events_delivered_total 1",
            "overspill_events_spilled_total{reason=\"outage\"} 2",
            "overspill_events_spilled_total{reason=\"timeout\"} 0",
            "overspill_events_lost_total{reason=\"log_stalled\"} 0",
            "overspill_events_maybe_delivered_total 0",
            "# TYPE overspill_events_pending gauge",
            "overspill_events_pending 2",
            "overspill_pending_bytes 300",
            "overspill_pending_limit_bytes 8000",
            "overspill_queue_events 2",
            "overspill_queue_limit_events 64",
            "overspill_memory_bound_bytes 1000000",
            "overspill_echoes_total 0",
            "overspill_posts_total 2",
            "overspill_posts_failed_total 1",
            "overspill_post_failures_total{reason=\"connect\"} 1",
            "overspill_post_failures_total{reason=\"unavailable\"} 0",
            "# TYPE overspill_last_delivery_timestamp_seconds gauge",
            "overspill_last_delivery_timestamp_seconds 1700000000",
            "overspill_outages_total 1",
            "overspill_outage_seconds 42",
            "overspill_log_stalls_total 1",
            "overspill_log_stalled_seconds_total 3",
            "overspill_log_write_seconds 1",
            "overspill_endpoint_state{state=\"healthy\"} 0",
            "overspill_endpoint_state{state=\"out\"} 1",
            "overspill_mode{mode=\"on\"} 1",
            "overspill_mode{mode=\"off\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with('\n'));
    }

    /// Each family appears once, with its type, before its series, as
    /// parsers require; each series has a name, labels and a number.
    #[test]
    fn several_clients_share_one_exposition_and_odd_names_break_no_line() {
        let stats = stats();
        let text = prometheus_text(&[("orders", &stats), ("a \"b\"\\\nc", &stats)]);
        assert!(
            text.contains("overspill_events_spilled_total{client=\"orders\",reason=\"outage\"} 2\n"),
            "{text}"
        );
        assert!(text.contains(r#"overspill_posts_total{client="a \"b\"\\\nc"} 2"#), "{text}");
        let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        assert_eq!(types.iter().collect::<std::collections::BTreeSet<_>>().len(), types.len());
        let mut family = "";
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                family = declared.split(' ').next().unwrap();
            } else if !line.starts_with('#') {
                assert!(line.starts_with(family), "{line}");
                assert!(line.rsplit(' ').next().unwrap().parse::<u64>().is_ok(), "{line}");
            }
        }
    }
}
