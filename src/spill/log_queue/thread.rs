//! The writing thread, and the threads that write in its place.

use super::stall::NextWrite;
use super::{Active, Lane, LogQueue, More, QueueState, SenderPart, Sleep, Work, Writer};
use crate::limits::{LOG_IDLE, LOG_IDLE_AFTER_END, LOG_LET_IN_EVERY, LOG_NAP};
use crate::reentry::{self, this_thread};
use crate::sync::{Arc, MutexGuard, PoisonError, contain, lock, start_thread};
use std::collections::VecDeque;
use std::time::Duration;

/// What a thread has found to write so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Come {
    Notices,
    Events,
}

impl LogQueue {
    /// Starts a thread; the state already says `Starting`. `false`: no thread could be started.
    pub(super) fn start(self: &Arc<Self>) -> bool {
        let Some(writer) = self.writer() else { return false };
        let queue = Arc::clone(self);
        let started = start_thread("overspill-log", move || queue.run(writer.as_ref())).is_ok();
        if !started {
            lock(&self.state).active = Active::Nobody;
        }
        started
    }

    /// If no thread can be started, the sender is asked; once the sender is gone, this thread writes.
    pub(super) fn start_or_else(self: &Arc<Self>) {
        if self.start() {
            return;
        }
        let mut state = lock(&self.state);
        if state.sender == SenderPart::Gone {
            drop(state);
            self.write_here();
        } else {
            state.asked = true;
            drop(state);
            self.ring();
        }
    }

    /// What the thread runs, from start to end.
    fn run(&self, writer: &dyn Writer) {
        let _ours = reentry::sender_thread();
        lock(&self.state).active = Active::By(this_thread());
        let mut come = Come::Notices;
        while let Some(work) = self.wait_for_work(come) {
            if !matches!(work, Work::Notice(_)) {
                come = Come::Events;
            }
            self.write(writer, work);
        }
    }

    /// The next entry; `None`: the thread is no longer needed, and the state says so.
    fn wait_for_work(&self, come: Come) -> Option<Work> {
        let mut state = lock(&self.state);
        let mut napped = false;
        loop {
            if let Some(work) = self.take(&mut state) {
                return Some(work);
            }
            let stay = match (state.sender, state.ended, come) {
                (SenderPart::Writes, ..) => Duration::ZERO,
                // Time in a model does not advance by itself, so the thread ends at once there.
                _ if cfg!(overspill_shuttle) => Duration::ZERO,
                (_, true, _) => LOG_IDLE_AFTER_END,
                (_, false, Come::Events) => LOG_IDLE,
                // Notices are rare: a client that has started and delivers runs only one thread.
                (_, false, Come::Notices) => Duration::ZERO,
            };
            if stay.is_zero() {
                return self.go(state);
            }
            if !napped && !state.ended {
                state.sleep = Sleep::Napping;
                state = self.work.wait_timeout(state, LOG_NAP).unwrap_or_else(PoisonError::into_inner).0;
                state.sleep = Sleep::Awake;
                napped = true;
                continue;
            }
            state.sleep = Sleep::Asleep;
            let (awake, waited) = self.work.wait_timeout(state, stay).unwrap_or_else(PoisonError::into_inner);
            state = awake;
            state.sleep = Sleep::Awake;
            if waited.timed_out() && state.is_empty() {
                return self.go(state);
            }
        }
    }

    fn go(&self, mut state: MutexGuard<'_, QueueState>) -> Option<Work> {
        state.active = Active::Nobody;
        if state.sender != SenderPart::Writes {
            state.callers = VecDeque::new();
            state.others = VecDeque::new();
        }
        drop(state);
        self.room.notify_all();
        self.done.notify_all();
        None
    }

