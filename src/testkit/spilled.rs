//! What went to the log, kept and read back.

use super::lock;
use crate::spill::{Joined, Notice, Record, SpillSink, join, read_line};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// A log that keeps what is written to it, for tests. Clones share one text, which grows with every line.
///
/// As the writer of a subscriber, `.with_writer(move || spilled.clone())`, it sees what the application log sees. As a [`SpillSink`] it
/// needs no subscriber, and gets notices only as the [fallback](crate::Builder::spill_fallback).
#[derive(Debug, Clone, Default)]
pub struct Spilled(Arc<Mutex<Vec<u8>>>);

impl Spilled {
    /// Everything as written.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }

    /// The spilled events in it, with parts joined.
    pub fn events(&self) -> Vec<Joined> {
        join(self.text().lines().filter_map(read_line))
    }

    /// Forgets everything, as if nothing had been written.
    pub fn clear(&self) {
        lock(&self.0).clear();
    }

    /// How many of overspill's notices contain `words`.
    pub fn count_notices(&self, words: &str) -> usize {
        self.text().lines().filter(|line| line.contains(crate::NOTICE_TARGET) && line.contains(words)).count()
    }
}

impl Write for Spilled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillSink for Spilled {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        lock(&self.0).extend_from_slice(&line);
        Ok(())
    }

    fn notice(&self, notice: &Notice<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(notice)?;
        line.push(b'\n');
        lock(&self.0).extend_from_slice(&line);
        Ok(())
    }
}
