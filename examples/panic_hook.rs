//! Shuts down in a panic hook: events emitted before the panic are delivered or in the log, whether panics unwind or, with
//! `panic = "abort"`, end the process.
//!
//! Run without arguments, it starts itself again as a service that panics, plays the endpoint, and compares the ids.
//! `.ci/panic-abort` builds and runs it with `panic = "abort"`.
//!
//! A hook cannot do two things. It cannot save the event whose `Serialize` panicked, because that event has no text yet. And with
//! `abort`, it cannot save pending events if the panic is on overspill's own thread (in an `Observer` or a `SpillSink`), because
//! no thread is left to deliver them. If panics unwind, overspill contains such a panic and nothing is lost.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, clippy::panic, reason = "the output and the panic are the point")]

use overspill::Client;
use overspill::spill::{join, read_line};
use overspill::testkit::{Act, Endpoint};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

#[derive(Serialize, Deserialize)]
struct OrderPlaced {
    order: u64,
}

const ORDERS: u64 = 1000;

/// A bug in a `Serialize`: it panics inside `emit`.
struct Bug;

impl Serialize for Bug {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a bug in a Serialize")
    }
}

/// A service needs only this.
fn service(endpoint: &str) -> Result<(), Failure> {
    let events = Client::builder(endpoint).build()?;
    let (last, before) = (events.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        // Shut down first: a backtrace is written in pieces, without the lock on standard error. A record that the sender wrote
        // at the same time would start in the middle of a line, and could not be read back.
        last.shutdown_blocking(Duration::from_secs(2));
        before(info);
    }));

    for order in 0..ORDERS {
        events.emit(&OrderPlaced { order });
    }
    // With `abort` the process ends here, after the hook. Otherwise `emit` contains the panic, and counts the event as lost.
    events.emit(&Bug);
    println!("after the panic: {}", events.stats());
    Ok(())
}

/// The endpoint, which also compares the ids.
fn judge(act: &Act) -> Result<ExitCode, Failure> {
    let kept = Arc::new(Mutex::new(BTreeSet::new()));
    let (keep, answer) = (Arc::clone(&kept), act.clone());
    let endpoint = Endpoint::start(move |request| {
        let orders: Vec<OrderPlaced> = serde_json::from_slice(&request.body).unwrap_or_default();
        if let (Act::Status(200), Ok(mut keep)) = (&answer, keep.lock()) {
            keep.extend(orders.iter().map(|event| event.order));
        }
        answer.clone()
    })?;
    let service = Command::new(std::env::current_exe()?)
        .arg(endpoint.url())
        .env("RUST_BACKTRACE", "1")
        .stderr(Stdio::piped())
        .output()?;
    // No subscriber is installed there: the log is standard error.
    let log = String::from_utf8_lossy(&service.stderr);
    let mut found = kept.lock().map_err(|_| "a request panicked")?.clone();
    let at_endpoint = found.len();
    for event in join(log.lines().filter_map(read_line)) {
        found.insert(serde_json::from_str::<OrderPlaced>(&event.event)?.order);
    }
    let missing = (0..ORDERS).filter(|order| !found.contains(order)).count();
    let spilled = found.len() - at_endpoint;
    println!(
        "{act:?}: the service ended with {}: {at_endpoint} at the endpoint, {spilled} in the log, {missing} in neither",
        service.status
    );
    // The expected exit depends on how this was built.
    let as_chosen = service.status.success() == cfg!(panic = "unwind");
    Ok(if missing == 0 && as_chosen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> Result<ExitCode, Failure> {
    if let Some(endpoint) = std::env::args().nth(1) {
        return service(&endpoint).map(|()| ExitCode::SUCCESS);
    }
    for act in [Act::Status(200), Act::Status(503), Act::Hang] {
        if judge(&act)? != ExitCode::SUCCESS {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
