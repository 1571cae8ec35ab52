//! The recorder for the metrics crate: one event per series and interval is at the endpoint or in the log, and the values add up.

use crate::support::*;
use metrics::{counter, gauge, histogram, with_local_recorder};
use overspill::metrics_recorder::{
    InstallError, METRIC_EVENT, METRICS_RECORDER_TARGET, MetricsRecorder, SURPLUS_METRIC, publish_as,
};
use overspill::spill::Records;
use overspill::{Client, Reason, Stats};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// A series and an interval, which identify an event of the recorder.
fn id(event: &Value) -> (String, u64) {
    assert_eq!(event["event.name"], METRIC_EVENT);
    (format!("{}{}", event["metric"].as_str().unwrap(), event["labels"]), event["interval"].as_u64().unwrap())
}

fn ids(events: &[Value]) -> BTreeSet<(String, u64)> {
    let ids: BTreeSet<_> = events.iter().map(id).collect();
    assert_eq!(ids.len(), events.len(), "one event per series and interval");
    ids
}

fn at_endpoint(world: &World) -> Vec<Value> {
    world.taken.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

/// The events in the log, read as by a program that sends them again.
fn in_log(world: &World) -> Vec<Value> {
    let text = world.log.text();
    Records::new(text.as_bytes())
        .joined()
        .map(|event| serde_json::from_str(&event.unwrap().event).unwrap())
        .collect()
}

/// The sums of a member, by series.
fn sums(events: &[Value], member: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for event in events.iter().filter(|event| event.get(member).is_some()) {
        *sums.entry(id(event).0).or_default() += event[member].as_u64().unwrap();
    }
    sums
}

/// The law over series and intervals: those expected are at the endpoint or in the log.
#[track_caller]
fn settled(world: &World, stats: &Stats, expected: &BTreeSet<(String, u64)>) -> Vec<Value> {
    assert_settled(stats, &world.taken, &world.log);
    let all = [at_endpoint(world), in_log(world)].concat();
    assert_eq!((&ids(&all), stats.emitted), (expected, expected.len() as u64), "{stats}");
    all
}

fn expected(table: &[(&str, &[u64])]) -> BTreeSet<(String, u64)> {
    let of = |(series, intervals): &(&str, &[u64])| {
        let series = (*series).to_owned();
        intervals.iter().map(move |&interval| (series.clone(), interval)).collect::<Vec<_>>()
    };
    table.iter().flat_map(of).collect()
}

fn record(times: u64) {
    for nth in 0..times {
        counter!("orders_total", "region" => "eu").increment(2);
        counter!("orders_total", "region" => format!("{}", nth % 2)).increment(1);
        histogram!("order_seconds").record(0.25);
        gauge!("orders_open").set(nth as f64);
    }
}

#[test]
fn what_was_recorded_reaches_the_endpoint_and_the_guard_emits_the_last_interval() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let (recorder, guard) = MetricsRecorder::builder(&client).interval(HOUR).idle_max(HOUR).start().unwrap();
    with_local_recorder(&recorder, || {
        record(10);
        assert_eq!(guard.flush(), Ok(5));
        assert_eq!(guard.flush(), Ok(1), "the gauge");
        record(3);
        drop(guard);
        // Too late, and harmless.
        record(1);
    });
    let stats = client.shutdown_blocking(LONG);
    let all = settled(
        &world,
        &stats,
        &expected(&[
            (r#"orders_total{"region":"eu"}"#, &[1, 3]),
            (r#"orders_total{"region":"0"}"#, &[1, 3]),
            (r#"orders_total{"region":"1"}"#, &[1, 3]),
            ("order_seconds{}", &[1, 3]),
            ("orders_open{}", &[1, 2, 3]),
        ]),
    );
    assert_eq!(stats.delivered, 11);
    assert_eq!(sums(&all, "delta").into_values().collect::<Vec<_>>(), [7, 6, 26]);
    assert_eq!(sums(&all, "count")["order_seconds{}"], 13);
    let last = all.iter().find(|event| event["metric"] == "order_seconds" && event["interval"] == 3).unwrap();
    assert_eq!(
        (&last["sum"], &last["total_sum"], &last["quantiles"]["p50"]),
        (&0.75.into(), &3.25.into(), &0.25.into())
    );
}

/// In an outage nothing is held and nothing is lost, and what is read back from the log and sent again adds up.
#[test]
fn in_an_outage_the_aggregates_are_in_the_log_and_sent_again_they_add_up() {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/").build().unwrap();
    let (recorder, guard) = MetricsRecorder::builder(&client).interval(HOUR).idle_max(HOUR).start().unwrap();
    with_local_recorder(&recorder, || {
        for _ in 0..5 {
            record(4);
            guard.flush().unwrap();
        }
    });
    assert_eq!(guard.stop().events, 26);
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.delivered), (26, 0));
    let each: &[u64] = &[1, 2, 3, 4, 5];
    let spilled = settled(
        &world,
        &stats,
        &expected(&[
            (r#"orders_total{"region":"eu"}"#, each),
            (r#"orders_total{"region":"0"}"#, each),
            (r#"orders_total{"region":"1"}"#, each),
            ("order_seconds{}", each),
            ("orders_open{}", &[1, 2, 3, 4, 5, 6]),
        ]),
    );

    // Later, with an endpoint: each event is sent again, unchanged.
    let later = World::new();
    let endpoint = later.endpoint(|_| Act::Status(200));
    let again = quick(endpoint.url()).build().unwrap();
    spilled.iter().for_each(|event| _ = again.emit(event));
    let stats = again.shutdown_blocking(LONG);
    let arrived = at_endpoint(&later);
    assert_settled(&stats, &later.taken, &later.log);
    assert_eq!(ids(&arrived), ids(&spilled));
    assert_eq!(sums(&arrived, "delta").into_values().collect::<Vec<_>>(), [10, 10, 40]);
    assert_eq!(sums(&arrived, "count")["order_seconds{}"], 20);
    // A reader that has lost some events can use the newest total, which equals the sum of all deltas.
    let newest =
        arrived.iter().filter(|event| event["labels"]["region"] == "eu").map(|event| event["total"].as_u64());
    assert_eq!(newest.max(), Some(Some(40)));
}

#[test]
fn the_recorders_own_thread_ends_intervals() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let (recorder, guard) =
        MetricsRecorder::builder(&client).interval(Duration::from_millis(100)).start().unwrap();
    with_local_recorder(&recorder, || counter!("ticks_total").increment(3));
    until("the first interval", || guard.stats().events == 1);
    with_local_recorder(&recorder, || counter!("ticks_total").increment(4));
    until("a later one", || guard.stats().events == 2);
    let told = guard.stop();
    let stats = client.shutdown_blocking(LONG);
    let events = at_endpoint(&world);
    let intervals: Vec<u64> = ids(&events).into_iter().map(|(_, interval)| interval).collect();
    let all = settled(&world, &stats, &expected(&[("ticks_total{}", &intervals)]));
    assert_eq!((sums(&all, "delta")["ticks_total{}"], told.events, told.surplus), (7, 2, 0));
}

#[test]
fn surplus_series_are_counted_in_an_event_and_reported_in_the_log_with_advice() {
    let world = World::new();
    let client = quick("http://127.0.0.1:9/").build().unwrap();
    let (recorder, guard) =
        MetricsRecorder::builder(&client).interval(HOUR).idle_max(HOUR).series_max(2).start().unwrap();
    with_local_recorder(&recorder, || {
        (0..50).for_each(|user| counter!("logins_total", "user" => user.to_string()).increment(1));
        gauge!("url", "url" => "x".repeat(3_000)).set(1);
        guard.flush().unwrap();
    });
    assert_eq!((guard.stats().surplus, guard.stats().series), (49, 2));
    guard.stop();
    let stats = client.shutdown_blocking(LONG);
    let all = settled(
        &world,
        &stats,
        &expected(&[
            (r#"logins_total{"user":"0"}"#, &[1]),
            (r#"logins_total{"user":"1"}"#, &[1]),
            (&format!("{SURPLUS_METRIC}{}", r#"{"reason":"series_max"}"#), &[1]),
            (&format!("{SURPLUS_METRIC}{}", r#"{"reason":"key_bytes_max"}"#), &[1]),
        ]),
    );
    assert_eq!(
        sums(&all, "delta").into_values().sum::<u64>(),
        51,
        "each value is in a series or counted as surplus"
    );
    let text = world.log.text();
    let told: Vec<&str> =
        text.lines().filter(|line| line.contains(METRICS_RECORDER_TARGET) && line.contains("WARN")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("series_max is 2")
            && told[0].contains("logins_total")
            && told[0].contains("raise series_max")
    );
}

/// The order of the module's example: two locals, dropped one after the other.
#[test]
fn the_guards_of_a_main_are_dropped_in_the_order_that_loses_nothing() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let stats = {
        let client = quick(endpoint.url()).build().unwrap();
        let look = client.clone();
        {
            let _client = client.shutdown_on_drop(LONG);
            let (recorder, _recorder) =
                MetricsRecorder::builder(&client).interval(HOUR).idle_max(HOUR).start().unwrap();
            with_local_recorder(&recorder, || counter!("at_the_end_total").increment(1));
        }
        look.stats()
    };
    assert_eq!((stats.delivered, stats.spilled_by(Reason::Closed)), (1, 0), "{stats}");
    settled(&world, &stats, &expected(&[("at_the_end_total{}", &[1])]));
}

/// The client's own counters through its recorder: they are metrics like any other.
#[test]
fn the_books_of_a_client_can_be_published_and_emitted_by_another() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let (recorder, guard) = MetricsRecorder::builder(&client).interval(HOUR).idle_max(HOUR).start().unwrap();
    let books = Stats::default().with_delivered(700).with_spilled(Reason::Outage, 480);
    with_local_recorder(&recorder, || publish_as("orders", &books));
    guard.stop();
    let stats = client.shutdown_blocking(LONG);
    assert_settled(&stats, &world.taken, &world.log);
    let totals = sums(&at_endpoint(&world), "total");
    assert_eq!(totals[r#"overspill_events_delivered_total{"client":"orders"}"#], 700);
    assert_eq!(totals[r#"overspill_events_spilled_total{"client":"orders","reason":"outage"}"#], 480);
}

#[test]
fn a_process_accepts_one_recorder_and_the_second_gets_an_error_with_advice() {
    let client = Client::disabled();
    let first = MetricsRecorder::builder(&client).install().unwrap();
    counter!("of_the_process_total").increment(1);
    assert!(first.stats().series >= 1);
    let error = MetricsRecorder::builder(&client).install().unwrap_err();
    assert!(matches!(error, InstallError::AlreadySet));
    assert!(error.to_string().contains("takes one only: install this one first"), "{error}");
}
