//! After an outage: read the spilled events back from the log, and post them by any means you like. Here they are printed.
#![allow(missing_docs, reason = "an example has no outside")]
#![expect(clippy::print_stdout, reason = "it is there to be looked at")]

use overspill::Client;
use overspill::spill::{WriteSink, join, read_line};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any log will do: tracing-subscriber's JSON or text lines, or, as here, a file of our own.
    let path = std::env::temp_dir().join(format!("overspill-{}.log", std::process::id()));
    let events =
        Client::builder("http://127.0.0.1:9/nobody-listens").spill_sink(WriteSink::append(&path)?).build()?;
    for order in 0..3 {
        events.emit(&serde_json::json!({ "order": order, "note": "x".repeat(order * 6000) }));
    }
    println!("{}", events.shutdown_blocking(Duration::from_secs(2)));

    let log = std::fs::read_to_string(&path)?;
    std::fs::remove_file(&path)?;
    println!("{} lines of log, the long event in two parts", log.lines().count());
    for event in join(log.lines().filter_map(read_line)) {
        println!(
            "event {} of client {}: {}, maybe delivered: {:?}, {} bytes of JSON",
            event.seq,
            event.client,
            event.reason,
            event.maybe_delivered,
            event.event.len()
        );
    }
    Ok(())
}
