//! Ends intervals: on the recorder's own thread, in [`MetricsGuard::flush`], and when the recorder ends.
//!
//! DR1: one interval is emitted at a time, and a thread waits for it at most [`STOP_WAIT`].
//! DR2: no lock is held while events are emitted. DR3: a child made by fork has neither the
//! thread nor the collector: there nothing is emitted and nothing waits. DR4: the thread that
//! stops the recorder emits the last interval, after the recorder's own thread has ended.

use super::MetricsRecorder;
use super::collector::{Collector, Moment};
use super::error::{FlushError, InstallError};
use super::home::HomeProcess;
use super::limits::STOP_WAIT;
use super::notice;
use super::registry::{Limits, Registry, Surplus};
use super::settings::Builder;
use crate::Client;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

/// The name of the events that the recorder emits ([`Client::emit_named`]).
pub const METRIC_EVENT: &str = "metric";

/// What the recorder has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MetricsStats {
    /// How many series there are now, of all kinds.
    pub series: usize,
    /// Series that were removed because nothing wrote to them.
    pub series_expired: u64,
    /// Intervals that have ended.
    pub intervals: u64,
    /// Events emitted to the client.
    pub events: u64,
    /// Values that were only counted: there were already `series_max` series, or the key was longer than `key_bytes_max`.
    pub surplus: u64,
}

/// The collector; `None` while a thread is using it.
struct CollectorSlot {
    collector: Mutex<Option<Collector>>,
    free: Condvar,
}

/// Gives the collector back when dropped, even after a panic.
struct CollectorLease<'a> {
    slot: &'a CollectorSlot,
    collector: Option<Collector>,
}

impl CollectorSlot {
    fn take(&self, within: Duration) -> Option<CollectorLease<'_>> {
        let place = self.collector.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut place, _) = self
            .free
            .wait_timeout_while(place, within, |place| place.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        let collector = place.take()?;
        Some(CollectorLease { slot: self, collector: Some(collector) })
    }
}

impl Drop for CollectorLease<'_> {
    fn drop(&mut self) {
        *self.slot.collector.lock().unwrap_or_else(PoisonError::into_inner) = self.collector.take();
        self.slot.free.notify_one();
    }
}

/// What the thread and the guard share. The recorder itself lives as long as the process and has no part in it, so that it holds no client.
struct Engine {
    slot: CollectorSlot,
    registry: Arc<Registry>,
    client: Client,
    began: Instant,
    intervals: AtomicU64,
    events: AtomicU64,
}

impl Engine {
    /// Ends the interval and emits it.
    fn end_interval(&self) -> Result<u64, FlushError> {
        if !self.registry.home.is_here() {
            return Err(FlushError::InChild);
        }
        let mut taken = self.slot.take(STOP_WAIT).ok_or(FlushError::Busy)?;
        let Some(collector) = &mut taken.collector else { return Err(FlushError::Busy) };
        let now = Moment { age: self.began.elapsed(), wall: SystemTime::now() };
        let collected =
            collector.collect(now, |aggregate| _ = self.client.emit_named(METRIC_EVENT, aggregate));
        drop(taken);
        self.intervals.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(collected.events, Ordering::Relaxed);
        for (reason, values, first) in collected.surplus {
            let limit = match reason {
                Surplus::SeriesMax => self.registry.limits.series_max,
                Surplus::KeyBytesMax => self.registry.limits.key_bytes_max,
            };
            notice::surplus(reason, limit, values, first.as_deref());
        }
        Ok(collected.events)
    }

