//! The bounded queue between callers and sender; both ends live here, so neither can go before the other.
//!
//! In: encoded events from any thread. Out: chunks of them, to the sender; or the reason why there was no room.
//!
//! Callers put their events into shards, each of its own thread's, of which the sender has nothing to do but take what is full; what is not, it
//! sweeps together when it is due. Shards keep callers apart; where one is busy all the same its caller goes to the next, and if all
//! are, to the side door, which is an ordinary channel of a few events. Nobody waits.
//!
//! Q1: an event is with the caller, in a shard, in the channel, in the line, or with the sender; a refused push leaves it where it was.
//! Q2: events in the queue never exceed `queue_events_max`, bytes taken never `queue_bytes_max`: see [`Budget`].
//! Q3: no push succeeds once the queue [is drained](Queue::is_drained): it is closed by a flag under each shard's latch, and by the gate for
//!     those at the side door, whose announcements must be resolved: pulled, or refused.
//! Q4: a sender that sleeps is woken by what it waits for: see [`Wake`]. A busy sender is never woken.
//! Q5: the events of one shard leave in the order of their coming. A thread that finds its shard busy puts one event elsewhere, which may
//!     leave up to `batch_age_max` before earlier ones, or after later ones.
//!
//! Deliberately not here: what becomes of a refused event, numbers, and how events end.

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
    BATCHES_IN_BUDGET, CHUNK_SLACK_BYTES, QUEUE_ALONE, QUEUE_NAP_EIGHTHS, QUEUE_RELIEF_EIGHTHS, QUEUE_SHARDS,
    QUEUE_TRIES, SPARE_CHUNK_BYTES, SPARE_CHUNKS,
};
use crate::queue_share::QueueShare;
use crate::sync::{AtomicU64, Latch, Ordering, Padded, channel, latch};
use budget::Budget;
use chunk::held_max;
use line::Line;
use shard::{Ground, Shard, Then, Why};
use spares::{Found, Spares};
use wake::{Wake, Wanted};

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

/// Where a shard's full chunks go, and its empty ones come from.
pub(crate) trait Depot {
    /// A spare chunk, as it is.
    fn spare(&self) -> Found;

    /// Hands a sealed chunk to the sender. `Err`: no room, here it is again.
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
    /// Threads that have come.
    arrivals: AtomicU64,
    budget: Padded<Budget>,
    /// For what does not go through a shard: where it is counted, and learns whether the client is closed.
    gate: Padded<Gate>,
    /// Of the gate's announcements those that will push no more: pulled, or refused.
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

