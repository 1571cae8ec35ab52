//! A client that emits events at a steady rate, whatever happens to its server.

use crate::backend::event;
use crate::judge::{Seen, count};
use crate::{Failure, backend::Backend};
use overspill::testkit::Spilled;
use overspill::{Builder, Client, EndpointState, Observer, Signal};
use serde_json::Value;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A stopped server does not answer. A short timeout makes the outage begin soon.
const POST_TIMEOUT: Duration = Duration::from_secs(1);
const PROBE_INTERVAL_MAX: Duration = Duration::from_millis(500);
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);
const FLUSH_MAX: Duration = Duration::from_secs(10);
/// How long after its restart a server may take to be healthy again.
const RECOVERY_MAX: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(5);
const EVENTS_PER_TICK: u64 = 5;

/// A client with its log, and how many events it has emitted.
pub struct Flow {
    pub client: Client,
    log: Spilled,
    posts: Arc<Posts>,
    first: u64,
    emitted: AtomicU64,
    pace: AtomicU8,
    /// Held while the events of one tick are emitted.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Posts(AtomicU64);

impl Observer for Posts {
    fn signal(&self, signal: &Signal<'_>) {
        if matches!(signal, Signal::PostEnded { .. }) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the thread that emits does.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum Pace {
    Go,
    Pause,
    Stop,
}

impl Flow {
    /// Ids start at `first`.
    pub fn new(builder: Builder, first: u64) -> Result<Flow, Failure> {
        let (log, posts) = (Spilled::default(), Arc::new(Posts::default()));
        let client = builder
            .probe_interval_max(PROBE_INTERVAL_MAX)
            .observer(Arc::clone(&posts))
            .spill_sink(log.clone())
            .spill_fallback(log.clone())
            .build()?;
        let (emitted, pace) = (AtomicU64::new(0), AtomicU8::new(Pace::Go as u8));
        Ok(Flow { client, log, posts, first, emitted, pace, turn: Mutex::new(()) })
    }

    /// A flow with short timeouts, for scenarios that disturb it.
    pub fn impatient(builder: Builder, first: u64) -> Result<Flow, Failure> {
        Flow::new(builder.post_timeout(POST_TIMEOUT).connect_timeout(POST_TIMEOUT), first)
    }

    pub fn emit(&self, event: impl FnOnce(u64) -> Value) -> u64 {
        let id = self.first + self.emitted.fetch_add(1, Ordering::Relaxed);
        self.client.emit(&event(id));
        id
    }

    pub fn emit_all(&self, events: u64) {
        (0..events).for_each(|_| _ = self.emit(event));
    }

    /// Emits at a steady rate on its own thread while `meanwhile` runs.
    pub fn beside<T>(&self, meanwhile: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while self.pace.load(Ordering::Acquire) != Pace::Stop as u8 {
                    let turn = self.turn.lock();
                    if self.pace.load(Ordering::Acquire) == Pace::Go as u8 {
                        self.emit_all(EVENTS_PER_TICK);
                    }
                    drop(turn);
                    // Sets the rate of the flow.
                    std::thread::sleep(TICK);
                }
            });
            let end = meanwhile();
            self.set(Pace::Stop);
            end
        })
    }

    pub fn set(&self, pace: Pace) {
        self.pace.store(pace as u8, Ordering::Release);
    }

    /// Stops emitting, and waits until all events are settled.
    pub fn rest(&self) -> Result<(), Failure> {
        self.set(Pace::Pause);
        // Waits until the current tick ends; the next one sees the pause.
        drop(self.turn.lock());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.client.flush(FLUSH_MAX)).map_err(|_| "the flush failed")?;
        Ok(())
    }

    /// Waits until the server answers again and events are delivered, and a little longer.
    pub fn recover(&self) -> Result<(), Failure> {
        let (until, before) = (Instant::now() + RECOVERY_MAX, self.client.stats().delivered);
        loop {
            // The polling interval.
            std::thread::sleep(10 * TICK);
            let stats = self.client.stats();
            if stats.endpoint == EndpointState::Healthy && stats.delivered > before {
                // A healthy period, in which events flow.
                std::thread::sleep(100 * TICK);
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("did not become healthy again: {stats}").into());
            }
        }
    }

    /// Shuts down and checks the result. `earlier` has the events read before from a server that stores nothing.
    pub fn end(self, backend: &mut dyn Backend, mut earlier: Vec<u64>) -> Result<Seen, Failure> {
        let stats = self.client.shutdown_blocking(SHUTDOWN_MAX);
        let expected = usize::try_from(stats.delivered)?.saturating_sub(earlier.len());
        earlier.extend(backend.read(self.first, expected)?);
        Ok(self.seen(stats, earlier))
    }

    pub fn seen(&self, stats: overspill::Stats, found: Vec<u64>) -> Seen {
        Seen {
            ids: self.first..self.first + self.emitted.load(Ordering::Relaxed),
            stats,
            posts: self.posts.0.load(Ordering::Relaxed),
            stored: count(found),
            log: self.log.events(),
        }
    }

    /// What the log says about the client.
    pub fn notices(&self) -> Vec<String> {
        let text = self.log.text();
        text.lines().filter(|line| line.contains("\"notice\"")).map(str::to_owned).collect()
    }
}
