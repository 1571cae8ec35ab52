//! What the thread that writes the log does with each item in its queue.

use crate::event::Event;
use crate::gate::Side;
use crate::ledger::Ending;
use crate::outcome::{LostReason, Reason};
use crate::shared::Shared;
use crate::spill::log_queue::{LaneCounts, More, Work, Writer};
use crate::spill::{Leaf, RecordCause};
use crate::sync::Arc;
use crate::sync::plain::Ordering;

impl Writer for Shared {
    fn write(&self, work: Work) {
        match work {
            Work::Event(event, side, reason) => self.write_callers(event, side, reason),
            Work::Batch(mut batch) => while batch.write_next() == More::Yes {},
            Work::Notice(notice) => {
                self.notice_log.write_begins();
                let totals = || {
                    if !Arc::ptr_eq(&self.log, &self.notice_log) {
                        self.log.catch_up();
                    }
                    self.totals()
                };
                self.notices.write(notice, || self.spill.witnessed(), totals);
            }
            Work::End => {
                // If the sender left early, a caller may have an event in hand and still have to hand it over. Then the thread
                // that settles the last one reports the end. Both sides write the flag, so one of them sees the other.
                self.end_wanted.fetch_or(1, Ordering::AcqRel);
                self.end_if_settled();
            }
        }
    }

    fn written(&self, so_far: LaneCounts) {
        self.board.written(so_far);
    }

    fn ring(&self) {
        self.queue.ring();
    }
}

impl Shared {
    /// Makes this the writer of both logs.
    pub(crate) fn write_its_logs(self: &Arc<Shared>) {
        for log in [&self.log, &self.notice_log] {
            let writer = Arc::downgrade(self);
            log.is_written_by(writer);
        }
    }

    /// Called after an event announced before the close is settled: the sender may be waiting for this very event to end, or has ended
    /// without it.
    pub(crate) fn settled(&self) {
        self.queue.ring_if_closed();
        self.end_if_settled();
    }

    fn end_if_settled(&self) {
        if self.end_wanted.fetch_or(0, Ordering::AcqRel) == 1 && self.is_settled() {
            self.board.ended();
        }
    }

    fn write_callers(&self, mut event: Event, side: Side, reason: Reason) {
        let mut time = None;
        let at = (event.emitted_at, self.clock);
        let text = self.common.text(event.text(), event.name, &mut time, at);
        let leaf = Leaf {
            seq: event.seq,
            emitted_at: event.emitted_at,
            calendar: time.map(|time| time.calendar()),
            name: self.common.name_beside(event.name),
            text: &text,
            events: 1,
            redacted: false,
        };
        let why = RecordCause::simple(reason);
        let ending = match side {
            Side::Open => self.write_in_time(leaf, &why),
            // Emitted after the close: the shutdown's deadline does not apply to it.
            Side::Closed => self.write(leaf, &why),
        };
        drop(text);
        self.encoder.recycle(&mut event);
        self.settle_callers(side, ending);
    }

    /// Counts work as lost that nobody will do.
    pub(crate) fn lose(&self, work: Work, reason: LostReason) {
        match work {
            Work::Event(mut event, side, _) => {
                self.encoder.recycle(&mut event);
                self.settle_callers(side, Ending::Lost(reason));
            }
            Work::Batch(batch) => batch.lose(reason),
            Work::Notice(_) | Work::End => {}
        }
    }

    /// The sender's share of writing, if it has any: see [`SenderPart`](crate::spill::log_queue::SenderPart).
    pub(crate) fn write_for_sender(&self) {
        for log in [&self.log, &self.notice_log] {
            if log.needs_sender() {
                log.write_here();
            }
        }
    }

    /// The sender ends, with no event left in hand.
    pub(crate) fn sender_ends(&self) {
        // The last notices before the end, wherever they go.
        self.notice_log.end();
        if !Arc::ptr_eq(&self.log, &self.notice_log) {
            self.log.leave();
        }
    }

    /// The sender leaves early: the end is reported once everything on its way to the log has arrived.
    pub(crate) fn sender_ends_early(&self) {
        self.log.end();
        if !Arc::ptr_eq(&self.log, &self.notice_log) {
            self.notice_log.leave();
        }
    }
}
