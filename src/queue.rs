//! The bounded queue between callers and sender. Both ends live here, so neither can be dropped before the other.
//!
//! In: encoded events from any thread. Out: chunks of them for the sender, or the reason why there was no room.
//!
//! Callers put their events into shards, one per thread as far as possible. The sender takes full chunks as they come, and sweeps the rest
//! together when it is due. A caller that finds its shard busy goes to the next one; if all are busy, to the side door, an ordinary
//! channel of a few events. No caller waits.
//!
//! Q1: an event is with its caller, in a shard, in the channel, in the line or with the sender; a refused push leaves it with the caller.
//! Q2: events in the queue never exceed `queue_events_max`, bytes taken never `queue_bytes_max`: see [`Budget`].
//! Q3: no push succeeds once the queue [is drained](Queue::is_drained): a flag under each shard's latch closes it, and the gate closes
//!     the side door, whose announcements must be resolved: pulled or refused.
//! Q4: a sleeping sender is woken by what it waits for: see [`Wake`]. A busy sender is never woken.
//! Q5: the events of one shard leave in the order in which they came. A thread that finds its shard busy puts one event elsewhere; that
//!     event may leave up to `batch_age_max` before earlier ones or after later ones.
//!
//! Deliberately not here: what becomes of a refused event, numbers, and how events end.

mod arm;
mod budget;
mod chunk;
mod home;
mod line;
mod shard;
mod spares;
mod wake;

pub(crate) use chunk::{Chunk, Seal, Shape};
pub(crate) use line::{Look, Pulling};

use crate::event::Event;
use crate::format::Frame;
use crate::gate::{Gate, Side};
use crate::limits::{
    CHUNK_SLACK_BYTES, QUEUE_ALONE, QUEUE_SHARDS, QUEUE_TRIES, SPARE_CHUNK_BYTES, SPARE_CHUNKS,
};
use crate::queue_share::QueueShare;
use crate::sync::{AtomicU64, Latch, Ordering, Padded, channel, latch};
use budget::Budget;
use chunk::held_max;
use line::Line;
use shard::{Ground, NotPut, Shard, Then};
use spares::{Found, Spares};
use wake::Wake;

/// Why a push was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// No room in a budget.
    NoRoom,
    /// Closed for good.
    Closed,
}

/// Which chunks the sender takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Those that are sealed.
    Sealed,
    All,
}

/// Where a shard's full chunks go and its empty ones come from.
pub(crate) trait Depot {
    /// A spare chunk, with the buffers that it happens to have.
    fn spare(&self) -> Found;

    /// Hands a sealed chunk to the sender. `Err`: there is no room, and the chunk comes back.
    fn send(&self, chunk: Box<Chunk>) -> Result<(), Box<Chunk>>;
}

type Channel<T> = (channel::Sender<T>, channel::Receiver<T>);

/// The queue of one client.
pub(crate) struct Queue {
    shards: Vec<Padded<Shard>>,
    shape: Shape,
    sealed: Channel<Box<Chunk>>,
    /// The side door.
    alone: Channel<Event>,
    line: Latch<Line>,
    spares: Spares,
    /// How many threads got their number from this queue.
    arrivals: AtomicU64,
    budget: Padded<Budget>,
    /// For events that do not go through a shard: counts them and says whether the client is closed.
    gate: Padded<Gate>,
    /// How many of the gate's announcements have ended: pulled or refused.
    resolved: AtomicU64,
    /// 1 once the flag is set under each latch.
    shut: AtomicU64,
    wake: Padded<Wake>,
}

impl Queue {
    pub(crate) fn new(events_max: usize, bytes_max: usize, shape: Shape) -> Queue {
        Queue::with_shards(QUEUE_SHARDS, events_max, bytes_max, shape)
    }

