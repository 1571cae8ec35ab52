//! One look at memory, and its consequences.
//!
//! In: a moment. Out: [`Looked`]. The ladder decides; this module acts. WA1: one snapshot at a time, because `look`
//! takes the watch by `&mut`. WA2: near the limit a look allocates no memory: `build` makes every block it needs. Not
//! here: how a watch is made (`watch/build.rs`), threads (`thread.rs`), and how a snapshot is written (`snapshot.rs`).

use super::appetite::Clients;
use super::counted::Counted;
use super::crowd::Crowd;
use super::error::SnapshotError;
use super::folder::Folder;
use super::ladder::{Cause, Ladder, LadderStep};
use super::limits::LOOK_AROUND_EVERY;
use super::name::Kind;
use super::notice::{MemoryNow, Occasion, WatchNotices};
use super::plan::until_next_look;
use super::retention::{self, Retention};
use super::settings::{Crossing, Hook};
use super::signals::Caught;
use super::snapshot::{Shot, SnapshotWriter};
use super::stats::{Due, MemoryStats, SharedStats};
use super::system::{Memory, Scratch, System};
pub use super::thread::MemoryWatch;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod build;

/// A watch that you run yourself, by calling [`look`](Watch::look) as often as you like;
/// [`start`](super::Builder::start) does that on a thread.
pub struct Watch {
    folder: PathBuf,
    clients: Clients,
    appetite_from: u64,
    hook: Option<Hook>,
    interval: Option<Duration>,
    pub(super) signal: Option<i32>,
    hearing: SignalState,
    retention: Retention,
    per_hour_max: u32,
    disk_free_min: u64,
    headroom_min: u64,
    pub(super) notices: WatchNotices,
    counts: Counted,
    ladder: Ladder,
    crowd: Crowd,
    /// The time of the first look: the ladder counts from it.
    began: Option<Instant>,
    /// The memory that counted at the last look.
    in_use: u64,
    /// What the last look saw, and what was done so far, for others.
    pub(super) seen: Arc<SharedStats>,
    /// When the surroundings of this process were last looked at.
    looked_around: Option<Duration>,
    reading: MemoryReading,
    tidying: Tidying,
    system: System,
    scratch: Scratch,
    writer: SnapshotWriter,
}

/// Whether the memory in use could be read at the last look.
#[derive(PartialEq, Eq)]
enum MemoryReading {
    Possible,
    /// It could not be read, and that was reported.
    Impossible,
}

#[derive(PartialEq, Eq)]
enum Tidying {
    Done,
    /// A snapshot was written, and the folder was not listed since.
    Due,
}

/// Whether the signal still reaches its handler.
#[derive(PartialEq, Eq)]
enum SignalState {
    /// No handler was set here.
    None,
    Expected,
    /// It no longer does, and that was reported.
    Lost,
}

/// The result of a look.
#[derive(Debug)]
#[non_exhaustive]
pub enum Looked<'a> {
    /// Nothing to do.
    Calm,
    /// A notice: memory is near the first threshold; or the container,
    /// or the machine, is nearly full, whichever process fills it.
    Warned,
    /// A snapshot was written.
    Taken(Snapshot<'a>),
    /// A snapshot was due and could not be written; a notice has said so.
    Refused(SnapshotError),
    /// A snapshot was due, but this hour's limit was reached; a notice has said so.
    HeldBack,
    /// Memory has come down, and a new series would begin at the first threshold.
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
    /// Its size in bytes.
    pub file_bytes: usize,
    /// What it contains.
    pub kind: Kind,
    /// Why it was taken.
    pub cause: Cause,
    /// The resident set of the process, in bytes, when the snapshot was begun.
    pub rss_bytes: u64,
    /// The part of its memory that counts, in bytes: [`Builder::counts`](super::Builder::counts).
    pub counted_bytes: u64,
}

impl Watch {
    /// Requests a snapshot at the next look; several requests give one.
    pub fn ask_for_snapshot(&mut self) {
        self.ladder.ask();
    }

    /// What the last look saw, and what was done so far.
    pub fn stats(&self) -> MemoryStats {
        self.seen.stats()
    }

    /// How long until a requested snapshot may be taken; `None` if none was requested.
    pub(super) fn wish_due_in(&self, now: Instant) -> Option<Duration> {
        self.ladder.wish_due_in(self.since_began(now))
    }

    /// The time from a look now until the next one.
    pub(super) fn until_next_look(&self) -> Duration {
        self.interval.unwrap_or_else(|| until_next_look(self.ladder.rungs(), self.ladder.rung(), self.in_use))
    }

    /// The watch ends: a requested snapshot is taken now, or never.
    pub(super) fn last_look(&mut self, now: Instant) {
        if self.ladder.hurry() {
            self.look(now);
        }
    }

    /// The signal has our handler now.
    pub(super) fn expect_signal(&mut self) {
        self.hearing = SignalState::Expected;
    }

