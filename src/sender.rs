//! The sender: the only loop. Wait, fill, post, judge, settle.
//!
//! In: the queue. Out: every event settled. It runs on a thread and a runtime of its own, or as a future where the
//! user wants it ([`Builder::build_with_sender`](crate::Builder::build_with_sender)).
//!
//! T1: events are in the queue or in a [`Batch`], which settles on drop; nowhere else, across every await and panic.
//! T2: one `wait` per turn, and each turn ends in it: the runtime gets to move the sockets, however busy we are.
//! T3: asleep without a timer unless a batch is filling, events keep coming, a shutdown has its deadline, or an outage its notice.
//! Deliberately not here: decisions. They are in [`verdict`], [`outage`], [`hearing`], [`share`], [`retry`], [`halving`], [`fit`],
//! [`pace`], [`window`], [`overdue`], [`gap`] and [`backoff`], each a pure function.

mod again;
mod backoff;
pub(crate) mod batch;
mod dispatch;
mod fit;
mod flight;
mod flush;
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
use crate::format::Format;
use crate::format::compress::Packer;
use crate::limits::SENDER_RESTART;
use crate::observer::Signal;
use crate::outcome::Reason;
use crate::reentry;
use crate::shared::Shared;
use crate::sync::{Arc, Panicked, contain, yield_now};
use crate::transport::Transport;
use backoff::Backoff;
use batch::{Added, Batch, BatchLimits, Spare};
use fit::{Fit, Size};
use flight::Flights;
use flush::Flushes;
use gap::Gap;
use outage::{Outage, Route};
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
    /// The same, if events grow in it.
    measure: Option<Arc<dyn Format>>,
    limits: BatchLimits,
    /// What of them the endpoint takes.
    fit: Fit,
    packer: Packer,
    outage: Outage,
    sharing: Sharing,
    telling: Telling,
    second_tries: SecondTries,
    answers: Answers,
    gap: Gap,
    /// When connections may be given up again because of what came over them.
    fresh_at: Stamp,
    flushes: Flushes,
    filling: Option<Batch>,
    ready: Option<Batch>,
    flights: Flights,
    window: Window,
    pace: Pace,
    spares: Vec<Spare>,
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
            measure: (limits.growth_max > 1).then(|| Arc::clone(&format)),
            format,
            limits,
            fit: Fit::new(Size { events: config.batch_events_max, bytes: config.batch_bytes_max }),
            packer: Packer::new(config.compression),
            outage: Outage::new(backoff),
            sharing: Sharing::default(),
            telling: Telling::default(),
            second_tries: SecondTries::default(),
            answers: Answers::default(),
            gap: Gap::new(shared.settler.clock.suspended()),
            fresh_at: Stamp(0),
            flushes: Flushes::default(),
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
    /// [`Reason::Abandoned`], and the sender goes on.
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
                    // Per poll, not per run: on a shared runtime the thread is ours only meanwhile.
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
            self.shared.set_endpoint(self.outage.state(self.flights.probes()));
            self.shared.settler.write_for_sender();
            if self.is_done() {
                return;
            }
            self.wait(progress).await;
        }
    }

    /// Moves events from the queue into batches until there are none, or a batch is ready.
    fn fill(&mut self, now: Stamp) {
        let before = self.pulled;
        let fitted = self.fitted_limits();
        while self.ready.is_none() {
            let Some(mut event) = self.shared.settler.queue.pull() else { break };
            if self.filling.as_mut().map(|batch| batch.add(&event, &fitted)) != Some(Added::Yes) {
                self.ready = self.filling.take();
                let spare = self.spares.pop().unwrap_or_default();
                let mut batch =
                    Batch::begin(Arc::clone(&self.shared.settler), spare, &self.limits, self.pulled, &event)
                        .measured_by(&self.measure);
                // Any event fits an empty batch: event_bytes_max was checked against batch_bytes_max.
                let added = batch.add(&event, &self.limits);
                debug_assert_eq!(added, Added::Yes);
                self.filling = Some(batch);
            }
            self.pulled += 1;
            self.pulled_bytes += event.text().len() as u64;
            self.shared.settler.encoder.recycle(&mut event);
        }
        if self.pulled > before {
            // In hand before resolved: see `Settler::hold`.
            self.shared.settler.ledger.take_in_hand(self.pulled - before);
            self.shared.settler.queue.resolve(self.pulled - before);
        }
        let added = self.pulled * self.shared.config.common.added_max() as u64;
        self.pace.look(now, self.pulled, self.pulled_bytes + added);
        let route = self.route(now);
        let ripe = |batch: &mut Batch| {
            batch.len() >= fitted.events_max
                || batch.open().1 >= self.shared.settler.queue.batch_bytes()
                || now >= batch.begun_at.after(self.shared.config.batch_age_max)
                || self.flushes.waits_for(batch)
                || route == Route::Probe
                || self.shared.settler.queue.is_closed()
        };
        if self.ready.is_none() {
            self.ready = self.filling.take_if(ripe);
        }
    }

    /// What a batch may hold by what the endpoint takes; its first event is taken in whatever that is.
    fn fitted_limits(&self) -> BatchLimits {
        let Size { events, bytes } = self.fit.limit();
        BatchLimits { events_max: events, bytes_max: bytes, ..self.limits }
    }

    fn heed_closing(&mut self, now: Stamp) {
        let (spill_at, abort_at) = self.closing_times();
        if now >= spill_at {
            while self.ready.is_some() || self.filling.is_some() || self.shared.settler.queue.len() > 0 {
                if let Some(mut batch) = self.ready.take().or_else(|| self.filling.take()) {
                    batch.spill_rest(Reason::Deadline, "shut down before it could be posted");
                    self.end(batch);
                }
                self.fill(now);
            }
        }
        if now >= abort_at {
            let aborted: Vec<Batch> = self.flights.abort().collect();
            for mut batch in aborted {
                batch.spill_rest(Reason::Deadline, "shut down before an answer came");
                self.end(batch);
            }
        }
    }

    fn heed_flushes(&mut self) {
        let unsettled = [
            self.filling.as_ref().map(|batch| batch.first_pull),
            self.ready.as_ref().map(|batch| batch.first_pull),
            self.flights.first_pull(),
        ];
        let first_unsettled = unsettled.into_iter().flatten().min().unwrap_or(self.pulled);
        let queued = self.shared.settler.queue.len();
        if let Some(number) = self.flushes.advance(&self.shared, self.pulled, queued, first_unsettled) {
            self.shared.board.flushed(number);
        }
    }

    fn is_done(&self) -> bool {
        self.filling.is_none()
            && self.ready.is_none()
            && self.flights.is_empty()
            && self.shared.settler.queue.is_drained()
            // What callers and we have handed over may still be on its way to the log; counted, not only out of every hand.
            && self.shared.settler.is_settled()
    }

    /// Ends a batch and keeps its buffers, as many as can be in use at once.
    fn end(&mut self, batch: Batch) {
        let spare = batch.into_spare();
        if self.spares.len() < self.shared.config.posts_in_flight_max + 2 {
            self.spares.push(spare);
        }
    }

    /// After a panic: what was in hand goes to the log, the machine is put into a state it can go on from.
    async fn recover(&mut self, panicked: &Panicked) {
        {
            let _sender = reentry::sender_thread();
            self.drop_in_hand();
            let settler = &self.shared.settler;
            settler.notices.sender_panicked(settler.clock.now(), &panicked.0);
            settler.signal(&Signal::SenderRestarted);
        }
        let clock = self.shared.settler.clock;
        clock.sleep_until(clock.now().after(SENDER_RESTART)).await;
    }

    /// Drops every batch, which settles what is open in it.
    fn drop_in_hand(&mut self) {
        drop((self.filling.take(), self.ready.take()));
        self.flights.abort().for_each(drop);
    }

    /// A copy in a child of a fork: what it holds is the parent's to settle.
    fn forget(&mut self) {
        let held = (self.filling.take(), self.ready.take(), std::mem::take(&mut self.flights));
        std::mem::forget((held, Arc::clone(&self.shared)));
    }

    fn finish(&mut self) {
        let settler = &self.shared.settler;
        settler.notices.shut_down(&self.shared.stats());
        settler.end();
    }
}

/// Shows the stats, like [`Client`](crate::Client).
impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("stats", &self.shared.stats()).finish_non_exhaustive()
    }
}

/// T1 to the last: a sender that is dropped in the middle closes the queue and writes down what it and the queue hold.
impl Drop for Sender {
    fn drop(&mut self) {
        if !self.shared.process.is_this() {
            return self.forget();
        }
        if self.shared.settler.log.sender_has_left() {
            return;
        }
        let _sender = reentry::sender_thread();
        self.shared.settler.queue.close();
        self.drop_in_hand();
        // The clock no longer matters; a pusher that has announced itself is only moments away.
        let shared = Arc::clone(&self.shared);
        while !shared.settler.queue.is_drained() {
            self.fill(Stamp::NEVER);
            self.drop_in_hand();
            yield_now();
        }
        // Callers may still have what the queue has refused in hand, or it is on its way to the log: the end comes behind it.
        shared.settler.end_early();
    }
}

/// Whether a turn of the loop changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    None,
    Some,
}
