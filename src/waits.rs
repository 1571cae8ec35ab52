//! Waiting for the sender, with a deadline, on any executor or none, whatever state the sender is in.
//!
//! A deadline cannot be left to the sender's timer (its thread may be stuck in a log write), nor to the caller's
//! runtime (there may be none). So, while any task waits asynchronously, one short-lived thread watches the clock;
//! it ends with the last wait.

use crate::spill::log_queue::LaneCounts;
use crate::sync::plain::{AtomicU64, Ordering};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, lock, start_thread};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A deadline: a [`Duration`] from now, or an [`Instant`].
///
/// ```
/// use std::time::{Duration, Instant};
///
/// # let events = overspill::Client::disabled();
/// // One deadline for several steps.
/// let until = Instant::now() + Duration::from_secs(5);
/// events.flush_blocking(until).ok();
/// events.shutdown_blocking(until);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    pub(crate) fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

impl From<Duration> for Deadline {
    fn from(from_now: Duration) -> Deadline {
        Deadline(in_the_future(from_now))
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Deadline {
        Deadline(instant)
    }
}

/// This long from now; a year from now if the platform's clock cannot express that, which is forever for a process that waits.
pub(crate) fn in_the_future(from_now: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(from_now).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 3600))
}

/// What a caller may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The flush of this number is done.
    Flushed(u64),
    /// This many items that were put into the log's queue are done.
    Written(LaneCounts),
    /// The sender has ended; nothing is pending.
    Ended,
}

/// Whether the goal was reached in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    Yes,
    No,
}

impl Reached {
    pub(crate) fn ok_or<E>(self, error: E) -> Result<(), E> {
        match self {
            Reached::Yes => Ok(()),
            Reached::No => Err(error),
        }
    }
}

/// Where callers ask for a flush, and the sender and the log's thread report their progress.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// The number of the last flush requested.
    flushes_asked: AtomicU64,
    state: Mutex<BoardState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct BoardState {
    flushed: u64,
    written: LaneCounts,
    ended: Ended,
    alarm: Alarm,
    next_wait: u64,
    waits: BTreeMap<u64, (Instant, Waker)>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ended {
    #[default]
    No,
    Yes,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    #[default]
    Off,
    On,
}

impl BoardState {
    fn reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Flushed(number) => self.flushed >= number || self.ended == Ended::Yes,
            Goal::Written(position) => self.written.reaches(position),
            Goal::Ended => self.ended == Ended::Yes,
        }
    }
}

impl Board {
    /// Requests a flush. Returns its number.
    pub(crate) fn ask_for_flush(&self) -> u64 {
        // AcqRel: the sender that sees the number also sees, by Acquire, every push that happened before the flush.
        self.flushes_asked.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(crate) fn flushes_asked(&self) -> u64 {
        self.flushes_asked.load(Ordering::Acquire)
    }

    pub(crate) fn flushed(&self, number: u64) {
        self.change(|state| state.flushed = state.flushed.max(number));
    }

    pub(crate) fn written(&self, so_far: LaneCounts) {
        self.change(|state| state.written = state.written.max(so_far));
    }

    pub(crate) fn ended(&self) {
        self.change(|state| state.ended = Ended::Yes);
    }

    fn change(&self, change: impl FnOnce(&mut BoardState)) {
        let wakers: Vec<Waker> = {
            let mut state = lock(&self.state);
            change(&mut state);
            state.waits.values().map(|(_, waker)| waker.clone()).collect()
        };
        self.changed.notify_all();
        // Outside the lock: a waker is foreign code.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// # Blocking
    /// Until the goal or the deadline.
    pub(crate) fn wait_blocking(&self, goal: Goal, until: Instant) -> Reached {
        let mut state = lock(&self.state);
        while !state.reached(goal) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Reached::No;
            }
            state = wait_on(&self.changed, state, left);
        }
        Reached::Yes
    }

    pub(crate) fn wait(self: &Arc<Board>, goal: Goal, until: Instant) -> Wait {
        Wait { board: Arc::clone(self), goal, until, registered: None }
    }

