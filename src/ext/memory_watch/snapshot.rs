//! Writes a snapshot: of the best kind that there is room for, into a file that is either complete or absent.
//!
//! In: a cause, and the memory at that moment. Out: kind and size; the file's name is in the
//! writer. SS1: near the limit nothing here allocates memory: every block is allocated when the
//! writer is made. Not here: when to write (`ladder.rs`), and what to remove (`retention.rs`).

use super::counted::Counted;
use super::error::SnapshotError;
use super::folder::Folder;
use super::heap::Heap;
use super::identity::ProcessIdentity;
use super::ladder::Cause;
use super::limits::{NAMES_TRIED_MAX, REPORT_BYTES_MAX};
use super::name::{self, Kind, NAME_BYTES, PARTIAL};
use super::notice::WatchNotices;
use super::report::{self, Heading};
use super::system::{Memory, Scratch, System};
use super::text::FixedText;
use crate::Client;
#[cfg(feature = "memory-watch-jemalloc")]
use std::fs::File;
use std::io;
#[cfg(feature = "memory-watch-jemalloc")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The subject of a snapshot, and where it goes.
pub(super) struct Shot<'a> {
    pub(super) notices: &'a WatchNotices,
    pub(super) folder: &'a Path,
    pub(super) clients: &'a [Client],
    pub(super) system: &'a System,
    pub(super) cause: Cause,
    pub(super) memory: Memory,
    pub(super) counts: Counted,
    pub(super) threshold: u64,
    pub(super) headroom_min: u64,
    pub(super) disk_free_min: u64,
}

/// What is kept from one snapshot to the next.
pub(super) struct SnapshotWriter {
    pub(super) heap: Heap,
    identity: ProcessIdentity,
    page: FixedText,
    name: FixedText,
    partial: FixedText,
    /// The time in the last name.
    named_at: SystemTime,
    /// The name of the first snapshot of this watch, once there is one.
    first: FixedText,
}

/// The parts of a snapshot's name.
#[derive(Debug, Clone, Copy)]
struct SnapshotName<'a> {
    service: &'a str,
    time: SystemTime,
    bytes: u64,
    pid: u32,
    kind: Kind,
}

impl SnapshotWriter {
    pub(super) fn new(heap: Heap) -> SnapshotWriter {
        SnapshotWriter {
            heap,
            identity: ProcessIdentity::read(),
            page: FixedText::with_capacity(REPORT_BYTES_MAX),
            name: FixedText::with_capacity(NAME_BYTES),
            partial: FixedText::with_capacity(NAME_BYTES + PARTIAL.0.len() + PARTIAL.1.len()),
            named_at: SystemTime::UNIX_EPOCH,
            first: FixedText::with_capacity(NAME_BYTES),
        }
    }

    /// The name of the last snapshot.
    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The name of the first snapshot.
    pub(super) fn first(&self) -> &str {
        self.first.as_str()
    }

    /// The name of the partial file for a trial write at the start.
    pub(super) fn trial(&mut self, service: &str) -> &str {
        let (time, pid) = (SystemTime::now(), std::process::id());
        self.name_it(SnapshotName { service, time, bytes: 0, pid, kind: Kind::Report });
        self.partial.as_str()
    }

