//! Events on their way together: the texts in the format's frame, and a mark for each.
//!
//! In: events out of the queue. Out: a body's worth of texts, and the settlement of each event.
//! B1: an event that was added is settled once: by range while the batch lives, as `Abandoned` when it is dropped. What is for the
//!     log is the part's to settle from then on.
//! B2: never more than `events_max` events and `bytes_max` bytes of body.
//! B3: what a frame holds is not copied to be posted whole: the request and the batch share the text, and nobody writes to it any
//!     more.

mod measured;
mod part;

use super::verdict::Cause;
use crate::clock::Stamp;
use crate::common::{Common, Time};
use crate::event::{Event, NameId};
use crate::format::{Events, Format, Frame, Layout, Origin, Overhead};
use crate::mark::{Mark, State};
use crate::outcome::{MaybeDelivered, Reason};
use crate::settle::Settler;
use crate::spill::pack::Packing;
use crate::sync::Arc;
use crate::transport::RequestBody;
use part::Part;
use std::ops::Range;

/// How large batches may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) events_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) overhead: Overhead,
    pub(crate) layout: Layout,
    pub(crate) growth_max: usize,
}

impl BatchLimits {
    /// The length of a body with so many texts of so many bytes.
    pub(crate) fn body(&self, events: usize, texts: usize) -> usize {
        texts + self.overhead.per_batch + events * self.overhead.per_event
    }
}

/// Buffers of a batch that has ended, for the next one.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    text: Vec<u8>,
    marks: Vec<Mark>,
}

/// The texts in their frame.
enum Text {
    /// Filling, and ours alone.
    Own(Vec<u8>),
    /// Posted, with the end of the frame behind it.
    Shared(RequestBody),
}

impl std::ops::Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Own(text) => text,
            Text::Shared(body) => body,
        }
    }
}

/// A container that settles what it holds.
pub(crate) struct Batch {
    /// From 1; with the client's id it names the request.
    pub(crate) number: u64,
    /// The position in the queue's order of its first event: what a flush compares with.
    pub(crate) first_pull: u64,
    /// When its first event was emitted.
    pub(crate) begun_at: Stamp,
    text: Text,
    /// What the events take in a body, the overhead aside.
    text_bytes: usize,
    /// Asked for the length of each event, where a format makes them longer.
    measure: Option<Arc<dyn Format>>,
    frame: Frame,
    /// The same for each event whenever it is posted, and in the log.
    time: Time,
    /// Nothing is added to an event without a name.
    plain: bool,
    marks: Vec<Mark>,
    open: usize,
    open_bytes: usize,
    /// The events a request carries right now.
    posted: Range<usize>,
    /// Whether an answer took some of the events and did not say which.
    doubtful: MaybeDelivered,
    settler: Arc<Settler>,
}

impl Batch {
    /// The `first` event is yet to be [added](Batch::add).
    pub(crate) fn begin(
        settler: Arc<Settler>,
        spare: Spare,
        limits: &BatchLimits,
        first_pull: u64,
        first: &Event,
    ) -> Batch {
        let Spare { mut text, mut marks } = spare;
        text.reserve_exact(limits.bytes_max);
        marks.reserve_exact(limits.events_max);
        Batch {
            number: 0,
            first_pull,
            // Not when we found it: it may have waited through a nap.
            begun_at: first.emitted_at,
            text: Text::Own(text),
            text_bytes: 0,
            measure: None,
            frame: limits.layout.frame(),
            time: Time::of(settler.clock.calendar()),
            plain: settler.common.adds_nothing(NameId::NONE),
            marks,
            open: 0,
            open_bytes: 0,
            posted: 0..0,
            doubtful: MaybeDelivered::No,
            settler,
        }
    }

    /// By a format that makes events longer.
    pub(crate) fn measured_by(mut self, measure: &Option<Arc<dyn Format>>) -> Batch {
        self.measure.clone_from(measure);
        self.plain &= self.measure.is_none();
        self
    }

    /// Takes the event in, or leaves it where it is if there is no room.
    pub(crate) fn add(&mut self, event: &Event, limits: &BatchLimits) -> Added {
        if self.plain && event.name == NameId::NONE {
            let text = event.text();
            return self.put(event, text.len(), limits, |_, _, room| room.extend_from_slice(text));
        }
        self.add_with_common(event, limits)
    }

