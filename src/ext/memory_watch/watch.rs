//! One look at memory, and what follows from it.
//!
//! In: a moment. Out: [`Looked`]. The ladder decides; this carries out. W1: one snapshot at a time, since `look` takes the
//! watch for itself. W2: near the limit a look asks for no memory: every block it needs is made by `build`. Deliberately not
//! here: threads and signals (`thread.rs`).

use super::error::{SnapshotError, StartError};
use super::folder::Folder;
use super::ladder::{Cause, Ladder, Policy, Step};
use super::limits::{NAMES_TRIED_MAX, REPORT_BYTES_MAX};
use super::name::{self, Kind, NAME_BYTES, PARTIAL};
use super::notice::{Notices, Occasion};
use super::report::{self, Heading};
use super::retention::{self, Retention};
use super::settings::{Appetite, Builder, Crossing, Hook};
use super::system::{Scratch, Surroundings, System};
use super::text::Text;
pub use super::thread::MemoryWatch;
use crate::Client;
use crate::Mode;
use crate::QueueShare;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// A watch that you run yourself, by calling [`look`](Watch::look) as often as you like;
/// [`start`](super::Builder::start) does that on a thread.
pub struct Watch {
    folder: PathBuf,
    clients: Vec<Client>,
    appetite: Appetite,
    /// Whose appetite was lowered, and is to be raised again.
    lowered: Vec<bool>,
    hook: Option<Hook>,
    pub(super) interval: Duration,
    pub(super) signal: Option<i32>,
    retention: Retention,
    per_hour_max: u32,
    disk_free_min: u64,
    headroom_min: u64,
    pub(super) notices: Notices,
    ladder: Ladder,
    /// The first look's moment: the ladder counts from it.
    began: Option<Instant>,
    heap: Heap,
    reading: Reading,
    tidying: Tidying,
    system: System,
    scratch: Scratch,
    page: Text,
    name: Text,
    partial: Text,
    /// The time in the last name.
    named_at: SystemTime,
    /// The name of the first snapshot of this watch, once there is one.
    first: Text,
}

/// Whether heap profiles are to be had.
enum Heap {
    #[cfg(feature = "memory-watch-jemalloc")]
    Available,
    /// Why not; told already.
    Unavailable(String),
}

/// Whether the memory in use could be read at the last look.
#[derive(PartialEq, Eq)]
enum Reading {
    Possible,
    /// And that was told.
    Impossible,
}

#[derive(PartialEq, Eq)]
enum Tidying {
    Done,
    /// A snapshot was written, and the folder not listed since.
    Due,
}

/// What came of a look.
#[derive(Debug)]
#[non_exhaustive]
pub enum Looked<'a> {
    /// Nothing to do.
    Calm,
    /// A notice: memory is near the first threshold.
    Warned,
    /// A snapshot was written.
    Taken(Snapshot<'a>),
    /// A snapshot was due and could not be written; a notice has said so.
    Refused(SnapshotError),
    /// A snapshot was due, but the hour has had its number; a notice has said so.
    HeldBack,
    /// Memory has come down, and a series would begin at the first threshold.
    Rearmed,
    /// The memory in use could not be read; a notice has said so, once.
    Unreadable(io::Error),
}

/// A snapshot that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot<'a> {
    /// The name of the file in the folder.
    pub file: &'a str,
    /// How many bytes it has.
    pub file_bytes: usize,
    /// What it holds.
    pub kind: Kind,
    /// What it was taken for.
    pub cause: Cause,
    /// The resident set of the process, in bytes, when it was begun.
    pub rss_bytes: u64,
}

