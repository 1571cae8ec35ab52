//! What the drill has shown: a row for each phase.

use crate::out::{Tone, paint};
use crate::units::{grouped, span};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// A phase, and what became of its events.
#[derive(Debug, Default)]
pub(crate) struct PhaseRow {
    pub(crate) phase: String,
    pub(crate) lasted: Duration,
    pub(crate) requests: u64,
    /// Events of the drill's own load. For your own service, the number of events per request is unknown.
    pub(crate) events: Option<EventCounts>,
    /// Requests that were answered with a 2xx.
    pub(crate) passed: u64,
    /// From the start of the fault to the first event in the log.
    pub(crate) noticed: Option<Duration>,
    /// From the end of the fault to the first request that was taken.
    pub(crate) recovered: Option<Duration>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct EventCounts {
    pub(crate) emitted: u64,
    pub(crate) delivered: u64,
    pub(crate) spilled: u64,
    pub(crate) both: u64,
    pub(crate) lost: u64,
}

pub(crate) fn table(rows: &[PhaseRow]) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut text, rows);
    text
}

fn write(out: &mut String, rows: &[PhaseRow]) -> std::fmt::Result {
    let own = rows.iter().any(|row| row.events.is_some());
    let events = if own { "  emitted  delivered  spilled   both   lost" } else { "   passed" };
    let heading = format!(
        "{:<8} {:>8} {:>9}{events} {:>9} {:>10}",
        "phase", "lasted", "requests", "noticed", "recovered"
    );
    writeln!(out, "{}", paint(Tone::Heading, heading))?;
    let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), span);
    for row in rows {
        write!(out, "{:<8} {:>8} {:>9}", row.phase, span(row.lasted), grouped(row.requests))?;
        match row.events {
            Some(events) => {
                let [emitted, delivered, spilled, both] =
                    [events.emitted, events.delivered, events.spilled, events.both].map(grouped);
                write!(out, " {emitted:>8} {delivered:>10} {spilled:>8} {both:>6} ")?;
                let lost = format!("{:>6}", grouped(events.lost));
                write!(out, "{}", paint(if events.lost > 0 { Tone::Bad } else { Tone::Good }, lost))?;
            }
            None => write!(out, " {:>8}", grouped(row.passed))?,
        }
        writeln!(out, " {:>9} {:>10}", time(row.noticed), time(row.recovered))?;
    }
    Ok(())
}

pub(crate) fn json(rows: &[PhaseRow]) -> Value {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let row = |row: &PhaseRow| {
        let mut all = json!({
            "phase": row.phase,
            "seconds": row.lasted.as_secs_f64(),
            "requests": row.requests,
            "requests_passed": row.passed,
            "noticed_seconds": seconds(row.noticed),
            "recovered_seconds": seconds(row.recovered),
        });
        if let Some(events) = row.events {
            all["emitted"] = events.emitted.into();
            all["delivered"] = events.delivered.into();
            all["spilled"] = events.spilled.into();
            all["both"] = events.both.into();
            all["lost"] = events.lost.into();
        }
        all
    };
    rows.iter().map(row).collect()
}