    /// Apart, so that an event that stays as it is does not pay for it.
    #[inline(never)]
    fn add_with_common(&mut self, event: &Event, limits: &BatchLimits) -> Added {
        if self.measure.is_some() {
            return self.add_measured(event, limits);
        }
        let (text, name, common) = (event.text(), event.name, &self.settler.common);
        let bytes = common.length(text, name) + common.name_beside(name).len();
        self.put(event, bytes, limits, |common, time, room| {
            common.write(text, name, time, event.emitted_at, room);
        })
    }

    #[inline]
    fn put(
        &mut self,
        event: &Event,
        bytes: usize,
        limits: &BatchLimits,
        write: impl FnOnce(&Common, &mut Time, &mut Vec<u8>),
    ) -> Added {
        // B3: one that was posted takes no more.
        let Text::Own(room) = &mut self.text else { return Added::NoRoom };
        let (charge, texts) = (event.charge(), self.text_bytes + bytes);
        if self.marks.len() >= limits.events_max
            || limits.body(self.marks.len() + 1, texts) > limits.bytes_max
        {
            return Added::NoRoom;
        }
        match if self.marks.is_empty() { self.frame.before } else { self.frame.between } {
            &[byte] => room.push(byte),
            several => room.extend_from_slice(several),
        }
        write(&self.settler.common, &mut self.time, room);
        self.marks.push(Mark {
            seq: event.seq,
            emitted_at: event.emitted_at,
            end: room.len() as u32,
            charge: charge as u32,
            weight: bytes as u32,
            name: event.name,
            state: State::Open,
        });
        self.text_bytes = texts;
        self.open += 1;
        self.open_bytes += charge;
        Added::Yes
    }

    pub(crate) fn len(&self) -> usize {
        self.marks.len()
    }

    /// How much of it is full, by events or by bytes.
    pub(crate) fn share(&self, limits: &BatchLimits) -> f64 {
        let events = self.marks.len() as f64 / limits.events_max as f64;
        events.max(self.text_bytes as f64 / limits.bytes_max as f64)
    }

    /// Bytes that the events take in a body, the overhead aside.
    pub(crate) fn text_len(&self) -> usize {
        self.text_bytes
    }

    /// Events and charged bytes not settled yet.
    pub(crate) fn open(&self) -> (usize, usize) {
        (self.open, self.open_bytes)
    }

