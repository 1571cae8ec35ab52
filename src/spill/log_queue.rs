//! Queues what goes to the log for the one thread that writes it.
//!
//! In: events that did not fit in the queue; parts of the sender's batches, notices, and the end. Out: the same, to the
//! [`Writer`], in two lanes. Each lane is first in, first out, and the lanes alternate event by event, so a caller
//! never waits for a whole batch. The first entry starts the thread, which ends after it has been idle for a while.
//!
//! - LQ1: one thread at a time writes. It is one of ours or, with `build_with_sender`, the thread
//!   that polls the sender; a caller's only if no thread can be started and the sender is gone.
//! - LQ2: callers get room in order of arrival. A caller waits at most [`LOG_STALL`] in total, and not at all if the current write has
//!   already lasted that long. It holds none of our locks while it waits. A lock that the caller itself holds can block only the writer.
//! - LQ3: everything in the queue is written: a thread writes or is starting, or the sender has been woken.
//! - LQ4: events, bytes, batches and notices are bounded. A single event of any size has room if it is the only one.
//!
//! Not here, on purpose: how to write, what happens to an event that gets no room, and counting.

mod rest;
mod stall;
mod thread;

use crate::clock::{Clock, Source, Stamp};
use crate::event::Event;
use crate::gate::Side;
use crate::limits::*;
use crate::outcome::{LostReason, Reason};
use crate::reentry::{ThreadMark, this_thread};
use crate::spill::line::NoticeLine;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, lock};
use stall::Stalls;
use std::collections::VecDeque;
use std::sync::{OnceLock, Weak};
use std::time::Duration;

/// Something to write, or the end, which is handled after everything before it is written.
#[expect(clippy::large_enum_variant, reason = "a box for each caller event would be an allocation in `emit`")]
pub(crate) enum Work {
    /// A caller's event.
    Event(Event, Side, Reason),
    /// Events from the sender.
    Batch(Box<dyn HandedEvents>),
    Notice(NoticeLine),
    /// The sender has ended.
    End,
}

/// Events that the sender has handed over. Dropping this settles the ones that are left.
pub(crate) trait HandedEvents: Send {
    /// How many events are not written yet.
    fn events(&self) -> usize;
    /// Writes the next event; returns whether there are more.
    fn write_next(&mut self) -> More;
    fn lose(self: Box<Self>, reason: LostReason);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    Yes,
    No,
}

/// Counts per lane: callers' events, and everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LaneCounts {
    pub(crate) callers: u64,
    pub(crate) others: u64,
}

impl LaneCounts {
    pub(crate) fn reaches(self, goal: LaneCounts) -> bool {
        self.callers >= goal.callers && self.others >= goal.others
    }

    pub(crate) fn max(self, other: LaneCounts) -> LaneCounts {
        LaneCounts { callers: self.callers.max(other.callers), others: self.others.max(other.others) }
    }
}

/// What writes the queue's entries.
pub(crate) trait Writer: Send + Sync {
    /// Writes and settles one entry. Contains panics of the hooks it calls.
    fn write(&self, work: Work);
    /// Reports the total of what is done, while a caller [wants](LogQueue::want) to know.
    fn written(&self, so_far: LaneCounts);
    /// Wakes the sender.
    fn ring(&self);
}

/// What the sender does here, besides handing over events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SenderPart {
    /// It writes, as a part of its own loop: the user chose its thread, and may have paused its clock.
    Writes,
    /// It writes if no thread can be started.
    StandsBy,
    /// It has ended.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Active {
    Nobody,
    /// A thread is starting.
    Starting,
    By(ThreadMark),
}

/// How the writing thread waits for more work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sleep {
    Awake,
    /// Work keeps coming: the thread looks again in a moment, so that no caller pays for waking it.
    Napping,
    Asleep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Usual,
    /// A caller waits for it.
    Urgent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Callers,
    Others,
}

impl QueueState {
    fn is_empty(&self) -> bool {
        self.callers.is_empty() && self.others.is_empty()
    }
}