    fn take(&self, state: &mut QueueState) -> Option<Work> {
        if state.last == Lane::Others
            && let Some(event) = self.take_callers(state)
        {
            state.last = Lane::Callers;
            return Some(event);
        }
        state.last = Lane::Others;
        match state.others.pop_front() {
            None => self.take_callers(state),
            Some(work) => {
                if let Work::Notice(_) = work {
                    state.notices -= 1;
                }
                Some(work)
            }
        }
    }

    fn take_callers(&self, state: &mut QueueState) -> Option<Work> {
        let work = state.callers.pop_front()?;
        if let Work::Event(event, ..) = &work {
            state.bytes -= event.charge();
        }
        if !state.for_room.is_empty() {
            // Callers are not woken for each event: that would cost more than writing it.
            let now = self.clock.last_tick();
            if state.callers.len() <= self.events_max / 2 || now.since(state.let_in_at) >= LOG_LET_IN_EVERY {
                state.let_in_at = now;
                self.room.notify_all();
            }
        }
        Some(work)
    }

    fn write(&self, writer: &dyn Writer, work: Work) {
        match work {
            Work::Batch(mut batch) => {
                let mut events = batch.events();
                // Hooks are contained where they are called; no other panic may take the log down either.
                while let Ok(More::Yes) = contain(|| batch.write_next()) {
                    let mut state = lock(&self.state);
                    state.batch_events -= events - batch.events();
                    events = batch.events();
                    let between = self.take_callers(&mut state);
                    drop(state);
                    if let Some(event) = between {
                        self.write(writer, event);
                    }
                }
                drop(batch);
                let mut state = lock(&self.state);
                state.batches -= 1;
                state.batch_events -= events;
                drop(state);
                self.is_done(writer, Lane::Others);
            }
            event @ Work::Event(..) => {
                drop(contain(|| writer.write(event)));
                self.is_done(writer, Lane::Callers);
            }
            other => {
                drop(contain(|| writer.write(other)));
                self.is_done(writer, Lane::Others);
            }
        }
    }

    fn is_done(&self, writer: &dyn Writer, lane: Lane) {
        self.end_write(NextWrite::None);
        let mut state = lock(&self.state);
        match lane {
            Lane::Callers => state.done.callers += 1,
            Lane::Others => state.done.others += 1,
        }
        let told = state.wanted.map(|_| state.done);
        state.wanted = state.wanted.filter(|wanted| !state.done.reaches(*wanted));
        let awaited = state.for_done > 0;
        drop(state);
        if awaited {
            self.done.notify_all();
        }
        if let Some(done) = told {
            writer.written(done);
        }
    }

    /// Whether the sender must write in this turn of its loop.
    pub(crate) fn needs_sender(&self) -> bool {
        let state = lock(&self.state);
        let its_turn = match state.sender {
            SenderPart::Writes => true,
            SenderPart::StandsBy => state.asked,
            SenderPart::Gone => false,
        };
        its_turn && state.active == Active::Nobody && !state.is_empty()
    }

    /// Writes everything now in the queue on this thread. If another thread writes, waits for it, unless it is stuck.
    pub(crate) fn write_here(self: &Arc<Self>) {
        let Some(writer) = self.writer() else { return };
        let _own = reentry::own_work();
        let mut state = lock(&self.state);
        let until = state.put;
        while state.active != Active::Nobody {
            if state.active == Active::By(this_thread()) || state.done.reaches(until) {
                return;
            }
            let Some(patience) = self.patience() else { return };
            state = self.wait_done(state, patience);
        }
        state.active = Active::By(this_thread());
        state.asked = false;
        // Once the sender is gone, no other thread would write the rest.
        while !state.done.reaches(until) || state.sender == SenderPart::Gone {
            let Some(work) = self.take(&mut state) else { break };
            drop(state);
            self.write(writer.as_ref(), work);
            state = lock(&self.state);
        }
        state.active = Active::Nobody;
        let more = !state.is_empty();
        if more {
            self.see_to_it(state, super::Urgency::Usual);
        } else {
            drop(state);
        }
        self.room.notify_all();
        self.done.notify_all();
    }
}
