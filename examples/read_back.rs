//! After an outage, reads the spilled events back from the log. Post them however you like; here they are printed.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::Client;
use overspill::spill::{Records, Rfc3339, WriteSink};
use std::io::BufReader;
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any log works: tracing-subscriber's JSON or text lines or, as here, a file that the client writes itself.
    let path = std::env::temp_dir().join(format!("overspill-{}.log", std::process::id()));
    let events =
        Client::builder("http://127.0.0.1:9/nobody-listens").spill_sink(WriteSink::append(&path)?).build()?;
    for order in 0..3 {
        events.emit(&serde_json::json!({ "order": order, "note": "x".repeat(order * 6000) }));
    }
    // An explicit shutdown instead of a guard, because the log is read before `main` returns.
    println!("{}", events.shutdown_blocking(Duration::from_secs(2)));

    let log = BufReader::new(std::fs::File::open(&path)?);
    std::fs::remove_file(&path)?;
    // The long event is spilled in two parts.
    for event in Records::new(log).joined() {
        let event = event?;
        println!(
            "event {} of client {}, emitted at {}: {}, maybe delivered: {:?}, {} bytes of JSON",
            event.seq,
            event.client,
            Rfc3339(event.emitted_at),
            event.reason,
            event.maybe_delivered,
            event.event.len()
        );
    }
    Ok(())
}
