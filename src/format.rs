//! How events become the body of a request, and how its endpoint says no.
//!
//! In: the events of a batch, as JSON. Out: a [`Body`]. A format frames what is encoded already; it does not encode again.

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
mod through;
mod unsent;
mod verdict;

pub use body::{Body, Overhead};
pub use demands::{Demands, TokenHeader};
pub use endpoints::{
    Bulk, ClickHouse, Datadog, Envelope, FluentBit, Honeycomb, Influx, KafkaRest, Loki, NewRelic, Otlp,
    OtlpJson, SplunkHec, Vector, VictoriaLogs,
};
pub(crate) use endpoints::{NAMES, named};
pub(crate) use events::Origin;
pub use events::{CommonFields, Event, EventId, Events, Placement};
pub use frame::{Frame, Layout};
pub use json_array::JsonArray;
pub use ndjson::Ndjson;
pub(crate) use unsent::Unsent;
pub use verdict::{Fate, Refused, Repeats, SettledBy, Verdict};

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
/// `content_type`, `encode` and `verdict` run on the sender's thread, for every request: they must not wait. What `build` asks for says so.
pub trait Format: Send + Sync + 'static {
    /// The `content-type` of the request.
    fn content_type(&self) -> &'static str;

    /// Writes the events into the body. Not called if the [`layout`](Format::layout) is a frame, and then need not be implemented.
    ///
    /// A panic is contained; it, and a body longer than [`overhead`](Format::overhead) allows, sends the events to the
    /// log with [`Reason::FormatFailed`](crate::Reason::FormatFailed).
    #[expect(
        clippy::panic,
        reason = "contained, and told: such a format is an error of its author's, which `build` finds first"
    )]
    fn encode(&self, events: Events<'_>, body: &mut Body) {
        match self.layout() {
            Layout::Framed(frame) => frame.encode(events, body),
            Layout::Encoded => panic!("Format::encode is not implemented, and Format::layout is no frame"),
        }
    }

    /// The most bytes that `encode`, or the frame, adds to the events' own: part of
    /// [`Client::memory_bound`](crate::Client::memory_bound). The events' own is their JSON; with
    /// [`Placement::OncePerRequest`] their names too, once each, and once a request the common fields as [JSON](CommonFields::json). Asked while the client is built, and must not change. Of a frame it is
    /// known; for any other layout it has to be implemented, or `build` fails.
    fn overhead(&self) -> Overhead {
        match self.layout() {
            Layout::Framed(frame) => frame.overhead(),
            Layout::Encoded => Overhead::UNKNOWN,
        }
    }

    /// How the body is laid out: as `encode` writes it, unless the texts stand in it as they are. Asked while the client is built,
    /// and must not change; a frame longer than [`overhead`](Format::overhead) says is an error of `build`.
    fn layout(&self) -> Layout {
        Layout::Encoded
    }

    /// Where common fields, names and times stand. By default in each event's JSON, where a frame always has them. Asked while the client is
    /// built, and must not change.
    fn placement(&self) -> Placement {
        Placement::InEachEvent
    }

    /// What settles the events of a request that was answered with a 2xx. Unless the format says otherwise its body, which
    /// [`refused`](Format::refused) then sees whole: the request waits for it, at most the post timeout. Asked for every request.
    fn settled_by(&self) -> SettledBy {
        SettledBy::Body
    }

    /// Which of the `events` of a request the 2xx answer refuses nevertheless. None, unless the format defines it. A panic counts as
    /// [`Refused::Unknown`].
    fn refused(&self, reply: &Reply, events: usize) -> Refused {
        let _ = (reply, events);
        Refused::None
    }

    /// What the answer, of any status, says about the `events` of its request. Unless a format says otherwise, the status alone, and of a
    /// 2xx what [`refused`](Format::refused) says. A panic counts as [`Verdict::Unknown`] after a 2xx, and else as
    /// [`Verdict::ByStatus`]. Not asked about a web page ([`accept_html_answers`](crate::Builder::accept_html_answers)).
    ///
    /// What is not a 2xx has its body up to [`REFUSAL_PATIENCE`](crate::limits::REFUSAL_PATIENCE) after its head, and may be cut
    /// ([`Reply::body_end`]).
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

    /// What the endpoint makes of an event that comes twice: what decides whether one that may have been taken is posted again to find
    /// the one that was refused. Asked for every answer that refuses some.
    fn repeats(&self) -> Repeats {
        Repeats::Double
    }

    /// Most bytes of an answer's body that are read, for a request of that many events: what is longer is cut. Part of
    /// [`Client::memory_bound`](crate::Client::memory_bound). Asked while the client is built, with `batch_events_max`.
    fn reply_bytes_max(&self, events_max: usize) -> usize {
        let _ = events_max;
        REPLY_BYTES_MAX
    }

    /// The headers of an answer that [`verdict`](Format::verdict) needs, in lower case: [`Reply::header`] then has them, each cut to 200
    /// characters. At most [`REPLY_HEADERS_ASKED_MAX`](crate::limits::REPLY_HEADERS_ASKED_MAX). Asked for every request.
    fn reply_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// The most bytes that a byte of an event's JSON becomes in the body: 1 where the text stands there as it is, 2 where it is escaped into a
    /// string. Beside it each event has its share of the [`overhead`](Format::overhead). Asked while the client is built, and must not
    /// change; a frame leaves texts as they are.
    fn growth_max(&self) -> usize {
        1
    }

    /// The most bytes that this event's JSON becomes: at most [`growth_max`](Format::growth_max) for each of its own, which it is unless the format
    /// knows better. So that batches are not as small as the worst of all events would have them. Not asked where nothing grows.
    ///
    /// # Blocking
    /// Called on the sender's thread for every event: it must not wait, and should look at the text once.
    fn length(&self, json: &[u8]) -> usize {
        json.len().saturating_mul(self.growth_max())
    }

    /// What the endpoint takes, and how a token is sent to it. Asked while the client is built. What was left unset follows it; what was set and
    /// contradicts it is an error.
    fn demands(&self) -> Demands {
        Demands::NONE
    }
}
