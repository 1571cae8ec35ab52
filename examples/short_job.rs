//! A short job: it emits, and `main` returns within milliseconds. It needs only the guard: nothing is lost, whether the endpoint
//! answers or not.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::testkit::{Act, Endpoint};
use overspill::{Client, Stats};
use std::time::{Duration, Instant};

#[derive(serde::Serialize)]
struct FileConverted<'a> {
    file: &'a str,
    number: u32,
}

/// The whole job, as you would write it in `main`. It needs no runtime.
fn job(endpoint: &str) -> Result<Stats, Box<dyn std::error::Error>> {
    let events = Client::builder(endpoint).override_from_env()?.build()?;
    // Dropped however this function returns, including by `?`. The job waits at most two seconds for its telemetry; events that
    // cannot be delivered by then go to the log.
    let guard = events.shutdown_on_drop(Duration::from_secs(2));
    for number in 0..100 {
        events.emit(&FileConverted { file: "a.tiff", number });
    }
    // Stands for the end of `main`: an ordinary job does not need this line.
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
