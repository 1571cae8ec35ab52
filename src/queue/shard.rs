//! One of several places for callers' events, so that callers do not collide.
//!
//! In: an event, from the caller that gets the latch. Out: chunks, sealed by the caller that filled them or taken by the sender.
//! A1: under the latch one event is copied, and the call that seals a chunk sends it into the channel; no user code runs. Callers only try
//!     the latch.
//! A2: an accepted event is counted under the latch, before anyone can settle it.
//! A3: a look from outside reads published words and never takes the latch; they may be a moment old.
//! A4: once closed, nothing is accepted: a flag under the latch.

use super::budget::{Budget, Credit};
use super::chunk::{Chunk, Seal, Shape};
use super::spares::Found;
use super::wake::Wake;
use super::{Depot, Full};
use crate::clock::Stamp;
use crate::mark::Piece;
use crate::sync::{AtomicU64, Latch, LatchGuard, Ordering, latch, try_latch};

#[derive(Debug, Default)]
pub(crate) struct Shard {
    filling: Latch<Filling>,
    /// Events in the chunk; their bytes in the upper half.
    held: AtomicU64,
    /// When the oldest of them was emitted.
    begun_at: AtomicU64,
    /// Events accepted since the client was built.
    accepted: AtomicU64,
    /// Bytes taken from the budget and not used; events likewise, in the upper bits.
    credit: AtomicU64,
}

#[derive(Debug, Default)]
struct Filling {
    chunk: Box<Chunk>,
    /// The chunk after this one.
    next: Next,
    credit: Credit,
    closed: bool,
    /// The sender found nothing here and sleeps.
    watched: bool,
}

/// The call that seals a chunk has enough to do. So an earlier call takes the next chunk, once this one is half full, and the call after
/// that gives it room.
#[derive(Debug, Default)]
enum Next {
    #[default]
    None,
    Taken(Box<Chunk>),
    Ready(Box<Chunk>),
}

/// Credit is at most one event's bytes, or a step.
const CREDIT_BYTES_BITS: u32 = 40;

/// What a look at a shard shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    pub(crate) begun_at: Stamp,
}

/// What is left to do for a caller whose event is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    Ring,
}

/// Why an event is not in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPut {
    /// Another thread holds the latch.
    Busy,
    Full(Full),
}

/// What all shards of a queue share.
pub(crate) struct Ground<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) budget: &'a Budget,
    pub(crate) wake: &'a Wake,
}

impl Shard {
    /// Puts the event in. A full chunk goes to the depot, which also hands out empty ones.
    #[inline]
    pub(crate) fn put(
        &self,
        piece: Piece<'_>,
        ground: &Ground<'_>,
        depot: &impl Depot,
    ) -> Result<Then, NotPut> {
        let Some(mut filling) = try_latch(&self.filling) else { return Err(NotPut::Busy) };
        if filling.closed {
            return Err(NotPut::Full(Full::Closed));
        }
        let mut then = Then::Nothing;
        let bytes = piece.text.len();
        if !filling.chunk.has_room(bytes, ground.shape) {
            then = self.seal(&mut filling, ground, depot).ok_or(NotPut::Full(Full::NoRoom))?;
        }
        match ground.budget.cover(&mut filling.credit, bytes as u64, ground.wake) {
            None => {
                self.publish(&filling);
                drop(filling);
                if then == Then::Ring {
                    // The chunk is sealed although this event is refused.
                    ground.wake.ring();
                }
                return Err(NotPut::Full(Full::NoRoom));
            }
            Some(Some(taken)) if ground.wake.after_step(taken) => then = Then::Ring,
            Some(_) => {}
        }
        filling.credit.events -= 1;
        filling.credit.bytes -= bytes as u64;
        filling.chunk.append(piece, ground.shape);
        // A2. A plain addition: only the holder of the latch writes this. Release: a thread that sees the event settled sees it counted.
        let accepted = self.accepted.load(Ordering::Relaxed) + 1;
        store(&self.accepted, accepted);
        if !matches!(filling.next, Next::Ready(_)) && filling.chunk.is_half_full(ground.shape) {
            prepare(&mut filling, ground, depot);
        }
        if filling.chunk.is_full(ground.shape) && self.seal(&mut filling, ground, depot) == Some(Then::Ring) {
            then = Then::Ring;
        }
        self.publish(&filling);
        if filling.watched {
            filling.watched = false;
            if ground.wake.after_first() {
                then = Then::Ring;
            }
        }
        Ok(then)
    }