    fn run(&self, interval: Duration, end: &mpsc::Receiver<()>) {
        let mut due = self.began + interval;
        loop {
            match end.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Err(RecvTimeoutError::Timeout) => {
                    // Another thread is ending the interval, which is fine.
                    let _ = self.end_interval();
                    due = next_due(due, Instant::now(), interval);
                }
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// The next end of an interval after `now`. Intervals missed while the machine slept or the log was slow are skipped.
fn next_due(due: Instant, now: Instant, interval: Duration) -> Instant {
    let late = now.saturating_duration_since(due).as_nanos() / interval.as_nanos().max(1);
    let steps = u32::try_from(late).unwrap_or(u32::MAX - 1) + 1;
    due + interval * steps
}

/// Ends the recorder when it is dropped, and emits the last interval. Hold it until the program ends, and let the client's guard be dropped
/// after it: locals are dropped in the reverse order of their declaration.
///
/// The program can still write to handles that it holds after that, but those values are not emitted.
///
/// A child made by fork does not have the recorder's thread: there the guard does nothing.
#[must_use = "dropping it ends the recorder"]
pub struct MetricsGuard {
    engine: Arc<Engine>,
    /// Dropping it wakes the thread.
    end: Option<mpsc::Sender<()>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl MetricsGuard {
    pub(super) fn start(
        settings: Builder,
        limits: Limits,
    ) -> Result<(MetricsRecorder, MetricsGuard), InstallError> {
        let registry = Arc::new(Registry::new(limits, HomeProcess::here()));
        let began = Moment { age: Duration::ZERO, wall: SystemTime::now() };
        let collector = Collector::new(Arc::clone(&registry), &settings.quantiles, settings.idle_max, began);
        let engine = Arc::new(Engine {
            slot: CollectorSlot { collector: Mutex::new(Some(collector)), free: Condvar::new() },
            registry: Arc::clone(&registry),
            client: settings.client().clone(),
            began: Instant::now(),
            intervals: AtomicU64::new(0),
            events: AtomicU64::new(0),
        });
        let (end, until) = mpsc::channel();
        let (last, ended) = mpsc::channel::<()>();
        let (of_thread, interval) = (Arc::clone(&engine), settings.interval);
        // A subscriber that is current only in some scope, as in a test, is not visible on another thread.
        let home = dispatcher::get_default(Dispatch::clone);
        let home = Some(home).filter(|home| !home.is::<NoSubscriber>());
        std::thread::Builder::new()
            .name("overspill-metric".to_owned())
            .spawn(move || {
                block_sigpipe();
                match home {
                    Some(home) => dispatcher::with_default(&home, || of_thread.run(interval, &until)),
                    None => of_thread.run(interval, &until),
                }
                // Before the waiting thread is notified, so that from then on only the guard holds the engine.
                drop(of_thread);
                drop(last);
            })
            .map_err(InstallError::Thread)?;
        let recorder = MetricsRecorder::new(registry);
        notice::started(interval, recorder.registry().limits.series_max, recorder.memory_bound());
        Ok((recorder, MetricsGuard { engine, end: Some(end), ended: Mutex::new(ended) }))
    }

    /// Ends the interval now, emits it, and returns the number of events. The thread goes on, and its next interval begins here. For
    /// functions as a service, which are frozen between two calls: flush this, then [the client](Client::flush).
    ///
    /// # Errors
    /// [`FlushError`] if this is a child made by fork, or if another thread does not finish an interval. The recorded values stay.
    ///
    /// # Blocking
    /// Never on the network. Like [`Client::emit`] for each series, and at most [`STOP_WAIT`](super::limits::STOP_WAIT) for an interval
    /// that another thread is emitting.
    pub fn flush(&self) -> Result<u64, FlushError> {
        self.engine.end_interval()
    }

    /// Emits the last interval and ends the recorder: from now on the macros do nothing. Call it before the client's shutdown, which then
    /// settles these events too.
    ///
    /// # Blocking
    /// Like [`flush`](MetricsGuard::flush), and at most [`STOP_WAIT`](super::limits::STOP_WAIT) for the thread.
    pub fn stop(mut self) -> MetricsStats {
        self.end();
        self.stats()
    }

    /// What the recorder has done so far.
    pub fn stats(&self) -> MetricsStats {
        let registry = &self.engine.registry;
        MetricsStats {
            series: registry.series(),
            series_expired: registry.expired.load(Ordering::Relaxed),
            intervals: self.engine.intervals.load(Ordering::Relaxed),
            events: self.engine.events.load(Ordering::Relaxed),
            surplus: registry.overflows().map(|(_, overflow)| overflow.values.total()).sum(),
        }
    }

    /// The most bytes that the recorder holds: [`MetricsRecorder::memory_bound`].
    pub fn memory_bound(&self) -> usize {
        self.engine.registry.limits.bytes_max()
    }

    fn end(&mut self) {
        let Some(end) = self.end.take() else { return };
        if !self.engine.registry.home.is_here() {
            // A thread that does not exist in this process may hold its lock.
            std::mem::forget(end);
            return;
        }
        drop(end);
        // Ended, or not in time: either way the last interval is emitted here.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(STOP_WAIT);
        let _ = self.engine.end_interval();
        self.engine.registry.close();
    }
}

/// Blocks SIGPIPE on this thread. A notice to a log whose reader is gone is
/// then an error; with SIGPIPE at its default action, it would end the process.
fn block_sigpipe() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigSet, Signal};
        // Fails only for an invalid argument.
        let _ = SigSet::from(Signal::SIGPIPE).thread_block();
    }
}

impl Drop for MetricsGuard {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for MetricsGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsGuard").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_stay_aligned_and_missed_ones_are_skipped() {
        let (began, interval) = (Instant::now(), Duration::from_secs(10));
        for (late_ms, next_ms) in
            [(0, 10_000), (1, 10_000), (9_999, 10_000), (10_000, 20_000), (65_000, 70_000)]
        {
            let due = next_due(began, began + Duration::from_millis(late_ms), interval);
            assert_eq!(due, began + Duration::from_millis(next_ms), "{late_ms}");
        }
    }

    #[test]
    fn a_wait_for_an_interval_that_does_not_end_times_out() {
        let (_recorder, guard) = Builder::new(&Client::disabled()).start().unwrap();
        let taken = guard.engine.slot.take(Duration::ZERO).unwrap();
        assert!(guard.engine.slot.take(Duration::from_millis(1)).is_none());
        drop(taken);
        assert_eq!(guard.flush(), Ok(0));
    }
}
