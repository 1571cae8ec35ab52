//! An event in a text that several share: what is kept besides its text, for settling it and for the format that reads it.

use crate::clock::Stamp;
use crate::limits::BATCH_BYTES_LIMIT;

/// The number of an event's name among those that its client knows; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NameId(pub(crate) u16);

impl NameId {
    pub(crate) const NONE: NameId = NameId(0);
}

/// Where an event ends in a text that several share, and what else is known about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    emitted_at: Stamp,
    /// At most BATCH_BYTES_LIMIT.
    end: u32,
    name: NameId,
    state: State,
}

// All that an event costs besides its text.
const _: () = assert!(size_of::<Mark>() == 16);
const _: () = assert!(BATCH_BYTES_LIMIT <= u32::MAX as usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Settled,
}

impl Mark {
    pub(crate) fn open(emitted_at: Stamp, name: NameId, end: usize) -> Mark {
        Mark { emitted_at, end: end as u32, name, state: State::Open }
    }

    /// The same event in a text in which it ends elsewhere.
    pub(crate) fn ending_at(self, end: usize) -> Mark {
        Mark { end: end as u32, ..self }
    }

    pub(crate) fn end(&self) -> usize {
        self.end as usize
    }

    pub(crate) fn emitted_at(&self) -> Stamp {
        self.emitted_at
    }

    pub(crate) fn name(&self) -> NameId {
        self.name
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(crate) fn settle(&mut self) {
        self.state = State::Settled;
    }
}

/// A borrowed event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) emitted_at: Stamp,
    pub(crate) name: NameId,
}
