//! The basics: build a client, emit, read the stats, shut down. The endpoint here is on loopback and accepts everything.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::Client;
use overspill::testkit::{Act, Endpoint};
use std::time::Duration;

#[derive(serde::Serialize)]
struct OrderPlaced<'a> {
    order: u64,
    currency: &'a str,
    total_cents: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;

    let events = Client::builder(endpoint.url()).build()?;
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));
    for order in 0..1000 {
        events.emit(&OrderPlaced { order, currency: "EUR", total_cents: 100 * order });
    }
    println!("while they are on their way: {}", events.stats());
    events.flush_blocking(Duration::from_secs(2))?;
    println!("when all are settled:        {}", events.stats());
    Ok(())
}