    /// Starts the thread that watches the clock, unless it runs. `false`: it could not be started.
    fn start_alarm(self: &Arc<Board>, state: &mut BoardState) -> bool {
        if state.alarm == Alarm::On {
            self.changed.notify_all();
            return true;
        }
        let board = Arc::clone(self);
        let started = start_thread("overspill-alarm", move || board.watch()).is_ok();
        if started {
            state.alarm = Alarm::On;
        }
        started
    }

    fn watch(&self) {
        let mut state = lock(&self.state);
        while let Some(first) = state.waits.values().map(|&(until, _)| until).min() {
            let now = Instant::now();
            if now < first {
                state = wait_on(&self.changed, state, first - now);
                continue;
            }
            let late: Vec<u64> =
                state.waits.iter().filter(|(_, (until, _))| *until <= now).map(|(&id, _)| id).collect();
            let wakers: Vec<Waker> =
                late.iter().filter_map(|id| state.waits.remove(id)).map(|wait| wait.1).collect();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            state = lock(&self.state);
        }
        state.alarm = Alarm::Off;
    }
}

/// Time between two checks of a wait without an alarm.
const WITHOUT_ALARM: Duration = Duration::from_millis(1);

fn wait_on<'a>(
    changed: &Condvar,
    state: MutexGuard<'a, BoardState>,
    left: Duration,
) -> MutexGuard<'a, BoardState> {
    changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
}

/// A wait in progress.
///
/// # Cancel safety
/// Cancel safe: dropping it removes it from the board and changes nothing else.
pub(crate) struct Wait {
    board: Arc<Board>,
    goal: Goal,
    until: Instant,
    registered: Option<u64>,
}

impl Future for Wait {
    type Output = Reached;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reached> {
        let wait = &mut *self;
        let board = Arc::clone(&wait.board);
        let mut state = lock(&board.state);
        if state.reached(wait.goal) {
            return Poll::Ready(Reached::Yes);
        }
        if Instant::now() >= wait.until {
            return Poll::Ready(Reached::No);
        }
        let id = *wait.registered.get_or_insert_with(|| {
            state.next_wait += 1;
            state.next_wait
        });
        state.waits.insert(id, (wait.until, cx.waker().clone()));
        if !board.start_alarm(&mut state) {
            // Nobody else can watch the clock, so the polling task does: one check per millisecond, which delays its executor by no more
            // than that.
            drop(wait_on(&board.changed, state, WITHOUT_ALARM));
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(id) = self.registered {
            lock(&self.board.state).waits.remove(&id);
            self.board.changed.notify_all();
        }
    }
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use std::task::Wake;

    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn block_on(mut wait: Wait) -> Reached {
        let waker = Arc::new(Unpark(std::thread::current())).into();
        loop {
            match Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(reached) => return reached,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    #[test]
    fn a_deadline_comes_without_any_runtime_and_the_alarm_ends_with_the_last_wait() {
        let board = Arc::new(Board::default());
        let until = Instant::now() + Duration::from_millis(30);
        assert_eq!(block_on(board.wait(Goal::Ended, until)), Reached::No);
        assert!(Instant::now() >= until);
        while lock(&board.state).alarm == Alarm::On {
            std::thread::yield_now();
        }
        assert!(lock(&board.state).waits.is_empty());
    }

    #[test]
    fn a_wait_ends_when_its_goal_is_reached_before_the_deadline() {
        let board = Arc::new(Board::default());
        let wait = board.wait(Goal::Flushed(2), Instant::now() + Duration::from_secs(60));
        let other = Arc::clone(&board);
        let flusher = std::thread::spawn(move || {
            other.flushed(1);
            other.flushed(2);
        });
        assert_eq!(block_on(wait), Reached::Yes);
        flusher.join().unwrap();
        assert_eq!(board.wait_blocking(Goal::Flushed(3), Instant::now()), Reached::No);
    }
}