    fn with_shards(shards: usize, events_max: usize, bytes_max: usize, shape: Shape) -> Queue {
        debug_assert!(shards.is_power_of_two());
        Queue {
            shards: (0..shards).map(|_| Padded::default()).collect(),
            sealed: channel::bounded(sealed_max(events_max, bytes_max, &shape)),
            alone: channel::bounded(QUEUE_ALONE.min(events_max)),
            line: Latch::new(Line::default()),
            spares: Spares::new(spares_max(events_max, bytes_max, &shape)),
            arrivals: AtomicU64::new(0),
            budget: Padded(Budget::new(events_max, bytes_max, shards)),
            gate: Padded::default(),
            resolved: AtomicU64::new(0),
            shut: AtomicU64::new(0),
            wake: Padded::default(),
            shape,
        }
    }

    /// Where every event that does not go through a shard is announced.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate.0
    }

    /// Puts the event into the queue if there is room. Never waits. An event refused with `NoRoom` was announced at the gate: the caller
    /// must [resolve](Queue::resolve_beside) that.
    #[inline]
    pub(crate) fn push(&self, event: &Event) -> Result<(), Full> {
        self.push_at(home::of_this_thread(&self.arrivals), event)
    }

    #[inline]
    fn push_at(&self, home: usize, event: &Event) -> Result<(), Full> {
        match self.put(home, event) {
            Ok(Then::Nothing) => Ok(()),
            Ok(Then::Ring) => {
                self.ring();
                Ok(())
            }
            Err(NotPut::Full(Full::Closed)) => Err(Full::Closed),
            Err(why) => self.push_elsewhere(home, why, event),
        }
    }

    #[inline]
    fn put(&self, shard: usize, event: &Event) -> Result<Then, NotPut> {
        let ground = Ground { shape: &self.shape, budget: &self.budget.0, wake: &self.wake.0 };
        // A power of two.
        self.shards[shard & (self.shards.len() - 1)].0.put(event.piece(), &ground, self)
    }

    /// Tries all shards, after the first was busy or had no room for a step.
    #[cold]
    fn push_elsewhere(&self, home: usize, mut why: NotPut, event: &Event) -> Result<(), Full> {
        let shards = self.shards.len();
        for attempt in 0..=QUEUE_TRIES * shards {
            if let NotPut::Full(Full::NoRoom) = why {
                // Others may have taken more than they use.
                self.shards.iter().for_each(|shard| shard.0.give_back(&self.budget.0));
            }
            match self.put(home + attempt, event) {
                Ok(then) => {
                    if then == Then::Ring {
                        self.ring();
                    }
                    return Ok(());
                }
                Err(NotPut::Full(Full::Closed)) => return Err(Full::Closed),
                // All shards have been tried and have given back.
                Err(NotPut::Full(Full::NoRoom)) if attempt >= shards && why != NotPut::Busy => {
                    return self.refuse();
                }
                Err(again) => {
                    if again == NotPut::Busy {
                        crate::sync::relax();
                    }
                    why = again;
                }
            }
        }
        match why {
            NotPut::Busy => self.push_alone(event),
            NotPut::Full(_) => self.refuse(),
        }
    }

    /// Refuses an event for which there is no room: it is counted, and is not in the queue.
    fn refuse(&self) -> Result<(), Full> {
        match self.gate().announce().side() {
            Side::Open => Err(Full::NoRoom),
            Side::Closed => Err(Full::Closed),
        }
    }

    /// Puts an event at the side door, because all shards are busy.
    fn push_alone(&self, event: &Event) -> Result<(), Full> {
        let pass = self.gate().announce();
        if pass.side() == Side::Closed {
            return Err(Full::Closed);
        }
        let mut credit = budget::Credit::default();
        let bytes = event.text().len() as u64;
        if self.budget.0.cover(&mut credit, bytes, &self.wake.0).is_none() {
            return self.refuse_alone(&mut credit);
        }
        credit = budget::Credit { events: credit.events - 1, bytes: credit.bytes - bytes };
        self.budget.0.give_back(&mut credit);
        if self.alone.0.try_send(event.copy()).is_err() {
            credit = budget::Credit { events: 1, bytes };
            return self.refuse_alone(&mut credit);
        }
        if self.wake.0.after_first() || (self.alone.1.len() >= QUEUE_ALONE / 2 && self.wake.0.after_alone()) {
            self.ring();
        }
        Ok(())
    }

    fn refuse_alone(&self, credit: &mut budget::Credit) -> Result<(), Full> {
        self.budget.0.give_back(credit);
        Err(Full::NoRoom)
    }

    /// Keeps the buffers of a finished chunk for reuse.
    pub(crate) fn keep(&self, chunk: impl Into<Box<Chunk>> + AsRef<Chunk>) {
        if chunk.as_ref().is_good_spare() {
            let mut chunk = chunk.into();
            chunk.empty();
            self.spares.give(chunk);
        }
    }

    /// The longest of the byte strings that surround a text in a chunk.
    fn between(&self) -> usize {
        let Frame { before, between, behind } = self.shape.frame;
        before.len().max(between.len()).max(behind.len())
    }

    /// The bytes that surround the texts of a chunk.
    pub(crate) fn frame(&self) -> &Frame {
        &self.shape.frame
    }

    /// The sender's end. Only the sender asks for it, and at the end the thread that takes over.
    pub(crate) fn line(&self) -> Pulling<'_> {
        Pulling { queue: self, line: latch(&self.line) }
    }

    /// What waits here, without touching the shards.
    pub(crate) fn look(&self) -> Look {
        self.line().look()
    }

    /// Counts announcements that were pulled or refused; the calling thread is now responsible for their events.
    fn resolve(&self, events: u64) {
        self.resolved.fetch_add(events, Ordering::AcqRel);
    }

    /// Resolves announcements that ended without a push. The sender of a closed queue may have found it not drained because of them, and be
    /// about to sleep although the count is complete by then: so this wakes it.
    pub(crate) fn resolve_beside(&self, events: u64) {
        self.resolve(events);
        self.ring_if_closed();
    }

    /// Wakes the sender of a closed queue, which waits for what has just been done.
    pub(crate) fn ring_if_closed(&self) {
        if self.gate().is_closed_after_this() {
            self.ring();
        }
    }

    /// Events accepted so far, plus those announced at the gate before it closed.
    pub(crate) fn emitted(&self) -> u64 {
        self.gate().announced() + self.accepted()
    }

    /// Events in the queue.
    pub(crate) fn len(&self) -> usize {
        let credit: u64 = self.shards.iter().map(|shard| shard.0.credit().events).sum();
        self.budget.0.events().saturating_sub(credit) as usize
    }

    /// Whether a caller is between its announcement at the side door and its push.
    pub(crate) fn awaits_push(&self) -> bool {
        self.resolved.load(Ordering::Acquire) < self.gate().announced()
    }

    /// Capacity in events.
    pub(crate) fn events_max(&self) -> usize {
        self.budget.0.events_max() as usize
    }

    /// Gives settled bytes back to the budget.
    pub(crate) fn discharge(&self, bytes: usize) {
        self.budget.0.discharge(bytes as u64);
    }

    /// Charged bytes: queue, batches, requests in flight.
    pub(crate) fn held_bytes(&self) -> usize {
        let credit: u64 = self.shards.iter().map(|shard| shard.0.credit().bytes).sum();
        self.budget.0.bytes().saturating_sub(credit) as usize
    }

    /// Events that the shards have accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.accepted()).sum()
    }

    /// Refuses pushes from now on. Idempotent; holds once it returns.
    ///
    /// # Blocking
    /// Until callers in the middle of a push are done.
    pub(crate) fn close(&self) {
        self.gate().close();
        if self.shut.load(Ordering::Acquire) == 0 {
            self.shards.iter().for_each(|shard| shard.0.close(&self.budget.0));
            self.shut.fetch_or(1, Ordering::AcqRel);
        }
        self.ring();
    }

    /// Whether closing has begun.
    pub(crate) fn is_closed(&self) -> bool {
        self.gate().is_closed()
    }

    /// Closed, with nothing left here or about to be pushed.
    pub(crate) fn is_drained(&self) -> bool {
        if self.shut.load(Ordering::Acquire) == 0 {
            return false;
        }
        // While we hold the line, no other thread brings anything into it.
        let mut line = self.line();
        let look = line.look();
        look.events == 0 && self.resolved.load(Ordering::Acquire) == self.gate().announced()
    }

    /// Wakes the sender for something that is not an event.
    pub(crate) fn ring(&self) {
        self.wake.0.ring();
    }

    /// Sets the share of the byte budget that may be used; returns the previous one.
    pub(crate) fn set_queue_share(&self, share: QueueShare) -> QueueShare {
        let before = self.budget.0.set_share(share);
        // A sleeping sender may wait for more than the new share allows.
        self.ring();
        before
    }

    pub(crate) fn queue_share(&self) -> QueueShare {
        self.budget.0.share()
    }

    /// The bytes of the budget that may be used now.
    pub(crate) fn budget_bytes(&self) -> u64 {
        self.budget.0.bytes_max()
    }
}