    /// After a look that panicked: the next attempt comes after the cool-down.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.ladder.refused(self.since_began(now));
    }

    fn since_began(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began))
    }

    fn now(&self, memory: Memory) -> MemoryNow {
        MemoryNow { rss: memory.resident, counted: memory.counted, threshold: self.ladder.threshold() }
    }

    /// Looks at memory now, and does what is due. `now` is the present moment; a simulation may pass others, in order.
    ///
    /// # Blocking
    /// For one or two tenths of a millisecond. If a snapshot is written, as long as that takes: about a second for a heap profile.
    pub fn look(&mut self, now: Instant) -> Looked<'_> {
        let now = now.saturating_duration_since(*self.began.get_or_insert(now));
        let around = self.looked_around.is_none_or(|last| now.saturating_sub(last) >= LOOK_AROUND_EVERY);
        if around {
            self.looked_around = Some(now);
            self.listen();
        }
        let memory = match self.system.memory(self.counts, &mut self.scratch) {
            Ok(memory) => memory,
            Err(error) => {
                if self.reading == MemoryReading::Possible {
                    self.notices.unreadable(&error);
                }
                self.reading = MemoryReading::Impossible;
                return Looked::Unreadable(error);
            }
        };
        self.reading = MemoryReading::Possible;
        self.in_use = memory.counted;
        self.seen.memory(memory.resident, memory.counted);
        match self.ladder.look(now, memory.counted) {
            LadderStep::Rest if around => self.look_around(memory),
            LadderStep::Rest => Looked::Calm,
            LadderStep::Warn => {
                self.notices.near(self.now(memory));
                Looked::Warned
            }
            LadderStep::HoldBack(cause, until) => {
                self.seen.due(Due::HeldBack);
                self.notices.held_back(cause, self.now(memory), self.per_hour_max, until);
                self.lower_appetite(cause, memory);
                Looked::HeldBack
            }
            LadderStep::Rearm => {
                self.seen.next_threshold(self.ladder.rung());
                self.notices.rearmed(self.now(memory));
                self.clients.raise();
                Looked::Rearmed
            }
            LadderStep::Take(cause) => self.take(now, cause, memory),
        }
    }

    /// Nothing is due for this process: others may fill the container, and old snapshots may be waiting for removal.
    fn look_around(&mut self, memory: Memory) -> Looked<'_> {
        let surroundings = self.system.surroundings(&mut self.scratch);
        if self.tidying == Tidying::Due && !surroundings.is_near(self.headroom_min) {
            self.tidy();
        }
        let crowded = self.crowd.look(surroundings.fullest);
        match surroundings.fullest {
            // If a series has begun, its notices have said more.
            Some(fill) if crowded && self.ladder.is_at_bottom() => {
                self.notices.crowded(self.now(memory), fill);
                Looked::Warned
            }
            _ => Looked::Calm,
        }
    }

    /// Reports, once, that the signal no longer reaches its handler.
    fn listen(&mut self) {
        let (SignalState::Expected, Some(signal)) = (&self.hearing, self.signal) else { return };
        let what = match self.system.caught(signal, &mut self.scratch) {
            Some(Caught::No) => "something has set it back to its own action, which may end the process",
            Some(Caught::Ignored) => "something has set it to be ignored",
            Some(Caught::Yes) | None => return,
        };
        self.hearing = SignalState::Lost;
        self.notices.unheard(signal, what);
    }

    fn take(&mut self, now: Duration, cause: Cause, memory: Memory) -> Looked<'_> {
        let threshold = self.ladder.rung();
        self.lower_appetite(cause, memory);
        let began = Instant::now();
        let shot = Shot {
            notices: &self.notices,
            folder: &self.folder,
            clients: &self.clients.all,
            system: &self.system,
            cause,
            memory,
            counts: self.counts,
            threshold,
            headroom_min: self.headroom_min,
            disk_free_min: self.disk_free_min,
        };
        let written = self.writer.write(&shot, &mut self.scratch);
        let (rss, counted) = (memory.resident, memory.counted);
        let on = Occasion { cause, rss, counted, threshold, took: began.elapsed() };
        match &written {
            Ok((kind, bytes)) => {
                self.ladder.taken(now, counted);
                let next = self.ladder.rung();
                self.seen.due(Due::Taken);
                self.seen.next_threshold(next);
                self.notices.taken(on, &self.folder, self.writer.name(), *kind, *bytes, next);
                // Listing the folder takes memory. After a short report there is
                // too little of it, so the listing waits for the next calm look.
                self.tidying = Tidying::Due;
                if *kind != Kind::ShortReport {
                    self.tidy();
                }
            }
            Err(error) => {
                self.seen.due(Due::Failed);
                self.ladder.refused(now);
                self.notices.refused(on, error);
            }
        }
        if cause == Cause::Threshold {
            self.tell_hook(&Crossing { rss_bytes: rss, counted_bytes: counted, threshold_bytes: threshold });
        }
        match written {
            Ok((kind, file_bytes)) => {
                let file = self.writer.name();
                Looked::Taken(Snapshot {
                    file,
                    file_bytes,
                    kind,
                    cause,
                    rss_bytes: rss,
                    counted_bytes: counted,
                })
            }
            Err(error) => Looked::Refused(error),
        }
    }

    fn tidy(&mut self) {
        self.tidying = Tidying::Done;
        let (service, first, newest) = (&self.notices.service, self.writer.first(), self.writer.name());
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

    fn lower_appetite(&mut self, cause: Cause, memory: Memory) {
        if cause == Cause::Threshold && memory.counted >= self.appetite_from {
            self.clients.lower();
        }
    }

    fn tell_hook(&mut self, crossing: &Crossing) {
        let Some(hook) = &mut self.hook else { return };
        if catch_unwind(AssertUnwindSafe(|| hook(crossing))).is_err() {
            self.notices.panicked("the hook of on_crossing");
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
