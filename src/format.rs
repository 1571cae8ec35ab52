//! How events become the body of a request, and how its endpoint says no.
//!
//! In: the events of a batch, as JSON. Out: a [`Body`]. A format frames what is encoded already; it does not encode again.

pub(crate) mod compress;
mod events;
mod frame;
mod json_array;
#[cfg(all(feature = "testkit", not(overspill_model)))]
mod made;
mod ndjson;
mod unsent;

pub(crate) use events::Origin;
pub use events::{CommonFields, Event, EventId, Events, Placement};
pub use frame::{Frame, Layout};
pub use json_array::JsonArray;
pub use ndjson::Ndjson;
pub(crate) use unsent::Unsent;

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
/// `content_type`, `encode` and `refused` run on the sender's thread, for every request: they must not wait. `overhead`, `layout` and
/// `placement` run in `build`.
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
}

impl<T: Format + ?Sized> Format for Box<T> {
    fn content_type(&self) -> &'static str {
        (**self).content_type()
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        (**self).encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        (**self).overhead()
    }

    fn layout(&self) -> Layout {
        (**self).layout()
    }

    fn placement(&self) -> Placement {
        (**self).placement()
    }

    fn settled_by(&self) -> SettledBy {
        (**self).settled_by()
    }

    fn refused(&self, reply: &Reply, events: usize) -> Refused {
        (**self).refused(reply, events)
    }
}

impl<T: Format + ?Sized> Format for std::sync::Arc<T> {
    fn content_type(&self) -> &'static str {
        (**self).content_type()
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        (**self).encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        (**self).overhead()
    }

    fn layout(&self) -> Layout {
        (**self).layout()
    }

    fn placement(&self) -> Placement {
        (**self).placement()
    }

    fn settled_by(&self) -> SettledBy {
        (**self).settled_by()
    }

    fn refused(&self, reply: &Reply, events: usize) -> Refused {
        (**self).refused(reply, events)
    }
}

/// What a format adds, in bytes. The two are all there is to say: a literal of it stays valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overhead {
    /// Once per body.
    pub per_batch: usize,
    /// For each event.
    pub per_event: usize,
}

impl Overhead {
    /// Of a format that does not say.
    pub(crate) const UNKNOWN: Overhead = Overhead { per_batch: usize::MAX, per_event: usize::MAX - 1 };
}

/// What of a 2xx answer settles the events that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettledBy {
    /// Its status: all were taken. What the body does (it is shorter than announced, drips, never ends) holds up nothing.
    Status,
    /// Its body, which may refuse some of them.
    Body,
}

/// What a 2xx answer says about single events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// All were accepted.
    None,
    /// These were not, by their position in the request, from 0; they are spilled with
    /// [`Reason::Refused`](crate::Reason::Refused).
    Events(Vec<usize>),
    /// The answer does not say: all are spilled with [`Reason::Broken`](crate::Reason::Broken), marked `maybe_delivered`.
    Unknown,
}

/// The body of a request: bytes up to a fixed maximum.
#[derive(Debug)]
pub struct Body {
    bytes: Vec<u8>,
    bytes_max: usize,
    overflowed: Overflowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflowed {
    No,
    Yes,
}

impl Body {
    pub(crate) fn with_room(bytes_max: usize) -> Body {
        Body { bytes: Vec::with_capacity(bytes_max), bytes_max, overflowed: Overflowed::No }
    }

    /// Appends. What would exceed the declared [`Overhead`] is not appended, and the body counts as failed.
    pub fn push(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if self.bytes.len() + bytes.len() > self.bytes_max {
            self.overflowed = Overflowed::Yes;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// The whole body, unless something did not fit.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        (self.overflowed == Overflowed::No).then_some(self.bytes)
    }
}
