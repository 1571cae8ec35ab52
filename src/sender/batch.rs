//! Events on their way together: their texts in the format's frame, and a mark for each.
//!
//! In: a chunk from the queue, which becomes the batch unchanged, or events from several. Out: the texts of a body, and the settlement of
//! each event.
//! B1: an event that was added is settled once: by range while the batch lives, as `Abandoned` when it is dropped. Events that go to the
//!     log are settled by their [`Part`] from then on.
//! B2: never more than `events_max` events and `bytes_max` bytes of body.
//! B3: a framed batch is not copied to be posted whole: request and batch share the text, and nobody writes to it any more.
//! B5: events get their numbers together, when the first of them is posted or goes to the log; no event is added after that.

mod measured;
mod part;

use super::verdict::SpillCause;
use crate::clock::Stamp;
use crate::common::Time;
use crate::format::{Events, Format, Frame, Layout, Origin, Overhead};
use crate::mark::{Mark, Piece};
use crate::outcome::{MaybeDelivered, Reason};
use crate::queue::Chunk;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::transport::RequestBody;
use part::{Handed, Part};
use std::ops::Range;

/// An event's charge, and its length in a body without its share of the overhead, if these differ from the text's own length.
#[derive(Debug, Clone, Copy)]
struct Size {
    charge: u32,
    weight: u32,
}

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
    /// The length of a body with this many texts and bytes.
    pub(crate) fn body(&self, events: usize, texts: usize) -> usize {
        texts + self.overhead.per_batch + events * self.overhead.per_event
    }

    /// Whether a batch has room for this many events and bytes.
    pub(crate) fn takes(&self, events: usize, bytes: usize) -> bool {
        events <= self.events_max && self.body(events, bytes) <= self.bytes_max
    }

    /// The part of a full batch that this many events and bytes make.
    pub(crate) fn share(&self, events: usize, bytes: usize) -> f64 {
        (events as f64 / self.events_max as f64).max(bytes as f64 / self.bytes_max as f64)
    }
}

/// The texts in their frame.
enum Text {
    /// While it fills.
    Own(Vec<u8>),
    /// Posted, with the end of the frame after it.
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
    /// Bytes of the events in a body, without the overhead.
    text_bytes: usize,
    /// The format, if it makes events longer: it gives the length of each.
    measure: Option<Arc<dyn Format>>,
    frame: Frame,
    /// Gives an event the same time in every post and in the log.
    time: Time,
    marks: Vec<Mark>,
    /// For each event, unless all are as long as they were emitted.
    sizes: Option<Vec<Size>>,
    /// The number of the first event, once events have numbers (B5).
    first_seq: Option<u64>,
    open: usize,
    open_bytes: usize,
    /// The events a request carries right now.
    posted: Range<usize>,
    /// Whether an answer took some of the events and did not say which.
    doubtful: MaybeDelivered,
    shared: Arc<Shared>,
}

impl Batch {
    /// An empty batch; its first event must still be [added](Batch::add).
    pub(crate) fn begin(
        shared: Arc<Shared>,
        mut spare: Chunk,
        limits: &BatchLimits,
        first_pull: u64,
        begun_at: Stamp,
    ) -> Batch {
        spare.empty();
        let (mut text, mut marks) = spare.into_buffers();
        text.reserve_exact(limits.bytes_max);
        marks.reserve_exact(limits.events_max);
        let mut batch = Batch::of(shared, (text, marks), limits, first_pull, begun_at);
        batch.sizes = Some(Vec::with_capacity(limits.events_max));
        batch
    }

    /// A batch of all of a chunk's events, unchanged.
    pub(crate) fn of_chunk(
        shared: Arc<Shared>,
        chunk: Chunk,
        limits: &BatchLimits,
        first_pull: u64,
    ) -> Batch {
        let (bytes, events, begun_at) = (chunk.bytes(), chunk.len(), chunk.begun_at());
        let mut batch = Batch::of(shared, chunk.into_buffers(), limits, first_pull, begun_at);
        (batch.text_bytes, batch.open, batch.open_bytes) = (bytes, events, bytes);
        batch
    }
    /// Sets the format that gives events' lengths, if it makes them longer.
    pub(crate) fn measured_by(mut self, measure: &Option<Arc<dyn Format>>) -> Batch {
        self.measure.clone_from(measure);
        self
    }

