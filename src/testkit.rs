//! For tests of your service, and ours: an endpoint that does exactly what the test says, byte for byte; an in-memory transport; a log that
//! can be read back; and the law as an assertion.
//!
//! What a small service does while its telemetry is out, as one test:
//!
//! ```
//! use overspill::testkit::{Act, Endpoint, Rss, Spilled, Taken, assert_settled};
//! use overspill::Client;
//! use std::time::Duration;
//!
//! /// The service: it answers its customers, whatever happens to its telemetry.
//! fn place_order(events: &Client, order: u64) -> &'static str {
//!     events.emit(&("order placed", order));
//!     "202 Accepted"
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (taken, spilled) = (Taken::default(), Spilled::default());
//! let endpoint = Endpoint::start(taken.when(|_request| Act::Status(204)))?;
//! let events = Client::builder(endpoint.url()).spill_sink(spilled.clone()).build()?;
//! let memory = Rss::now()?;
//! (0..1_000).for_each(|order| assert_eq!(place_order(&events, order), "202 Accepted"));
//! endpoint.refuse(); // the outage: nothing listens any more
//! (1_000..5_000).for_each(|order| assert_eq!(place_order(&events, order), "202 Accepted"));
//! let stats = events.shutdown_blocking(Duration::from_secs(5));
//! memory.assert_grown_at_most(events.memory_bound() + (8 << 20)); // plus what this test itself keeps
//! assert_settled(&stats, &taken, &spilled); // each order at the endpoint or in the log, none lost
//! assert!(stats.spilled > 1_000, "{stats}");
//! # Ok(()) }
//! ```
//!
//! The testkit uses only those parts of the crate that you can use.
#![expect(clippy::panic, reason = "a failed assertion panics, as its documentation says")]

mod act;
mod blackhole;
mod endpoint;
mod rss;
mod scripted;
mod settled;
mod spilled;
mod taken;

pub use act::{Act, Cut, ENDLESS_BYTES_MAX, Greet};
pub use blackhole::Blackhole;
pub use endpoint::{Endpoint, Received};
pub use rss::Rss;
pub use scripted::{Answer, Scripted};
pub use settled::assert_settled;
pub use spilled::Spilled;
pub use taken::{Taken, events_of};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, and goes on after a panic elsewhere: a test that fails must not hang the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
