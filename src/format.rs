//! How events become the body of a request, and how the endpoint's reply is read.
//!
//! In: the events of a batch, as JSON. Out: a [`Body`]. A format frames text that
//! is already encoded; it does not encode it again.

pub(crate) mod compress;
mod body;
mod demands;
mod endpoints;
mod events;
mod frame;
mod json_array;
#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;
mod members;
mod moment;
mod ndjson;
pub(crate) mod resent;
mod through;
mod unsent;
mod verdict;

pub use crate::common::placement::{CommonFields, Overhead, Placement};
pub use crate::transport::settled_by::SettledBy;
pub use body::Body;
pub use demands::{Demands, TokenHeader};
pub use endpoints::{
    Bulk, ClickHouse, Datadog, Envelope, FluentBit, Honeycomb, Influx, KafkaRest, Loki, NewRelic, Otlp,
    OtlpJson, SplunkHec, Vector, VictoriaLogs,
};
pub use endpoints::{NAMES, named};
pub(crate) use events::Origin;
pub use events::{Event, EventId, Events};
pub use frame::{Frame, Layout};
pub use json_array::JsonArray;
pub use ndjson::Ndjson;
pub(crate) use unsent::Unsent;
pub use verdict::{Fate, Refused, Repeats, Verdict};

use crate::limits::REPLY_BYTES_MAX;
use crate::transport::Reply;

