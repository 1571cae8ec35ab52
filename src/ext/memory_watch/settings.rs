//! The settings of a watch, and their defaults. In: the user's choices. Not here: whether they are
//! within their limits (`check.rs`), and what they amount to under the limits of a system (`plan.rs`).

use super::counted::Counted;
use super::error::StartError;
use super::level::Level;
use super::limits::{DISK_FREE_BYTES, REARM_AFTER, RETAINED_BYTES, RETAINED_FILES, SNAPSHOTS_PER_HOUR};
use super::watch::MemoryWatch;
use crate::Client;
use crate::QueueShare;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What happens to the clients' appetite when memory crosses a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Appetite {
    /// They keep their settings: their memory is bounded anyway.
    #[default]
    Unchanged,
    /// Clients that are [`On`](crate::Mode::On) become [`LogOnly`](crate::Mode::LogOnly), so that their
    /// queues empty. They are switched back when memory is low again and a new series could begin.
    LogOnly,
    /// Clients with their whole queue get this share of it for that time.
    QueueShare(QueueShare),
}

/// Memory has crossed a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crossing {
    /// The resident set of this process in bytes.
    pub rss_bytes: u64,
    /// The part of its memory that counts, in bytes: [`Builder::counts`].
    pub counted_bytes: u64,
    /// The threshold that was crossed, in bytes.
    pub threshold_bytes: u64,
}

pub(super) type Hook = Box<dyn FnMut(&Crossing) + Send>;

/// The settings of a watch. All but service and folder have a default.
pub struct Builder {
    pub(super) service: String,
    pub(super) folder: PathBuf,
    pub(super) clients: Vec<Client>,
    pub(super) appetite: Appetite,
    pub(super) hook: Option<Hook>,
    pub(super) counts: Counted,
    pub(super) interval: Option<Duration>,
    pub(super) threshold: Option<Level>,
    pub(super) step: Option<Level>,
    pub(super) warning: Option<Level>,
    pub(super) cool_down: Option<Duration>,
    pub(super) rearm_after: Duration,
    pub(super) snapshots_per_hour_max: u32,
    pub(super) retained_files_max: usize,
    pub(super) retained_bytes_max: u64,
    pub(super) disk_free_min: u64,
    pub(super) headroom_min: Option<u64>,
    pub(super) signal: Option<i32>,
    pub(super) system_root: PathBuf,
}

impl Builder {
    pub(super) fn new(service: impl Into<String>, folder: impl Into<PathBuf>) -> Builder {
        Builder {
            service: service.into(),
            folder: folder.into(),
            clients: Vec::new(),
            appetite: Appetite::Unchanged,
            hook: None,
            counts: Counted::default(),
            interval: None,
            threshold: None,
            step: None,
            warning: None,
            cool_down: None,
            rearm_after: REARM_AFTER,
            snapshots_per_hour_max: SNAPSHOTS_PER_HOUR,
            retained_files_max: RETAINED_FILES,
            retained_bytes_max: RETAINED_BYTES,
            disk_free_min: DISK_FREE_BYTES,
            headroom_min: None,
            signal: None,
            system_root: PathBuf::from("/"),
        }
    }

    /// Puts this client's books into the reports. May be called more than once. The watch holds a clone:
    /// shut the client down rather than rely on the drop of its last handle, or stop the watch first.
    pub fn client(mut self, client: &Client) -> Builder {
        self.clients.push(client.clone());
        self
    }

    /// What happens to the clients' appetite when memory crosses a threshold: the one
    /// you set, or, if it follows a limit, the third. Default [`Appetite::Unchanged`].
    pub fn appetite_on_crossing(mut self, appetite: Appetite) -> Builder {
        self.appetite = appetite;
        self
    }

    /// Calls `hook` on the watch's thread when memory has crossed a threshold, after
    /// the snapshot: to empty caches, or to turn work away. A panic in it is caught.
    pub fn on_crossing(mut self, hook: impl FnMut(&Crossing) + Send + 'static) -> Builder {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Which of the process's memory is compared with the thresholds. Default [`Counted::Anonymous`].
    pub fn counts(mut self, counts: Counted) -> Builder {
        self.counts = counts;
        self
    }

    /// How often memory is looked at. Default [`INTERVAL`](super::limits::INTERVAL), and sooner while a
    /// threshold that follows a limit is near: as soon as memory that grows by a sixteenth of the limit
    /// per second could reach it, but at least [`LOOK_EVERY_MIN`](super::limits::LOOK_EVERY_MIN) apart.
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.interval = Some(interval);
        self
    }

    /// The memory ([`counts`](Builder::counts)) at which the first snapshot is taken.
    ///
    /// Default: halfway to the cgroup's limit, more precisely to where short reports
    /// begin; without such a limit [`THRESHOLD_BYTES`](super::limits::THRESHOLD_BYTES).
    pub fn threshold(mut self, threshold: Level) -> Builder {
        self.threshold = Some(threshold);
        self
    }

