//! Turns the series of the `metrics` crate's macros into events: at the endpoint, then in the log after the endpoint is gone. Prints both.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use metrics::{counter, describe_histogram, gauge, histogram};
use overspill::Client;
use overspill::metrics_recorder::{MetricsRecorder, publish};
use overspill::testkit::{Act, Endpoint, Spilled, Taken};
use std::time::Duration;

/// What a service does all day.
fn serve(requests: u32) {
    for nth in 0..requests {
        let route = if nth % 3 == 0 { "/orders" } else { "/search" };
        counter!("http_requests_total", "route" => route).increment(1);
        histogram!("http_request_seconds", "route" => route).record(f64::from(nth % 100) / 1_000.0);
    }
    gauge!("connections_open").set(requests % 7);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (taken, log) = (Taken::default(), Spilled::default());
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200)))?;
    let events = Client::builder(endpoint.url()).spill_sink(log.clone()).build()?;
    // The client's guard comes first: locals drop in reverse order, and the recorder's guard must drop before it.
    let client = events.shutdown_on_drop(Duration::from_secs(2));
    let recorder = MetricsRecorder::builder(&events)
        .interval(Duration::from_secs(10))
        .buckets_of("http_request_seconds", [0.01, 0.025, 0.05, 0.1])
        .install()?;
    describe_histogram!("http_request_seconds", metrics::Unit::Seconds, "From the first byte to the last.");

    serve(1_000);
    publish(&events.stats()); // the client's own stats, as metrics
    recorder.flush()?; // instead of waiting for ten seconds
    events.flush_blocking(Duration::from_secs(5))?;
    println!("delivered:");
    taken
        .events()
        .iter()
        .filter(|event| !event.contains("overspill_"))
        .for_each(|event| println!("  {event}"));

    drop(endpoint);
    serve(500);
    drop(recorder); // the last interval
    drop(client);
    println!("in the log, as they would have been delivered:");
    let spilled = log.events();
    spilled.iter().for_each(|event| println!("  {}: {}", event.reason, event.event));
    assert!(
        spilled.iter().any(|event| event.event.contains("\"delta\":333,\"total\":999")),
        "/search: 666, then 333 more"
    );
    println!("{}", events.stats());
    Ok(())
}
