//! How far a log has been processed, kept in a file, so that a program that resends events can be killed and resume.
//!
//! In: places in logs, and settled events. Out: the same, in another process.
//!
//! - CH1: the file is either the complete new one or the complete old one: the new
//!   one is written next to it, synced, and renamed.
//! - CH2: a place counts for a log only if the bytes before it are unchanged. Otherwise the log is read from its
//!   beginning, and settled events are recognized by id. So a wrong place can cost time, but never an event.

use super::Seen;
use crate::limits::CHECKPOINT_LOGS_MAX;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How far logs have been processed: a place in each, and the events that are settled.
///
/// Update it after events are accepted, never before: call [`settled`](Checkpoint::settled) once an event is delivered,
/// [`reached`](Checkpoint::reached) once all events before the place are, then [`write`](Checkpoint::write). A process that is killed at
/// any moment leaves the checkpoint that was written last.
///
/// ```
/// use overspill::spill::{Checkpoint, Place};
/// use std::fs::File;
///
/// # fn main() -> std::io::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("overspill-checkpoint-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let (log, file) = (folder.join("app.log"), folder.join("replay.checkpoint"));
/// # std::fs::write(&log, "a first line\nand a second\n")?;
/// let mut checkpoint = Checkpoint::read(&file)?;
/// let from = checkpoint.place_in(&mut File::open(&log)?)?;
/// assert_eq!(from, 0);
/// checkpoint.settled("0123456789abcdef", 7);
/// checkpoint.reached(Place::in_log(&mut File::open(&log)?, 13)?);
/// checkpoint.write(&file)?;
///
/// let again = Checkpoint::read(&file)?;
/// assert_eq!(again.place_in(&mut File::open(&log)?)?, 13);
/// assert!(again.is_settled("0123456789abcdef", 7));
/// # std::fs::remove_dir_all(&folder)
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The most recently reached place is last.
    places: Vec<Place>,
    settled: Seen,
}

/// A place in a log, recognized by what comes before it, even after the log is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    offset: u64,
    /// A hash of the first bytes of the log and of the bytes right before the place.
    print: u64,
}

/// How many bytes at the beginning of a log, and right before a place, identify it.
const PRINT_BYTES: u64 = 4096;

impl Place {
    /// The place after this many bytes of a log's file.
    ///
    /// # Errors
    /// Any I/O error of the file; `UnexpectedEof` if the file is shorter.
    pub fn in_log(log: &mut (impl Read + Seek), offset: u64) -> io::Result<Place> {
        let bytes = offset.min(PRINT_BYTES);
        let mut before = vec![0; 2 * bytes as usize];
        let (first, last) = before.split_at_mut(bytes as usize);
        log.seek(SeekFrom::Start(0))?;
        log.read_exact(first)?;
        log.seek(SeekFrom::Start(offset - bytes))?;
        log.read_exact(last)?;
        Ok(Place { offset, print: print_of(&before) })
    }

    /// How many bytes come before it.
    pub fn offset(self) -> u64 {
        self.offset
    }

