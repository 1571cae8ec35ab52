//! **overspill** hands events to an HTTP endpoint, fire and forget. An event that cannot be delivered is written to the application log
//! instead of being held in memory, so memory stays bounded through any outage and nothing disappears without a trace.
//!
//! ```
//! use overspill::Client;
//! use std::time::Duration;
//!
//! #[derive(serde::Serialize)]
//! struct OrderPlaced<'a> { order: u64, currency: &'a str }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let events = Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let _guard = events.shutdown_on_drop(Duration::from_secs(2));     // at the end of main: settles what is pending
//! events.emit(&OrderPlaced { order: 7, currency: "EUR" });          // never waits for the network, never fails
//! # let stats = events.shutdown_blocking(Duration::from_secs(2));
//! # assert_eq!((stats.spilled, stats.lost, stats.pending), (1, 0, 0));
//! # Ok(()) }
//! ```
//!
//! **A program that returns from `main` without the guard or a [`shutdown`](Client::shutdown) loses its pending events.**
//!
//! Nobody listens on port 9, so the event goes to the log. Without a tracing subscriber that is standard error.
//!
//! | to | use |
//! |---|---|
//! | read the guide | [`guide`]: from [`guide::start`] to [`guide::alternatives`] |
//! | start | [`Client::builder`], [`Builder::build`], [`Client::shutdown_on_drop`] |
//! | learn the terms | [`guide::glossary`] |
//! | keep a wrong setting from stopping the service | [`Builder::build_or_log_only`] |
//! | configure it from the environment | [`Builder::from_env`], [`Builder::with_env`] |
//! | switch it on and off | [`Client::set_mode`]; by feature flags: [`guide::toggles`]; always off in tests and tools: [`Client::disabled`] |
//! | keep one event in n | [`Sample`] |
//! | use it with axum or tower, without tokio, in a job or a function | [`guide::frameworks`] |
//! | see it in Prometheus | [`Stats::prometheus_text`], [`prometheus_text`] |
//! | react to outcomes and outages in the program | [`Observer`], [`Signal`] |
//! | know what to alert on | [`guide::operating`], [`NOTICE_TARGET`] |
//! | size its bounds | [`guide::sizing`] |
//! | know what your log drops in a flood | [`guide::log`] |
//! | fork, share a file, run in a bare container | [`guide::processes`] |
//! | read events back from a log | [`spill::Records`], [`spill::read_line`] |
//! | send them again | [`guide::replay`], [`Builder::build_resender`], the command `overspill replay` (feature `cli`) |
//! | alert on it, see it in Grafana | [`guide::prometheus`] |
//! | see a whole service in an outage | [`guide::outage`] |
//! | emit by `tracing` macros | [`guide::tracing`], `tracing_events::TracingEvents` (feature `tracing-events`) |
//! | be certain that the log keeps them | `tracing_layer::SpillLayer` (feature `tracing-layer`), or a [`SpillSink`] |
//! | keep secrets out of the log | [`Builder::spill_redact`] |
//! | send to OpenTelemetry, Elasticsearch, Loki, Splunk, Datadog, ClickHouse, InfluxDB, … | [`guide::backends`], [`Builder::format`] |
//! | know what to put between it and several systems | [`guide::several`] |
//! | send your own format | [`format::Envelope`], [`format::Format`] |
//! | test an outage of your service | [`guide::testing`], `testkit` (feature `testkit`) |
//! | find a leak | [`guide::memory`], `memory_watch`, `heap_compare` (features) |
//!
//! Spilled events have the log target [`SPILL_TARGET`]. Notices, which overspill logs about itself, have [`NOTICE_TARGET`]. Let both
//! through at WARN.
//!
//! # The law
//!
//! ```text
//! emitted = delivered + spilled + lost + pending
//! bytes held <= Client::memory_bound()
//! ```
//!
//! *Delivered*: the endpoint answered 2xx to a request that carried the event. *Spilled*: its full content was handed to a log destination,
//! with a [`Reason`]. *Lost*: it could not be put anywhere; it is counted, with a [`LostReason`]. Zero while the log works. *Pending*: in
//! the queue, in a request, or on its way to the log; zero after a shutdown. [`Client::stats`] shows all four. The
//! [glossary](guide::glossary) defines the other terms.
//!
//! # The way of an event
//!
//! ```text
//! Client::emit        encodes it once, on the caller
//!   queue             bounded; full or closed: to the log
//!     batch           by count, bytes and age
//!       post          Format -> Transport -> answer
//!         settle      delivered, or to the log with a reason
//! log thread          writes what is for the log
//! ```
//!
//! # Features
//!
//! `https` (default), `gzip`, `zstd`, `tower`, `tracing-events`, `tracing-layer`, `metrics-recorder`, `open-feature`, `redact-hash`,
//! `testkit`, `memory-watch`, `memory-watch-jemalloc`, `heap-compare`: each adds something and changes nothing else.
//!
//! The modules are listed in `src/lib.rs` in the order in which an event passes them. Read from top to bottom, they are the program.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(overspill_model, allow(dead_code, unused_imports, reason = "a model uses only a few modules"))]

// An event, and how it may end.
mod queue_share;
mod event;
mod mark;
mod common;
mod mode;
mod names;
mod outcome;
mod sample;

// The callers' side.
mod client;
mod flush;
mod guard;
mod resend;
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
mod stats;
pub mod spill;

// Around it: settings, start and end, notices and signals, time and threads.
mod build_error;
mod clock;
mod closing;
mod config;
mod exit;
mod fork;
pub mod limits;
mod notice;
mod observer;
mod process;
mod shared;
mod shutdown;
mod start;
mod sync;
mod time;
mod waits;

// What all public types have in common.
#[cfg(all(test, not(overspill_model)))]
mod bounds;

// Guests: nothing above uses them.
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
#[cfg(feature = "metrics-recorder")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics-recorder")))]
#[cfg(not(overspill_model))]
pub use ext::metrics_recorder;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
#[cfg(not(overspill_model))]
pub use ext::request_events;
#[cfg(feature = "open-feature")]
#[cfg_attr(docsrs, doc(cfg(feature = "open-feature")))]
#[cfg(not(overspill_model))]
pub use ext::toggle;
#[cfg(feature = "tracing-events")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing-events")))]
#[cfg(not(overspill_model))]
pub use ext::tracing_events;
#[cfg(feature = "tracing-layer")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing-layer")))]
#[cfg(not(overspill_model))]
pub use ext::tracing_layer;

#[cfg(feature = "testkit")]
#[cfg_attr(docsrs, doc(cfg(feature = "testkit")))]
pub mod testkit;

// Chapters: no code.
#[cfg(not(overspill_model))]
pub mod guide;

pub use build_error::BuildError;
pub use client::Client;
pub use config::Builder;
pub use flush::FlushError;
pub use guard::ShutdownGuard;
pub use mode::Mode;
pub use names::UnknownName;
pub use observer::{Observer, Signal};
pub use outcome::{Emitted, LostReason, MaybeDelivered, Reason};
pub use queue_share::QueueShare;
pub use resend::{Resender, Resent};
pub use sample::Sample;
pub use sender::Sender;
pub use spill::SpillSink;
pub use spill::line::NOTICE_TARGET;
pub use spill::log::SPILL_TARGET;
pub use stats::{EndpointState, Figure, FigureKind, Stats, prometheus_text};
pub use waits::Deadline;

#[cfg(all(doctest, not(overspill_model)))]
#[doc = include_str!("../README.md")]
struct Readme;
