//! The entries of `journalctl -o export`: named fields; a field with line breaks is preceded by its length.
//!
//! In: lines, and the bytes after them. Out: the records and notices in an entry.
//! JR1: only fields that may be ours are held.

use super::line::{from_fields, is_version, read_entries};
use super::scalar::Scalar;
use super::stream::read_bounded;
use super::{Entry, SpilledNotice, notice};
use crate::limits::READ_LINE_BYTES_MAX;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::time::{Duration, UNIX_EPOCH};

/// The field that begins each entry.
pub(super) const CURSOR: &str = "__CURSOR=";

/// The fields of an entry that may be ours.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

/// More fields than a record has.
const FIELDS_MAX: usize = 32;

/// Whether a field of a journal entry is held.
fn is_wanted(name: &str) -> bool {
    matches!(name, "MESSAGE" | "__REALTIME_TIMESTAMP") || name.contains("SPILL_")
}

impl Fields {
    /// Adds a field. If it has a length, reads its bytes, which follow the name. Returns how many bytes that was.
    pub(super) fn add(
        &mut self,
        line: &str,
        read: &mut impl BufRead,
        spare: &mut Vec<u8>,
    ) -> io::Result<u64> {
        if let Some((name, value)) = line.split_once('=') {
            self.put(name, || value.to_owned());
            return Ok(0);
        }
        let mut length = [0; 8];
        read.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let mut value = read.by_ref().take(length);
        if is_wanted(line) && length <= READ_LINE_BYTES_MAX as u64 {
            let mut bytes = Vec::new();
            value.read_to_end(&mut bytes)?;
            self.put(line, || String::from_utf8_lossy(&bytes).into_owned());
        } else {
            io::copy(&mut value, &mut io::sink())?;
        }
        // The line break after it.
        let (_, line_break) = read_bounded(read, spare)?;
        Ok(8 + length + line_break)
    }

    fn put(&mut self, name: &str, value: impl FnOnce() -> String) {
        if is_wanted(name) && self.0.len() < FIELDS_MAX {
            self.0.insert(name.to_owned(), value());
        }
    }

    /// Reads the records and notices in the entry.
    pub(super) fn read(&self, found: &mut Vec<Entry>) {
        let Fields(fields) = self;
        if let Some(version) = fields.keys().find(|name| is_version(name)) {
            return found.extend(
                from_fields(version, |naming, name| {
                    Some(Scalar::Text(fields.get(&naming.name(name))?.as_str().into()))
                })
                .map(Entry::Part),
            );
        }
        let Some(message) = fields.get("MESSAGE") else { return };
        // A line that a service wrote to its standard output.
        let before = found.len();
        read_entries(message, found);
        let client = fields.iter().find(|(name, _)| notice::is_client(name));
        if let (true, Some((_, client))) = (found.len() == before, client) {
            let micros = fields.get("__REALTIME_TIMESTAMP").and_then(|micros| micros.parse().ok());
            found.push(Entry::Notice(SpilledNotice {
                client: client.trim_matches('"').to_owned(),
                text: message.clone(),
                written_at: micros.map(|micros| UNIX_EPOCH + Duration::from_micros(micros)),
            }));
        }
    }
}