    /// The distance from a snapshot's threshold to the next one.
    ///
    /// Default: a third of the remaining distance to the cgroup's limit, so that a service leaves three heap profiles
    /// before the limit whatever its normal level; without such a limit [`STEP_BYTES`](super::limits::STEP_BYTES). If
    /// the settings leave fewer, a notice at the start says so, and names settings that leave three.
    pub fn step(mut self, step: Level) -> Builder {
        self.step = Some(step);
        self
    }

    /// The memory at which a notice warns of the first snapshot. Default
    /// [`WARNING_SHARE`](super::limits::WARNING_SHARE) of the threshold. Another notice warns of the
    /// limit: when the container, or the machine, is as full as this share, whichever process fills it.
    pub fn warning(mut self, warning: Level) -> Builder {
        self.warning = Some(warning);
        self
    }

    /// Minimum time between two snapshots of a series, and between a failed attempt and
    /// the next. Default [`COOL_DOWN`](super::limits::COOL_DOWN); none within a series
    /// whose thresholds follow a limit, so that a fast leak leaves three snapshots too.
    pub fn cool_down(mut self, cool_down: Duration) -> Builder {
        self.cool_down = Some(cool_down);
        self
    }

    /// How long memory must have been well below the threshold
    /// ([`HYSTERESIS_SHARE`](super::limits::HYSTERESIS_SHARE)) before a new series begins. Default [`REARM_AFTER`].
    pub fn rearm_after(mut self, time: Duration) -> Builder {
        self.rearm_after = time;
        self
    }

    /// Maximum snapshots within an hour, including those on demand, except that the
    /// hour's last one is reserved for the threshold. Default [`SNAPSHOTS_PER_HOUR`].
    pub fn snapshots_per_hour_max(mut self, snapshots: u32) -> Builder {
        self.snapshots_per_hour_max = snapshots;
        self
    }

    /// Maximum snapshots of this service that stay in the folder. Default [`RETAINED_FILES`].
    pub fn retained_files_max(mut self, files: usize) -> Builder {
        self.retained_files_max = files;
        self
    }

    /// Maximum bytes of this service's snapshots that stay in the folder; the first
    /// and the newest stay even if they exceed it. Default [`RETAINED_BYTES`].
    pub fn retained_bytes_max(mut self, bytes: u64) -> Builder {
        self.retained_bytes_max = bytes;
        self
    }

    /// Bytes that must stay free on the disk after a snapshot;
    /// otherwise it is not written. Default [`DISK_FREE_BYTES`].
    pub fn disk_free_min(mut self, bytes: u64) -> Builder {
        self.disk_free_min = bytes;
        self
    }

    /// With less than this left below a limit, only the short report is written. Memory that the kernel can reclaim
    /// counts as left. Default [`HEADROOM_BYTES`](super::limits::HEADROOM_BYTES), and at most half of the limit.
    pub fn headroom_min(mut self, bytes: u64) -> Builder {
        self.headroom_min = Some(bytes);
        self
    }

    /// Takes a snapshot whenever the process receives SIGUSR2.
    ///
    /// Handlers that were there before are called as well. Once registered, the signal no longer ends
    /// the process, even after the watch has stopped. Before that it does, unless the process was
    /// started with the signal blocked (`env --block-signal=USR2 SERVICE`): the watch's own thread still
    /// receives it, including one sent before the start. In a child made by fork it receives none.
    pub fn snapshot_on_sigusr2(self) -> Builder {
        self.snapshot_on_signal(super::check::SIGUSR2)
    }

    /// Like [`snapshot_on_sigusr2`](Builder::snapshot_on_sigusr2), with another signal:
    /// SIGHUP, SIGUSR1, SIGUSR2, or one of the real-time signals from 34 to 64.
    pub fn snapshot_on_signal(mut self, signal: i32) -> Builder {
        self.signal = Some(signal);
        self
    }

    /// Where `proc` and `sys` are. Default `/`; for tests, a folder with the few files that are read.
    pub fn system_root(mut self, root: impl Into<PathBuf>) -> Builder {
        self.system_root = root.into();
        self
    }

    /// Starts the watch on its own thread, which looks at once.
    ///
    /// # Errors
    /// Like [`build`](Builder::build), and if no thread or file descriptor is available.
    ///
    /// # Blocking
    /// For the time it takes to read some files of `/proc` and open the folder.
    pub fn start(self) -> Result<MemoryWatch, StartError> {
        self.build()?.start()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("service", &self.service)
            .field("folder", &self.folder)
            .field("interval", &self.interval)
            .field("threshold", &self.threshold)
            .field("step", &self.step)
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

pub(super) fn invalid(name: &'static str, problem: impl Into<String>, remedy: &'static str) -> StartError {
    StartError::Setting { name, problem: problem.into(), remedy }
}
