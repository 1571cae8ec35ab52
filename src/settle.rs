//! The end of an event: the only place that brings it to the ledger, the log and the observer.
//!
//! In: events and how they end. Out: the ledger's entries, the log's records, the observer's signals.
//! The sender settles what is delivered; the thread that writes the log settles what goes there; an event that finds no room there is
//! settled by the thread that holds it. Nobody else counts.

mod writing;

use crate::event::Event;
use crate::gate::Side;
use crate::ledger::Ending;
use crate::observer::Signal;
use crate::outcome::{Emitted, LostReason, Reason};
use crate::reentry;
use crate::shared::Shared;
use crate::spill::{Leaf, RecordCause};
use crate::sync::contain;

impl Shared {
    /// Signals the observers. If one panics, the panic is contained and reported now and then, and the others still get the signal.
    pub(crate) fn signal(&self, signal: &Signal<'_>) {
        let _own = reentry::own_work();
        for observer in &self.observers {
            if let Err(panicked) = contain(|| observer.signal(signal)) {
                self.notices.hook_panicked(self.clock.now(), "observer", &panicked.0);
            }
        }
    }

    /// Announces a caller's event that is not for the queue. Returns how it will be counted.
    pub(crate) fn announce(&self) -> Side {
        let side = self.queue.gate().announce().side();
        if side == Side::Open {
            self.hold();
        }
        side
    }

    /// Takes in hand a caller's event for which the queue had no room. Until it is settled, a shutdown waits for it, and takes it over when
    /// it can wait no longer.
    pub(crate) fn hold(&self) {
        // Taken in hand before it is resolved: so once the queue is drained and nothing is in hand, nothing is left.
        self.ledger.take_in_hand(1);
        self.queue.resolve_beside(1);
    }

    /// Hands a caller's own event that did not get into the queue to the log's writer.
    pub(crate) fn spill_callers(&self, mut event: Event, side: Side, reason: Reason) -> Emitted {
        event.seq = self.ledger.numbers(1);
        match self.log.hand_over(event, side, reason) {
            Ok(()) => Emitted::Spilled(reason),
            Err(mut event) => {
                self.encoder.recycle(&mut event);
                self.settle_callers(side, Ending::Lost(LostReason::LogStalled));
                self.notices.log_stalled(self.clock.now());
                Emitted::Lost(LostReason::LogStalled)
            }
        }
    }

    /// Loses a caller's own event that has no content.
    pub(crate) fn lose_callers(&self, reason: LostReason) -> Emitted {
        let side = self.announce();
        self.settle_callers(side, Ending::Lost(reason));
        Emitted::Lost(reason)
    }

    fn settle_callers(&self, side: Side, ending: Ending) {
        let settled = match side {
            Side::Open => self.ledger.settle_in_hand(1, ending),
            Side::Closed => {
                self.ledger.settle(1, Side::Closed, ending);
                true
            }
        };
        if side == Side::Open {
            self.settled();
        }
        if settled {
            self.tell(1, ending);
        }
    }

    /// Counts events in the sender's hand as delivered, and signals this, unless they were taken over and signaled as lost.
    pub(crate) fn deliver(&self, events: usize, bytes: usize) {
        if self.settle_in_hand(events, bytes, Ending::Delivered) == Claimed::Yes {
            self.tell(events as u64, Ending::Delivered);
        }
    }

    /// Writes an event in the sender's hand, or a pack of them, to the log, or loses it if it is too late for that. Returns how it ended,
    /// unless another thread had taken it over.
    pub(crate) fn spill_in_hand(
        &self,
        leaf: Leaf<'_>,
        bytes: usize,
        why: &RecordCause<'_>,
    ) -> Option<Ending> {
        let ending = self.write_in_time(leaf, why);
        (self.settle_in_hand(leaf.events as usize, bytes, ending) == Claimed::Yes).then_some(ending)
    }

    /// Counts events in the sender's hand as lost. Returns how many: none if they had been taken over.
    pub(crate) fn lose_in_hand(&self, events: usize, bytes: usize, reason: LostReason) -> u64 {
        match self.settle_in_hand(events, bytes, Ending::Lost(reason)) {
            Claimed::Yes => events as u64,
            Claimed::No => 0,
        }
    }

    /// Ends what is in the closed queue, and returns how many events that were.
    pub(crate) fn take_over_queue(&self, ending: Ending) -> u64 {
        let mut line = self.queue.line();
        line.sweep();
        let mut events = 0;
        while let Some(chunk) = line.pop() {
            self.ledger.settle(chunk.len() as u64, Side::Open, ending);
            self.queue.discharge(chunk.bytes());
            events += chunk.len() as u64;
        }
        events
    }

    pub(crate) fn tell(&self, events: u64, ending: Ending) {
        if events == 0 {
            return;
        }
        self.signal(&match ending {
            Ending::Delivered => Signal::Delivered { events },
            Ending::Spilled(reason, maybe_delivered) => Signal::Spilled { reason, maybe_delivered, events },
            Ending::Lost(reason) => Signal::Lost { reason, events },
        });
    }

    fn settle_in_hand(&self, events: usize, bytes: usize, ending: Ending) -> Claimed {
        // The bytes first: a thread that finds nothing pending, and ends, also finds no bytes held.
        self.queue.discharge(bytes);
        let claimed = self.ledger.settle_in_hand(events as u64, ending);
        if claimed { Claimed::Yes } else { Claimed::No }
    }

    /// Writes, or loses the event if the time for a shutdown's last writes is over.
    fn write_in_time(&self, leaf: Leaf<'_>, why: &RecordCause<'_>) -> Ending {
        if self.closing.is_asked() && self.closing.is_over(self.clock.now()) {
            return Ending::Lost(LostReason::Deadline);
        }
        self.write(leaf, why)
    }

    fn write(&self, leaf: Leaf<'_>, why: &RecordCause<'_>) -> Ending {
        self.log.write_begins();
        match self.spill.write(leaf, why) {
            Ok(()) => Ending::Spilled(why.reason, why.maybe_delivered),
            Err(reason) => Ending::Lost(reason),
        }
    }
}

/// Whether events were still the sender's to settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    Yes,
    No,
}
