//! **overspill** hands events to an HTTP endpoint, fire and forget. An event that cannot be delivered is written to the
//! application log instead of being held, so memory stays bounded through any outage and nothing disappears without
//! a trace.
//!
//! # The law
//!
//! ```text
//! emitted = delivered + spilled + lost + pending        and        bytes held <= Client::memory_bound()
//! ```
//!
//! # The way of an event
//!
//! ```text
//!                   application threads                 |  the sender: own thread, own runtime, one loop
//!                                                       |
//! Client::emit --> encode once --> Queue::push --bounded-+--> fill a Batch (count, bytes, age)
//!                      |              |   (crossbeam)   |       encode  Format    -> Body
//!                      |              | full, closed    |       post    Transport -> Reply
//!                      | oversized,   v                 |       judge   Verdict
//!                      +---------> LogQueue <-----------+------ settle  Delivered | for the log
//!                                     |  bounded        |
//!                           the log's own thread        +-----> Ledger -> Stats, Signal -> Observer
//!                                     |                 |              ^
//!                                   Spill --> settle  Spilled(reason) -+
//!                                     |
//!                              application log
//! ```
//!
//! ```
//! use overspill::Client;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(serde::Serialize)]
//! struct OrderPlaced<'a> { order: u64, currency: &'a str }
//!
//! let events = Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! events.emit(&OrderPlaced { order: 7, currency: "EUR" });
//! let stats = events.shutdown_blocking(std::time::Duration::from_secs(2));
//! // Nobody listens on port 9: the event is in the log, here on stderr, since no tracing subscriber is installed.
//! assert_eq!((stats.spilled, stats.lost, stats.pending), (1, 0, 0));
//! # Ok(()) }
//! ```
//!
//! Spilled events have the log target [`SPILL_TARGET`], what overspill says about itself has [`NOTICE_TARGET`], which lists it all.
//! Let both through at WARN: what no subscriber formats goes to standard error. To be certain that what is formatted is also written,
//! install the layer of feature `tracing-layer`.
//!
//! What keeps the log may drop a flood in silence: [`guide::log`] says which log drops what, and the setting for it.
//!
//! # Features
//!
//! `https` (default), `gzip`, `zstd`, `tracing-layer`, `redact-hash`, `testkit`, `memory-watch`, `memory-watch-jemalloc`,
//! `heap-compare`: each adds something, and changes nothing of the rest.
//!
//! The modules stand in `src/lib.rs` in the order of an event's way; read top down, they are the program.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it means")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    overspill_model,
    allow(dead_code, unused_imports, reason = "a model is made of a few modules only")
)]

// An event, and how it may end.
mod budget;
mod event;
mod mode;
mod outcome;

// The callers' side.
mod client;
mod encode;
mod gate;
mod queue;
mod reentry;

// The sender's side.
mod sender;
pub mod format;
pub mod transport;

// The end of an event.
mod ledger;
mod settle;
pub mod spill;

// Around it: settings, start and end, what is told, time and threads.
mod clock;
mod config;
pub mod limits;
mod notice;
mod observer;
mod shared;
mod shutdown;
mod start;
mod sync;
mod waits;

// Guests: nothing above knows them.
#[cfg(not(overspill_model))]
mod ext;
#[cfg(feature = "heap-compare")]
#[cfg_attr(docsrs, doc(cfg(feature = "heap-compare")))]
#[cfg(not(overspill_model))]
pub use ext::heap_compare;
#[cfg(feature = "memory-watch")]
#[cfg_attr(docsrs, doc(cfg(feature = "memory-watch")))]
#[cfg(not(overspill_model))]
pub use ext::memory_watch;
#[cfg(feature = "tracing-layer")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing-layer")))]
#[cfg(not(overspill_model))]
pub use ext::tracing_layer;

#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;

// Chapters for operators: no code.
#[cfg(not(overspill_model))]
pub mod guide;

pub use budget::Budget;
pub use client::{Client, FlushError};
pub use config::{BuildError, Builder};
pub use ledger::{EndpointState, Stats};
pub use mode::{Mode, UnknownMode};
pub use notice::NOTICE_TARGET;
pub use observer::{Observer, Signal};
pub use outcome::{Emitted, LostReason, MaybeDelivered, Reason};
pub use sender::Sender;
pub use spill::SpillSink;
pub use spill::log::SPILL_TARGET;
pub use waits::Deadline;

#[cfg(all(doctest, not(overspill_model)))]
#[doc = include_str!("../README.md")]
struct Readme;
