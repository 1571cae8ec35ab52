//! The drill's own load: events that carry their number, and a log that remembers only the numbers.

use super::proxy::{DIGITS, MARK, ids_in};
use overspill::spill::{Record, SpillSink};
use overspill::{Client, Observer, Signal};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Serialize)]
struct DrillEvent {
    #[serde(rename = "event.name")]
    name: &'static str,
    id: String,
    text: &'static str,
}

/// What became of the events that are not at the endpoint.
#[derive(Debug, Default, Clone)]
pub(crate) struct DrillLog(Arc<Mutex<LogContents>>);

#[derive(Debug, Default)]
pub(crate) struct LogContents {
    pub(crate) spilled: BTreeSet<u64>,
    pub(crate) maybe: BTreeSet<u64>,
    /// When an event was first spilled, or an outage was first reported, in this phase.
    pub(crate) first: Option<Instant>,
}

impl DrillLog {
    pub(crate) fn lock(&self) -> MutexGuard<'_, LogContents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpillSink for DrillLog {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let mut written = self.lock();
        written.first.get_or_insert_with(Instant::now);
        for id in ids_in(record.event.as_bytes()) {
            written.spilled.insert(id);
            if record.maybe_delivered == overspill::MaybeDelivered::Yes {
                written.maybe.insert(id);
            }
        }
        Ok(())
    }
}

impl Observer for DrillLog {
    fn signal(&self, signal: &Signal<'_>) {
        if matches!(signal, Signal::OutageBegan { .. }) {
            self.lock().first.get_or_insert_with(Instant::now);
        }
    }
}

/// Emits events numbered from `from`, at a rate, for a time. Returns their numbers.
pub(crate) fn emit(client: &Client, from: u64, rate: u64, lasts: Duration) -> Range<u64> {
    const STEP: Duration = Duration::from_millis(5);
    let began = Instant::now();
    let mut emitted = 0;
    while began.elapsed() < lasts {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
        while emitted < due {
            let id = format!("{MARK}{:0DIGITS$}", from + emitted);
            client.emit(&DrillEvent { name: "overspill.drill", id, text: "an event of a drill: ignore it" });
            emitted += 1;
        }
        std::thread::sleep(STEP);
    }
    from..from + emitted
}
