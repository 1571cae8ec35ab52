//! A whole log, line by line, in constant memory.

use super::line::{from_fields, is_version, read_line};
use super::{Joined, SpilledPart, join, unpacked};
use crate::limits::{READ_HELD_BYTES_MAX, READ_LINE_BYTES_MAX};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, Read};

/// The records in a log: an iterator over anything that can be read, a file, a pipe, the output of `journalctl -o export`.
///
/// Holds one line at a time. Whatever is no record is passed over, and so is a line of more than
/// [`READ_LINE_BYTES_MAX`] bytes, or one that is not UTF-8 where that matters. Ends at the first error of the reader.
///
/// ```
/// let log: &[u8] = b"whatever else there is\n";
/// for event in overspill::spill::Records::new(log).joined() {
///     println!("{}", event?.event);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Records<R> {
    read: R,
    line: Vec<u8>,
    /// The fields of ours in an entry of the journal, while one is read.
    entry: Option<BTreeMap<String, String>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Ended,
}

enum Line {
    Whole,
    TooLong,
    End,
}

impl<R: BufRead> Records<R> {
    /// The records in `read`.
    pub fn new(read: R) -> Records<R> {
        Records { read, line: Vec::new(), entry: None, state: State::Reading }
    }

    /// The events, each as soon as its last part was read.
    pub fn joined(self) -> JoinedRecords<R> {
        JoinedRecords {
            records: self,
            ready: VecDeque::new(),
            parts: BTreeMap::new(),
            order: VecDeque::new(),
            held: 0,
            incomplete: 0,
        }
    }

    fn next_part(&mut self) -> io::Result<Option<SpilledPart>> {
        loop {
            let found = match read_bounded(&mut self.read, &mut self.line)? {
                Line::End => {
                    self.state = State::Ended;
                    return Ok(self.entry.take().and_then(from_entry));
                }
                Line::TooLong => None,
                Line::Whole => self.look_at_line()?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn look_at_line(&mut self) -> io::Result<Option<SpilledPart>> {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.starts_with("__CURSOR=") {
            return Ok(self.entry.replace(BTreeMap::new()).and_then(from_entry));
        }
        let Some(entry) = &mut self.entry else { return Ok(read_line(text)) };
        match text.split_once('=') {
            _ if text.is_empty() => return Ok(self.entry.take().and_then(from_entry)),
            Some((name, value)) => {
                if is_wanted(name) && entry.len() < ENTRY_FIELDS_MAX {
                    entry.insert(name.to_owned(), value.to_owned());
                }
            }
            // A field with a length in front, because it has line breaks or worse.
            None => {
                let name = text.to_owned();
                let mut length = [0; 8];
                self.read.read_exact(&mut length)?;
                let length = u64::from_le_bytes(length);
                let mut value = self.read.by_ref().take(length);
                if is_wanted(&name) && entry.len() < ENTRY_FIELDS_MAX && length <= READ_LINE_BYTES_MAX as u64
                {
                    let mut bytes = Vec::new();
                    value.read_to_end(&mut bytes)?;
                    entry.insert(name, String::from_utf8_lossy(&bytes).into_owned());
                } else {
                    io::copy(&mut value, &mut io::sink())?;
                }
                // The line break behind it.
                read_bounded(&mut self.read, &mut self.line)?;
            }
        }
        Ok(None)
    }
}

/// More than a record has.
const ENTRY_FIELDS_MAX: usize = 32;

/// Of an entry of the journal only this is held.
fn is_wanted(name: &str) -> bool {
    name == "MESSAGE" || name.contains("SPILL_")
}

fn from_entry(entry: BTreeMap<String, String>) -> Option<SpilledPart> {
    match entry.keys().find(|name| is_version(name)) {
        Some(version) => from_fields(version, |name| entry.get(name).cloned()),
        // A line that a service wrote to its standard output.
        None => read_line(entry.get("MESSAGE")?),
    }
}

/// Reads a line; of one that is too long, no more than the limit is ever held.
fn read_bounded(read: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let limit = READ_LINE_BYTES_MAX as u64;
    if read.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.ends_with(b"\n") || (line.len() as u64) < limit {
        return Ok(Line::Whole);
    }
    line.clear();
    line.shrink_to(0);
    read.skip_until(b'\n')?;
    Ok(Line::TooLong)
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = io::Result<SpilledPart>;

    fn next(&mut self) -> Option<io::Result<SpilledPart>> {
        if self.state == State::Ended {
            return None;
        }
        let found = self.next_part();
        if found.is_err() {
            self.state = State::Ended;
        }
        found.transpose()
    }
}

/// The events in a log, made by [`Records::joined`]. An event that is in the log twice comes twice.
///
/// Holds one line, and the parts of events that have not all been seen: [`READ_HELD_BYTES_MAX`] bytes at most.
#[derive(Debug)]
pub struct JoinedRecords<R> {
    records: Records<R>,
    pub(super) ready: VecDeque<Joined>,
    parts: BTreeMap<(String, u64), Vec<SpilledPart>>,
    /// In which events have begun; some may be complete by now.
    order: VecDeque<(String, u64)>,
    pub(super) held: usize,
    incomplete: u64,
}

impl<R: BufRead> JoinedRecords<R> {
    /// How many events have a part missing, so far given up or, at the end of the log, at all.
    pub fn incomplete(&self) -> u64 {
        self.incomplete + self.parts.len() as u64
    }

    pub(super) fn take_in(&mut self, part: SpilledPart) {
        if part.parts == 1 {
            let events = part.events as usize;
            let joined = join(unpacked(part));
            // A pack that does not hold what it says has none of its events.
            self.incomplete += (events - joined.len().min(events)) as u64;
            return self.ready.extend(joined);
        }
        let key = (part.client.clone(), part.seq);
        let wanted = part.parts as usize;
        let parts = self.parts.entry(key.clone()).or_default();
        if parts.is_empty() {
            self.order.push_back(key.clone());
        }
        if parts.iter().all(|known| known.part != part.part) {
            self.held += part.event.len();
            parts.push(part);
        }
        if parts.len() >= wanted {
            let joined = join(self.give_up(&key));
            self.incomplete += u64::from(joined.is_empty());
            self.ready.extend(joined);
        }
        while self.held > READ_HELD_BYTES_MAX || self.order.len() > READ_HELD_BYTES_MAX / 1024 {
            let Some(oldest) = self.order.pop_front() else { break };
            self.incomplete += u64::from(!self.give_up(&oldest).is_empty());
        }
    }

    fn give_up(&mut self, key: &(String, u64)) -> Vec<SpilledPart> {
        let parts = self.parts.remove(key).unwrap_or_default();
        self.held -= parts.iter().map(|part| part.event.len()).sum::<usize>();
        if self.order.back() == Some(key) {
            self.order.pop_back();
        }
        parts
    }
}

impl<R: BufRead> Iterator for JoinedRecords<R> {
    type Item = io::Result<Joined>;

    fn next(&mut self) -> Option<io::Result<Joined>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            match self.records.next()? {
                Ok(part) => self.take_in(part),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