    /// Where every event is announced that does not go through a shard.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate.0
    }

    /// Puts the event into the queue, if there is room. Never waits. An event that is refused for want of room was announced at the gate:
    /// who has it has to [resolve](Queue::resolve_beside) that.
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
            Err(Why::Full(Full::Closed)) => Err(Full::Closed),
            Err(why) => self.push_elsewhere(home, why, event),
        }
    }

    #[inline]
    fn put(&self, shard: usize, event: &Event) -> Result<Then, Why> {
        let ground = Ground { shape: &self.shape, budget: &self.budget.0, wake: &self.wake.0 };
        // A power of two.
        self.shards[shard & (self.shards.len() - 1)].0.put(event.piece(), &ground, self)
    }

    /// The shard was busy, or there was no room for a step.
    #[cold]
    fn push_elsewhere(&self, home: usize, mut why: Why, event: &Event) -> Result<(), Full> {
        let shards = self.shards.len();
        for attempt in 0..=QUEUE_TRIES * shards {
            if let Why::Full(Full::NoRoom) = why {
                // Others may have taken what they do not use.
                self.shards.iter().for_each(|shard| shard.0.give_back(&self.budget.0));
            }
            match self.put(home + attempt, event) {
                Ok(then) => {
                    if then == Then::Ring {
                        self.ring();
                    }
                    return Ok(());
                }
                Err(Why::Full(Full::Closed)) => return Err(Full::Closed),
                // All have been asked, and given back.
                Err(Why::Full(Full::NoRoom)) if attempt >= shards && why != Why::Busy => {
                    return self.refuse();
                }
                Err(again) => {
                    if again == Why::Busy {
                        crate::sync::relax();
                    }
                    why = again;
                }
            }
        }
        match why {
            Why::Busy => self.push_alone(event),
            Why::Full(_) => self.refuse(),
        }
    }

    /// No room: the event is not in the queue, and counted.
    fn refuse(&self) -> Result<(), Full> {
        match self.gate().announce().side() {
            Side::Open => Err(Full::NoRoom),
            Side::Closed => Err(Full::Closed),
        }
    }

    /// All shards are busy: the side door.
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

    /// Buffers of a chunk that has ended, to be used again.
    pub(crate) fn keep(&self, chunk: impl Into<Box<Chunk>> + AsRef<Chunk>) {
        if chunk.as_ref().is_good_spare() {
            let mut chunk = chunk.into();
            chunk.empty();
            self.spares.give(chunk);
        }
    }

    /// Bytes around each text of a chunk, the longest of them.
    fn between(&self) -> usize {
        let Frame { before, between, behind } = self.shape.frame;
        before.len().max(between.len()).max(behind.len())
    }

    /// What stands around the texts of a chunk.
    pub(crate) fn frame(&self) -> &Frame {
        &self.shape.frame
    }

    /// The sender's end. Only the sender asks for it, and whoever takes over from it at the end.
    pub(crate) fn line(&self) -> Pulling<'_> {
        Pulling { queue: self, line: latch(&self.line) }
    }

    /// What waits here, without touching the shards.
    pub(crate) fn look(&self) -> Look {
        self.line().look()
    }

    /// So many announcements have been pulled or refused, and whoever did it answers for the events.
    fn resolve(&self, events: u64) {
        self.resolved.fetch_add(events, Ordering::AcqRel);
    }

    /// An announcement will push no more. The sender of a closed queue may have found it not drained because of this very one, and fall
    /// asleep over a count that is complete by then.
    pub(crate) fn resolve_beside(&self, events: u64) {
        self.resolve(events);
        self.ring_if_closed();
    }

    /// The sender of a closed queue waits for what has just been done.
    pub(crate) fn ring_if_closed(&self) {
        if self.gate().is_closed_after_this() {
            self.ring();
        }
    }

    /// Events accepted so far, and those that were announced at the gate before it closed.
    pub(crate) fn emitted(&self) -> u64 {
        self.gate().announced() + self.accepted()
    }

    /// Events in the queue.
    pub(crate) fn len(&self) -> usize {
        let credit: u64 = self.shards.iter().map(|shard| shard.0.credit().events).sum();
        self.budget.0.events().saturating_sub(credit) as usize
    }

    /// Whether a caller stands between its announcement at the side door and its push.
    pub(crate) fn awaits_push(&self) -> bool {
        self.resolved.load(Ordering::Acquire) < self.gate().announced()
    }

    /// How many events may be in it.
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

    /// Events that shards have accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.shards.iter().map(|shard| shard.0.accepted()).sum()
    }

    /// From now on pushes are refused. Idempotent; back once it holds.
    ///
    /// # Blocking
    /// For callers in the middle of a push.
    pub(crate) fn close(&self) {
        self.gate().close();
        if self.shut.load(Ordering::Acquire) == 0 {
            self.shards.iter().for_each(|shard| shard.0.close(&self.budget.0));
            self.shut.fetch_or(1, Ordering::AcqRel);
        }
        self.ring();
    }

    /// Whether anybody has begun to close it.
    pub(crate) fn is_closed(&self) -> bool {
        self.gate().is_closed()
    }

    /// Closed, and nothing is here nor about to be pushed.
    pub(crate) fn is_drained(&self) -> bool {
        if self.shut.load(Ordering::Acquire) == 0 {
            return false;
        }
        // With the line in hand nobody else is about to bring anything into it.
        let mut line = self.line();
        let look = line.look();
        look.events == 0 && self.resolved.load(Ordering::Acquire) == self.gate().announced()
    }

    /// Wakes the sender for something that is not an event.
    pub(crate) fn ring(&self) {
        self.wake.0.ring();
    }

    /// The sender is about to sleep and wants the next event to wake it. `false`: there is something, or will be in a moment; do not sleep.
    pub(crate) fn arm_for_any(&self) -> bool {
        self.wake.0.arm_for_any();
        let quiet = self.gate().announced_after_this() <= self.resolved.load(Ordering::Acquire)
            && self.shards.iter().all(|shard| shard.0.watch())
            && self.look().events == 0;
        // A watched shard forgets it at its next event, whoever is awake then.
        if !quiet {
            self.disarm();
        }
        quiet
    }

    /// The sender is about to sleep on a timer and wants to be woken once so many events are here, or so many bytes are charged, or a chunk is
    /// sealed. What shards have taken in advance may wake it early, not late.
    pub(crate) fn arm_for_batch(&self, events: usize, bytes: usize) -> bool {
        let sealed = self.wake.0.sealed() + 1;
        let budget = &self.budget.0;
        self.shards
            .iter()
            .filter(|shard| shard.0.credit().bytes > 0)
            .for_each(|shard| shard.0.give_back(budget));
        let events = (events as u64).min(self.nap_events());
        let wanted = Wanted { events, bytes: bytes as u64, sealed };
        self.wake.0.arm(wanted, || budget.taken()) && self.nothing_sealed()
    }

    /// The sender naps on a timer while events gather, and wants to be woken if far more come than it expects: at a quarter of the queue,
    /// half of the bytes that are left, or so many bytes charged.
    pub(crate) fn arm_for_nap(&self, bytes: usize) -> bool {
        let budget = &self.budget.0;
        let held = budget.bytes();
        let half = held + budget.bytes_max().saturating_sub(held).div_ceil(2).max(1);
        let wanted = Wanted { events: self.nap_events(), bytes: half.min(bytes as u64), sealed: u64::MAX };
        self.wake.0.arm(wanted, || budget.taken())
    }

    /// The sender cannot post, and wants to be woken before callers meet a full queue.
    pub(crate) fn arm_for_relief(&self) -> bool {
        let wanted = Wanted { events: self.relief_events(), bytes: self.relief_bytes(), sealed: u64::MAX };
        self.wake.0.arm(wanted, || self.budget.0.taken())
    }

    /// A chunk sealed while the sender armed has rung for nobody.
    fn nothing_sealed(&self) -> bool {
        let nothing = !self.look().sealed;
        if !nothing {
            self.disarm();
        }
        nothing
    }

    pub(crate) fn is_nearly_full(&self) -> bool {
        self.budget.0.events() >= self.relief_events() || self.budget.0.bytes() >= self.relief_bytes()
    }

    /// Whether so much is in the shards that they should be swept, whatever its age.
    pub(crate) fn is_crowded(&self) -> bool {
        self.budget.0.events() >= self.nap_events()
    }

    /// The charged bytes at which a batch waits for no more company, see [`BATCHES_IN_BUDGET`].
    pub(crate) fn batch_bytes(&self) -> usize {
        (self.budget.0.bytes_max() / BATCHES_IN_BUDGET) as usize
    }

    fn nap_events(&self) -> u64 {
        (self.budget.0.events_max() * QUEUE_NAP_EIGHTHS as u64 / 8).max(1)
    }

    fn relief_events(&self) -> u64 {
        (self.budget.0.events_max() * QUEUE_RELIEF_EIGHTHS as u64 / 8).max(1)
    }

    fn relief_bytes(&self) -> u64 {
        self.budget.0.bytes_max() * QUEUE_RELIEF_EIGHTHS as u64 / 8
    }

    /// Sets the share of the budget that is to be used; the one before.
    pub(crate) fn set_queue_share(&self, share: QueueShare) -> QueueShare {
        self.budget.0.set_share(share)
    }

    pub(crate) fn queue_share(&self) -> QueueShare {
        self.budget.0.share()
    }

    /// The bytes that may be used of the budget at the moment.
    pub(crate) fn budget_bytes(&self) -> u64 {
        self.budget.0.bytes_max()
    }

    /// The sender is awake again.
    pub(crate) fn disarm(&self) {
        self.wake.0.disarm();
    }

    /// Resolves when the sender should look again.
    ///
    /// # Cancel safety
    /// Cancel safe: a ring that comes meanwhile is kept.
    pub(crate) async fn woken(&self) {
        self.wake.0.woken().await;
    }

    #[cfg(all(test, overspill_model))]
    pub(crate) fn wait(&self) {
        self.wake.0.wait();
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

/// Most sealed chunks at once: each has as many events as it may have, or two that follow each other have more bytes than one may have. Where the
/// format's own bytes fill a chunk there may be more; then its events stay where they are, and others are refused.
fn sealed_max(events_max: usize, bytes_max: usize, shape: &Shape) -> usize {
    let by_events = events_max / shape.events_max.max(1);
    let by_bytes = (bytes_max / shape.bytes_max.max(1)).saturating_mul(2);
    by_events.saturating_add(by_bytes).saturating_add(2).min(events_max.max(2))
}

/// What a chunk in the making may have beside its events, and a spare one at all: the room of a spare one, or a quarter of a whole one.
fn room_max(shape: &Shape) -> usize {
    shape.bytes_max.min(SPARE_CHUNK_BYTES.max(shape.bytes_max / 4))
}

/// Spare chunks: as many as a full queue has, so that a burst like one before it finds what that one left; and [some](SPARE_CHUNKS).
fn spares_max(events_max: usize, bytes_max: usize, shape: &Shape) -> usize {
    let by_events = events_max / shape.events_max.max(1);
    by_events.min(bytes_max / room_max(shape).max(1)) + SPARE_CHUNKS
}

/// What the queue holds besides the texts that are charged: chunks in the making, spare ones, marks and slots.
pub(crate) fn bytes_max(events_max: usize, bytes_max: usize, shape: &Shape) -> usize {
    let mark = size_of::<crate::mark::Mark>();
    // A chunk has the marks that it needs, and grows by doubling.
    let whole =
        room_max(shape).saturating_add(2 * shape.events_max * mark).saturating_add(size_of::<Chunk>());
    // A shard has one in the making, and the next.
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
