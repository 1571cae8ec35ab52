//! The metrics recorder compared with metrics-exporter-prometheus, which gets the same values; and its memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "promises are named by their tests")]

use metrics::{Recorder, counter, gauge, histogram, with_local_recorder};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use overspill::metrics_recorder::{MetricsGuard, MetricsRecorder, publish_as};
use overspill::testkit::Spilled;
use overspill::{Client, Mode, Reason, Stats, prometheus_text};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const BOUNDS: [f64; 6] = [-1.0, 0.0, 0.01, 0.1, 1.0, 100.0];
/// The exporter's default quantiles, except 0 and 1, which are `min` and `max` here.
const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];

#[derive(Debug, Clone)]
enum Op {
    Count(usize, u64),
    Absolute(u64),
    Set(usize, f64),
    Add(usize, f64),
    Value(&'static str, usize, f64, usize),
    /// Ends an interval; the exporter has none.
    End,
}

const LABELS: [&str; 3] = ["a", "b", "c"];

fn apply(op: &Op, guard: Option<&MetricsGuard>) {
    match *op {
        Op::Count(label, by) => counter!("count_total", "of" => LABELS[label], "x" => "y").increment(by),
        Op::Absolute(to) => counter!("absolute_total").absolute(to),
        Op::Set(label, to) => gauge!("level", "of" => LABELS[label]).set(to),
        Op::Add(label, by) if by < 0.0 => gauge!("level", "of" => LABELS[label]).decrement(-by),
        Op::Add(label, by) => gauge!("level", "of" => LABELS[label]).increment(by),
        Op::Value(name, label, value, 1) => histogram!(name, "of" => LABELS[label]).record(value),
        Op::Value(name, label, value, times) => {
            histogram!(name, "of" => LABELS[label]).record_many(value, times)
        }
        Op::End => _ = guard.map(|guard| guard.flush().unwrap()),
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![5 => 1e-3..1e3, 2 => -10.0..10.0, 1 => Just(0.0), 1 => Just(0.1), 1 => 1e-6..1e6]
}

/// Within a factor of 500: the exporter's sketches have bins for a factor of 700, and share one bin for smaller values. The recorder's
/// sketches have bins for 700,000,000, and its unit tests compare them with the exact values.
fn near() -> impl Strategy<Value = f64> {
    prop_oneof![5 => 0.01..5.0, 2 => -5.0..-0.01, 1 => Just(0.0), 1 => Just(0.1)]
}

/// Quantiles are those of one interval, so a workload with quantiles has only one: `ends` is 0.
fn ops(ends: u32, name: &'static str, values: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0..3_usize, 0..1_000_u64).prop_map(|(label, by)| Op::Count(label, by)),
        1 => (0..1_000_u64).prop_map(Op::Absolute),
        2 => (0..3_usize, value()).prop_map(|(label, to)| Op::Set(label, to)),
        2 => (0..3_usize, value()).prop_map(|(label, by)| Op::Add(label, by)),
        8 => (0..3_usize, values, prop_oneof![4 => Just(1_usize), 1 => 2..9_usize])
            .prop_map(move |(label, value, times)| Op::Value(name, label, value, times)),
        ends => Just(Op::End),
    ];
    prop::collection::vec(op, 0..300)
}

fn theirs() -> PrometheusRecorder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("buckets".to_owned()), &BOUNDS)
        .unwrap()
        .build_recorder()
}

type Values = BTreeMap<String, f64>;

