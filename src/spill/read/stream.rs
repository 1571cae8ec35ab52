//! Reads a whole log, line by line, in constant memory.
//!
//! In: any reader. Out: the records and notices in it, in order. ST1: it holds one
//! line, and for each of two streams one line that a container runtime cut. ST2: a
//! reader that starts again at `resume_at` finds everything that has not come out yet.

use super::find::{self, FindResult};
use super::journal::{CURSOR, Fields};
use super::line::{from_object, read_entries};
use super::object;
use super::pieces::{LinePiece, OutputStream, PieceEnd, Pieces, of_cri};
use super::{Entry, Joined, Joiner, SpilledPart};
use crate::limits::{READ_LINE_BYTES_MAX, READ_WRAPS_MAX};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

/// The records in a log: an iterator over anything that can be read, such as a file, a pipe, or the output of `journalctl -o export`.
///
/// Holds one line at a time. Skips everything that is not a record, and lines of more than [`READ_LINE_BYTES_MAX`] bytes or with invalid
/// UTF-8 where it matters. Ends at the reader's first error. The first line shows whether a log is in the journal's export format.
///
/// Most of a log is something else, and is searched at memory speed if the reader has a buffer of 64 KiB or more
/// ([`BufReader::with_capacity`](std::io::BufReader::with_capacity)).
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
    /// Bytes up to the end of the last line read, and where that line begins.
    position: u64,
    line_at: u64,
    pieces: Pieces,
    /// The journal entry that is being read.
    entry: Option<Fields>,
    /// Where the incomplete item begins: the first piece of a line, a journal entry, or a line
    /// without a line break at the end of the log.
    open_at: Option<u64>,
    found: VecDeque<Entry>,
    /// Where the current findings begin.
    found_at: u64,
    phase: ReadPhase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadPhase {
    /// Before the first line.
    Beginning,
    /// Only lines that may contain a record are parsed.
    Searching,
    /// Every line is parsed: the log is in the journal's export format.
    Export,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextLine {
    Whole,
    TooLong,
    End,
}

impl<R: BufRead> Records<R> {
    /// The records in `read`.
    pub fn new(read: R) -> Records<R> {
        Records {
            read,
            line: Vec::new(),
            position: 0,
            line_at: 0,
            pieces: Pieces::default(),
            entry: None,
            open_at: None,
            found: VecDeque::new(),
            found_at: 0,
            phase: ReadPhase::Beginning,
        }
    }

    /// The events, each as soon as its last part has been read.
    pub fn joined(self) -> JoinedRecords<R> {
        JoinedRecords { records: self, joiner: Joiner::new() }
    }

    /// The records, and overspill's notices between them.
    pub fn entries(self) -> Entries<R> {
        Entries { records: self, line_bytes: 0, counted: None }
    }

    /// How many bytes have been read: up to the end of the last line looked at.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes of the log need not be read again: from there a new reader finds everything that has not come out of this one. Less
    /// than [`position`](Records::position) only while something is incomplete (a line that a container runtime has cut, a journal entry, a
    /// last line without a line break), or while several records of one line come out.
    pub fn resume_at(&self) -> u64 {
        match (self.found.is_empty(), self.open_at) {
            (false, _) => self.found_at,
            (true, Some(open_at)) => open_at,
            (true, None) => self.position,
        }
    }

    fn next_entry(&mut self) -> Option<io::Result<Entry>> {
        loop {
            if let Some(entry) = self.found.pop_front() {
                return Some(Ok(entry));
            }
            if self.phase == ReadPhase::Ended {
                return None;
            }
            if let Err(error) = self.look_further() {
                self.phase = ReadPhase::Ended;
                return Some(Err(error));
            }
        }
    }

    fn look_further(&mut self) -> io::Result<()> {
        let mut found = Vec::new();
        let before = self.open_at;
        let line = match self.phase {
            ReadPhase::Searching if !self.pieces.are_open() => self.search()?,
            _ => self.take_line()?,
        };
        match line {
            NextLine::Whole => {
                self.look_at_line(&mut found)?;
                let is_open = self.pieces.are_open() || self.entry.is_some() || self.is_unfinished();
                self.open_at = is_open.then(|| before.unwrap_or(self.line_at));
            }
            NextLine::TooLong => {}
            NextLine::End => {
                self.phase = ReadPhase::Ended;
                if let Some(entry) = self.entry.take() {
                    entry.read(&mut found);
                }
                while let Some(rest) = self.pieces.rest() {
                    read_entries(&rest, &mut found);
                }
            }
        }
        self.found_at = before.unwrap_or(self.line_at);
        self.found.extend(found);
        Ok(())
    }

    /// The last line's end may still be written.
    fn is_unfinished(&self) -> bool {
        !self.line.ends_with(b"\n")
    }

    fn take_line(&mut self) -> io::Result<NextLine> {
        let (line, bytes) = read_bounded(&mut self.read, &mut self.line)?;
        self.line_at = self.position;
        self.position += bytes;
        Ok(line)
    }

    /// The next line that may contain something.
    fn search(&mut self) -> io::Result<NextLine> {
        loop {
            let log = match self.read.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                log => log?,
            };
            match find::next(log) {
                FindResult::Line { start, end } => {
                    self.line.clear();
                    self.line.extend_from_slice(&log[start..end]);
                    self.line_at = self.position + start as u64;
                    self.position += end as u64;
                    self.read.consume(end);
                    return Ok(NextLine::Whole);
                }
                FindResult::Open { start } => {
                    self.read.consume(start);
                    self.position += start as u64;
                    match self.take_line()? {
                        NextLine::Whole if !find::is_wanted(&self.line) => {}
                        line => return Ok(line),
                    }
                }
            }
        }
    }

    fn look_at_line(&mut self, found: &mut Vec<Entry>) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        // `from_utf8` checks many bytes at a time.
        let text = match std::str::from_utf8(&line) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(&line),
        };
        let done = self.look_at_text(text.trim_end_matches(['\n', '\r']), found);
        self.line = line;
        done
    }

    fn look_at_text(&mut self, text: &str, found: &mut Vec<Entry>) -> io::Result<()> {
        if self.phase == ReadPhase::Beginning {
            self.phase = if text.starts_with(CURSOR) { ReadPhase::Export } else { ReadPhase::Searching };
        }
        if self.phase == ReadPhase::Export {
            return self.look_at_field(text, found);
        }
        if let Some(piece) = of_cri(text) {
            self.add_piece(piece, found);
        } else if let Some(docker) = text.starts_with('{').then(|| object::parse(text)).flatten() {
            let stream = docker.docker_stream().and_then(OutputStream::named);
            match docker.line().zip(stream) {
                Some((line, stream)) if self.pieces.are_open() || !line.ends_with('\n') => {
                    let ends = if line.ends_with('\n') { PieceEnd::Here } else { PieceEnd::Later };
                    self.add_piece(LinePiece { stream, text: line, ends }, found);
                }
                _ => from_object(&docker, READ_WRAPS_MAX, found),
            }
        } else {
            read_entries(text, found);
        }
        Ok(())
    }

    fn add_piece(&mut self, piece: LinePiece<'_>, found: &mut Vec<Entry>) {
        if piece.ends == PieceEnd::Here && !self.pieces.are_open() {
            read_entries(piece.text, found);
        } else if let Some(line) = self.pieces.add(piece) {
            read_entries(&line, found);
        }
    }

    fn look_at_field(&mut self, text: &str, found: &mut Vec<Entry>) -> io::Result<()> {
        let begins = text.starts_with(CURSOR);
        if begins || text.is_empty() {
            if let Some(entry) = self.entry.take() {
                entry.read(found);
            }
            self.entry = begins.then(Fields::default);
            return Ok(());
        }
        // Between entries, no field matters.
        let mut nobodys = Fields::default();
        let mut spare = Vec::new();
        let fields = self.entry.as_mut().unwrap_or(&mut nobodys);
        self.position += fields.add(text, &mut self.read, &mut spare)?;
        Ok(())
    }
}