/// The queue of one destination.
pub(crate) struct LogQueue {
    state: Mutex<QueueState>,
    /// The thread waits here for work.
    work: Condvar,
    /// Callers wait here for room.
    room: Condvar,
    /// The sender waits here for room for a batch, and others for entries to be written.
    done: Condvar,
    events_max: usize,
    bytes_max: usize,
    /// When the current write began, plus one; 0 if there is none.
    write_began: AtomicU64,
    /// Recent time to write one event, in nanoseconds.
    spill_time: AtomicU64,
    stalls: Stalls,
    /// The machine's clock: a stuck write is stuck in real time, whatever clock the client runs on.
    clock: Clock,
    writer: OnceLock<Weak<dyn Writer>>,
}

struct QueueState {
    callers: VecDeque<Work>,
    others: VecDeque<Work>,
    /// The lane served last; the other one is next.
    last: Lane,
    /// The total charge of the callers' events.
    bytes: usize,
    notices: usize,
    /// Batches from the sender, including the one being written.
    batches: usize,
    batch_events: usize,
    /// Totals since the start: entries put in, and entries done.
    put: LaneCounts,
    done: LaneCounts,
    /// A caller wants to know when this much is done.
    wanted: Option<LaneCounts>,
    active: Active,
    sender: SenderPart,
    /// No thread could be started, so the sender was asked to write.
    asked: bool,
    ended: bool,
    sleep: Sleep,
    /// The callers that wait for room, in order of arrival. They get room in this order, and before any other caller.
    for_room: VecDeque<u64>,
    tickets: u64,
    for_done: usize,
    let_in_at: Stamp,
    /// How much longer callers may wait, in total, for late events (emitted
    /// after the end) to be written. Only a wait that fails reduces it.
    late_patience: Duration,
}

impl LogQueue {
    pub(crate) fn new(events_max: usize, bytes_max: usize, sender: SenderPart) -> LogQueue {
        LogQueue {
            state: Mutex::new(QueueState {
                callers: VecDeque::new(),
                others: VecDeque::new(),
                last: Lane::Others,
                bytes: 0,
                notices: 0,
                batches: 0,
                batch_events: 0,
                put: LaneCounts::default(),
                done: LaneCounts::default(),
                wanted: None,
                active: Active::Nobody,
                sender,
                asked: false,
                ended: false,
                sleep: Sleep::Awake,
                for_room: VecDeque::new(),
                tickets: 0,
                for_done: 0,
                let_in_at: Stamp(0),
                late_patience: LOG_STALL,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            done: Condvar::new(),
            events_max,
            bytes_max,
            write_began: AtomicU64::new(0),
            stalls: Stalls::default(),
            spill_time: AtomicU64::new(SPILL_TIME_PER_EVENT.as_nanos() as u64),
            clock: Clock::start(Source::Machine),
            writer: OnceLock::new(),
        }
    }

    /// Called before anything is put in.
    pub(crate) fn is_written_by(&self, writer: Weak<dyn Writer>) {
        // Called once, when the client is assembled.
        let _ = self.writer.set(writer);
    }

    fn writer(&self) -> Option<Arc<dyn Writer>> {
        self.writer.get().and_then(Weak::upgrade)
    }

    /// A caller hands its event over. The event is returned if there is no room and the log is stuck or too slow.
    ///
    /// # Blocking
    /// Waits for room, see LQ2. If the event comes after close, also waits until it is written,
    /// [`LOG_LATE_PATIENCE`] at most, because the process may be about to end.
    #[expect(
        clippy::result_large_err,
        reason = "an event without room is returned; a box would be an allocation"
    )]
    pub(crate) fn hand_over(self: &Arc<Self>, event: Event, side: Side, reason: Reason) -> Result<(), Event> {
        let charge = event.charge();
        let mut state = lock(&self.state);
        if !self.has_room(&state, charge, state.for_room.len()) {
            match self.wait_for_room(state, charge) {
                Some(with_room) => state = with_room,
                None => return Err(event),
            }
        }
        let work = Work::Event(event, side, reason);
        match side {
            Side::Open => {
                self.put(state, work, Urgency::Usual);
            }
            Side::Closed => {
                let patience = state.late_patience.min(LOG_LATE_PATIENCE);
                let position = self.put(state, work, Urgency::Urgent);
                self.wait_late(position, patience);
            }
        }
        Ok(())
    }