impl Depot for Queue {
    #[inline]
    fn spare(&self) -> Found {
        self.spares.try_take()
    }

    #[inline]
    fn send(&self, chunk: Box<Chunk>) -> Result<(), Box<Chunk>> {
        self.sealed.0.try_send(chunk).map_err(|full| full.into_inner())
    }
}

/// Maximum number of sealed chunks: each is full by events, or two neighbors together have more bytes than one may have. If the format's
/// own bytes fill chunks there may be more; their events then stay in the shard, and others are refused.
fn sealed_max(events_max: usize, bytes_max: usize, shape: &Shape) -> usize {
    let by_events = events_max / shape.events_max.max(1);
    let by_bytes = (bytes_max / shape.bytes_max.max(1)).saturating_mul(2);
    by_events.saturating_add(by_bytes).saturating_add(2).min(events_max.max(2))
}

/// Maximum bytes of buffer that a filling or spare chunk may have beyond its events: those of a spare one, or a quarter of a whole one.
fn room_max(shape: &Shape) -> usize {
    shape.bytes_max.min(SPARE_CHUNK_BYTES.max(shape.bytes_max / 4))
}

/// As many spare chunks as a full queue has, so that a burst finds the chunks of the one before it, and [a few more](SPARE_CHUNKS).
fn spares_max(events_max: usize, bytes_max: usize, shape: &Shape) -> usize {
    let by_events = events_max / shape.events_max.max(1);
    by_events.min(bytes_max / room_max(shape).max(1)) + SPARE_CHUNKS
}

