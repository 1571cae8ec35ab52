//! What a batch keeps of each event beside its text, for settling it and for the format that reads it.

use crate::clock::Stamp;
use crate::event::NameId;
use crate::limits::{BATCH_BYTES_LIMIT, EVENT_BYTES_LIMIT};

/// Where an event ends in the batch's text, and what settling it takes.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) seq: u64,
    pub(crate) emitted_at: Stamp,
    /// At most BATCH_BYTES_LIMIT.
    pub(crate) end: u32,
    /// A block holds at most 2 x EVENT_BYTES_LIMIT.
    pub(crate) charge: u32,
    /// What it takes in a body, its share of the overhead aside.
    pub(crate) weight: u32,
    pub(crate) name: NameId,
    pub(crate) state: State,
}

const _: () = assert!(BATCH_BYTES_LIMIT <= u32::MAX as usize);
const _: () = assert!(2 * EVENT_BYTES_LIMIT <= u32::MAX as usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Settled,
}

impl Mark {
    pub(crate) fn end(&self) -> usize {
        self.end as usize
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn emitted_at(&self) -> Stamp {
        self.emitted_at
    }

    pub(crate) fn name(&self) -> NameId {
        self.name
    }

    pub(crate) fn charge(&self) -> usize {
        self.charge as usize
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight as usize
    }

    /// Of an event that nobody has emitted: for `Events` alone.
    #[cfg(all(feature = "testkit", not(overspill_model)))]
    pub(crate) fn ending_at(end: usize) -> Mark {
        Mark {
            seq: 0,
            emitted_at: Stamp(0),
            end: end as u32,
            charge: 0,
            weight: 0,
            name: NameId::default(),
            state: State::Settled,
        }
    }
}