/// The exposition: each line's series and value.
fn lines(text: &str) -> Values {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// Our events, converted to an exposition: deltas are summed, gauges have their last value, histograms are cumulated.
fn added_up(log: &Spilled) -> Values {
    let mut found = Values::new();
    for event in log.events() {
        let event: serde_json::Value = serde_json::from_str(&event.event).unwrap();
        let labels: Vec<String> = event["labels"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let name = event["metric"].as_str().unwrap();
        let series = |suffix: &str, more: Option<String>| {
            let labels: Vec<String> = labels.iter().cloned().chain(more).collect();
            if labels.is_empty() {
                format!("{name}{suffix}")
            } else {
                format!("{name}{suffix}{{{}}}", labels.join(","))
            }
        };
        let number = |member: &str| event[member].as_f64().unwrap();
        match event["kind"].as_str().unwrap() {
            "counter" => {
                *found.entry(series("", None)).or_default() += number("delta");
                assert_eq!(found[&series("", None)], number("total"));
            }
            "gauge" => _ = found.insert(series("", None), number("value")),
            _ => {
                *found.entry(series("_count", None)).or_default() += number("count");
                *found.entry(series("_sum", None)).or_default() += number("sum");
                assert_eq!(found[&series("_count", None)], number("total_count"));
                let counts = event["bucket_counts"].as_array().cloned().unwrap_or_default();
                let mut below = 0.0;
                for (nth, count) in counts.iter().enumerate() {
                    below += count.as_f64().unwrap();
                    let bound = BOUNDS.get(nth).map_or("+Inf".to_owned(), f64::to_string);
                    *found.entry(series("_bucket", Some(format!("le=\"{bound}\"")))).or_default() += below;
                }
                if counts.is_empty() {
                    for share in QUANTILES {
                        let member = format!("p{:0<2}", share.to_string().trim_start_matches("0."));
                        let value = event["quantiles"][member].as_f64().unwrap();
                        found.insert(series("", Some(format!("quantile=\"{share}\""))), value);
                    }
                    found.insert(series("", Some("quantile=\"0\"".to_owned())), number("min"));
                    found.insert(series("", Some("quantile=\"1\"".to_owned())), number("max"));
                }
            }
        }
    }
    found
}

fn compare(ops: &[Op]) {
    let log = Spilled::default();
    let client =
        Client::builder("http://127.0.0.1:9/").mode(Mode::LogOnly).spill_sink(log.clone()).build().unwrap();
    let builder = MetricsRecorder::builder(&client).interval(HOUR).idle_max(HOUR);
    let (ours, guard) = builder.quantiles(QUANTILES).buckets_of("buckets", BOUNDS).start().unwrap();
    with_local_recorder(&ours, || ops.iter().for_each(|op| apply(op, Some(&guard))));
    let told = guard.stop();
    let stats = client.shutdown_blocking(Duration::from_secs(20));
    assert_eq!((stats.spilled, stats.lost, stats.pending), (told.events, 0, 0), "{stats}");
    let found = added_up(&log);

    // Runs the exporter's upkeep after each value. It drains blocks of 64 values newest first, and the values that it drains first decide
    // from which time on values are in its quantiles. Otherwise, of the first hundred values it would have only the last 64.
    let theirs = theirs();
    let handle = theirs.handle();
    with_local_recorder(&theirs, || {
        for op in ops {
            apply(op, None);
            handle.run_upkeep();
        }
    });
    let expected = lines(&handle.render());
    for (series, value) in &expected {
        // A metric that was registered but never written to has no event.
        let ours = found.get(series).copied().unwrap_or_default();
        let tolerance = match () {
            () if series.contains("quantile=") => value.abs() * 0.010_2 + 2e-9,
            // The same values, added in another order: by interval, and repeated values at once.
            () if series.contains("_sum") || series.starts_with("level") => 1e-9 * value.abs().max(1e5),
            () => 0.0,
        };
        assert!((ours - value).abs() <= tolerance, "{series}: {ours}, and {value} by the other");
    }
    for series in found.keys() {
        assert!(expected.contains_key(series), "{series} is not in the other's");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn counters_gauges_and_buckets_add_up_to_what_the_prometheus_exporter_has(ops in ops(2, "buckets", value())) {
        compare(&ops);
    }

    #[test]
    fn quantiles_are_those_of_the_prometheus_exporter_within_the_stated_error(ops in ops(0, "summary", near())) {
        compare(&ops);
    }
}

#[test]
fn any_recorder_gets_our_stats_under_the_names_in_the_prometheus_text() {
    let theirs = theirs();
    let stats = Stats::default().with_delivered(700).with_spilled(Reason::Outage, 480).with_pending(3);
    with_local_recorder(&theirs, || {
        publish_as("orders", &stats);
        publish_as("orders", &stats);
    });
    let text = theirs.handle().render();
    assert_eq!(lines(&text), lines(&prometheus_text(&[("orders", &stats)])));
    for help in prometheus_text(&[("orders", &stats)]).lines().filter(|line| line.starts_with('#')) {
        assert!(text.contains(help), "{help}");
    }
}

/// Keys of the maximum length, every bin of every sketch, and then more of everything: what is allocated stays within the bound.
#[test]
fn the_recorders_memory_is_within_its_bound_whatever_is_recorded() {
    fn fill(recorder: &dyn Recorder, guard: Option<&MetricsGuard>, round: usize) {
        with_local_recorder(recorder, || {
            for nth in 0..90 {
                let label = format!("{round}-{nth}-{}", "x".repeat(900));
                match nth % 3 {
                    0 => counter!("of_a_name", "label" => label).increment(1),
                    1 => gauge!("of_a_name", "label" => label).set(1),
                    _ => {
                        let histogram = histogram!("of_a_name", "label" => label);
                        for exponent in -300..=300 {
                            histogram.record(1.07_f64.powi(exponent));
                            histogram.record(-1.07_f64.powi(exponent));
                        }
                    }
                }
            }
            guard.map(|guard| guard.flush().unwrap());
        });
    }
    let mut bound = 0;
    let memory = allocation_counter::measure(|| {
        let (recorder, guard) = MetricsRecorder::builder(&Client::disabled())
            .interval(HOUR)
            .idle_max(HOUR)
            .series_max(90)
            .key_bytes_max(1_024)
            .start()
            .unwrap();
        bound = recorder.memory_bound();
        (0..20).for_each(|round| fill(&recorder, Some(&guard), round));
        (0..20).for_each(|_| {
            with_local_recorder(&recorder, || (0..5_000).for_each(|nth| histogram!("one").record(nth)))
        });
    });
    let most = usize::try_from(memory.bytes_max).unwrap();
    println!("{most} bytes at most, of a bound of {bound}");
    assert!(most <= bound, "{most} bytes are more than {bound}");

    let one = |recorder: &dyn Recorder| {
        with_local_recorder(recorder, || (0..100_000).for_each(|nth| histogram!("one").record(nth)))
    };
    let (ours, _guard) =
        MetricsRecorder::builder(&Client::disabled()).interval(HOUR).idle_max(HOUR).start().unwrap();
    let theirs = theirs();
    let [ours, theirs] = [&ours as &dyn Recorder, &theirs]
        .map(|recorder| allocation_counter::measure(|| one(recorder)).bytes_max);
    println!(
        "100,000 values of a histogram: {ours} bytes; the exporter's, until its next upkeep: {theirs} bytes"
    );
    assert!(ours < 64_000, "{ours} bytes");
}
