//! One client for a whole program: built in `main`, used from anywhere, shut down when `main` ends.
#![allow(missing_docs, reason = "an example has no outside")]
#![expect(clippy::print_stdout, reason = "it is there to be looked at")]

use overspill::Client;
use overspill::testkit::{Act, Endpoint};
use std::sync::OnceLock;
use std::time::Duration;

static EVENTS: OnceLock<Client> = OnceLock::new();

/// From any function, of any crate of the program. Before `main` has built the client, and in tests that do without, it does nothing.
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
    // A static is never dropped: the guard is what delivers the last events, however `main` is left.
    let _guard = events.shutdown_on_drop(Duration::from_secs(2));

    std::thread::spawn(|| (0..100).for_each(place_order)).join().ok();
    println!("{}", events.stats());
    Ok(())
}
