//! Finds what is missing from a log: lines that a shipper dropped, a rotation that deleted too early, a missing file.
//!
//! In: events and notices as they are read. Out: for each client, how many events it reported as spilled, and
//! how many of them are here. Gaps in the sequence numbers do not show a loss, because those events were usually
//! delivered. The totals that a client logs when an outage ends and when it shuts down do. LO1: the result is
//! never more than what was lost, even if notices are missing too, and is exact if the shutdown notice is there.

use super::{Joined, Seen, SpilledNotice};
use crate::limits::LOSSES_CLIENTS_MAX;
use std::collections::BTreeMap;

/// Compares what clients reported as spilled with what is in a log.
///
/// Holds two numbers per client, for at most [`LOSSES_CLIENTS_MAX`] clients, and what [`Seen`] holds.
///
/// ```
/// use overspill::spill::{Entry, Joiner, Losses, Records};
///
/// # fn main() -> std::io::Result<()> {
/// let log = &b"2026-11-26T12:00:00Z  INFO overspill::notice: shut down: emitted 9 = delivered 2 + spilled 7 (outage 7) + lost 0 + \
///     pending 0 (0 B); endpoint out spill_client=\"0123456789abcdef\"\n"[..];
/// let (mut losses, mut joiner) = (Losses::new(), Joiner::new());
/// for entry in Records::new(log).entries() {
///     match entry? {
///         Entry::Part(part) => joiner.add(part),
///         Entry::Notice(notice) => losses.told(&notice),
///         _ => {}
///     }
///     while let Some(event) = joiner.next_event() {
///         losses.found(&event);
///     }
/// }
/// let loss = losses.of("0123456789abcdef");
/// assert_eq!((loss.missing(), loss.is_exact), (7, true));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Losses {
    seen: Seen,
    clients: BTreeMap<String, ClientCounts>,
}

#[derive(Debug, Clone, Copy, Default)]
struct ClientCounts {
    found: u64,
    /// Spilled in outages that have ended.
    in_outages: u64,
    /// Spilled in total, once the client has shut down.
    in_all: Option<u64>,
}

/// How many of one client's events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The client's events in the log, each counted once.
    pub found: u64,
    /// How many events the client reported as written to the log: all of them if
    /// [`is_exact`](Loss::is_exact), otherwise those of outages that have ended.
    pub told: u64,
    /// Whether the client's shutdown notice was read.
    pub is_exact: bool,
}

impl Loss {
    /// How many are missing: at least this many, and exactly this many if it [is exact](Loss::is_exact).
    pub fn missing(self) -> u64 {
        self.told.saturating_sub(self.found)
    }
}

impl Losses {
    /// Nothing read yet.
    pub fn new() -> Losses {
        Losses::default()
    }

    /// Records an event in the log. A duplicate counts once.
    pub fn found(&mut self, event: &Joined) {
        if self.seen.insert(&event.client, event.seq) {
            if let Some(books) = self.books(&event.client) {
                books.found += 1;
            }
        }
    }

    /// Records what a client reports about itself.
    pub fn told(&mut self, notice: &SpilledNotice) {
        let text = notice.text.as_str();
        if let Some(spilled) =
            text.strip_prefix("shut down: ").and_then(|text| number_behind(text, " + spilled "))
        {
            if let Some(books) = self.books(&notice.client) {
                books.in_all = books.in_all.max(Some(spilled));
            }
        } else if let Some(spilled) =
            text.strip_prefix("outage ended ").and_then(|text| number_behind(text, ", spilled "))
        {
            if let Some(books) = self.books(&notice.client) {
                books.in_outages += spilled;
            }
        }
    }

    /// How many of this client's events are missing.
    pub fn of(&self, client: &str) -> Loss {
        let books = self.clients.get(client).copied().unwrap_or_default();
        Loss {
            found: books.found,
            told: books.in_all.unwrap_or(books.in_outages),
            is_exact: books.in_all.is_some(),
        }
    }

    /// The clients in what was read, ordered by id.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        self.clients.keys().map(String::as_str)
    }

    /// The events that are in the log.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// `None` for a client beyond the maximum number of clients kept.
    fn books(&mut self, client: &str) -> Option<&mut ClientCounts> {
        if !self.clients.contains_key(client) && self.clients.len() < LOSSES_CLIENTS_MAX {
            self.clients.insert(client.to_owned(), ClientCounts::default());
        }
        self.clients.get_mut(client)
    }
}

fn number_behind(text: &str, words: &str) -> Option<u64> {
    let (_, behind) = text.split_once(words)?;
    let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    behind[..digits].parse().ok()
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;

    fn notice(text: &str) -> SpilledNotice {
        SpilledNotice { client: "a".to_owned(), text: text.to_owned(), written_at: None }
    }

    const ENDED: &str = "outage ended after 1.5 s: delivered 16, spilled 40 (outage 30, timeout 10), lost 0";
    const SHUT: &str = "shut down: emitted 100 = delivered 50 + spilled 50 (outage 50) + lost 0 + pending 0 (0 B); endpoint healthy";

    #[test]
    fn outages_report_a_minimum_and_a_shutdown_the_exact_number() {
        let mut losses = Losses::new();
        assert_eq!(losses.of("a"), Loss { found: 0, told: 0, is_exact: false });
        losses.told(&notice(ENDED));
        losses.told(&notice("outage began: status 503"));
        losses.told(&notice("the event said: shut down: emitted 9 = delivered 2 + spilled 7"));
        assert_eq!((losses.of("a").missing(), losses.of("a").is_exact), (40, false));
        losses.told(&notice(SHUT));
        losses.told(&notice(SHUT));
        assert_eq!((losses.of("a").missing(), losses.of("a").is_exact), (50, true));
        assert_eq!(losses.clients().collect::<Vec<_>>(), ["a"]);
    }
}
