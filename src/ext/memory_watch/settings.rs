//! The settings of a watch. In: what the user says. Out: numbers within their limits, or an error that says what to do.

use super::error::StartError;
use super::limits::{
    COOL_DOWN, DISK_FREE_BYTES, FOLDER_BYTES_MAX, HEADROOM_BYTES, HYSTERESIS_SHARE, INTERVAL, INTERVAL_MIN,
    REARM_AFTER, RETAINED_BYTES, RETAINED_FILES, RETAINED_FILES_MIN, SERVICE_CHARS_MAX, SNAPSHOTS_PER_HOUR,
    SNAPSHOTS_PER_HOUR_LIMIT, STEP_BYTES, STEP_BYTES_MIN, THRESHOLD_BYTES, TIME_MAX, WARNING_SHARE,
};
use super::watch::MemoryWatch;
use crate::Client;
use crate::QueueShare;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// An amount of memory.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Level {
    /// So many bytes.
    Bytes(u64),
    /// A share, above 0 and at most 1, of what the process may use: the smallest limit of its cgroup and those above it (version 1
    /// or 2), or the machine's memory if that is less. Computed once, when the watch is built.
    ShareOfLimit(f64),
}

impl Level {
    /// In bytes, where the limit is `limit`.
    pub(super) fn bytes(self, name: &'static str, limit: Option<u64>) -> Result<u64, StartError> {
        match (self, limit) {
            (Level::Bytes(bytes), _) => Ok(bytes),
            (Level::ShareOfLimit(share), _) if !(share > 0.0 && share <= 1.0) => Err(invalid(
                name,
                format!("is {share} of the limit"),
                "choose a share above 0 and at most 1, as 0.7",
            )),
            (Level::ShareOfLimit(share), Some(limit)) => Ok((limit as f64 * share) as u64),
            (Level::ShareOfLimit(_), None) => Err(invalid(
                name,
                "is a share of the memory limit, and neither a cgroup nor the machine says one",
                "give it in bytes",
            )),
        }
    }
}

/// What becomes of the clients' appetite when memory crosses a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Appetite {
    /// They go on as they are: their memory is bounded anyway.
    #[default]
    Unchanged,
    /// Clients that are [`On`](crate::Mode::On) become [`LogOnly`](crate::Mode::LogOnly), so that their queues run empty, and
    /// are switched back when memory has come down and the series could begin anew.
    LogOnly,
    /// Clients with their whole queue get this share of it for as long.
    QueueShare(QueueShare),
}

/// Memory has crossed a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crossing {
    /// The resident set of this process in bytes.
    pub rss_bytes: u64,
    /// The threshold that was crossed, in bytes.
    pub threshold_bytes: u64,
}

pub(super) type Hook = Box<dyn FnMut(&Crossing) + Send>;