    fn of(
        shared: Arc<Shared>,
        (text, marks): (Vec<u8>, Vec<Mark>),
        limits: &BatchLimits,
        first_pull: u64,
        begun_at: Stamp,
    ) -> Batch {
        Batch {
            number: 0,
            first_pull,
            // Not when we pulled it: it may have waited through a nap.
            begun_at,
            text: Text::Own(text),
            text_bytes: 0,
            measure: None,
            frame: limits.layout.frame(),
            time: Time::of(shared.clock.calendar()),
            marks,
            sizes: None,
            first_seq: None,
            open: 0,
            open_bytes: 0,
            posted: 0..0,
            doubtful: MaybeDelivered::No,
            shared,
        }
    }

    /// Takes in all events of a chunk, unchanged; if there is no room, it takes none.
    pub(crate) fn add_chunk(&mut self, chunk: &Chunk, limits: &BatchLimits) -> Added {
        let (Text::Own(room), None, None) = (&mut self.text, &self.sizes, self.first_seq) else {
            return Added::NoRoom;
        };
        let (events, texts) = (self.marks.len() + chunk.len(), self.text_bytes + chunk.bytes());
        if !limits.takes(events, texts) {
            return Added::NoRoom;
        }
        for nth in 0..chunk.len() {
            let Some(piece) = chunk.piece(nth, &self.frame) else { break };
            room.extend_from_slice(self.frame.between);
            room.extend_from_slice(piece.text);
            self.marks.push(Mark::open(piece.emitted_at, piece.name, room.len()));
        }
        self.begun_at = self.begun_at.min(chunk.begun_at());
        self.text_bytes = texts;
        self.open += chunk.len();
        self.open_bytes += chunk.bytes();
        Added::Yes
    }

    /// Takes in an event with the shared fields, unless there is no room.
    pub(crate) fn add(&mut self, piece: Piece<'_>, limits: &BatchLimits) -> Added {
        if self.measure.is_some() {
            return self.add_measured(piece, limits);
        }
        let (Piece { text, name, .. }, common) = (piece, &self.shared.common);
        let bytes = common.length(text, name) + common.name_beside(name).len();
        self.put(piece, bytes, limits)
    }

    #[inline]
    fn put(&mut self, piece: Piece<'_>, bytes: usize, limits: &BatchLimits) -> Added {
        // B3, B5: a posted batch takes no more.
        let (Text::Own(room), Some(sizes), None) = (&mut self.text, &mut self.sizes, self.first_seq) else {
            return Added::NoRoom;
        };
        let (charge, texts) = (piece.text.len(), self.text_bytes + bytes);
        if !limits.takes(self.marks.len() + 1, texts) {
            return Added::NoRoom;
        }
        match if self.marks.is_empty() { self.frame.before } else { self.frame.between } {
            &[byte] => room.push(byte),
            several => room.extend_from_slice(several),
        }
        self.shared.common.write(piece.text, piece.name, &mut self.time, piece.emitted_at, room);
        self.marks.push(Mark::open(piece.emitted_at, piece.name, room.len()));
        // Both are at most BATCH_BYTES_LIMIT, like a text.
        sizes.push(Size { charge: charge as u32, weight: bytes as u32 });
        self.text_bytes = texts;
        self.open += 1;
        self.open_bytes += charge;
        Added::Yes
    }

    /// Whether its events are as they were emitted.
    pub(crate) fn is_plain(&self) -> bool {
        self.sizes.is_none()
    }

    /// Whether not even an event of one byte has room.
    pub(crate) fn is_full(&self, limits: &BatchLimits) -> bool {
        !limits.takes(self.marks.len() + 1, self.text_bytes + 1)
    }

    /// Gives the events their numbers, if they have none yet (B5).
    pub(crate) fn number_events(&mut self) {
        self.first_seq();
    }

    fn first_seq(&mut self) -> u64 {
        let events = self.marks.len() as u64;
        let ledger = &self.shared.ledger;
        *self.first_seq.get_or_insert_with(|| ledger.numbers(events))
    }

    fn charge(&self, nth: usize) -> usize {
        match &self.sizes {
            Some(sizes) => sizes[nth].charge as usize,
            None => self.span(nth).len(),
        }
    }

    fn weight(&self, nth: usize) -> usize {
        match &self.sizes {
            Some(sizes) => sizes[nth].weight as usize,
            None => self.span(nth).len(),
        }
    }

