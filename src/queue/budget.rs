//! How much may be in the queue: waiting events, and bytes in queue, batches and requests in flight.
//!
//! In: what a shard wants. Out: whether it may have it. Callers take steps of a few dozen events, so that they seldom write a word that
//! others write too; what a shard has taken and not used is its credit.
//! G1: credits plus what is held never exceed the maximum: each is one word, added to only if the sum fits.
//! G2: a refusal is exact: if a step does not fit, just what is needed is taken, and before a caller is refused all shards give back their
//!     credit ([`Queue::push`](super::Queue::push)).

use super::wake::Wake;
use crate::limits::{QUEUE_STEP_BYTES, QUEUE_STEP_EVENTS, STEPS_IN_BUDGET};
use crate::queue_share::QueueShare;
use crate::sync::{AtomicU64, Ordering, plain};

/// Taken and not used.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Credit {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// What all shards together have taken, after a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Budget {
    events: AtomicU64,
    bytes: AtomicU64,
    events_max: u64,
    bytes_max: u64,
    step: Credit,
    /// The share of `bytes_max` that may be used, an index into [`QueueShare::ALL`]. Shares only lower G1's maximum.
    share: plain::AtomicU8,
}

impl Budget {
    pub(crate) fn new(events_max: usize, bytes_max: usize, shards: usize) -> Budget {
        let step = |max: usize, most: usize| (max / (STEPS_IN_BUDGET * shards)).clamp(1, most) as u64;
        Budget {
            events: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            events_max: events_max as u64,
            bytes_max: bytes_max as u64,
            step: Credit {
                events: step(events_max, QUEUE_STEP_EVENTS),
                bytes: step(bytes_max, QUEUE_STEP_BYTES),
            },
            share: plain::AtomicU8::new(QueueShare::Whole as u8),
        }
    }

    /// Makes sure that the credit covers one more event of this many bytes. `None`: there is no room. `Some(None)`: it covered the event
    /// already. Otherwise the new total.
    #[inline]
    pub(crate) fn cover(&self, credit: &mut Credit, bytes: u64, wake: &Wake) -> Option<Option<Taken>> {
        if credit.events > 0 && credit.bytes >= bytes {
            return Some(None);
        }
        self.step(credit, bytes, wake).map(Some)
    }

    #[cold]
    fn step(&self, credit: &mut Credit, bytes: u64, wake: &Wake) -> Option<Taken> {
        let mut taken = Taken { events: 0, bytes: 0 };
        // Steps stop just short of what the sender sleeps for, so that the event that reaches it wakes it.
        let wanted = wake.wanted();
        let short = |step: u64, wanted: u64, sum: &AtomicU64| {
            step.min(wanted.saturating_sub(1).saturating_sub(sum.load(Ordering::Relaxed)))
        };
        if credit.events == 0 {
            let step = short(self.step.events, wanted.events, &self.events).max(1);
            let (step, sum) = take(&self.events, self.events_max, step, 1)?;
            credit.events += step;
            taken.events = sum;
        }
        if credit.bytes < bytes {
            let missing = bytes - credit.bytes;
            let step = short(self.step.bytes, wanted.bytes, &self.bytes).max(missing);
            let Some((step, sum)) = take(&self.bytes, self.bytes_max(), step, missing) else {
                if taken.events > 0 {
                    // Otherwise the next event would use a step that was never compared with what the sender sleeps for.
                    self.leave(std::mem::take(&mut credit.events));
                }
                return None;
            };
            credit.bytes += step;
            taken.bytes = sum;
        }
        Some(taken)
    }

    pub(crate) fn give_back(&self, credit: &mut Credit) {
        let Credit { events, bytes } = std::mem::take(credit);
        self.leave(events);
        self.discharge(bytes);
    }

    /// This many events have left the queue.
    pub(crate) fn leave(&self, events: u64) {
        if events > 0 {
            self.events.fetch_sub(events, Ordering::AcqRel);
        }
    }

    /// This many bytes are settled.
    pub(crate) fn discharge(&self, bytes: u64) {
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        }
    }

    /// Credits included.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Credits included.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The totals, in the modification order of their words: a step not in them sees everything this thread did before.
    pub(crate) fn taken(&self) -> Taken {
        Taken {
            events: self.events.fetch_add(0, Ordering::AcqRel),
            bytes: self.bytes.fetch_add(0, Ordering::AcqRel),
        }
    }

    /// Sets the share of the budget that may be used; returns the previous one.
    pub(crate) fn set_share(&self, share: QueueShare) -> QueueShare {
        let before = self.share.swap(share as u8, Ordering::Relaxed);
        QueueShare::ALL[usize::from(before) % QueueShare::ALL.len()]
    }

    pub(crate) fn share(&self) -> QueueShare {
        // Relaxed: it is a single figure, and a short delay does no harm.
        QueueShare::ALL[usize::from(self.share.load(Ordering::Relaxed)) % QueueShare::ALL.len()]
    }

    pub(crate) fn events_max(&self) -> u64 {
        self.events_max
    }

    pub(crate) fn bytes_max(&self) -> u64 {
        self.share().of(self.bytes_max)
    }
}

/// Adds a step or, if that does not fit, what is needed; returns how much, and the sum.
fn take(word: &AtomicU64, max: u64, step: u64, needed: u64) -> Option<(u64, u64)> {
    [step, needed].into_iter().find_map(|more| {
        // AcqRel: a sender about to sleep first says what wakes it, and then adds zero to this word (`Wake`).
        word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |sum| {
            sum.checked_add(more).filter(|&sum| sum <= max)
        })
        .ok()
        .map(|before| (more, before + more))
    })
}