/// The settings of a watch; each has a default but service and folder.
pub struct Builder {
    pub(super) service: String,
    pub(super) folder: PathBuf,
    pub(super) clients: Vec<Client>,
    pub(super) appetite: Appetite,
    pub(super) hook: Option<Hook>,
    pub(super) interval: Duration,
    pub(super) threshold: Level,
    pub(super) step: Level,
    pub(super) warning: Option<Level>,
    pub(super) cool_down: Duration,
    pub(super) rearm_after: Duration,
    pub(super) snapshots_per_hour_max: u32,
    pub(super) retained_files_max: usize,
    pub(super) retained_bytes_max: u64,
    pub(super) disk_free_min: u64,
    pub(super) headroom_min: u64,
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
            interval: INTERVAL,
            threshold: Level::Bytes(THRESHOLD_BYTES),
            step: Level::Bytes(STEP_BYTES),
            warning: None,
            cool_down: COOL_DOWN,
            rearm_after: REARM_AFTER,
            snapshots_per_hour_max: SNAPSHOTS_PER_HOUR,
            retained_files_max: RETAINED_FILES,
            retained_bytes_max: RETAINED_BYTES,
            disk_free_min: DISK_FREE_BYTES,
            headroom_min: HEADROOM_BYTES,
            signal: None,
            system_root: PathBuf::from("/"),
        }
    }

    /// Puts this client's books into the reports. May be called again. The watch holds a clone: shut the client down, rather than
    /// relying on the last one's drop, or stop the watch first.
    pub fn client(mut self, client: &Client) -> Builder {
        self.clients.push(client.clone());
        self
    }

    /// What becomes of the clients' appetite when memory crosses a threshold. Default [`Appetite::Unchanged`].
    pub fn appetite_on_crossing(mut self, appetite: Appetite) -> Builder {
        self.appetite = appetite;
        self
    }

    /// Calls `hook` on the watch's thread when memory has crossed a threshold, after the snapshot: to empty caches, or to turn
    /// work away. A panic in it is contained.
    pub fn on_crossing(mut self, hook: impl FnMut(&Crossing) + Send + 'static) -> Builder {
        self.hook = Some(Box::new(hook));
        self
    }

    /// How often memory is looked at. Default [`INTERVAL`].
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.interval = interval;
        self
    }

    /// The resident set at which the first snapshot is taken. Default [`THRESHOLD_BYTES`].
    pub fn threshold(mut self, threshold: Level) -> Builder {
        self.threshold = threshold;
        self
    }

    /// How far above a snapshot's threshold the next one is. Default [`STEP_BYTES`].
    pub fn step(mut self, step: Level) -> Builder {
        self.step = step;
        self
    }

    /// The resident set at which a notice warns of the first snapshot. Default [`WARNING_SHARE`] of the threshold.
    pub fn warning(mut self, warning: Level) -> Builder {
        self.warning = Some(warning);
        self
    }

    /// Least time between two snapshots of a series, and before another attempt after one that was refused. Default [`COOL_DOWN`].
    pub fn cool_down(mut self, cool_down: Duration) -> Builder {
        self.cool_down = cool_down;
        self
    }

    /// How long memory must have been well below the threshold ([`HYSTERESIS_SHARE`]) before a series begins anew.
    /// Default [`REARM_AFTER`].
    pub fn rearm_after(mut self, time: Duration) -> Builder {
        self.rearm_after = time;
        self
    }

    /// Most snapshots within an hour, those on demand included. Default [`SNAPSHOTS_PER_HOUR`].
    pub fn snapshots_per_hour_max(mut self, snapshots: u32) -> Builder {
        self.snapshots_per_hour_max = snapshots;
        self
    }

    /// Most snapshots of this service that stay in the folder. Default [`RETAINED_FILES`].
    pub fn retained_files_max(mut self, files: usize) -> Builder {
        self.retained_files_max = files;
        self
    }

    /// Most bytes of this service's snapshots that stay in the folder; the first and the newest stay even if they are more.
    /// Default [`RETAINED_BYTES`].
    pub fn retained_bytes_max(mut self, bytes: u64) -> Builder {
        self.retained_bytes_max = bytes;
        self
    }

    /// Bytes that a snapshot leaves free on the disk, or it is not written. Default [`DISK_FREE_BYTES`].
    pub fn disk_free_min(mut self, bytes: u64) -> Builder {
        self.disk_free_min = bytes;
        self
    }

    /// With less than this left below a limit, only the short report is written. Default [`HEADROOM_BYTES`].
    pub fn headroom_min(mut self, bytes: u64) -> Builder {
        self.headroom_min = bytes;
        self
    }

    /// Takes a snapshot whenever the process receives SIGUSR2.
    ///
    /// Handlers that were there before are called as well. Once registered the signal no longer ends the process, not even
    /// after the watch has stopped.
    pub fn snapshot_on_sigusr2(self) -> Builder {
        self.snapshot_on_signal(SIGUSR2)
    }

    /// As [`snapshot_on_sigusr2`](Builder::snapshot_on_sigusr2), by another signal: SIGHUP, SIGUSR1, SIGUSR2, or one
    /// of the real-time signals from 34 to 64.
    pub fn snapshot_on_signal(mut self, signal: i32) -> Builder {
        self.signal = Some(signal);
        self
    }

    /// Where `proc` and `sys` are. Default `/`; for tests, a folder that has the few files that are read.
    pub fn system_root(mut self, root: impl Into<PathBuf>) -> Builder {
        self.system_root = root.into();
        self
    }

    /// Starts the watch on a thread of its own, which looks at once.
    ///
    /// # Errors
    /// As [`build`](Builder::build), and if there is no thread or no file descriptor to be had.
    ///
    /// # Blocking
    /// As long as reading some files of `/proc` and opening the folder takes.
    pub fn start(self) -> Result<MemoryWatch, StartError> {
        self.build()?.start()
    }

    /// The settings that do not depend on the system.
    pub(super) fn check(&self) -> Result<(), StartError> {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let service = self.service.as_bytes();
        if !(1..=SERVICE_CHARS_MAX).contains(&service.len())
            || !service.iter().all(|&byte| named(byte))
            || !service[0].is_ascii_alphanumeric()
        {
            return Err(invalid(
                "service",
                format!("is {:?}", self.service),
                "choose 1 to 64 letters, digits, '-', '_' or '.', beginning with a letter or digit",
            ));
        }
        let printable = |folder: &str| folder.chars().all(|c| c == ' ' || c.escape_debug().len() == 1);
        if !self.folder.to_str().is_some_and(|folder| {
            (1..=FOLDER_BYTES_MAX).contains(&folder.len()) && (printable(folder) || cfg!(windows))
        }) {
            return Err(invalid(
                "folder",
                format!("is {:?}", self.folder),
                "choose a path of 1 to 240 bytes of printable text",
            ));
        }
        within("interval", self.interval, INTERVAL_MIN, "choose 10 ms to a day")?;
        within("cool_down", self.cool_down, Duration::ZERO, "choose at most a day")?;
        within("rearm_after", self.rearm_after, Duration::ZERO, "choose at most a day")?;
        if !(1..=SNAPSHOTS_PER_HOUR_LIMIT).contains(&self.snapshots_per_hour_max) {
            let problem = format!("is {}", self.snapshots_per_hour_max);
            return Err(invalid("snapshots_per_hour_max", problem, "choose 1 to 3600"));
        }
        if self.retained_files_max < RETAINED_FILES_MIN {
            let problem = format!("is {}", self.retained_files_max);
            return Err(invalid("retained_files_max", problem, "choose 3 or more, to have some to compare"));
        }
        match self.signal {
            Some(signal) if !(SIGNALS.contains(&signal) || (34..=64).contains(&signal)) => Err(invalid(
                "snapshot_on_signal",
                format!("is {signal}"),
                "choose SIGHUP, SIGUSR1, SIGUSR2 or a real-time signal from 34 to 64: others have a meaning already",
            )),
            _ => Ok(()),
        }
    }

    /// Threshold, step, warning and the level below which the series begins anew, in bytes.
    pub(super) fn levels(&self, limit: Option<u64>) -> Result<(u64, u64, u64, u64), StartError> {
        let threshold = self.threshold.bytes("threshold", limit)?;
        if threshold < STEP_BYTES_MIN {
            let problem = format!("is {threshold} bytes");
            return Err(invalid("threshold", problem, "choose 1 MB or more"));
        }
        let step = self.step.bytes("step", limit)?;
        if step < STEP_BYTES_MIN {
            return Err(invalid("step", format!("is {step} bytes"), "choose 1 MB or more: less is noise"));
        }
        let warning = match self.warning {
            Some(warning) => warning.bytes("warning", limit)?,
            None => (threshold as f64 * WARNING_SHARE) as u64,
        };
        if warning > threshold {
            let problem = format!("is {warning} bytes, more than the threshold ({threshold})");
            return Err(invalid("warning", problem, "lower it"));
        }
        let rearm_below = (threshold as f64 * (1.0 - HYSTERESIS_SHARE)) as u64;
        Ok((threshold, step, warning, rearm_below.min(warning)))
    }
}

#[cfg(target_os = "linux")]
use signal_hook::consts::{SIGHUP, SIGUSR1, SIGUSR2};
// Nothing is started elsewhere.
#[cfg(not(target_os = "linux"))]
const SIGUSR2: i32 = 12;
#[cfg(target_os = "linux")]
const SIGNALS: [i32; 3] = [SIGHUP, SIGUSR1, SIGUSR2];
#[cfg(not(target_os = "linux"))]
const SIGNALS: [i32; 1] = [SIGUSR2];

fn within(name: &'static str, time: Duration, min: Duration, remedy: &'static str) -> Result<(), StartError> {
    if (min..=TIME_MAX).contains(&time) { Ok(()) } else { Err(invalid(name, format!("is {time:?}"), remedy)) }
}

fn invalid(name: &'static str, problem: impl Into<String>, remedy: &'static str) -> StartError {
    StartError::Setting { name, problem: problem.into(), remedy }
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