    fn is_in(self, log: &mut (impl Read + Seek)) -> io::Result<bool> {
        match Place::in_log(log, self.offset) {
            Ok(place) => Ok(place == self),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// FNV-1a, because its result is the same in every version.
fn print_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |print, &byte| (print ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

impl Checkpoint {
    /// An empty checkpoint: nothing has been processed.
    pub fn new() -> Checkpoint {
        Checkpoint::default()
    }

    /// Reads the checkpoint in a file; if there is no such file, nothing has been processed.
    ///
    /// # Errors
    /// Any I/O error of the file; `InvalidData` if it is not a checkpoint.
    pub fn read(path: &Path) -> io::Result<Checkpoint> {
        match fs::read(path) {
            Ok(text) => from_json(&text).ok_or_else(|| {
                io::Error::new(ErrorKind::InvalidData, "not an overspill checkpoint: name another file")
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Checkpoint::new()),
            Err(error) => Err(error),
        }
    }

    /// Writes it to a file. At any moment the file is either the complete new one or the complete old one, even after a power failure.
    ///
    /// # Errors
    /// Any I/O error. The old file then remains.
    ///
    /// # Blocking
    /// Until the file is on disk.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut file = File::create(&beside)?;
        file.write_all(self.json().to_string().as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Not every system can sync a directory; the rename succeeds without it.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }

    /// Records that an event is settled.
    pub fn settled(&mut self, client: &str, seq: u64) {
        self.settled.insert(client, seq);
    }

    /// Whether an event is settled.
    pub fn is_settled(&self, client: &str, seq: u64) -> bool {
        self.settled.contains(client, seq)
    }

    /// All events that are settled.
    pub fn seen(&self) -> &Seen {
        &self.settled
    }

    /// Records that everything before a place in a log is settled. Beyond [`CHECKPOINT_LOGS_MAX`] places, forgets the one recorded first.
    pub fn reached(&mut self, place: Place) {
        self.places.retain(|known| *known != place);
        if self.places.len() >= CHECKPOINT_LOGS_MAX {
            self.places.remove(0);
        }
        self.places.push(place);
    }

    /// Like [`reached`](Checkpoint::reached) for `to`, and forgets `from`, an earlier place in the same log.
    pub fn moved(&mut self, from: Place, to: Place) {
        self.places.retain(|known| *known != from);
        self.reached(to);
    }

    /// How many bytes of a log need not be read again: 0 if the checkpoint has no place in that log.
    ///
    /// # Errors
    /// Any I/O error of the log.
    pub fn place_in(&self, log: &mut (impl Read + Seek)) -> io::Result<u64> {
        let mut furthest = 0;
        for place in &self.places {
            if place.offset > furthest && place.is_in(log)? {
                furthest = place.offset;
            }
        }
        Ok(furthest)
    }

    fn json(&self) -> Value {
        let ranges = |client: &str| {
            let ranges = self.settled.ranges(client).map(|range| json!([range.start(), range.end()]));
            (client.to_owned(), ranges.collect::<Value>())
        };
        let settled: Map<String, Value> = self.settled.clients().map(ranges).collect();
        let places: Value = self.places.iter().map(|place| json!([place.offset, place.print])).collect();
        json!({ "overspill_checkpoint": 1, "places": places, "settled": settled })
    }
}

fn from_json(text: &[u8]) -> Option<Checkpoint> {
    let json: Value = serde_json::from_slice(text).ok()?;
    if json.get("overspill_checkpoint")?.as_u64()? != 1 {
        return None;
    }
    let pair = |pair: &Value| Some((pair.get(0)?.as_u64()?, pair.get(1)?.as_u64()?));
    let mut checkpoint = Checkpoint::new();
    for place in json.get("places")?.as_array()? {
        let (offset, print) = pair(place)?;
        checkpoint.reached(Place { offset, print });
    }
    for (client, ranges) in json.get("settled")?.as_object()? {
        for range in ranges.as_array()? {
            let (first, last) = pair(range)?;
            checkpoint.settled.insert_range(client, first..=last);
        }
    }
    Some(checkpoint)
}

#[cfg(all(test, not(overspill_model)))]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn some() -> Checkpoint {
        let mut checkpoint = Checkpoint::new();
        for seq in [0, 1, 2, 7, u64::MAX] {
            checkpoint.settled("0123456789abcdef", seq);
        }
        checkpoint.settled("other", 3);
        checkpoint.reached(Place::in_log(&mut Cursor::new(b"a log with a line\n"), 18).unwrap());
        checkpoint
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("overspill-checkpoint-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_written_checkpoint_reads_back_and_any_other_file_is_a_clear_error() {
        let folder = folder("read");
        let path = folder.join("replay.checkpoint");
        assert_eq!(Checkpoint::read(&path).unwrap(), Checkpoint::new());
        some().write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), some());
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(Checkpoint::read(&path).unwrap_err().kind(), ErrorKind::InvalidData, "{cut}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    /// A process that dies while writing leaves part of the new file next to the old one.
    #[test]
    fn a_write_that_was_cut_at_any_byte_leaves_the_old_one() {
        let folder = folder("cut");
        let path = folder.join("replay.checkpoint");
        some().write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(folder.join("replay.checkpoint.new"), &whole[..cut]).unwrap();
            assert_eq!(Checkpoint::read(&path).unwrap(), some());
        }
        Checkpoint::new().write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), Checkpoint::new());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_place_is_found_in_its_log_and_in_no_other() {
        let log =
            |first: &str| Cursor::new(format!("{first}\n{}", "the same line\n".repeat(1000)).into_bytes());
        let mut checkpoint = Checkpoint::new();
        checkpoint.reached(Place::in_log(&mut log("one"), 2004).unwrap());
        assert_eq!(checkpoint.place_in(&mut log("one")).unwrap(), 2004);
        for other in ["two", "three", ""] {
            assert_eq!(checkpoint.place_in(&mut log(other)).unwrap(), 0, "{other}");
        }
        // Truncated, as by `copytruncate`.
        assert_eq!(checkpoint.place_in(&mut Cursor::new(b"one\n")).unwrap(), 0);
        let (from, to) = (Place::in_log(&mut log("one"), 2004), Place::in_log(&mut log("one"), 2018));
        checkpoint.moved(from.unwrap(), to.unwrap());
        assert_eq!((checkpoint.places.len(), checkpoint.place_in(&mut log("one")).unwrap()), (1, 2018));
    }

    #[test]
    fn places_are_bounded() {
        let mut checkpoint = Checkpoint::new();
        for offset in 0..2 * CHECKPOINT_LOGS_MAX as u64 {
            checkpoint.reached(Place { offset, print: 0 });
        }
        assert_eq!(checkpoint.places.len(), CHECKPOINT_LOGS_MAX);
    }
}
