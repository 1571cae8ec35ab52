//! What a reply says about the events of its request.
//!
//! A format reads it from the reply; the sender decides what follows from it ([`crate::sender::verdict`]).

use crate::outcome::MaybeDelivered;

/// What a 2xx answer says about single events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// All were accepted.
    None,
    /// These were refused, by zero-based position in the request. They are spilled with [`Reason::Refused`](crate::Reason::Refused).
    Events(Vec<usize>),
    /// The reply does not say: all are spilled with [`Reason::Broken`](crate::Reason::Broken), marked `maybe_delivered`.
    Unknown,
}

/// What a reply of any status says about the events of its request, as a format reads it for [`Format::verdict`](super::Format::verdict).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing beyond its status. 2xx: all were taken. 400, 413, 422: something about the events is refused, and nothing was taken; they
    /// are posted again in halves until the refused one is alone. Any other: it is not about the events.
    ByStatus,
    /// What happened to each, in the order of the request. An event that the reply does not mention is [`Fate::Unknown`].
    Each(Vec<Fate>),
    /// None was taken because of some of them, and the reply does not say which: they are posted again in halves until those are alone.
    NoneTaken {
        /// The reply's own words.
        words: String,
    },
    /// Some were refused and the others taken, and the reply does not say which. If the endpoint [stores a repeated event
    /// once](super::Repeats::Harmless), they are posted again in halves until the refused ones are alone. Otherwise all are spilled,
    /// [`Reason::Refused`](crate::Reason::Refused) and `maybe_delivered`.
    SomeRefused {
        /// How many, if the reply says so. None refused means that all were taken; all refused means that none was.
        refused: Option<usize>,
        /// The reply's own words.
        words: String,
    },
    /// None was taken for now: the endpoint is overloaded, or something behind it is down. Counts toward an outage; the reply's
    /// `retry-after` is respected.
    Unavailable {
        /// Whether some of them may have been taken anyway.
        maybe_delivered: MaybeDelivered,
        /// The reply's own words.
        words: String,
    },
    /// None was taken, and none will be: path, credentials or settings are wrong.
    Denied {
        /// The reply's own words.
        words: String,
    },
    /// The reply does not say: all are spilled with [`Reason::Broken`](crate::Reason::Broken), marked `maybe_delivered`. Counts toward an
    /// outage.
    Unknown,
}

impl Verdict {
    /// All are refused: for a reply that takes nothing and will not change on a retry.
    pub fn all_refused(events: usize, words: impl Into<String>) -> Verdict {
        Verdict::Each(vec![Fate::Refused(words.into()); events])
    }

    /// None was taken because of the one at this position: it is refused, and the others are posted again without it. If the position is
    /// outside the request, they are posted again in halves.
    pub fn none_because_of(nth: usize, events: usize, words: impl Into<String>) -> Verdict {
        let mut fates = vec![Fate::NotTaken; events];
        match fates.get_mut(nth) {
            Some(fate) => *fate = Fate::Refused(words.into()),
            None => return Verdict::ByStatus,
        }
        Verdict::Each(fates)
    }
}

/// What happened to one event of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Taken, by this request or an earlier one.
    Delivered,
    /// Refused permanently, with the reply's own words: spilled with [`Reason::Refused`](crate::Reason::Refused).
    Refused(String),
    /// Refused or taken: the reply does not distinguish it from its neighbor. Spilled with [`Reason::Refused`](crate::Reason::Refused) and
    /// `maybe_delivered`.
    MaybeRefused(String),
    /// Not taken for now, with the reply's own words: spilled with [`Reason::Unavailable`](crate::Reason::Unavailable). If a request has
    /// more of these than delivered events, the post failed and counts toward an outage.
    Unavailable(String),
    /// It may have been taken, with the reply's own words: spilled as `maybe_delivered`.
    Unknown(String),
    /// Certainly not taken, and nothing is known against it: another event stopped the request, or the endpoint gave up before it. It is
    /// posted again, a limited number of times.
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

/// What an endpoint does with a repeated event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// It stores two events.
    Double,
    /// It stores one, recognized by id, time or content.
    Harmless,
}