    /// Writes the snapshot. Returns kind and size.
    pub(super) fn write(
        &mut self,
        shot: &Shot<'_>,
        scratch: &mut Scratch,
    ) -> Result<(Kind, usize), SnapshotError> {
        let folder = Folder::open(shot.folder)?;
        // Measured before the snapshot does its work.
        folder.has_room(shot.disk_free_min)?;
        let surroundings = shot.system.surroundings(scratch);
        // Names have milliseconds: if two snapshots fall in the same
        // one, or the clock was set back, the second gets a later name.
        let time = SystemTime::now().max(self.named_at + Duration::from_millis(1));
        self.named_at = time;
        self.identity = self.identity.current();
        let (service, pid, identity) = (shot.notices.service.as_str(), std::process::id(), self.identity);
        let Shot { cause, memory, counts, threshold, clients, system, .. } = *shot;
        let (kind, because) = (Kind::ShortReport, "memory is nearly used up");
        let heading = Heading {
            service,
            time,
            pid,
            identity,
            cause,
            memory,
            counts,
            threshold,
            surroundings,
            kind,
            because,
        };
        let named = SnapshotName { service, time, bytes: memory.counted, pid, kind };
        self.page.clear();
        if surroundings.is_near(shot.headroom_min) {
            report::short(&mut self.page, &heading, clients);
            return self.finish(&folder, named, shot.disk_free_min, None);
        }
        let kind = Kind::Report;
        #[cfg(feature = "memory-watch-jemalloc")]
        if let Heap::Available(_) = self.heap {
            report::short(&mut self.page, &Heading { kind: Kind::Heap, because: "", ..heading }, clients);
            let named = SnapshotName { kind: Kind::Heap, ..named };
            let profile = self.profile(&folder, named);
            self.page.clear();
            match profile {
                Ok(profile) => return self.finish(&folder, named, shot.disk_free_min, Some(&profile)),
                Err(error) => {
                    let because = error.to_string();
                    shot.notices.no_heap_profiles(&because);
                    let heading = Heading { kind, because: &because, ..heading };
                    report::full(&mut self.page, &heading, clients, system, scratch);
                    return self.finish(&folder, SnapshotName { kind, ..named }, shot.disk_free_min, None);
                }
            }
        }
        let heading = Heading { kind, because: self.heap.as_str(), ..heading };
        report::full(&mut self.page, &heading, clients, system, scratch);
        self.finish(&folder, SnapshotName { kind, ..named }, shot.disk_free_min, None)
    }

    /// A heap profile with the page in it.
    #[cfg(feature = "memory-watch-jemalloc")]
    fn profile(&mut self, folder: &Folder, named: SnapshotName<'_>) -> Result<Vec<u8>, SnapshotError> {
        let file: File = self.in_turn(named, |partial, _| folder.nameless(partial))?;
        let (page, time) = (self.page.as_str(), named.time);
        let Heap::Available(jemalloc) = &mut self.heap else {
            return Err(SnapshotError::Profile("jemalloc is not there".to_owned()));
        };
        let profile = catch_unwind(AssertUnwindSafe(|| jemalloc.profile(file, page, time)));
        profile.unwrap_or_else(|_| Err(SnapshotError::Profile("its code panicked".to_owned())))
    }

    /// Writes the file: the content, or the page.
    fn finish(
        &mut self,
        folder: &Folder,
        named: SnapshotName<'_>,
        disk_free_min: u64,
        content: Option<&[u8]>,
    ) -> Result<(Kind, usize), SnapshotError> {
        let page = std::mem::replace(&mut self.page, FixedText::with_capacity(0));
        let content = content.unwrap_or(page.as_str().as_bytes());
        let bytes = content.len();
        let written = folder
            .has_room(disk_free_min.saturating_add(bytes as u64))
            .and_then(|()| self.in_turn(named, |partial, name| folder.write(partial, name, content)));
        self.page = page;
        written?;
        if self.first.as_str().is_empty() {
            self.first.push(format_args!("{}", self.name.as_str()));
        }
        Ok((named.kind, bytes))
    }

    /// Calls `attempt` with names until one is free. Nothing is ever replaced:
    /// a name that exists belongs to another watch in the same millisecond.
    fn in_turn<T>(
        &mut self,
        named: SnapshotName<'_>,
        mut attempt: impl FnMut(&str, &str) -> Result<T, SnapshotError>,
    ) -> Result<T, SnapshotError> {
        let mut later = 0;
        loop {
            self.name_it(SnapshotName { time: named.time + Duration::from_millis(later), ..named });
            later += 1;
            match attempt(self.partial.as_str(), self.name.as_str()) {
                Err(SnapshotError::Io(_, error))
                    if error.kind() == io::ErrorKind::AlreadyExists && later < NAMES_TRIED_MAX => {}
                done => return done,
            }
        }
    }

    fn name_it(&mut self, named: SnapshotName<'_>) {
        let SnapshotName { service, time, bytes, pid, kind } = named;
        self.name.clear();
        name::write(&mut self.name, service, time, bytes, pid, kind);
        self.partial.clear();
        self.partial.push(format_args!("{}{}{}", PARTIAL.0, self.name.as_str(), PARTIAL.1));
    }
}