impl Builder {
    /// Checks every setting and makes a watch that you run yourself. A folder that snapshots cannot be written to is not an
    /// error but a notice: it may be mended while the service runs.
    ///
    /// # Errors
    /// [`StartError`] says which setting is wrong and what to do, or that the memory of this process cannot be read.
    ///
    /// # Blocking
    /// As long as reading some files of `/proc` and opening the folder takes.
    pub fn build(self) -> Result<Watch, StartError> {
        self.check()?;
        let (system, mut scratch) = (System::below(&self.system_root), Scratch::new());
        let rss = system.resident(&mut scratch).map_err(StartError::Unreadable)?;
        let Surroundings { limit, .. } = system.surroundings(&mut scratch);
        let (threshold, step, warning, rearm_below) = self.levels(limit)?;
        let policy = Policy {
            threshold,
            step,
            warning,
            rearm_below,
            rearm_after: self.rearm_after,
            cool_down: self.cool_down,
            per_hour_max: self.snapshots_per_hour_max,
        };
        let notices = Notices { service: self.service };
        let heap = Heap::look();
        notices.started(rss, threshold, limit, heap.as_str());
        if let (Heap::Unavailable(why), true) = (&heap, cfg!(feature = "memory-watch-jemalloc")) {
            notices.no_heap_profiles(why);
        }
        let room = Folder::open(&self.folder).and_then(|folder| folder.has_room(self.disk_free_min));
        if let Err(error) = room {
            notices.folder_refused(&error);
        }
        Ok(Watch {
            lowered: vec![false; self.clients.len()],
            folder: self.folder,
            clients: self.clients,
            appetite: self.appetite,
            hook: self.hook,
            interval: self.interval,
            signal: self.signal,
            retention: Retention { files_max: self.retained_files_max, bytes_max: self.retained_bytes_max },
            per_hour_max: self.snapshots_per_hour_max,
            disk_free_min: self.disk_free_min,
            headroom_min: self.headroom_min,
            notices,
            ladder: Ladder::new(policy),
            began: None,
            heap,
            reading: Reading::Possible,
            tidying: Tidying::Done,
            system,
            scratch,
            page: Text::with_capacity(REPORT_BYTES_MAX),
            name: Text::with_capacity(NAME_BYTES),
            partial: Text::with_capacity(NAME_BYTES + PARTIAL.0.len() + PARTIAL.1.len()),
            named_at: SystemTime::UNIX_EPOCH,
            first: Text::with_capacity(NAME_BYTES),
        })
    }
}

impl Watch {
    /// Asks for a snapshot at the next look; however often, it is one.
    pub fn ask_for_snapshot(&mut self) {
        self.ladder.ask();
    }

    /// How long until a snapshot that was asked for may be taken; `None` if none was.
    pub(super) fn wish_due_in(&self, now: Instant) -> Option<Duration> {
        self.ladder.wish_due_in(self.since_began(now))
    }

