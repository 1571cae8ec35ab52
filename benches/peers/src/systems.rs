//! The systems that are measured: the floors, overspill and its peers, behind one interface.
//!
//! Each runs in its own process (`child.rs`), so that the threads, allocators and globals of one never disturb another.

#[cfg(feature = "peers")]
mod appender;
mod floors;
mod ours;
#[cfg(feature = "peers")]
mod statsd;
#[cfg(feature = "peers")]
mod loki;
#[cfg(feature = "peers")]
mod otel;
#[cfg(feature = "peers")]
mod sentry_logs;
mod tracing_layers;

pub use ours::{Overspill, builder_like_the_others};

use crate::Failure;
use crate::corpus::Event;
use crate::sink::Addresses;
use std::time::Duration;

/// The call that a producer makes for each event.
pub type Caller<'a> = Box<dyn FnMut(&Event) + Send + 'a>;

/// A system that takes events.
pub trait System: Send + Sync {
    /// The call for one producer's thread.
    fn caller(&self) -> Caller<'_>;

    /// Whether the consumer has room for another burst, after this many events.
    fn keeps_up(&self, _emitted: u64) -> bool {
        true
    }

    /// Whether nothing of this many events is left in the queue, as far as the system knows.
    fn is_empty(&self, emitted: u64) -> bool {
        self.keeps_up(emitted)
    }

    /// Shuts the system down within a time limit, and reports what happened to the events.
    fn finish(self: Box<Self>, _within: Duration) -> Ended {
        Ended::default()
    }
}

/// What a system reports at its end. None for what it does not know.
#[derive(Debug, Default, Clone, Copy)]
pub struct Ended {
    pub delivered: Option<u64>,
    pub spilled: Option<u64>,
    pub lost: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Floor,
    Ours,
    Peer,
}

/// A system that can be selected by name.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    pub what: &'static str,
    pub kind: Kind,
    /// Sends to the HTTP sink: part of `wire` and `outage`.
    pub wire: bool,
    make: fn(&Addresses) -> Result<Box<dyn System>, Failure>,
}

impl Entry {
    pub fn make(&self, sink: &Addresses) -> Result<Box<dyn System>, Failure> {
        (self.make)(sink)
    }
}

const fn entry(
    name: &'static str,
    what: &'static str,
    kind: Kind,
    make: fn(&Addresses) -> Result<Box<dyn System>, Failure>,
) -> Entry {
    Entry { name, what, kind, wire: false, make }
}

const fn on_the_wire(entry: Entry) -> Entry {
    Entry { wire: true, ..entry }
}

/// The floor that all ratios of a call refer to.
pub const FLOOR: &str = "encode";

pub const ALL: &[Entry] = &[
    entry(FLOOR, "*floor*: `serde_json::to_writer` into a reused `Vec`", Kind::Floor, |_| {
        Ok(Box::new(floors::Encode))
    }),
    entry("slot-send", "*floor*: crossbeam `try_send` of a ready 256-byte slot", Kind::Floor, |_| {
        Ok(Box::new(floors::SlotSend::start()))
    }),
    entry("encode-slot-send", "*floor*: serde_json into a slot, then `try_send`", Kind::Floor, |_| {
        Ok(Box::new(floors::EncodeSlotSend::start()))
    }),
    on_the_wire(entry("overspill", "**overspill**", Kind::Ours, |sink| {
        Ok(Box::new(Overspill::start(&sink.http)?))
    })),
    entry(JSON_LAYER, "tracing-subscriber's JSON layer, null writer", Kind::Peer, |_| {
        Ok(Box::new(tracing_layers::Json::install()?))
    }),
    #[cfg(feature = "peers")]
    entry("appender", "tracing-appender non-blocking, with encoding", Kind::Peer, |_| {
        Ok(Box::new(appender::Appender::start()))
    }),
    #[cfg(feature = "peers")]
    entry("otel-noop", "opentelemetry_sdk BatchLogProcessor, no-op exporter", Kind::Peer, |_| {
        Ok(Box::new(otel::Otel::without_a_wire()))
    }),
    #[cfg(feature = "peers")]
    on_the_wire(entry("otel-http", "opentelemetry-otlp http", Kind::Peer, |sink| {
        Ok(Box::new(otel::Otel::over_http(&sink.http)?))
    })),
    #[cfg(feature = "peers")]
    entry("cadence", "cadence QueuingMetricSink, buffered UDP, tags", Kind::Peer, |sink| {
        Ok(Box::new(statsd::Cadence::start(&sink.udp)?))
    }),
    #[cfg(feature = "peers")]
    on_the_wire(entry("sentry", "sentry logs", Kind::Peer, |sink| {
        Ok(Box::new(sentry_logs::Sentry::start(&sink.http)?))
    })),
    #[cfg(feature = "peers")]
    on_the_wire(entry("loki", "tracing-loki", Kind::Peer, |sink| {
        Ok(Box::new(loki::Loki::start(&sink.http)?))
    })),
];

/// tracing-subscriber's own layer, which sends nothing.
pub const JSON_LAYER: &str = "json-layer";

/// More systems that take tracing events, besides those in [`ALL`].
pub const LAYERS: &[Entry] = &[
    entry("tracing-events", "**overspill's `TracingEvents`**", Kind::Ours, |sink| {
        Ok(Box::new(ours::Layer::install(&sink.http)?))
    }),
    #[cfg(feature = "peers")]
    entry("otel-layer", "opentelemetry-appender-tracing, otlp http", Kind::Peer, |sink| {
        Ok(Box::new(otel::Layer::install(&sink.http)?))
    }),
    #[cfg(feature = "peers")]
    entry("sentry-layer", "sentry-tracing, its log layer", Kind::Peer, |sink| {
        Ok(Box::new(sentry_logs::Layer::install(&sink.http)?))
    }),
];

/// The systems of [`ALL`] that take tracing events.
pub fn is_layer(entry: &Entry) -> bool {
    [JSON_LAYER, "loki"].contains(&entry.name)
}

pub fn by_name(name: &str) -> Result<&'static Entry, Failure> {
    ALL.iter().chain(LAYERS).find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<_> = ALL.iter().map(|entry| entry.name).collect();
        format!("there is no {name:?} in this build; there are {}", names.join(", ")).into()
    })
}
