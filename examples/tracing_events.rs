//! Turns marked tracing events into events, with the fields of their spans, while the log works as before. Then the endpoint goes
//! away, and the same events are in the log, complete.
//!
//! `cargo run --example tracing_events` runs it.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::Client;
use overspill::testkit::{Act, Endpoint, Spilled, Taken, assert_settled};
use overspill::tracing_events::{Member, SpanFields, TracingEvents};
use std::time::Duration;
use tracing::{debug, info, info_span};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A request, with the lines that a service logs about it.
fn place(order: u64) {
    let request =
        info_span!("request", request_id = %format_args!("r-{order}"), user = tracing::field::Empty);
    let _entered = request.enter();
    debug!("looking for the user");
    request.record("user", "kim");
    info!("one of many lines of the log");
    info!(name: "order_placed", telemetry = true, order, total = 12.5, "order placed");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (taken, log) = (Taken::default(), Spilled::default());
    let endpoint = Endpoint::start(taken.when(|_| Act::Status(200)))?;
    let client = Client::builder(endpoint.url()).service_name("orders").build()?;
    let telemetry = TracingEvents::builder(&client)
        .marker("telemetry")
        .spans(SpanFields::All)
        .called(Member::Level, "severity")
        .leave_out(Member::Target)
        .build()?;
    let lines = log.clone();
    tracing_subscriber::registry()
        .with(fmt::layer().json().with_writer(move || lines.clone()))
        .with(telemetry)
        .init();

    place(1);
    client.flush_blocking(Duration::from_secs(5))?;
    endpoint.refuse();
    place(2);
    let stats = client.shutdown_blocking(Duration::from_secs(5));

    println!("at the endpoint: {}", taken.events().join("\n"));
    for spilled in log.events() {
        println!("in the log, reason {}: {}", spilled.reason, spilled.event);
    }
    println!("{stats}");
    assert_settled(&stats, &taken, &log);
    assert_eq!((stats.delivered, stats.spilled), (1, 1));
    Ok(())
}