/// Reads a line, and holds at most [`READ_LINE_BYTES_MAX`] bytes of it. Returns how many bytes the line had.
pub(super) fn read_bounded(read: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<(NextLine, u64)> {
    line.clear();
    let limit = READ_LINE_BYTES_MAX as u64;
    let bytes = read.by_ref().take(limit).read_until(b'\n', line)? as u64;
    if bytes == 0 {
        return Ok((NextLine::End, 0));
    }
    if line.ends_with(b"\n") || bytes < limit {
        return Ok((NextLine::Whole, bytes));
    }
    line.clear();
    line.shrink_to(0);
    let rest = read.skip_until(b'\n')? as u64;
    Ok((NextLine::TooLong, bytes + rest))
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = io::Result<SpilledPart>;

    fn next(&mut self) -> Option<io::Result<SpilledPart>> {
        loop {
            match self.next_entry()? {
                Ok(Entry::Part(part)) => return Some(Ok(part)),
                Ok(Entry::Notice(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// The records and notices in a log, made by [`Records::entries`].
#[derive(Debug)]
pub struct Entries<R> {
    records: Records<R>,
    line_bytes: u64,
    /// Where the line begins whose bytes were counted last.
    counted: Option<u64>,
}

impl<R: BufRead> Entries<R> {
    /// Like [`Records::position`].
    pub fn position(&self) -> u64 {
        self.records.position()
    }

    /// Like [`Records::resume_at`].
    pub fn resume_at(&self) -> u64 {
        self.records.resume_at()
    }

    /// How many bytes of the log the last entry took: its line with the line break, all
    /// pieces of a cut line, or its journal entry. 0 if an earlier entry on the same
    /// line already counted it, so the sum is the total size of the entries in the log.
    pub fn line_bytes(&self) -> u64 {
        self.line_bytes
    }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        let entry = self.records.next_entry();
        let begins = self.records.found_at;
        let is_counted = self.counted.replace(begins) == Some(begins);
        self.line_bytes = if is_counted { 0 } else { self.records.position - begins };
        entry
    }
}

/// The events in a log, made by [`Records::joined`]. An event that is in the log twice comes out twice.
///
/// Holds one line, and what a [`Joiner`] holds.
#[derive(Debug)]
pub struct JoinedRecords<R> {
    records: Records<R>,
    joiner: Joiner,
}

impl<R: BufRead> JoinedRecords<R> {
    /// How many events have a part missing, like [`Joiner::incomplete`]; final at the end of the log.
    pub fn incomplete(&self) -> u64 {
        self.joiner.incomplete()
    }
}

impl<R: BufRead> Iterator for JoinedRecords<R> {
    type Item = io::Result<Joined>;

    fn next(&mut self) -> Option<io::Result<Joined>> {
        loop {
            if let Some(event) = self.joiner.next_event() {
                return Some(Ok(event));
            }
            match self.records.next()? {
                Ok(part) => self.joiner.add(part),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
