//! The floors of a call: the work that no system can avoid.

use super::{Caller, System};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::hint::black_box;
use std::thread;
use std::time::Duration;

/// A queue of the same default size as the others'.
const QUEUE_EVENTS: usize = 8192;
const SLOT_BYTES: usize = 256;

/// The polling interval of a floor's consumer, which is never woken.
const POLL: Duration = Duration::from_micros(200);

pub struct Encode;

impl System for Encode {
    fn caller(&self) -> Caller<'_> {
        let mut line = Vec::with_capacity(1024);
        Box::new(move |event| {
            line.clear();
            let _ = serde_json::to_writer(&mut line, event);
            black_box(&line);
        })
    }
}

struct Slot {
    length: u16,
    text: [u8; SLOT_BYTES],
}

/// Receives until all senders are dropped.
fn consume(slots: Receiver<Slot>) {
    let consumer = thread::Builder::new().name("consumer".to_owned()).spawn(move || {
        loop {
            loop {
                match slots.try_recv() {
                    Ok(slot) => _ = black_box(slot.text[usize::from(slot.length) / 2]),
                    Err(crossbeam_channel::TryRecvError::Empty) => break,
                    Err(crossbeam_channel::TryRecvError::Disconnected) => return,
                }
            }
            thread::sleep(POLL);
        }
    });
    assert!(consumer.is_ok(), "a thread could not be started");
}

pub struct SlotSend(Sender<Slot>);

impl SlotSend {
    pub fn start() -> SlotSend {
        let (sender, receiver) = bounded(QUEUE_EVENTS);
        consume(receiver);
        SlotSend(sender)
    }
}

impl System for SlotSend {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| {
            // A slot that is not a constant but costs nothing to make.
            let slot = Slot { length: event.status % 256, text: [event.cached.into(); SLOT_BYTES] };
            assert!(self.0.try_send(slot).is_ok(), "the consumer of the floor does not keep up");
        })
    }

    fn keeps_up(&self, _emitted: u64) -> bool {
        self.0.len() < QUEUE_EVENTS / 2
    }
}

pub struct EncodeSlotSend(Sender<Slot>);

impl EncodeSlotSend {
    pub fn start() -> EncodeSlotSend {
        let (sender, receiver) = bounded(QUEUE_EVENTS);
        consume(receiver);
        EncodeSlotSend(sender)
    }
}

impl System for EncodeSlotSend {
    fn caller(&self) -> Caller<'_> {
        Box::new(|event| {
            let mut slot = Slot { length: 0, text: [0; SLOT_BYTES] };
            let mut room = &mut slot.text[..];
            let _ = serde_json::to_writer(&mut room, event);
            slot.length = (SLOT_BYTES - room.len()) as u16;
            assert!(self.0.try_send(slot).is_ok(), "the consumer of the floor does not keep up");
        })
    }

    fn keeps_up(&self, _emitted: u64) -> bool {
        self.0.len() < QUEUE_EVENTS / 2
    }
}
