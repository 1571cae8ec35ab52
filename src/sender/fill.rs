//! From the queue to a batch that is ready.
//!
//! In: what waits in the queue, the route, the time. Out: a ready batch, or one that is filling. I1: full chunks are taken as they come;
//! partly full ones are swept together when one is old enough, when together they are enough, or when a flush, a probe or a shutdown waits.
//! I2: if nothing is added to events, a chunk becomes a batch unchanged; otherwise its events are copied, each with the shared fields.

use super::batch::{Added, Batch, BatchLimits};
use super::fit::Size;
use super::outage::Route;
use super::{Progress, Sender};
use crate::clock::Stamp;
use crate::queue::{Look, Seal, Want};
use crate::sync::Arc;

impl Sender {
    /// Moves events from the queue into batches until nothing is due, or a batch is ready.
    pub(super) fn fill(&mut self, now: Stamp) {
        let shared = Arc::clone(&self.shared);
        let queue = &shared.queue;
        let look = self.look();
        self.look_at_pace(now, &look);
        let route = self.route(now);
        if self.ready.is_none() {
            let want = self.want(now, &look, route);
            if want == Want::All {
                queue.line().sweep();
            }
            self.pull(want);
        }
        if self.ready.is_none() {
            let fitted = self.fitted_limits();
            let ripe = |batch: &mut Batch| {
                batch.len() >= fitted.events_max
                    || batch.open().1 >= queue.batch_bytes()
                    || now >= batch.begun_at.after(shared.config.batch_age_max)
                    || self.flushes.waits_for(batch.first_pull)
                    || route == Route::Probe
                    || queue.is_closed()
            };
            self.ready = self.filling.take_if(ripe);
        }
    }

    fn look_at_pace(&mut self, now: Stamp, look: &Look) {
        let events = self.shared.queue.accepted();
        let bytes = self.pulled_bytes + look.bytes as u64;
        let added = events * self.shared.config.common.added_max() as u64;
        self.pace.look(now, events, bytes + added);
    }

    /// What is due in the queue.
    fn want(&self, now: Stamp, look: &Look, route: Route) -> Want {
        let queue = &self.shared.queue;
        let limits = self.fitted_limits();
        let filling = self.filling.as_ref().map_or((0, 0), |batch| (batch.len(), batch.text_len()));
        let (events, bytes) = (filling.0 + look.events, filling.1 + look.bytes);
        // A sealed chunk is enough work for now, and may be most of what there is.
        let enough = !look.sealed
            && (events >= limits.events_max
                || limits.body(events, bytes) >= limits.bytes_max
                || bytes >= queue.batch_bytes()
                || queue.is_crowded());
        // While sealed chunks wait, their age is no reason to empty the shards: callers would get new chunks all the time.
        let begun_at = if look.sealed { look.in_shards_since } else { self.begun_at(look) };
        let due = now >= begun_at.after(self.shared.config.batch_age_max);
        let waited_for = self.flushes.waits_for(self.pulled) || route == Route::Probe || queue.is_closed();
        if look.events > 0 && (enough || due || waited_for) { Want::All } else { Want::Sealed }
    }

    /// When the oldest event that is still filling a batch was emitted.
    pub(super) fn begun_at(&self, look: &Look) -> Stamp {
        self.filling.as_ref().map_or(Stamp::NEVER, |batch| batch.begun_at).min(look.begun_at)
    }

    /// What waits in the queue, and in the chunk that is being copied.
    pub(super) fn look(&self) -> Look {
        let look = self.shared.queue.look();
        match &self.opened {
            None => look,
            Some(opened) => Look {
                events: look.events + opened.len(),
                bytes: look.bytes + opened.bytes(),
                begun_at: look.begun_at.min(opened.begun_at()),
                sealed: true,
                ..look
            },
        }
    }

    fn pull(&mut self, want: Want) {
        let fitted = self.fitted_limits();
        while self.ready.is_none() {
            if self.opened.is_some() {
                self.take_first(&fitted);
            } else if self.pull_chunk(want, &fitted) == Progress::None {
                return;
            }
        }
    }

    /// Takes the first chunk: into a batch unchanged (I2), or to be copied event by event.
    fn pull_chunk(&mut self, want: Want, fitted: &BatchLimits) -> Progress {
        let shared = Arc::clone(&self.shared);
        let mut line = shared.queue.line();
        let Some(front) = line.front(want) else { return Progress::None };
        let whole = self.plain && !front.is_named() && fitted.takes(front.len(), front.bytes());
        if whole
            && let Some(batch) = &mut self.filling
            && batch.add_chunk(front, fitted) == Added::NoRoom
        {
            self.ready = self.filling.take();
            return Progress::Some;
        }
        let Some(chunk) = line.pop() else { return Progress::None };
        // While we hold the line, so that a thread that takes over finds each event either in the line or in hand.
        shared.ledger.take_in_hand(chunk.len() as u64);
        drop(line);
        if !whole {
            self.opened = Some(chunk);
            return Progress::Some;
        }
        let (events, bytes, sealed) = (chunk.len() as u64, chunk.bytes() as u64, chunk.seal == Seal::Sealed);
        if self.filling.is_some() {
            shared.queue.keep(chunk);
        } else {
            let batch = Batch::of_chunk(Arc::clone(&shared), *chunk, &self.limits, self.pulled);
            let place = if sealed || batch.is_full(fitted) { &mut self.ready } else { &mut self.filling };
            *place = Some(batch);
        }
        self.pulled += events;
        self.pulled_bytes += bytes;
        Progress::Some
    }

    /// Copies the first event of the opened chunk, with the shared fields. User code may run, so nobody holds the line.
    fn take_first(&mut self, fitted: &BatchLimits) {
        let Some(opened) = &self.opened else { return };
        let Some(piece) = opened.piece(0, self.shared.queue.frame()) else {
            // Empty: all of it is copied.
            return self.opened.take().into_iter().for_each(|chunk| self.shared.queue.keep(chunk));
        };
        let bytes = piece.text.len();
        if self.filling.as_mut().map(|batch| batch.add(piece, fitted)) != Some(Added::Yes) {
            self.ready = self.filling.take();
            let shared = Arc::clone(&self.shared);
            let spare = self.spares.pop().unwrap_or_default();
            let mut batch = Batch::begin(shared, spare, &self.limits, self.pulled, piece.emitted_at)
                .measured_by(&self.measure);
            // Any event fits an empty batch: event_bytes_max was checked against batch_bytes_max.
            let added = batch.add(piece, &self.limits);
            debug_assert_eq!(added, Added::Yes);
            self.filling = Some(batch);
        }
        if let Some(opened) = &mut self.opened {
            opened.take_first(bytes);
            if opened.is_empty() {
                self.opened.take().into_iter().for_each(|chunk| self.shared.queue.keep(chunk));
            }
        }
        self.pulled += 1;
        self.pulled_bytes += bytes as u64;
    }

    /// What a batch may hold, from what the endpoint accepts; a first event always fits.
    pub(super) fn fitted_limits(&self) -> BatchLimits {
        let Size { events, bytes } = self.fit.limit();
        BatchLimits { events_max: events, bytes_max: bytes, ..self.limits }
    }
}
