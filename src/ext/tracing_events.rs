//! A layer for tracing-subscriber that turns the application's own tracing events into events: `info!(order = 7, "order placed")` is
//! emitted as `{"level":"INFO","target":"orders","message":"order placed","order":7}`.
//!
//! This layer is the way in. This crate's other layer, `tracing_layer::SpillLayer`, is the way out: it writes undelivered events to the
//! log.
//!
//! ```
//! use overspill::Client;
//! use overspill::tracing_events::{SpanFields, TracingEvents};
//! use tracing_subscriber::{fmt, layer::SubscriberExt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let telemetry = TracingEvents::builder(&client)
//!     .marker("telemetry")            // only events with this field
//!     .spans(SpanFields::All)
//!     .build()?;
//! let subscriber = tracing_subscriber::registry().with(fmt::layer()).with(telemetry);
//! tracing::subscriber::with_default(subscriber, || {
//!     let _request = tracing::info_span!("request", request_id = "4f1c").entered();
//!     tracing::info!(telemetry = true, order = 7, "order placed");     // an event, and a line in the log
//!     tracing::info!("of no interest to anybody else");                // a line of the log
//! });
//! # let stats = client.shutdown_blocking(std::time::Duration::from_secs(2));
//! # assert_eq!((stats.emitted, stats.lost, stats.pending), (1, 0, 0));
//! # Ok(()) }
//! ```
//!
//! # Which events
//!
//! By default the layer takes INFO and above, of every target. [`Builder::max_level`], [`target`](Builder::target),
//! [`except_target`](Builder::except_target) and [`marker`](Builder::marker) each narrow it; the layer takes an event that
//! passes all of them. The layer is not a filter: other layers still get every event. If no other layer wants the events
//! that it does not take, give it a filter (`telemetry.with_filter(LevelFilter::INFO)`); then tracing does not create them.
//!
//! **Never**, whatever you choose: targets below `overspill::`, and events on overspill's own threads, mainly the HTTP stack's. The thread
//! decides, not the name: if your service uses hyper itself, its events there are yours ([`Stats::echoes`](crate::Stats::echoes) counts
//! rejected events). One case is left to you: if you run the [`Sender`](crate::Sender) yourself and take events at DEBUG or TRACE, its
//! connections are tasks of your runtime, and their events cause requests that cause events. Leave them out: `.except_target("hyper")`.
//!
//! # What an event has
//!
//! In this order: `level`, `target`, any other [`Member`] you [chose](Builder::write), the event's fields, then its spans' fields. The
//! client adds the time of the emit ([`time_field`](crate::Builder::time_field), or the format's own place). An event with its own name
//! (`info!(name: "order_placed", ..)`) is [emitted by that name](crate::Client::emit_named); the name that tracing makes of file and line
//! is not written.
//!
//! | recorded | written |
//! |---|---|
//! | `i64`, `u64`, `bool`, `&str`, `f64` | unchanged; NaN and infinities are `null`, as with [`emit`](crate::Client::emit) |
//! | `i128`, `u128` | a number if it fits in 64 bits, otherwise its digits as a string, because most JSON readers would round it |
//! | `?value`, `%value`, the message | text; `Debug` and `Display` write straight into the event |
//! | `&dyn Error` | `"outer: cause: cause of that"`, at most [`ERROR_SOURCES_MAX`](limits::ERROR_SOURCES_MAX) causes |
//! | `r#type` | `type` |
//!
//! **No name appears twice in an event.** The first in this list keeps its name: what the client adds
//! ([`Client::added_names`](crate::Client::added_names)), the [members](Member) of the layer, the event's own fields. A field of an event
//! whose name is taken gets an underscore: `info!(level = 3, "..")` has `"level":"INFO","level_":3`. Between an event and its spans the
//! nearest wins: a span's field is not written if the event, or a span within it, has a field of the same name.
//!
//! # What it costs, and what it holds
//!
//! An event is encoded once, on the caller's thread, straight into its slot in the queue; without span fields the layer itself holds
//! nothing. A full queue costs a caller no formatting: the event is encoded as always, and the log's thread writes it. Span fields are kept
//! with the span as they were recorded, `Debug` and `Display` as text: up to [`SPAN_BYTES_MAX`](limits::SPAN_BYTES_MAX) per span. They
//! count as part of the span, not towards [`memory_bound`](crate::Client::memory_bound). The event counts fields that do not fit:
//! `"span_fields_left_out":2`.
//!
//! # The `log` crate
//!
//! `tracing_log::LogTracer::init()` passes records of the `log` macros to tracing, and this layer takes them with the record's own target,
//! module, file and line. tracing-log 0.2 does not pass on key-values (`log::info!(order = 7; "..")`): use tracing's macros for events with
//! fields.

mod builder;
mod choice;
mod event;
pub mod limits;
mod member;
mod names;
mod spans;
mod value;

pub use builder::{Builder, SettingError};
pub use member::{Member, SpanFields};

use crate::Client;
use choice::Choice;
use event::{EventObject, MacroKind};
use member::MemberNames;
use spans::Kept;
use std::fmt;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Turns tracing events into events of a client: see the [module](self). Built by [`TracingEvents::builder`].
///
/// # Blocking
/// Like [`Client::emit`]. It takes no lock except that of a span's extensions, and none while the application's code (`Debug`, `Display`)
/// runs.
pub struct TracingEvents {
    client: Client,
    choice: Choice,
    members: MemberNames,
    spans: SpanFields,
}

impl TracingEvents {
    /// Starts to configure a layer that emits to `client`.
    pub fn builder(client: &Client) -> Builder {
        Builder::new(client.clone())
    }

    fn takes(&self, event: &Event<'_>, source: MacroKind) -> bool {
        let takes_target = match source {
            MacroKind::Tracing => self.choice.takes_target(event.metadata().target()),
            MacroKind::Log => self.choice.takes_log_target(event),
        };
        takes_target && self.choice.takes_marked(event)
    }
}

impl<S> Layer<S> for TracingEvents
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // A layer is not a filter: events that other layers want must still reach them.
        Interest::always()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.spans != SpanFields::None {
            if let Some(span) = context.span(id) {
                Kept::of_new(attributes, &span);
            }
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if self.spans != SpanFields::None {
            if let Some(span) = context.span(id) {
                Kept::of_later(values, &span);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if !self.choice.takes_level(*metadata.level()) {
            return;
        }
        let source = MacroKind::of(metadata);
        if !self.takes(event, source) {
            return;
        }
        let written = EventObject { layer: self, event, context: &context, source };
        match source.given_name(metadata) {
            Some(name) => self.client.emit_named(name, &written),
            None => self.client.emit(&written),
        };
    }
}

impl fmt::Debug for TracingEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracingEvents").field("spans", &self.spans).finish_non_exhaustive()
    }
}
