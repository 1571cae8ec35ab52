//! The sender: the only loop. Wait, fill, post, judge, settle.
//!
//! In: the queue. Out: every event settled. It runs on its own thread and runtime, or as a future where the user wants it
//! ([`Builder::build_with_sender`](crate::Builder::build_with_sender)).
//!
//! T1: events are in the queue or in a [`Batch`], which settles on drop; nowhere else, across every await and panic.
//! T2: each turn ends in its only `wait`: so the runtime gets to move the sockets, however busy we are.
//! T3: it sleeps without a timer unless a batch is filling, events keep coming, a shutdown has a deadline, or an outage has a notice due.
//! Deliberately not here: decisions. They are in [`verdict`], [`outage`], [`hearing`], [`share`], [`retry`], [`halving`], [`fit`],
//! [`pace`], [`window`], [`overdue`], [`gap`] and [`backoff`], each a pure function.

mod again;
mod backoff;
pub(crate) mod batch;
mod dispatch;
mod end;
mod fill;
mod fit;
mod flight;
mod gap;
mod halving;
mod hearing;
mod hint;
mod land;
mod outage;
mod overdue;
mod pace;
mod post;
mod retry;
mod share;
mod single;
mod sleep;
mod sorted;
mod tell;
pub(crate) mod verdict;
mod window;
mod words;

use crate::clock::Stamp;
use crate::flush::{Flushes, Pulled};
use crate::format::Format;
use crate::format::compress::Compressor;
use crate::limits::SENDER_RESTART;
use crate::observer::Signal;
use crate::queue::Chunk;
use crate::reentry;
use crate::shared::Shared;
use crate::sync::{Arc, Panicked, contain};
use crate::transport::Transport;
use backoff::Backoff;
use batch::{Batch, BatchLimits};
use fit::{Fit, Size};
use flight::Flights;
use gap::Gap;
use outage::Outage;
use overdue::Answers;
use pace::Pace;
use retry::SecondTries;
use share::Sharing;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use tell::Telling;
use window::Window;

/// The sending half of a client, as a future for a runtime of your choice. Dropping it, or the future of its [`run`](Sender::run), closes
/// the client and writes the remaining events to the log.
#[must_use = "a sender delivers nothing until it is run"]
pub struct Sender {
    shared: Arc<Shared>,
    transport: Box<dyn Transport>,
    format: Arc<dyn Format>,
    /// The same format, if events grow in it.
    measure: Option<Arc<dyn Format>>,
    /// Whether an event without a name is posted as it was emitted, so that a chunk becomes a batch unchanged.
    plain: bool,
    limits: BatchLimits,
    /// The part of these limits that the endpoint accepts.
    fit: Fit,
    compressor: Compressor,
    outage: Outage,
    sharing: Sharing,
    telling: Telling,
    second_tries: SecondTries,
    answers: Answers,
    gap: Gap,
    /// When connections may next be given up because of an answer that came over them.
    fresh_at: Stamp,
    flushes: Flushes,
    /// A chunk whose events are being copied into batches. Those that are left are in hand.
    opened: Option<Box<Chunk>>,
    filling: Option<Batch>,
    ready: Option<Batch>,
    flights: Flights,
    window: Window,
    pace: Pace,
    /// Buffers of batches that were filled event by event.
    spares: Vec<Chunk>,
    /// Events pulled out of the queue so far.
    pulled: u64,
    pulled_bytes: u64,
    /// Requests made so far.
    posts: u64,
    /// When a request last began or ended.
    moved_at: Stamp,
}