    fn span(&self, nth: usize) -> Range<usize> {
        self.start_of(nth)..self.marks[nth].end()
    }

    pub(crate) fn len(&self) -> usize {
        self.marks.len()
    }

    /// How much of it is full, by events or by bytes.
    pub(crate) fn share(&self, limits: &BatchLimits) -> f64 {
        limits.share(self.marks.len(), self.text_bytes)
    }

    /// Bytes of the events in a body, without the overhead.
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
            client: self.shared.spill.client(),
            common: &self.shared.common,
            calendar: self.time.calendar(),
        };
        // Numbered before anyone looks (B5).
        let seq = self.first_seq.unwrap_or_default() + range.start as u64;
        Events::new(&self.text, (self.start_of(range.start), gap), &self.marks[range], seq, origin)
    }

    /// Bytes of these events in a body, without the overhead.
    pub(crate) fn text_of(&self, range: &Range<usize>) -> usize {
        match &self.sizes {
            Some(sizes) => sizes[range.clone()].iter().map(|size| size.weight as usize).sum(),
            None => range.clone().map(|nth| self.weight(nth)).sum(),
        }
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
        let (events, bytes) = if self.open == self.marks.len() && range.len() == self.open {
            self.marks.iter_mut().for_each(Mark::settle);
            (self.open, self.open_bytes)
        } else {
            self.settle_open(range)
        };
        self.close(events, bytes);
        self.shared.deliver(events, bytes);
    }

    fn settle_open(&mut self, range: Range<usize>) -> (usize, usize) {
        let (mut events, mut bytes) = (0, 0);
        for nth in range {
            if self.marks[nth].is_open() {
                self.marks[nth].settle();
                events += 1;
                bytes += self.charge(nth);
            }
        }
        (events, bytes)
    }

    /// Hands these events over to the thread that writes the log, as a [`Part`].
    pub(crate) fn spill(&mut self, range: Range<usize>, cause: &SpillCause) {
        match self.doubtful {
            MaybeDelivered::No => self.spill_known(range, cause),
            MaybeDelivered::Yes => {
                self.spill_known(range, &SpillCause { maybe_delivered: MaybeDelivered::Yes, ..cause.clone() })
            }
        }
    }

    /// Like [`spill`](Batch::spill), but with exactly this cause: an answer named these events.
    pub(crate) fn spill_known(&mut self, range: Range<usize>, cause: &SpillCause) {
        let first_seq = self.first_seq();
        let open = |nth: &usize| self.marks[*nth].is_open();
        let events = range.clone().filter(open).count();
        if events == 0 {
            return;
        }
        // No larger than necessary: it may wait for a long time.
        let texts = range.clone().filter(open).map(|nth| self.span(nth).len()).sum();
        let (mut text, mut leaves) = (Vec::with_capacity(texts), Vec::with_capacity(events));
        for nth in range.clone().filter(open) {
            text.extend_from_slice(&self.text[self.span(nth)]);
            let mark = self.marks[nth].ending_at(text.len());
            leaves.push(Handed { seq: first_seq + nth as u64, mark, charge: self.charge(nth) as u32 });
        }
        let (events, bytes) = self.settle_open(range);
        self.close(events, bytes);
        Part::hand_over(&self.shared, (self.number, self.time.calendar()), text, leaves, cause);
    }

    /// The rest of the batch, whichever request carries it, goes to the log.
    pub(crate) fn spill_rest(&mut self, reason: Reason, detail: &str) {
        let posted = std::mem::take(&mut self.posted);
        let cause = |maybe_delivered| SpillCause { reason, maybe_delivered, detail: detail.to_owned() };
        self.spill(posted, &cause(MaybeDelivered::Yes));
        self.spill(0..self.len(), &cause(MaybeDelivered::No));
    }

    /// Ends the batch and hands back its buffers.
    pub(crate) fn into_spare(mut self) -> Chunk {
        self.abandon();
        let text = match std::mem::replace(&mut self.text, Text::Own(Vec::new())) {
            Text::Own(text) => text,
            // If a transport still holds the text, the transport frees it.
            Text::Shared(body) => body.into_sole().unwrap_or_default(),
        };
        Chunk::of_buffers(text, std::mem::take(&mut self.marks))
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

/// B1: a panic, an abort or a forgotten branch ends here, in the log instead of nowhere.
impl Drop for Batch {
    fn drop(&mut self) {
        self.abandon();
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