    /// The sender hands events over. They are lost if there is no room and the log is stuck.
    ///
    /// # Blocking
    /// Waits for room, as long as the log makes progress.
    pub(crate) fn hand_over_batch(self: &Arc<Self>, batch: Box<dyn HandedEvents>) {
        let mut state = lock(&self.state);
        while state.batches >= LOG_QUEUE_BATCHES && state.active != Active::By(this_thread()) {
            if state.active == Active::Nobody {
                // No thread could be started.
                drop(state);
                self.write_here();
                state = lock(&self.state);
                continue;
            }
            let Some(patience) = self.patience() else {
                drop(state);
                return batch.lose(LostReason::LogStalled);
            };
            state = self.wait_done(state, patience);
        }
        let sender = state.sender;
        self.put(state, Work::Batch(batch), Urgency::Usual);
        if sender == SenderPart::Writes {
            self.write_here();
        }
    }

    /// Never waits. A notice that gets no room is dropped: what it reports is counted elsewhere.
    pub(crate) fn hand_over_notice(self: &Arc<Self>, notice: NoticeLine) {
        let state = lock(&self.state);
        if state.notices < LOG_QUEUE_NOTICES {
            self.put(state, Work::Notice(notice), Urgency::Usual);
        }
    }

    /// The sender has ended; this is the last entry it puts in.
    pub(crate) fn end(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.ended = true;
        let sender = state.sender;
        if sender == SenderPart::Writes {
            self.put(state, Work::End, Urgency::Usual);
            self.write_here();
            self.leave();
        } else {
            state.sender = SenderPart::Gone;
            self.put(state, Work::End, Urgency::Urgent);
        }
    }

    /// The sender is gone; a thread writes what the sender would have written.
    pub(crate) fn leave(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.sender = SenderPart::Gone;
        state.ended = true;
        if !state.is_empty() {
            self.see_to_it(state, Urgency::Urgent);
        }
    }

    fn put(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, QueueState>,
        work: Work,
        urgency: Urgency,
    ) -> LaneCounts {
        match &work {
            Work::Event(event, ..) => state.bytes += event.charge(),
            Work::Batch(batch) => {
                state.batches += 1;
                state.batch_events += batch.events();
            }
            Work::Notice(_) => state.notices += 1,
            Work::End => {}
        }
        if let Work::Event(..) = work {
            if state.callers.capacity() == 0 {
                // Reserved in one step, so that callers do not each pay for growth under the lock.
                state.callers.reserve_exact(self.events_max);
            }
            state.callers.push_back(work);
            state.put.callers += 1;
        } else {
            state.others.push_back(work);
            state.put.others += 1;
        }
        let position = state.put;
        self.see_to_it(state, urgency);
        position
    }

    /// Ensures that the queue will be written (LQ3).
    fn see_to_it(self: &Arc<Self>, mut state: MutexGuard<'_, QueueState>, urgency: Urgency) {
        if state.active != Active::Nobody {
            let crowded = state.callers.len() >= self.events_max.div_ceil(4) || state.batches > 0;
            let wakes = match state.sleep {
                Sleep::Awake => false,
                Sleep::Napping => urgency == Urgency::Urgent || crowded,
                Sleep::Asleep => true,
            };
            if wakes {
                state.sleep = Sleep::Awake;
                drop(state);
                self.work.notify_one();
            }
        } else if state.sender == SenderPart::Writes && urgency == Urgency::Usual {
            drop(state);
            self.ring();
        } else {
            state.active = Active::Starting;
            drop(state);
            self.start_or_else();
        }
    }