impl Sender {
    pub(crate) fn new(shared: Arc<Shared>, transport: Box<dyn Transport>, format: Box<dyn Format>) -> Sender {
        let format: Arc<dyn Format> = Arc::from(format);
        let config = &shared.config;
        let limits = BatchLimits {
            events_max: config.batch_events_max,
            bytes_max: config.batch_bytes_max,
            overhead: config.overhead,
            layout: format.layout(),
            growth_max: config.growth_max,
        };
        let backoff = Backoff::new(config.jitter_seed, config.batch_age_max, config.probe_interval_max);
        Sender {
            transport,
            plain: config.adds_nothing(),
            measure: (limits.growth_max > 1).then(|| Arc::clone(&format)),
            format,
            limits,
            fit: Fit::new(Size { events: config.batch_events_max, bytes: config.batch_bytes_max }),
            compressor: Compressor::new(config.compression),
            outage: Outage::new(backoff),
            sharing: Sharing::default(),
            telling: Telling::default(),
            second_tries: SecondTries::default(),
            answers: Answers::default(),
            gap: Gap::new(shared.clock.suspended()),
            fresh_at: Stamp(0),
            flushes: Flushes::default(),
            opened: None,
            filling: None,
            ready: None,
            flights: Flights::default(),
            window: Window::new(config.posts_in_flight_max),
            pace: Pace::new(config.batch_age_max, limits),
            spares: Vec::new(),
            pulled: 0,
            pulled_bytes: 0,
            posts: 0,
            moved_at: Stamp(0),
            shared,
        }
    }

    /// Sends until the client is shut down or its last handle is dropped, and everything is settled.
    ///
    /// Needs a tokio runtime with io and time enabled. A panic inside is contained: the events in hand go to the log with
    /// [`Reason::Abandoned`](crate::Reason::Abandoned), and the sender goes on.
    ///
    /// # Blocking
    /// It writes the log on the thread that polls it, inside the runtime, one batch at a time, for as long as the log takes. Except in a
    /// simulation, give it its own thread, and do not use a `SpillSink` that blocks on a runtime.
    ///
    /// # Cancel safety
    /// Dropping the future ends the client: the events in hand or in the queue are written to the log.
    pub async fn run(mut self) {
        loop {
            let ended = {
                let mut serving = pin!(self.serve());
                poll_fn(|cx| {
                    // Per poll, not per run: on a shared runtime the thread is ours only during the poll.
                    let _sender = reentry::sender_thread();
                    match contain(|| serving.as_mut().poll(cx)) {
                        Ok(Poll::Pending) => Poll::Pending,
                        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
                        Err(panicked) => Poll::Ready(Err(panicked)),
                    }
                })
                .await
            };
            match ended {
                Ok(()) => return self.finish(),
                Err(panicked) => self.recover(&panicked).await,
            }
        }
    }

    async fn serve(&mut self) {
        loop {
            let now = self.shared.now();
            self.heed_closing(now);
            self.heed_late(now).await;
            self.fill(now);
            let progress = self.dispatch(now);
            self.heed_flushes();
            self.notice_outage(now);
            self.shared.endpoint.0.set_state(self.outage.state(self.flights.probes()));
            self.shared.write_for_sender();
            if self.is_done() {
                return;
            }
            self.wait(progress).await;
        }
    }

    fn heed_flushes(&mut self) {
        let unsettled = [
            self.filling.as_ref().map(|batch| batch.first_pull),
            self.ready.as_ref().map(|batch| batch.first_pull),
            self.flights.first_pull(),
        ];
        let pulled = Pulled {
            events: self.pulled,
            opened: self.opened.as_ref().map_or(0, |chunk| chunk.len()),
            first_unsettled: unsettled.into_iter().flatten().min().unwrap_or(self.pulled),
        };
        self.flushes.advance(&self.shared.queue, &self.shared.board, pulled);
    }

    /// Ends a batch and keeps its buffers, as many as can be in use at once.
    fn end(&mut self, batch: Batch) {
        let plain = batch.is_plain();
        let spare = batch.into_spare();
        if plain {
            self.shared.queue.keep(spare);
        } else if self.spares.len() < self.shared.config.posts_in_flight_max + 2 {
            self.spares.push(spare);
        }
    }

    /// After a panic: writes what was in hand to the log, so that the sender can go on.
    async fn recover(&mut self, panicked: &Panicked) {
        {
            let _sender = reentry::sender_thread();
            self.drop_in_hand();
            let shared = &self.shared;
            shared.notices.sender_panicked(shared.clock.now(), &panicked.0);
            shared.signal(&Signal::SenderRestarted);
        }
        let clock = self.shared.clock;
        clock.sleep_until(clock.now().after(SENDER_RESTART)).await;
    }
}

/// Shows the stats, like [`Client`](crate::Client).
impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("stats", &self.shared.stats()).finish_non_exhaustive()
    }
}

/// Whether a turn of the loop changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    None,
    Some,
}
