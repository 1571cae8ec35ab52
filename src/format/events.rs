//! What a format gets: the events of a request, and the data that they share.

use crate::clock::Calendar;
use crate::common::Common;
use crate::common::placement::CommonFields;
use crate::format::resent::ResentEvent;
use crate::mark::Mark;
use std::fmt;
use std::time::SystemTime;

/// The events of a request. Those of one thread are in the order in which it emitted them.
#[derive(Debug, Clone)]
pub struct Events<'a>(EventsSource<'a>);

#[derive(Debug, Clone)]
enum EventsSource<'a> {
    Batch {
        text: &'a [u8],
        marks: std::slice::Iter<'a, Mark>,
        at: usize,
        /// The number of the next event.
        seq: u64,
        /// The number of bytes between two texts.
        gap: usize,
        origin: Origin<'a>,
    },
    /// Read from a log by [`Resender`](crate::Resender).
    Log { events: std::slice::Iter<'a, ResentEvent>, common: CommonFields<'a> },
}

/// The client that the events belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) client: &'a str,
    pub(crate) common: &'a Common,
    pub(crate) calendar: Calendar,
}

impl<'a> Events<'a> {
    pub(crate) fn new(
        text: &'a [u8],
        (start, gap): (usize, usize),
        marks: &'a [Mark],
        seq: u64,
        origin: Origin<'a>,
    ) -> Events<'a> {
        Events(EventsSource::Batch { text, marks: marks.iter(), at: start, seq, gap, origin })
    }

    pub(crate) fn again(events: &'a [ResentEvent], common: CommonFields<'a>) -> Events<'a> {
        Events(EventsSource::Log { events: events.iter(), common })
    }

    /// The fields that all events share. They are already in each event's JSON unless the format's [`placement`](super::Format::placement)
    /// says otherwise.
    pub fn common_fields(&self) -> CommonFields<'a> {
        match &self.0 {
            EventsSource::Batch { origin, .. } => origin.common.fields(),
            EventsSource::Log { common, .. } => *common,
        }
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        match &mut self.0 {
            EventsSource::Batch { text, marks, at, seq, gap, origin } => {
                let mark = marks.next()?;
                let json = &text[*at..mark.end()];
                *at = mark.end() + *gap;
                *seq += 1;
                Some(Event { json, known: EventDetails::Batch(mark, *seq - 1, *origin) })
            }
            EventsSource::Log { events, .. } => {
                let event = events.next()?;
                Some(Event { json: event.json(), known: EventDetails::Log(event) })
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            EventsSource::Batch { marks, .. } => marks.size_hint(),
            EventsSource::Log { events, .. } => events.size_hint(),
        }
    }
}

impl ExactSizeIterator for Events<'_> {}

/// An event of a request.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    json: &'a [u8],
    known: EventDetails<'a>,
}

/// What is known about an event besides its JSON.
#[derive(Debug, Clone, Copy)]
enum EventDetails<'a> {
    /// With its number.
    Batch(&'a Mark, u64, Origin<'a>),
    Log(&'a ResentEvent),
}

impl<'a> Event<'a> {
    /// Its JSON: one line of UTF-8.
    pub fn json(&self) -> &'a [u8] {
        self.json
    }

    /// When it was emitted, by the wall clock. The same each time it is posted, and in the log.
    pub fn time(&self) -> SystemTime {
        match self.known {
            EventDetails::Batch(mark, _, origin) => origin.calendar.time(mark.emitted_at()),
            EventDetails::Log(event) => event.time(),
        }
    }

    /// Its name, if it was [emitted with one](crate::Client::emit_named): printable ASCII without quotes and backslashes, at most
    /// [`EVENT_NAME_BYTES_MAX`](crate::limits::EVENT_NAME_BYTES_MAX) long. Any other name is a member of its JSON.
    pub fn name(&self) -> Option<&'a str> {
        let name = match self.known {
            EventDetails::Batch(mark, _, origin) => origin.common.names.text(mark.name()),
            EventDetails::Log(event) => event.name().unwrap_or_default(),
        };
        Some(name).filter(|name| !name.is_empty())
    }

    /// A globally unique id, the same each time it is posted, and in the log (`spill_client`, `spill_seq`). As text it is `client-seq`, 16
    /// hexadecimal digits and a number, for endpoints that deduplicate.
    pub fn id(&self) -> EventId<'a> {
        let (client, seq) = match self.known {
            EventDetails::Batch(_, seq, origin) => (origin.client, seq),
            EventDetails::Log(event) => event.id(),
        };
        EventId { client, seq }
    }
}

/// Its JSON.
impl AsRef<[u8]> for Event<'_> {
    fn as_ref(&self) -> &[u8] {
        self.json
    }
}

/// Its JSON.
impl std::ops::Deref for Event<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.json
    }
}

/// An event's globally unique id: `client-seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct EventId<'a> {
    /// The client instance.
    pub client: &'a str,
    /// Zero-based sequence number of the event within its client, assigned when it is first posted or written to the log.
    pub seq: u64,
}

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.client, self.seq)
    }
}
