//! One client for a whole program: built in `main`, used from anywhere, shut down when `main` ends.
#![allow(missing_docs, reason = "an example has no public API")]
#![expect(clippy::print_stdout, reason = "the output is the point")]

use overspill::Client;
use overspill::testkit::{Act, Endpoint};
use std::sync::OnceLock;
use std::time::Duration;

static EVENTS: OnceLock<Client> = OnceLock::new();

/// Call it from any function of any crate in the program. It does nothing before `main` has built the client, or in tests without one.
fn report(event: &impl serde::Serialize) {
    if let Some(events) = EVENTS.get() {
        events.emit(event);
    }
}

fn place_order(order: u64) {
    report(&serde_json::json!({ "placed": order }));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let endpoint = Endpoint::start(|_request| Act::Status(200))?;
    let built = Client::builder(endpoint.url()).override_from_env()?.build()?;
    let events = EVENTS.get_or_init(|| built);
    // A static is never dropped. The guard delivers the last events, however `main` returns.
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));

    std::thread::spawn(|| (0..100).for_each(place_order)).join().ok();
    println!("{}", events.stats());
    Ok(())
}
