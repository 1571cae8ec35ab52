//! Where the events really are, independent of the service's counters: the endpoint's own record, and the lines of the log.

use super::Failure;
use super::endpoint::record_path;
use super::ids::Found;
use super::load::Event;
use super::service::log_paths;
use overspill::MaybeDelivered;
use overspill::spill::{Joined, SpilledPart, join, read_line};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

#[derive(Default)]
pub struct Evidence {
    pub found: Found,
    pub by_reason: BTreeMap<&'static str, u64>,
    /// Log lines that should be records or notices and are neither, and events whose parts or text are incomplete.
    pub unreadable: u64,
    /// Events that took several records.
    pub in_parts: u64,
}

pub fn gather(out: &Path) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    let mut record = BufReader::new(File::open(record_path(out))?);
    let mut id = [0; 8];
    while record.read_exact(&mut id).is_ok() {
        evidence.found.at_endpoint.insert(u64::from_le_bytes(id));
    }
    for path in log_paths(out) {
        evidence.read_log(BufReader::new(File::open(path)?))?;
    }
    Ok(evidence)
}

impl Evidence {
    /// Line by line: the log of an hour is too large for memory.
    fn read_log(&mut self, log: impl BufRead) -> Result<(), Failure> {
        // Parts of events that are still incomplete; an event's parts are close together.
        let mut open: BTreeMap<(String, u64), Vec<SpilledPart>> = BTreeMap::new();
        for line in log.lines() {
            let line = line?;
            match read_line(&line) {
                Some(part) if part.parts == 1 => join([part]).iter().for_each(|event| self.keep(event)),
                Some(part) => {
                    let key = (part.client.clone(), part.seq);
                    let parts = open.entry(key.clone()).or_default();
                    parts.push(part);
                    if parts.len() == parts[0].parts as usize {
                        let parts = open.remove(&key).unwrap_or_default();
                        self.in_parts += 1;
                        join(parts).iter().for_each(|event| self.keep(event));
                    }
                }
                None => self.unreadable += u64::from(!line.contains("overspill::notice")),
            }
        }
        self.unreadable += open.len() as u64;
        Ok(())
    }

    fn keep(&mut self, event: &Joined) {
        let read: Result<Event<'_>, _> = serde_json::from_str(&event.event);
        let Some(read) = read.ok().filter(|read| read.text.len() == read.length) else {
            self.unreadable += 1;
            return;
        };
        self.found.in_log.insert(read.id);
        if event.maybe_delivered == MaybeDelivered::Yes {
            self.found.marked.insert(read.id);
        }
        *self.by_reason.entry(event.reason.as_str()).or_default() += 1;
    }
}
