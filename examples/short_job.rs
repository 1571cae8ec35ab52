//! A job that ends at once: it emits, and `main` is over within milliseconds. The guard is all it takes: nothing is lost, neither with an
//! endpoint that answers nor without one.
#![allow(missing_docs, reason = "an example has no outside")]
#![expect(clippy::print_stdout, reason = "it is there to be looked at")]

use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Stats};
use std::time::{Duration, Instant};

#[derive(serde::Serialize)]
struct FileConverted<'a> {
    file: &'a str,
    number: u32,
}

/// The whole job, as `main` has it. It has no runtime, and needs none.
fn job(endpoint: &str) -> Result<Stats, Box<dyn std::error::Error>> {
    let events = Client::builder(endpoint).override_from_env()?.build()?;
    // Dropped on every way out of here, by `?` as well. Two seconds are the most that the job waits for its telemetry; what cannot be
    // delivered by then is in the log.
    let guard = events.shutdown_on_drop(Duration::from_secs(2));
    for number in 0..100 {
        events.emit(&FileConverted { file: "a.tiff", number });
    }
    // The end of `main`, which a job of one call does not write down.
    drop(guard);
    Ok(events.stats())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let healthy = Endpoint::start(|_request| Act::Status(200))?;
    let dead = Endpoint::start(|_request| Act::Status(200))?;
    dead.refuse();
    for (name, url) in [("healthy", healthy.url()), ("dead", dead.url())] {
        let began = Instant::now();
        let stats = job(&url)?;
        println!("{name} endpoint: the job took {} ms: {stats}", began.elapsed().as_millis());
        if stats.delivered + stats.spilled != 100 {
            return Err("events were lost".into());
        }
    }
    Ok(())
}