    pub(crate) fn events(&self, range: Range<usize>) -> Events<'_> {
        let gap = self.frame.between.len();
        let origin = Origin {
            client: self.settler.spill.client(),
            common: &self.settler.common,
            calendar: self.time.calendar(),
        };
        Events::new(&self.text, self.start_of(range.start), gap, &self.marks[range], origin)
    }

    /// Bytes that these events take in a body, the overhead aside.
    pub(crate) fn text_of(&self, range: &Range<usize>) -> usize {
        self.marks[range.clone()].iter().map(Mark::weight).sum()
    }

    /// These events in the frame: the batch's text itself if they are all of it, else a copy of their part.
    pub(crate) fn body(&mut self, range: &Range<usize>) -> RequestBody {
        if *range != (0..self.len()) {
            let texts = self.start_of(range.start)..self.end_of(range.end);
            return RequestBody::from([self.frame.before, &self.text[texts], self.frame.behind].concat());
        }
        let body = match std::mem::replace(&mut self.text, Text::Own(Vec::new())) {
            Text::Own(mut text) => {
                text.extend_from_slice(self.frame.behind);
                RequestBody::from(text)
            }
            Text::Shared(body) => body,
        };
        self.text = Text::Shared(body.clone());
        body
    }

    /// From now on these events may be at the endpoint, whatever happens to us.
    pub(crate) fn post(&mut self, range: Range<usize>) {
        self.posted = range;
    }

    /// Some of the events were taken, and nobody knows which.
    pub(crate) fn doubt(&mut self) {
        self.doubtful = MaybeDelivered::Yes;
    }

    /// These events were delivered.
    pub(crate) fn deliver(&mut self, range: Range<usize>) {
        let (mut events, mut bytes) = (0, 0);
        for mark in self.marks[range].iter_mut().filter(|mark| mark.state == State::Open) {
            mark.state = State::Settled;
            events += 1;
            bytes += mark.charge();
        }
        self.close(events, bytes);
        self.settler.deliver(events, bytes);
    }

    /// These events go to the log: from now on they are the part's, which is handed over to who writes there.
    pub(crate) fn spill(&mut self, range: Range<usize>, cause: &Cause) {
        match self.doubtful {
            MaybeDelivered::No => self.spill_known(range, cause),
            MaybeDelivered::Yes => {
                self.spill_known(range, &Cause { maybe_delivered: MaybeDelivered::Yes, ..cause.clone() })
            }
        }
    }

    /// These go there with this very cause: their own answer said so.
    pub(crate) fn spill_known(&mut self, range: Range<usize>, cause: &Cause) {
        let open = |nth: &usize| self.marks[*nth].state == State::Open;
        let span = |nth: usize| self.start_of(nth)..self.marks[nth].end();
        let events = range.clone().filter(open).count();
        if events == 0 {
            return;
        }
        // No larger than need be: it may wait for long.
        let mut text = Vec::with_capacity(range.clone().filter(open).map(|nth| span(nth).len()).sum());
        let (mut marks, mut bytes) = (Vec::with_capacity(events), 0);
        let mut take = |nth: usize| {
            text.extend_from_slice(&self.text[span(nth)]);
            marks.push(Mark { end: text.len() as u32, ..self.marks[nth].clone() });
            bytes += self.marks[nth].charge();
        };
        match self.settler.spill.packing {
            Packing::OneByOne => range.clone().filter(open).for_each(take),
            Packing::Packed(_) => {
                // At most BATCH_EVENTS_LIMIT of them.
                let mut order: Vec<u32> = range.clone().filter(open).map(|nth| nth as u32).collect();
                // Producers side by side come into the queue a little out of order; a pack is a run of numbers.
                order.sort_unstable_by_key(|&nth| self.marks[nth as usize].seq);
                order.into_iter().for_each(|nth| take(nth as usize));
            }
        }
        self.marks[range].iter_mut().for_each(|mark| mark.state = State::Settled);
        self.close(marks.len(), bytes);
        Part::hand_over(&self.settler, (self.number, self.time.calendar()), text, marks, cause);
    }

    /// The rest of the batch, whichever request carries it, goes to the log.
    pub(crate) fn spill_rest(&mut self, reason: Reason, detail: &str) {
        let posted = std::mem::take(&mut self.posted);
        let cause = |maybe_delivered| Cause { reason, maybe_delivered, detail: detail.to_owned() };
        self.spill(posted, &cause(MaybeDelivered::Yes));
        self.spill(0..self.len(), &cause(MaybeDelivered::No));
    }

    /// Ends the batch and hands back its buffers.
    pub(crate) fn into_spare(mut self) -> Spare {
        self.abandon();
        let mut text = match std::mem::replace(&mut self.text, Text::Own(Vec::new())) {
            Text::Own(text) => text,
            // A transport that has not let go of it yet ends the text's life, not we.
            Text::Shared(body) => body.into_sole().unwrap_or_default(),
        };
        let mut marks = std::mem::take(&mut self.marks);
        text.clear();
        marks.clear();
        Spare { text, marks }
    }

    fn abandon(&mut self) {
        if self.open > 0 {
            self.spill_rest(Reason::Abandoned, "the sender ended with the event in hand");
        }
    }

    fn close(&mut self, events: usize, bytes: usize) {
        self.open -= events;
        self.open_bytes -= bytes;
    }

    fn start_of(&self, nth: usize) -> usize {
        match nth.checked_sub(1) {
            None => self.frame.before.len(),
            Some(last) => self.marks[last].end() + self.frame.between.len(),
        }
    }

    /// Where the texts of the events before `nth` end.
    fn end_of(&self, nth: usize) -> usize {
        nth.checked_sub(1).map_or(0, |last| self.marks[last].end())
    }
}

/// Whether an event found room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    Yes,
    NoRoom,
}

/// B1: a panic, an abort or a forgotten branch ends here, in the log and not in nothing.
impl Drop for Batch {
    fn drop(&mut self) {
        self.abandon();
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
