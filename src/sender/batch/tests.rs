use super::*;
use crate::format::{Body, Format, JsonArray, Ndjson};
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

/// A client of which only the settler is used.
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

/// The body that a format makes of the whole batch.
fn body_of(batch: &Batch, format: &dyn Format) -> Vec<u8> {
    let overhead = format.overhead();
    let all = 0..batch.len();
    let room = overhead.per_batch + batch.text_len() + overhead.per_event * batch.len();
    let mut body = Body::with_room(room);
    format.encode(batch.events(all), &mut body);
    body.finish().unwrap()
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
        let limits = BatchLimits { events_max, bytes_max, overhead: format.overhead() };
        let (_client, sender) = build(SpillPacking::OneByOne);
        let settler = Arc::clone(&sender.shared.settler);
        let mut batch = Batch::begin(Arc::clone(&settler), Spare::default(), limits, 0, &event(1));
        for len in lens {
            let (events, bytes) = (batch.len() + 1, batch.text_len() + len);
            let body = bytes + limits.overhead.per_batch + events * limits.overhead.per_event;
            let fits = events <= events_max && body <= bytes_max;
            prop_assert!(settler.queue.push(event(len)).is_ok());
            let pulled = settler.queue.pull().unwrap();
            settler.queue.resolve(1);
            let added = batch.add(&pulled, limits);
            if added == Added::NoRoom {
                settler.queue.discharge(pulled.charge());
            }
            prop_assert_eq!(added == Added::Yes, fits);
            // What was refused has left no trace.
            prop_assert_eq!((batch.len(), batch.text_len()), if fits { (events, bytes) } else { (events - 1, bytes - len) });
            prop_assert_eq!(batch.open(), (batch.len(), batch.text_len()));
        }
        if batch.len() > 0 {
            prop_assert!(body_of(&batch, format).len() <= bytes_max);
        }
    }

    #[test]
    fn events_settled_by_ranges_that_overlap_are_each_settled_once(
        ranges in proptest::collection::vec((0_usize..10, 0_usize..10, any::<bool>()), 0..8),
        packing in prop_oneof![Just(SpillPacking::OneByOne), Just(SpillPacking::Packed)],
    ) {
        let (client, sender) = build(packing);
        let settler = Arc::clone(&sender.shared.settler);
        let limits = BatchLimits { events_max: 10, bytes_max: 1000, overhead: Ndjson.overhead() };
        let mut batch = Batch::begin(Arc::clone(&settler), Spare::default(), limits, 0, &event(1));
        for _ in 0..10 {
            prop_assert!(settler.queue.push(event(3)).is_ok());
            prop_assert_eq!(batch.add(&settler.queue.pull().unwrap(), limits), Added::Yes);
            settler.queue.resolve(1);
        }
        settler.ledger.take_in_hand(10);
        let mut open = [true; 10];
        let mut delivered = 0;
        for (one, other, deliver) in ranges {
            let range = one.min(other)..one.max(other);
            let settled = range.clone().filter(|&nth| std::mem::take(&mut open[nth])).count() as u64;
            if deliver {
                batch.deliver(range);
                delivered += settled;
            } else {
                batch.spill(range, &Cause::of(Reason::Unavailable, ""), Stamp::NEVER);
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