/// How an endpoint wants its events.
///
/// ```
/// use overspill::format::{Body, Events, Format, Overhead};
///
/// /// `{"source":"orders","events":[…]}`
/// struct Envelope;
///
/// impl Format for Envelope {
///     fn content_type(&self) -> &'static str {
///         "application/json"
///     }
///
///     fn encode(&self, events: Events<'_>, body: &mut Body) {
///         body.push(br#"{"source":"orders","events":["#);
///         for (nth, event) in events.enumerate() {
///             body.push(if nth == 0 { "" } else { "," });
///             body.push(event);
///         }
///         body.push(b"]}");
///     }
///
///     fn overhead(&self) -> Overhead {
///         Overhead { per_batch: 32, per_event: 1 }
///     }
/// }
/// # overspill::Client::builder("http://127.0.0.1:9/").format(Envelope).build().unwrap();
/// ```
///
/// # Blocking
/// `content_type`, `encode` and `verdict` run on the sender's thread for every request: they must not wait. Methods that are called by
/// `build` say so.
pub trait Format: Send + Sync + 'static {
    /// The `content-type` of the request.
    fn content_type(&self) -> &'static str;

    /// Writes the events into the body. Not called if the [`layout`](Format::layout) is a frame, and then need not be implemented.
    ///
    /// A panic is contained. A panic, or a body longer than [`overhead`](Format::overhead) allows, sends the events to the log with
    /// [`Reason::FormatFailed`](crate::Reason::FormatFailed).
    #[expect(
        clippy::panic,
        reason = "contained and reported: such a format is a bug in the format, and `build` finds it first"
    )]
    fn encode(&self, events: Events<'_>, body: &mut Body) {
        match self.layout() {
            Layout::Framed(frame) => frame.encode(events, body),
            Layout::Encoded => panic!("Format::encode is not implemented, and Format::layout is no frame"),
        }
    }

    /// Maximum bytes that `encode`, or the frame, adds to the events: part of [`Client::memory_bound`](crate::Client::memory_bound). The
    /// events themselves are their JSON; with [`Placement::OncePerRequest`] also their names, once each, and once per request the common
    /// fields as [JSON](CommonFields::json). Called while the client is built; the answer must not change. The default is right for a
    /// frame. For any other layout you must implement it, or `build` fails.
    fn overhead(&self) -> Overhead {
        match self.layout() {
            Layout::Framed(frame) => frame.overhead(),
            Layout::Encoded => Overhead::UNKNOWN,
        }
    }

    /// How the body is laid out: as `encode` writes it, or as a frame around the unchanged texts. Called while the client is built; the
    /// answer must not change. A frame longer than [`overhead`](Format::overhead) says is an error of `build`.
    fn layout(&self) -> Layout {
        Layout::Encoded
    }

    /// Where common fields, names and times go. By default into each event's JSON, where a frame always has them. Called while the client
    /// is built; the answer must not change.
    fn placement(&self) -> Placement {
        Placement::InEachEvent
    }

    /// What settles the events of a request that was answered with a 2xx. By default the body, which [`refused`](Format::refused) then sees
    /// complete: the request waits for it, within the post timeout. Called for every request.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Body
    }

    /// Which of the request's `events` the 2xx reply refuses anyway. By default none. A panic counts as [`Refused::Unknown`].
    fn refused(&self, reply: &Reply, events: usize) -> Refused {
        let _ = (reply, events);
        Refused::None
    }

    /// What the reply, of any status, says about the `events` of its request. By default only the status counts, and for a 2xx also what
    /// [`refused`](Format::refused) says. A panic counts as [`Verdict::Unknown`] after a 2xx, and otherwise as [`Verdict::ByStatus`]. Not
    /// called for a web page ([`accept_html_answers`](crate::Builder::accept_html_answers)).
    ///
    /// For a status other than 2xx, the body is what arrived within [`REFUSAL_PATIENCE`](crate::limits::REFUSAL_PATIENCE) after the head,
    /// and may be cut ([`Reply::body_end`]).
    fn verdict(&self, reply: &Reply, events: usize) -> Verdict {
        if !(200..=299).contains(&reply.status) {
            return Verdict::ByStatus;
        }
        match self.refused(reply, events) {
            Refused::None => Verdict::ByStatus,
            Refused::Unknown => Verdict::Unknown,
            Refused::Events(positions) => {
                let mut fates = vec![Fate::Delivered; events];
                for nth in positions {
                    if let Some(fate) = fates.get_mut(nth) {
                        *fate = Fate::Refused("refused in the answer".to_owned());
                    }
                }
                Verdict::Each(fates)
            }
        }
    }

    /// What the endpoint does with a repeated event. This decides whether an event that may have been taken is posted again to find the
    /// refused one. Called for every reply that refuses some events.
    fn repeats(&self) -> Repeats {
        Repeats::Double
    }

    /// Maximum bytes read of a reply's body, for a request with that many events; the rest is cut. Part of
    /// [`Client::memory_bound`](crate::Client::memory_bound). Called while the client is built, with `batch_events_max`.
    fn reply_bytes_max(&self, events_max: usize) -> usize {
        let _ = events_max;
        REPLY_BYTES_MAX
    }

    /// The reply headers that [`verdict`](Format::verdict) needs, in lower case: [`Reply::header`] then returns them, each cut to 200
    /// characters. Maximum number: [`REPLY_HEADERS_ASKED_MAX`](crate::limits::REPLY_HEADERS_ASKED_MAX). Called for every request.
    fn reply_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Maximum bytes that one byte of an event's JSON becomes in the body: 1 if the text stays unchanged, 2 if it is escaped into a string.
    /// In addition each event has its share of the [`overhead`](Format::overhead). Called while the client is built; the answer must not
    /// change. A frame leaves texts unchanged.
    fn growth_max(&self) -> usize {
        1
    }

    /// Maximum bytes that this event's JSON becomes. By default [`growth_max`](Format::growth_max) for each of its bytes, and never more. A
    /// closer figure keeps batches from being sized for the worst possible event. Not called if nothing grows.
    ///
    /// # Blocking
    /// Called on the sender's thread for every event: it must not wait, and should look at the text once.
    fn length(&self, json: &[u8]) -> usize {
        json.len().saturating_mul(self.growth_max())
    }

    /// What the endpoint accepts, and how a token is sent to it. Called while the client is built. Settings left unset follow it; a setting
    /// that contradicts it is an error.
    fn demands(&self) -> Demands {
        Demands::NONE
    }
}