/// Maximum bytes that the queue holds besides the charged texts: filling and spare chunks, marks and channel slots.
pub(crate) fn bytes_max(events_max: usize, bytes_max: usize, shape: &Shape) -> usize {
    let mark = size_of::<crate::mark::Mark>();
    // A chunk's marks grow by doubling.
    let whole =
        room_max(shape).saturating_add(2 * shape.events_max * mark).saturating_add(size_of::<Chunk>());
    // A shard has one that fills, and the next.
    let spares = spares_max(events_max, bytes_max, shape);
    let chunks = (2 * QUEUE_SHARDS + spares).saturating_mul(whole);
    let sealed = sealed_max(events_max, bytes_max, shape);
    // In the channel, and once more in the line, which grows by doubling.
    let slots = sealed.saturating_mul(
        3 * 2 * size_of::<usize>() + size_of::<Chunk>() + CHUNK_SLACK_BYTES.min(shape.bytes_max) + 4 * mark,
    );
    let alone = QUEUE_ALONE.min(events_max) * (size_of::<Event>() + size_of::<usize>())
        + spares * 2 * size_of::<usize>();
    let shards = QUEUE_SHARDS * size_of::<Padded<Shard>>();
    [chunks, held_max(bytes_max) - bytes_max, 2 * events_max * mark, slots, alone, shards]
        .into_iter()
        .fold(0, usize::saturating_add)
}

#[cfg(all(test, overspill_model))]
mod model;

#[cfg(all(test, not(overspill_model)))]
mod tests;