    /// Seals the chunk and sends it. `None`: the channel is full, and the chunk stays here.
    #[inline(never)]
    fn seal(&self, filling: &mut Filling, ground: &Ground<'_>, depot: &impl Depot) -> Option<Then> {
        // Before the chunk is in the channel: a look in between misses it, but never sees it twice.
        store(&self.held, 0);
        filling.chunk.trim(&ground.shape.frame);
        filling.chunk.seal = Seal::Sealed;
        let next = match std::mem::take(&mut filling.next) {
            Next::Ready(next) | Next::Taken(next) => next,
            Next::None => {
                let mut next = match depot.spare() {
                    Found::One(next) => next,
                    Found::Nothing | Found::Busy => Box::default(),
                };
                next.make_room(filling.chunk.size());
                next
            }
        };
        match depot.send(std::mem::replace(&mut filling.chunk, next)) {
            Ok(()) => Some(if ground.wake.after_seal() { Then::Ring } else { Then::Nothing }),
            Err(mut back) => {
                back.seal = Seal::Open;
                filling.next = Next::Ready(std::mem::replace(&mut filling.chunk, back));
                self.publish(filling);
                None
            }
        }
    }

    #[inline]
    fn publish(&self, filling: &Filling) {
        let chunk = &filling.chunk;
        store(&self.held, (chunk.bytes() as u64) << 32 | chunk.len() as u64);
        store(&self.begun_at, chunk.begun_at().0);
        self.publish_credit(&filling.credit);
    }

    #[inline]
    fn publish_credit(&self, credit: &Credit) {
        store(&self.credit, credit.events << CREDIT_BYTES_BITS | credit.bytes);
    }

    /// Room that is taken and not used, as far as can be seen from outside.
    pub(crate) fn credit(&self) -> Credit {
        let credit = self.credit.load(Ordering::Relaxed);
        Credit { events: credit >> CREDIT_BYTES_BITS, bytes: credit & ((1 << CREDIT_BYTES_BITS) - 1) }
    }

    /// A3.
    pub(crate) fn held(&self) -> Held {
        let held = self.held.load(Ordering::Acquire);
        Held {
            events: (held & u64::from(u32::MAX)) as usize,
            bytes: (held >> 32) as usize,
            begun_at: if held == 0 { Stamp::NEVER } else { Stamp(self.begun_at.load(Ordering::Relaxed)) },
        }
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Acquire)
    }

    /// Gives back unused room.
    pub(crate) fn give_back(&self, budget: &Budget) {
        if let Some(mut filling) = try_latch(&self.filling) {
            budget.give_back(&mut filling.credit);
            self.publish_credit(&filling.credit);
        }
    }

    /// Swaps the filling chunk, if it has events, for an empty one. Calls `before` under the latch, when every chunk that this shard has
    /// sealed is in the channel.
    pub(crate) fn take(
        &self,
        budget: &Budget,
        spare: &mut Option<Box<Chunk>>,
        before: impl FnOnce(),
    ) -> Option<Box<Chunk>> {
        let mut filling = latch(&self.filling);
        before();
        if filling.chunk.is_empty() {
            return None;
        }
        let next = spare.take().unwrap_or_default();
        let chunk = std::mem::replace(&mut filling.chunk, next);
        budget.give_back(&mut filling.credit);
        self.publish(&filling);
        Some(chunk)
    }

    /// Makes the next event wake the sender. `false`: there is an event already.
    pub(crate) fn watch(&self) -> bool {
        let mut filling = latch(&self.filling);
        filling.watched = filling.chunk.is_empty();
        filling.watched
    }

    pub(crate) fn close(&self, budget: &Budget) {
        let mut filling: LatchGuard<'_, Filling> = latch(&self.filling);
        filling.closed = true;
        filling.next = Next::None;
        budget.give_back(&mut filling.credit);
        self.publish_credit(&filling.credit);
    }
}

/// Takes the next chunk, or gives the one taken enough room.
#[inline(never)]
fn prepare(filling: &mut Filling, ground: &Ground<'_>, depot: &impl Depot) {
    filling.next = match std::mem::take(&mut filling.next) {
        Next::None => match depot.spare() {
            Found::One(next) => Next::Taken(next),
            Found::Nothing => Next::Taken(Box::default()),
            // The next event tries again.
            Found::Busy => Next::None,
        },
        Next::Taken(mut next) | Next::Ready(mut next) => {
            next.make_room(filling.chunk.size_to_come(ground.shape));
            Next::Ready(next)
        }
    };
}

/// For a word that only the latch's holder writes.
#[inline]
fn store(word: &AtomicU64, value: u64) {
    word.store(value, Ordering::Release);
}
