use super::*;
use crate::event::Event;
use crate::format::{Body, Format, JsonArray, Ndjson};
use crate::queue::Shape;
use crate::spill::{Record, SpillPacking, SpillSink};
use crate::transport::{Posting, Request, Transport};
use crate::{Builder, Client, Sender};
use proptest::prelude::*;

struct Nowhere;

impl Transport for Nowhere {
    fn post(&mut self, _: Request) -> Posting {
        unreachable!("nobody posts")
    }
}

impl SpillSink for Nowhere {
    fn write(&self, _: &Record<'_>) -> std::io::Result<()> {
        Ok(())
    }
}

/// A client of which only the shared part is used.
fn build(packing: SpillPacking) -> (Client, Sender) {
    Builder::new("http://127.0.0.1:9/")
        .transport(Nowhere)
        .spill_sink(Nowhere)
        .spill_fallback(Nowhere)
        .spill_packing(packing)
        .queue_events_max(1)
        .build_with_sender()
        .unwrap()
}

fn event(bytes: usize) -> Event {
    let mut event = Event::vacant(Stamp(0));
    assert!(event.append(&vec![b'7'; bytes]).is_ok());
    event
}

/// Frames as users have them.
struct Framing(Frame);

const ENVELOPE: Framing = Framing(Frame { before: br#"{"events":["#, between: b", ", behind: b"]}" });
const SPACED: Framing = Framing(Frame { before: b"", between: b"\r\n\r\n", behind: b"" });

impl Format for Framing {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn encode(&self, events: Events<'_>, body: &mut Body) {
        self.0.encode(events, body);
    }

    fn overhead(&self) -> Overhead {
        self.0.overhead()
    }

    fn layout(&self) -> Layout {
        Layout::Framed(self.0)
    }
}

/// The body that a format makes of these events.
fn encoded(batch: &Batch, range: &Range<usize>, format: &dyn Format) -> Vec<u8> {
    let overhead = format.overhead();
    let mut body =
        Body::with_room(overhead.per_batch + batch.text_of(range) + overhead.per_event * range.len());
    format.encode(batch.events(range.clone()), &mut body);
    body.finish().unwrap()
}

fn limits(events_max: usize, bytes_max: usize, format: &dyn Format) -> BatchLimits {
    BatchLimits { events_max, bytes_max, overhead: format.overhead(), layout: format.layout(), growth_max: 1 }
}

/// How a batch gets its events.
#[derive(Debug, Clone, Copy)]
enum By {
    Chunk,
    Event,
}

fn take_through_queue(shared: &Shared, event: &Event) {
    assert!(shared.queue.push(event).is_ok());
    let mut line = shared.queue.line();
    line.sweep();
    assert_eq!(line.pop().map(|chunk| chunk.len()), Some(1));
}

/// A batch of events of these lengths, in hand.
fn filled(shared: &Arc<Shared>, limits: &BatchLimits, lens: &[usize], by: By) -> Batch {
    let overhead = limits.overhead;
    let (events_max, bytes_max, frame) = (limits.events_max, limits.bytes_max, limits.layout.frame());
    let shape = Shape { events_max, bytes_max, overhead, frame };
    let mut chunk = Chunk::default();
    for &len in lens {
        take_through_queue(shared, &event(len));
        assert!(chunk.has_room(len, &shape));
        chunk.append(event(len).piece(), &shape);
    }
    shared.ledger.take_in_hand(lens.len() as u64);
    match by {
        By::Chunk => Batch::of_chunk(Arc::clone(shared), chunk, limits, 0),
        By::Event => {
            let mut batch = Batch::begin(Arc::clone(shared), Chunk::default(), limits, 0, Stamp(0));
            let pieces = (0..chunk.len()).filter_map(|nth| chunk.piece(nth, &frame));
            pieces.for_each(|piece| assert_eq!(batch.add(piece, limits), Added::Yes));
            batch
        }
    }
}

#[test]
fn a_batch_that_was_posted_takes_no_more_and_gives_its_buffer_back_once_the_request_has_let_go_of_it() {
    let (_client, sender) = build(SpillPacking::OneByOne);
    let limits = limits(10, 1000, &JsonArray);
    let capacity = |let_go: bool| {
        let mut batch = filled(&sender.shared, &limits, &[3, 3], By::Event);
        let body = batch.body(&(0..2));
        assert_eq!(&body[..], b"[777,777]");
        assert_eq!(batch.add(event(3).piece(), &limits), Added::NoRoom);
        batch.deliver(0..2);
        let body = (!let_go).then_some(body);
        let (text, _) = batch.into_spare().into_buffers();
        assert!(text.is_empty());
        assert!(body.is_none_or(|body| &body[..] == b"[777,777]"), "still the request's");
        text.capacity()
    };
    assert_eq!((capacity(true), capacity(false)), (1000, 0));
}

proptest! {
    #[test]
    fn a_batch_keeps_both_limits_and_refuses_only_what_would_break_one(
        events_max in 1_usize..12,
        bytes_max in 3_usize..200,
        lens in proptest::collection::vec(1_usize..60, 0..24),
        as_array in any::<bool>(),
    ) {
        let format: &dyn Format = if as_array { &JsonArray } else { &Ndjson };
        let limits = limits(events_max, bytes_max, format);
        let (_client, sender) = build(SpillPacking::OneByOne);
        let shared = Arc::clone(&sender.shared);
        let mut batch = Batch::begin(Arc::clone(&shared), Chunk::default(), &limits, 0, Stamp(0));
        for len in lens {
            let (events, bytes) = (batch.len() + 1, batch.text_len() + len);
            let body = bytes + limits.overhead.per_batch + events * limits.overhead.per_event;
            let fits = events <= events_max && body <= bytes_max;
            take_through_queue(&shared, &event(len));
            let added = batch.add(event(len).piece(), &limits);
            if added == Added::NoRoom {
                shared.queue.discharge(len);
            }
            prop_assert_eq!(added == Added::Yes, fits);
            // What was refused has left no trace.
            prop_assert_eq!((batch.len(), batch.text_len()), if fits { (events, bytes) } else { (events - 1, bytes - len) });
            prop_assert_eq!(batch.open(), (batch.len(), batch.text_len()));
        }
        if batch.len() > 0 {
            let all = 0..batch.len();
            prop_assert!(encoded(&batch, &all, format).len() <= bytes_max);
            prop_assert!(batch.body(&all).len() <= bytes_max);
        }
    }

    #[test]
    fn a_framed_batch_is_the_body_that_its_format_would_encode_whole_or_in_part_and_no_longer_than_it_says(
        lens in proptest::collection::vec(1_usize..60, 1..12),
        ranges in proptest::collection::vec((0_usize..12, 0_usize..12), 1..8),
        nth in 0_usize..4,
        by in prop_oneof![Just(By::Chunk), Just(By::Event)],
    ) {
        let formats: [&dyn Format; 4] = [&JsonArray, &Ndjson, &ENVELOPE, &SPACED];
        let format = formats[nth];
        let (_client, sender) = build(SpillPacking::OneByOne);
        let mut batch = filled(&sender.shared, &limits(12, 1000, format), &lens, by);
        let all = 0..batch.len();
        let in_parts = ranges.into_iter().map(|(one, other)| {
            one.min(other).min(lens.len() - 1)..(one.max(other) + 1).min(lens.len())
        });
        // Parts before it was posted whole, and after that.
        let ranges: Vec<_> = in_parts.collect();
        for range in ranges.iter().chain([&all]).chain(&ranges).chain([&all]) {
            // The encoded body has no more room than `overhead` says.
            prop_assert_eq!(&batch.body(range)[..], &encoded(&batch, range, format)[..]);
        }
        let texts: Vec<usize> = batch.events(all.clone()).map(|event| event.json().len()).collect();
        prop_assert_eq!(texts, lens);
        batch.deliver(all);
    }

    #[test]
    fn events_settled_by_ranges_that_overlap_are_each_settled_once(
        ranges in proptest::collection::vec((0_usize..10, 0_usize..10, any::<bool>()), 0..8),
        packing in prop_oneof![Just(SpillPacking::OneByOne), Just(SpillPacking::Packed)],
        by in prop_oneof![Just(By::Chunk), Just(By::Event)],
    ) {
        let (client, sender) = build(packing);
        let shared = Arc::clone(&sender.shared);
        let mut batch = filled(&shared, &limits(10, 1000, &Ndjson), &[3; 10], by);
        let mut open = [true; 10];
        let mut delivered = 0;
        for (one, other, deliver) in ranges {
            let range = one.min(other)..one.max(other);
            let settled = range.clone().filter(|&nth| std::mem::take(&mut open[nth])).count() as u64;
            if deliver {
                batch.deliver(range);
                delivered += settled;
            } else {
                batch.spill(range, &SpillCause::of(Reason::Unavailable, ""));
            }
            let stats = client.stats();
            prop_assert_eq!((stats.delivered, stats.pending as usize), (delivered, batch.open().0));
        }
        drop(batch);
        let stats = client.stats();
        prop_assert_eq!((stats.delivered, stats.spilled, stats.lost), (delivered, 10 - delivered, 0));
        prop_assert_eq!((stats.pending, stats.pending_bytes), (0, 0));
    }
}