    /// After a look that panicked: the next attempt comes after the cool-down.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.ladder.refused(self.since_began(now));
    }

    fn since_began(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began))
    }

    /// Looks at memory now, and does what is due. `now` is this moment; a simulation may give others, in order.
    ///
    /// # Blocking
    /// For some ten microseconds; while a snapshot is written as long as that takes, a second or so for a heap profile. Not for a
    /// thread of an async runtime.
    pub fn look(&mut self, now: Instant) -> Looked<'_> {
        let now = now.saturating_duration_since(*self.began.get_or_insert(now));
        let rss = match self.system.resident(&mut self.scratch) {
            Ok(rss) => rss,
            Err(error) => {
                if self.reading == Reading::Possible {
                    self.notices.unreadable(&error);
                }
                self.reading = Reading::Impossible;
                return Looked::Unreadable(error);
            }
        };
        self.reading = Reading::Possible;
        match self.ladder.look(now, rss) {
            Step::Rest => {
                if self.tidying == Tidying::Due && !self.is_near_limit() {
                    self.tidy();
                }
                Looked::Calm
            }
            Step::Warn => {
                self.notices.near(rss, self.ladder.threshold());
                Looked::Warned
            }
            Step::HoldBack(cause, until) => {
                self.notices.held_back(cause, rss, self.per_hour_max, until);
                self.lower_appetite(cause);
                Looked::HeldBack
            }
            Step::Rearm => {
                self.notices.rearmed(rss, self.ladder.threshold());
                self.raise_appetite();
                Looked::Rearmed
            }
            Step::Take(cause) => self.take(now, cause, rss),
        }
    }

    fn take(&mut self, now: Duration, cause: Cause, rss: u64) -> Looked<'_> {
        let threshold = self.ladder.rung();
        self.lower_appetite(cause);
        let began = Instant::now();
        let written = self.write(cause, rss, threshold);
        let on = Occasion { cause, rss, threshold, took: began.elapsed() };
        match &written {
            Ok((kind, bytes)) => {
                self.ladder.taken(now, rss);
                let next = self.ladder.rung();
                self.notices.taken(on, &self.folder, self.name.as_str(), *kind, *bytes, next);
                if self.first.as_str().is_empty() {
                    self.first.push(format_args!("{}", self.name.as_str()));
                }
                // Listing the folder takes memory, of which there is none now: it waits for the next calm look.
                self.tidying = Tidying::Due;
                if *kind != Kind::ShortReport {
                    self.tidy();
                }
            }
            Err(error) => {
                self.ladder.refused(now);
                self.notices.refused(on, error);
            }
        }
        if cause == Cause::Threshold {
            self.tell_hook(&Crossing { rss_bytes: rss, threshold_bytes: threshold });
        }
        match written {
            Ok((kind, file_bytes)) => {
                Looked::Taken(Snapshot { file: self.name.as_str(), file_bytes, kind, cause, rss_bytes: rss })
            }
            Err(error) => Looked::Refused(error),
        }
    }

    /// Writes a snapshot of the best kind there is room for; its kind and size. Its name is in `self.name`.
    fn write(&mut self, cause: Cause, rss: u64, threshold: u64) -> Result<(Kind, usize), SnapshotError> {
        let folder = Folder::open(&self.folder)?;
        // Before the work of a snapshot.
        folder.has_room(self.disk_free_min)?;
        let surroundings = self.system.surroundings(&mut self.scratch);
        let near_limit = surroundings.is_near(self.headroom_min);
        // Names have milliseconds: of two snapshots in the same one, or with the clock set back, the later is named as such.
        let time = SystemTime::now().max(self.named_at + Duration::from_millis(1));
        self.named_at = time;
        let pid = std::process::id();
        let service = self.notices.service.as_str();
        let kind = Kind::ShortReport;
        let because = "memory is nearly used up";
        let heading = Heading { service, time, pid, cause, rss, threshold, surroundings, kind, because };
        self.page.clear();
        if near_limit {
            report::short(&mut self.page, &heading, &self.clients);
            return self.finish(&folder, time, pid, rss, kind, None);
        }
        #[cfg(feature = "memory-watch-jemalloc")]
        if let Heap::Available = self.heap {
            let heading = Heading { kind: Kind::Heap, because: "", ..heading };
            report::short(&mut self.page, &heading, &self.clients);
            let profile = catch_unwind(AssertUnwindSafe(|| {
                super::jemalloc::profile(self.page.as_str(), time, self.disk_free_min)
            }));
            let profile = profile.unwrap_or_else(|_| {
                Err(SnapshotError::Profile("its code panicked (on a thread of an async runtime?)".to_owned()))
            });
            self.page.clear();
            match profile {
                Ok(profile) => return self.finish(&folder, time, pid, rss, Kind::Heap, Some(&profile)),
                Err(error) => {
                    let because = error.to_string();
                    self.notices.no_heap_profiles(&because);
                    let heading = Heading { kind: Kind::Report, because: &because, ..heading };
                    report::full(&mut self.page, &heading, &self.clients, &self.system, &mut self.scratch);
                    return self.finish(&folder, time, pid, rss, Kind::Report, None);
                }
            }
        }
        let heading = Heading { kind: Kind::Report, because: self.heap.as_str(), ..heading };
        report::full(&mut self.page, &heading, &self.clients, &self.system, &mut self.scratch);
        self.finish(&folder, time, pid, rss, Kind::Report, None)
    }

    /// Writes the file: the content, or the page.
    fn finish(
        &mut self,
        folder: &Folder,
        time: SystemTime,
        pid: u32,
        rss: u64,
        kind: Kind,
        content: Option<&[u8]>,
    ) -> Result<(Kind, usize), SnapshotError> {
        let content = content.unwrap_or(self.page.as_str().as_bytes());
        folder.has_room(self.disk_free_min.saturating_add(content.len() as u64))?;
        // Nothing is ever replaced: a name that is there already is another watch's of the same millisecond.
        let mut written = Ok(());
        for later in 0..NAMES_TRIED_MAX {
            let time = time + Duration::from_millis(later);
            self.name.clear();
            name::write(&mut self.name, &self.notices.service, time, rss, pid, kind);
            self.partial.clear();
            self.partial.push(format_args!("{}{}{}", PARTIAL.0, self.name.as_str(), PARTIAL.1));
            written = folder.write(self.partial.as_str(), self.name.as_str(), content);
            match &written {
                Err(SnapshotError::Io(_, error)) if error.kind() == io::ErrorKind::AlreadyExists => {}
                _ => break,
            }
        }
        written.map(|()| (kind, content.len()))
    }

    fn is_near_limit(&mut self) -> bool {
        self.system.surroundings(&mut self.scratch).is_near(self.headroom_min)
    }

    fn tidy(&mut self) {
        self.tidying = Tidying::Done;
        let (service, first, newest) = (&self.notices.service, self.first.as_str(), self.name.as_str());
        let tidied = match Folder::open(&self.folder) {
            Ok(folder) => retention::tidy(&folder, service, self.retention, first, newest),
            Err(error) => return self.notices.untidy(&error),
        };
        match tidied {
            Ok(0) => {}
            Ok(removed) => self.notices.tidied(removed),
            Err(errno) => self.notices.untidy(&io::Error::from(errno)),
        }
    }

    fn lower_appetite(&mut self, cause: Cause) {
        if cause != Cause::Threshold {
            return;
        }
        for (client, lowered) in self.clients.iter().zip(&mut self.lowered) {
            match self.appetite {
                Appetite::LogOnly if client.mode() == Mode::On => client.set_mode(Mode::LogOnly),
                Appetite::QueueShare(share) if client.queue_share() == QueueShare::Whole => {
                    client.set_queue_share(share)
                }
                _ => continue,
            }
            *lowered = true;
        }
    }

    /// Back to what it was, unless somebody has chosen otherwise meanwhile.
    fn raise_appetite(&mut self) {
        for (client, lowered) in self.clients.iter().zip(&mut self.lowered) {
            match self.appetite {
                _ if !std::mem::take(lowered) => {}
                Appetite::LogOnly if client.mode() == Mode::LogOnly => client.set_mode(Mode::On),
                Appetite::QueueShare(share) if client.queue_share() == share => {
                    client.set_queue_share(QueueShare::Whole)
                }
                _ => {}
            }
        }
    }

    fn tell_hook(&mut self, crossing: &Crossing) {
        let Some(hook) = &mut self.hook else { return };
        if catch_unwind(AssertUnwindSafe(|| hook(crossing))).is_err() {
            self.notices.panicked("the hook of on_crossing");
        }
    }
}

impl Heap {
    #[cfg(feature = "memory-watch-jemalloc")]
    fn look() -> Heap {
        match super::jemalloc::availability() {
            Ok(()) => Heap::Available,
            Err(why) => Heap::Unavailable(why),
        }
    }

    #[cfg(not(feature = "memory-watch-jemalloc"))]
    fn look() -> Heap {
        Heap::Unavailable("heap profiles need overspill's feature memory-watch-jemalloc".to_owned())
    }

    fn as_str(&self) -> &str {
        match self {
            #[cfg(feature = "memory-watch-jemalloc")]
            Heap::Available => "heap profiles by jemalloc",
            Heap::Unavailable(why) => why,
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("service", &self.notices.service)
            .field("folder", &self.folder)
            .field("next_threshold_bytes", &self.ladder.rung())
            .finish_non_exhaustive()
    }
}
