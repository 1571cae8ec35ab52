//! What an answer says about the events of its request.
//!
//! A format reads it out of the answer; what follows from it is the sender's ([`crate::sender::verdict`]).

use crate::outcome::MaybeDelivered;

/// What of a 2xx answer settles the events that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettledBy {
    /// Its status: all were taken. What the body does (it is shorter than announced, drips, never ends) holds up nothing.
    Status,
    /// Its body, which may refuse some of them.
    Body,
}

/// What a 2xx answer says about single events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// All were accepted.
    None,
    /// These were not, by their position in the request, from 0; they are spilled with
    /// [`Reason::Refused`](crate::Reason::Refused).
    Events(Vec<usize>),
    /// The answer does not say: all are spilled with [`Reason::Broken`](crate::Reason::Broken), marked `maybe_delivered`.
    Unknown,
}

/// What an answer of any status says about the events of its request: what a format reads out of it, for
/// [`Format::verdict`](super::Format::verdict).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// No more than its status: 2xx, all were taken; 400, 413, 422, something about the events is refused, and nothing was taken: they
    /// are posted again in halves until the one is alone; any other, it is not about the events.
    ByStatus,
    /// What became of each, in the order of the request. One that the answer says nothing about is [`Fate::Unknown`].
    Each(Vec<Fate>),
    /// None was taken because of some of them, and it does not say which: they are posted again in halves until those are alone.
    NoneTaken {
        /// The answer's own words.
        words: String,
    },
    /// Some were refused and the others taken, and it does not say which. Where the endpoint
    /// [takes an event that comes twice for one](super::Repeats::Harmless), they are posted again in halves until those that are refused are alone;
    /// elsewhere all are spilled, [`Reason::Refused`](crate::Reason::Refused) and `maybe_delivered`.
    SomeRefused {
        /// How many, if it says that much. None means that all were taken, and all of them that none was.
        refused: Option<usize>,
        /// The answer's own words.
        words: String,
    },
    /// None of them for now: the endpoint has too much to do, or something behind it is gone. Counts towards an outage; the answer's
    /// `retry-after` is honoured.
    Unavailable {
        /// Whether some of them may have been taken nevertheless.
        maybe_delivered: MaybeDelivered,
        /// The answer's own words.
        words: String,
    },
    /// None of them, and none of those to come: path, credentials or settings are wrong.
    Denied {
        /// The answer's own words.
        words: String,
    },
    /// It does not say: all are spilled with [`Reason::Broken`](crate::Reason::Broken), marked `maybe_delivered`. Counts towards an outage.
    Unknown,
}

impl Verdict {
    /// All are refused: for an answer that takes nothing, and will not when asked again.
    pub fn all_refused(events: usize, words: impl Into<String>) -> Verdict {
        Verdict::Each(vec![Fate::Refused(words.into()); events])
    }

    /// None was taken, because of the one at this position: it is refused, and the others are posted again without it. A position outside
    /// of the request says nothing: they are posted again in halves.
    pub fn none_because_of(nth: usize, events: usize, words: impl Into<String>) -> Verdict {
        let mut fates = vec![Fate::NotTaken; events];
        match fates.get_mut(nth) {
            Some(fate) => *fate = Fate::Refused(words.into()),
            None => return Verdict::ByStatus,
        }
        Verdict::Each(fates)
    }
}

/// What became of one event of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Taken, by this request or by an earlier one.
    Delivered,
    /// Refused for good, with the answer's own words: spilled with [`Reason::Refused`](crate::Reason::Refused).
    Refused(String),
    /// Refused, or taken: the answer does not tell it from its neighbour. Spilled with [`Reason::Refused`](crate::Reason::Refused) and
    /// `maybe_delivered`.
    MaybeRefused(String),
    /// Not taken for now, with the answer's own words: spilled with [`Reason::Unavailable`](crate::Reason::Unavailable). More of these than of
    /// those delivered are a post that failed, and counts towards an outage.
    Unavailable(String),
    /// It may have been taken, with the answer's own words: spilled as `maybe_delivered`.
    Unknown(String),
    /// Certainly not taken, and nothing is known against it: another event, or the end of the endpoint's patience, was in its way. It is
    /// posted again, a bounded number of times.
    NotTaken,
}

impl Fate {
    pub(crate) fn words_mut(&mut self) -> Option<&mut String> {
        match self {
            Fate::Refused(words)
            | Fate::MaybeRefused(words)
            | Fate::Unavailable(words)
            | Fate::Unknown(words) => Some(words),
            Fate::Delivered | Fate::NotTaken => None,
        }
    }
}

/// What an endpoint makes of an event that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// Two events.
    Double,
    /// One: by its id, its time or its content.
    Harmless,
}
