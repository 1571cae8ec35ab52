//! Events of a batch that go to the log: a copy, so that the batch has its room again while they are written.
//!
//! In: texts, marks, and why. Out: each event written and settled by the thread that writes the log. B4: events that a part still holds
//! when it is dropped are counted as lost.

use crate::clock::{Calendar, Stamp};
use crate::ledger::Ending;
use crate::mark::Mark;
use crate::outcome::LostReason;
use crate::sender::verdict::SpillCause;
use crate::shared::Shared;
use crate::spill::log_queue::{self, More};
use crate::spill::pack::{Pack, PackFit, PackMemory};
use crate::spill::{Leaf, RecordCause};
use crate::sync::Arc;
use std::ops::Range;
use std::time::Duration;

/// An event of a part.
pub(super) struct Handed {
    pub(super) seq: u64,
    pub(super) mark: Mark,
    pub(super) charge: u32,
}

pub(super) struct Part {
    shared: Arc<Shared>,
    /// The batch's number.
    number: u64,
    calendar: Calendar,
    /// The texts, one after another.
    text: Vec<u8>,
    events: Vec<Handed>,
    cause: Arc<SpillCause>,
    /// The first event that is not written yet.
    next: usize,
    told: Told,
    took: Duration,
}

impl Part {
    /// Hands the events over to the log's writer.
    ///
    /// # Blocking
    /// Waits for room there as long as the log makes progress.
    pub(super) fn hand_over(
        shared: &Arc<Shared>,
        (number, calendar): (u64, Calendar),
        text: Vec<u8>,
        events: Vec<Handed>,
        cause: &SpillCause,
    ) {
        let part = Part {
            shared: Arc::clone(shared),
            number,
            calendar,
            text,
            events,
            cause: Arc::new(cause.clone()),
            next: 0,
            told: Told::default(),
            took: Duration::ZERO,
        };
        shared.log.hand_over_batch(Box::new(part));
    }

    fn write_one(&mut self, nth: usize, why: &RecordCause<'_>) {
        let span = self.span(nth);
        let Handed { seq, mark, charge } = &mut self.events[nth];
        // Before the write, which runs user code: whatever that does, the event must not be settled twice.
        mark.settle();
        let leaf = Leaf {
            seq: *seq,
            emitted_at: mark.emitted_at(),
            calendar: Some(self.calendar),
            name: self.shared.common.name_beside(mark.name()),
            text: &self.text[span],
            events: 1,
            redacted: false,
        };
        self.told.add(1, self.shared.spill_in_hand(leaf, *charge as usize, why));
    }

    /// Writes a run of events with consecutive numbers: those that fit into one record.
    fn write_run(&mut self, pack: &mut Pack, why: &RecordCause<'_>) -> usize {
        let first = self.next;
        let run = self.pack_run(pack);
        if run.events < 2 {
            self.write_one(first, why);
            return 1;
        }
        // Before the write, as above.
        self.events[first..first + run.events].iter_mut().for_each(|event| event.mark.settle());
        let leaf = Leaf {
            seq: self.events[first].seq,
            emitted_at: run.oldest,
            calendar: Some(self.calendar),
            name: self.shared.common.name_beside(self.events[first].mark.name()),
            redacted: pack.is_redacted(),
            text: pack.close(),
            events: run.events as u32,
        };
        self.told.add(run.events as u64, self.shared.spill_in_hand(leaf, run.charge, why));
        run.events
    }

    /// Fills the pack; even the next event may not fit.
    fn pack_run(&self, pack: &mut Pack) -> Run {
        pack.clear();
        let mut run = Run { events: 0, charge: 0, oldest: Stamp::NEVER };
        let common = &self.shared.common;
        let name = |event: &Handed| common.name_beside(event.mark.name());
        let mut next_seq = None;
        for (nth, event) in self.events.iter().enumerate().skip(self.next) {
            // A record has room for one name.
            let follows =
                next_seq.is_none_or(|next| next == event.seq) && name(event) == name(&self.events[self.next]);
            if !follows || pack.add(&self.text[self.span(nth)]) == PackFit::NoRoom {
                break;
            }
            next_seq = Some(event.seq + 1);
            run.events += 1;
            run.charge += event.charge as usize;
            run.oldest = run.oldest.min(event.mark.emitted_at());
        }
        run
    }

    /// Reports all events to the observer together, once all are written.
    fn tell(&mut self) {
        let (shared, cause) = (&self.shared, &self.cause);
        shared.settled();
        shared.log.took(self.took, self.events.len() as u32);
        shared.tell(self.told.spilled, Ending::Spilled(cause.reason, cause.maybe_delivered));
        for &reason in LostReason::ALL {
            shared.tell(self.told.lost[reason.index()], Ending::Lost(reason));
        }
    }

    fn span(&self, nth: usize) -> Range<usize> {
        nth.checked_sub(1).map_or(0, |last| self.events[last].mark.end())..self.events[nth].mark.end()
    }

    fn lose_rest(&mut self, reason: LostReason) -> u64 {
        let open = self.events.iter_mut().filter(|event| event.mark.is_open());
        let (mut events, mut bytes) = (0, 0);
        for event in open {
            event.mark.settle();
            events += 1;
            bytes += event.charge as usize;
        }
        if events == 0 {
            return 0;
        }
        let lost = self.shared.lose_in_hand(events, bytes, reason);
        self.shared.settled();
        self.shared.tell(lost, Ending::Lost(reason));
        lost
    }
}

impl log_queue::HandedEvents for Part {
    fn events(&self) -> usize {
        self.events.len() - self.next
    }

    fn write_next(&mut self) -> More {
        let cause = Arc::clone(&self.cause);
        let why = RecordCause {
            reason: cause.reason,
            maybe_delivered: cause.maybe_delivered,
            batch: self.number,
            detail: &cause.detail,
        };
        let clock = self.shared.clock;
        // Ticks are too coarse for one event, but right on average.
        let began = clock.last_tick();
        let written = match &Arc::clone(&self.shared).spill.packing {
            PackMemory::OneByOne => {
                self.write_one(self.next, &why);
                1
            }
            PackMemory::Packed(room) => {
                let mut pack = room.take();
                let written = self.write_run(&mut pack, &why);
                room.give(pack);
                written
            }
        };
        self.took += clock.last_tick().since(began);
        self.next += written;
        if self.next < self.events.len() {
            return More::Yes;
        }
        self.tell();
        More::No
    }

    fn lose(mut self: Box<Self>, reason: LostReason) {
        let lost = self.lose_rest(reason);
        if reason == LostReason::LogStalled && lost > 0 {
            self.shared.notices.log_stalled(self.shared.clock.now());
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.lose_rest(LostReason::LogFailed);
    }
}

/// Events that become one record.
struct Run {
    events: usize,
    charge: usize,
    oldest: Stamp,
}

/// What is reported to the observer once all events are settled.
#[derive(Debug, Default)]
struct Told {
    spilled: u64,
    lost: [u64; LostReason::ALL.len()],
}

impl Told {
    /// Leaves out events that another thread had taken over.
    fn add(&mut self, events: u64, ending: Option<Ending>) {
        match ending {
            Some(Ending::Lost(reason)) => self.lost[reason.index()] += events,
            Some(_) => self.spilled += events,
            None => {}
        }
    }
}