    fn ring(&self) {
        if let Some(writer) = self.writer() {
            writer.ring();
        }
    }

    /// Whether there is room behind `before` earlier callers.
    fn has_room(&self, state: &QueueState, charge: usize, before: usize) -> bool {
        let events = state.callers.len() + before;
        events == 0 || (events < self.events_max && state.bytes + charge <= self.bytes_max)
    }

    /// Waits as in LQ2. `None`: there is no room.
    fn wait_for_room<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, QueueState>,
        charge: usize,
    ) -> Option<MutexGuard<'a, QueueState>> {
        let until = self.clock.now().after(LOG_STALL);
        if state.active == Active::By(this_thread()) {
            return None;
        }
        let ticket = state.tickets;
        state.tickets += 1;
        state.for_room.push_back(ticket);
        loop {
            if state.active == Active::Nobody && !self.has_room(&state, charge, 0) {
                // The sender should have written. It may hang, or run on this very thread.
                state.active = Active::Starting;
                drop(state);
                if !self.start() {
                    self.write_here();
                }
                state = lock(&self.state);
            }
            // If a thread writes in place of the sender, wait until it is done: with a paused clock, nothing may run in parallel.
            let helped = state.sender == SenderPart::Writes && state.active != Active::Nobody;
            let before = state.for_room.partition_point(|&waits| waits < ticket);
            let has_room = self.has_room(&state, charge, before);
            let left = until.since(self.clock.now()).min(self.patience().unwrap_or_default());
            if (has_room && !helped) || left.is_zero() {
                state.for_room.remove(before);
                return has_room.then_some(state);
            }
            state = self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How much longer the current write may take before it counts as stuck; `None`: it is stuck.
    fn patience(&self) -> Option<Duration> {
        match self.write_began.load(Ordering::Acquire) {
            0 => Some(LOG_STALL),
            began => {
                let lasts = self.clock.now().since(Stamp(began - 1));
                LOG_STALL.checked_sub(lasts).filter(|left| !left.is_zero())
            }
        }
    }

    fn wait_done<'a>(
        &'a self,
        mut state: MutexGuard<'a, QueueState>,
        at_most: Duration,
    ) -> MutexGuard<'a, QueueState> {
        state.for_done += 1;
        state = self.done.wait_timeout(state, at_most).unwrap_or_else(PoisonError::into_inner).0;
        state.for_done -= 1;
        state
    }

    /// Waits because the process may be about to end. If it does not end, and callers hold a lock that
    /// the log needs, waiting achieves nothing: `late_patience` limits the total time that they lose.
    fn wait_late(&self, position: LaneCounts, patience: Duration) {
        let began = self.clock.now();
        self.wait_for(position, patience);
        let mut state = lock(&self.state);
        if !state.done.reaches(position) {
            state.late_patience = state.late_patience.saturating_sub(self.clock.now().since(began));
        }
    }

    /// Waits until `position` is done, no longer than `at_most`, and not at all behind a stuck write.
    fn wait_for(&self, position: LaneCounts, at_most: Duration) {
        let until = self.clock.now().after(at_most);
        let mut state = lock(&self.state);
        while !state.done.reaches(position) && state.active != Active::By(this_thread()) {
            let left = until.since(self.clock.now()).min(self.patience().unwrap_or_default());
            if left.is_zero() {
                return;
            }
            state = self.wait_done(state, left);
        }
    }
}

/// The maximum memory of a queue with these limits and of one for notices alone, without the sender's batches.
pub(crate) fn bytes_max(events_max: usize, bytes_max: usize) -> usize {
    // The other lanes grow by doubling.
    let others = 2 * (LOG_QUEUE_BATCHES + LOG_QUEUE_NOTICES + 1);
    // The notices are in one of the two queues.
    (events_max + 2 * others) * size_of::<Work>() + bytes_max + LOG_QUEUE_NOTICES * NOTICE_BYTES
}

#[cfg(all(test, not(overspill_model)))]
mod tests;
