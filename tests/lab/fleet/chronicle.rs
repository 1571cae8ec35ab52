//! What happened, in simulated time: every request at the endpoint, every client's outages, where each event went.

use super::endpoint::ids_in;
use super::ids::Found;
use overspill::spill::Record;
use overspill::{MaybeDelivered, Observer, Signal, SpillSink};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The interval over which load is counted: row 10 of the table of faults uses 100 ms.
pub const TICK: Duration = Duration::from_millis(100);

/// What the endpoint did with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Served,
    /// Exceeded the endpoint's limit.
    TurnedAway,
    /// Came while the endpoint was in trouble.
    Failed,
    /// An attempt to connect that was refused: it puts no load on the endpoint.
    Refused,
}

/// The requests within 100 ms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tick {
    /// Includes attempts to connect that were refused.
    pub requests: u64,
    /// Refused attempts to connect by clients that were not out: they have just lost their endpoint, and each tries once more.
    pub refused: u64,
    /// Requests of clients that were out.
    pub probes: u64,
    pub turned_away: u64,
}

/// A client went out, or came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Began,
    Ended,
}

#[derive(Debug, Default)]
pub struct Notes {
    pub ticks: Vec<Tick>,
    /// Times are since the start, in order.
    pub edges: Vec<(Duration, usize, Edge)>,
    pub found: Found,
    is_out: Vec<bool>,
}

impl Notes {
    /// The ticks from one moment to another.
    pub fn span(&self, from: Duration, to: Duration) -> &[Tick] {
        let nth = |at: Duration| ((at.as_nanos() / TICK.as_nanos()) as usize).min(self.ticks.len());
        &self.ticks[nth(from)..nth(to).max(nth(from))]
    }
}

pub struct Chronicle {
    began: Instant,
    notes: Mutex<Notes>,
}

impl Chronicle {
    pub fn of(clients: usize) -> Arc<Chronicle> {
        let notes = Notes { is_out: vec![false; clients], ..Notes::default() };
        Arc::new(Chronicle { began: Instant::now(), notes: Mutex::new(notes) })
    }

    /// The notes are counters and lists that are always consistent: a panic elsewhere does not spoil them.
    pub fn note<T>(&self, note: impl FnOnce(&mut Notes) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn began(&self) -> Instant {
        self.began
    }

    pub fn request(&self, client: usize, kind: Kind) {
        let nth = (self.began.elapsed().as_nanos() / TICK.as_nanos()) as usize;
        self.note(|notes| {
            if notes.ticks.len() <= nth {
                notes.ticks.resize(nth + 1, Tick::default());
            }
            let tick = &mut notes.ticks[nth];
            tick.requests += 1;
            tick.probes += u64::from(notes.is_out[client]);
            tick.turned_away += u64::from(kind == Kind::TurnedAway);
            tick.refused += u64::from(kind == Kind::Refused && !notes.is_out[client]);
        });
    }

    pub fn keep(&self, ids: impl Iterator<Item = u64>) {
        self.note(|notes| ids.for_each(|id| notes.found.at_endpoint.insert(id)));
    }

    fn edge(&self, client: usize, edge: Edge) {
        let at = self.began.elapsed();
        self.note(|notes| {
            notes.is_out[client] = edge == Edge::Began;
            notes.edges.push((at, client, edge));
        });
    }
}

/// One client's log and observer.
#[derive(Clone)]
pub struct Witness {
    pub chronicle: Arc<Chronicle>,
    pub client: usize,
}

impl SpillSink for Witness {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        // The events of this fleet are far too short for a second part.
        let id = ids_in(record.event.as_bytes()).next().ok_or(io::ErrorKind::InvalidData)?;
        self.chronicle.note(|notes| {
            notes.found.in_log.insert(id);
            if record.maybe_delivered == MaybeDelivered::Yes {
                notes.found.marked.insert(id);
            }
        });
        Ok(())
    }
}

impl Observer for Witness {
    fn signal(&self, signal: &Signal<'_>) {
        match signal {
            Signal::OutageBegan { .. } => self.chronicle.edge(self.client, Edge::Began),
            Signal::OutageEnded { .. } => self.chronicle.edge(self.client, Edge::Ended),
            _ => {}
        }
    }
}
