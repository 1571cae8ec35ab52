//! The content of the three views: the books of a log, as outages of a service rather than of single clients.

use super::books::{ClientOutage, KnownBy, ReportBooks};
use super::seqs::Hole;
use std::time::{Duration, SystemTime};

/// Maximum holes reported individually.
const HOLES_MAX: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) books: ReportBooks,
    pub(crate) logs: Vec<String>,
    /// Decompressed.
    pub(crate) log_bytes: u64,
    pub(crate) rows: Vec<OutageRow>,
    pub(crate) holes: Vec<ClientHole>,
    pub(crate) shorts: Vec<Short>,
    /// Events that the clients report as written but that are not here.
    pub(crate) missing: u64,
    /// Events that the clients could not put anywhere.
    pub(crate) lost: u64,
}

/// An outage of the endpoint: the outages that clients had at the same time, combined.
#[derive(Debug)]
pub(crate) struct OutageRow {
    pub(crate) began: SystemTime,
    pub(crate) ended: Option<SystemTime>,
    pub(crate) clients: u64,
    pub(crate) cause: String,
    pub(crate) seen: u64,
    pub(crate) missing: u64,
    pub(crate) lost: u64,
    /// The longest of all clients.
    pub(crate) lag: Option<Duration>,
    pub(crate) known_by: KnownBy,
}

impl OutageRow {
    /// Until the end of the log, if it was still going on.
    pub(crate) fn lasted(&self, log_ends: SystemTime) -> Duration {
        self.ended.unwrap_or(log_ends).duration_since(self.began).unwrap_or_default()
    }
}

/// Numbers of a client that are missing from the log during an outage.
#[derive(Debug)]
pub(crate) struct ClientHole {
    pub(crate) client: String,
    pub(crate) hole: Hole,
    pub(crate) certain: Certain,
}

/// Whether it is certain that the log has lost them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certain {
    /// The client's notices count more events than the log contains.
    Yes,
    /// No notice counts them: a probe may have delivered them.
    No,
}

/// A client whose log contains fewer events than it wrote.
#[derive(Debug)]
pub(crate) struct Short {
    pub(crate) client: String,
    pub(crate) spilled: u64,
    pub(crate) missing: u64,
}

pub(crate) fn of(mut books: ReportBooks, logs: Vec<String>, log_bytes: u64) -> Summary {
    books.close();
    let mut summary = Summary {
        rows: rows(&books.outages),
        books,
        logs,
        log_bytes,
        holes: Vec::new(),
        shorts: Vec::new(),
        missing: 0,
        lost: 0,
    };
    summary.account();
    summary
}

impl Summary {
    fn account(&mut self) {
        for (id, client) in &self.books.clients {
            let own = || self.books.outages.iter().filter(|outage| outage.client == *id);
            let by_outages: u64 = own().map(|outage| outage.missing).sum();
            let at_the_end = client.told.map_or(0, |told| told.spilled.saturating_sub(client.events));
            let missing = by_outages.max(at_the_end);
            self.lost += client.told.map_or_else(|| own().map(|outage| outage.lost).sum(), |told| told.lost);
            self.missing += missing;
            if missing > 0 {
                let spilled = client.events + missing;
                self.shorts.push(Short { client: id.clone(), spilled, missing });
            }
            for outage in own() {
                let certain = if missing > 0 { Certain::Yes } else { Certain::No };
                // Everything that the client counted is in the log, so an event whose number is missing was delivered.
                let complete = missing == 0
                    && (client.told.is_some()
                        || outage.ended.is_some_and(|_| outage.known_by == KnownBy::Notices));
                let Some(seqs) = outage.seqs.as_ref().filter(|_| !complete) else { continue };
                for hole in client.seqs.holes(seqs) {
                    if self.holes.len() < HOLES_MAX {
                        self.holes.push(ClientHole { client: id.clone(), hole, certain });
                    }
                }
            }
        }
    }

    /// Time in which the endpoint was out for at least one client.
    pub(crate) fn out(&self) -> Duration {
        self.rows.iter().map(|row| row.lasted(self.end())).sum()
    }

    pub(crate) fn longest(&self) -> Duration {
        self.rows.iter().map(|row| row.lasted(self.end())).max().unwrap_or_default()
    }

    /// The latest time in the log: of a record, or of the end of an outage.
    pub(crate) fn end(&self) -> SystemTime {
        let ended = self.rows.iter().filter_map(|row| row.ended);
        let written = self.books.clients.values().map(|client| client.last_at());
        ended.chain(written).max().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// Merges overlapping outages. The outages are sorted by start.
fn rows(outages: &[ClientOutage]) -> Vec<OutageRow> {
    let mut rows: Vec<OutageRow> = Vec::new();
    for outage in outages {
        match rows.last_mut() {
            Some(row) if row.ended.is_none_or(|ended| outage.began <= ended) => {
                row.ended = row.ended.zip(outage.ended).map(|(one, other)| one.max(other));
                row.clients += 1;
                row.seen += outage.seen;
                row.missing += outage.missing;
                row.lost += outage.lost;
                row.lag = row.lag.max(outage.lag);
                if row.cause.is_empty() {
                    row.cause.clone_from(&outage.cause);
                }
            }
            _ => rows.push(OutageRow {
                began: outage.began,
                ended: outage.ended,
                clients: 1,
                cause: outage.cause.clone(),
                seen: outage.seen,
                missing: outage.missing,
                lost: outage.lost,
                lag: outage.lag,
                known_by: outage.known_by,
            }),
        }
    }
    rows
}
