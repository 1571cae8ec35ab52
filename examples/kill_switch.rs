//! The kill switch: on, log only, off. Set at startup from `OVERSPILL_MODE`, then switched from any thread.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Mode};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;
    let events = Client::builder(endpoint.url()).override_from_env()?.build()?;
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));
    println!("starting with mode {}; try OVERSPILL_MODE=off", events.mode());
    for mode in [events.mode(), Mode::LogOnly, Mode::Off, Mode::On] {
        events.set_mode(mode);
        // An expensive event is not built while the mode is off.
        let emitted = events.emit_with(|| {
            println!("  making the event");
            serde_json::json!({ "heap": "a snapshot of something" })
        });
        println!("mode {mode}: {emitted:?}");
    }
    events.flush_blocking(Duration::from_secs(2))?;
    println!("{}", events.stats());
    Ok(())
}
