//! Every line that the watch logs: target `overspill::memory_watch`.
//!
//! Only changes are logged; the ladder ensures that no notice comes at every interval. A WARN
//! notice that no subscriber reads goes to standard error. NT1: with a subscriber, reporting a
//! snapshot allocates no memory here; what the subscriber does is its own business.

#[cfg(target_os = "linux")]
use super::cgroup::Fill;
use super::counted::Counted;
use super::ladder::Cause;
use super::limits::MB;
use super::name::Kind;
use crate::spill::{LogLevel, Notice, SpillSink, Stderr};
use std::fmt::{self, Display};
use std::path::Path;
use std::time::Duration;

/// The target of the watch's log records.
pub const MEMORY_WATCH_TARGET: &str = "overspill::memory_watch";

/// Bytes for a person: `812 MB`.
pub(super) struct Mb(pub(super) u64);

impl Display for Mb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB", self.0 / MB)
    }
}

/// A file in the folder.
struct FileLink<'a>(&'a Path, &'a str);

impl Display for FileLink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.display(), self.1)
    }
}

/// The watch that the notices are about.
#[derive(Debug)]
pub(super) struct WatchNotices {
    pub(super) service: String,
}

/// What a notice says about a snapshot, written or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion {
    pub(super) cause: Cause,
    pub(super) rss: u64,
    pub(super) counted: u64,
    /// The threshold at that time.
    pub(super) threshold: u64,
    pub(super) took: Duration,
}

/// The memory at that moment, and the first threshold.
#[derive(Debug, Clone, Copy)]
pub(super) struct MemoryNow {
    pub(super) rss: u64,
    pub(super) counted: u64,
    pub(super) threshold: u64,
}

macro_rules! say {
    ($self:ident, $level:ident, { $($field:ident = $value:expr),* $(,)? }, $($text:tt)+) => {
        if tracing::enabled!(target: MEMORY_WATCH_TARGET, tracing::Level::$level) {
            tracing::event!(
                target: MEMORY_WATCH_TARGET,
                parent: None,
                tracing::Level::$level,
                service = $self.service.as_str(),
                $($field = $value,)*
                $($text)+
            );
        } else if tracing::Level::$level <= tracing::Level::WARN {
            // Nowhere else to report.
            let text = format!("memory watch of {}: {}", $self.service, format_args!($($text)+));
            drop(Stderr.notice(&Notice::new(LogLevel::Warn, "", &text)));
        }
    };
}

impl WatchNotices {
    pub(super) fn started(&self, now: MemoryNow, counts: Counted, next: u64, limit: Option<u64>, heap: &str) {
        let MemoryNow { rss, counted, threshold } = now;
        say!(
            self, INFO,
            {
                rss_bytes = rss,
                counted_bytes = counted,
                counts = counts.as_str(),
                threshold_bytes = threshold,
                next_threshold_bytes = next,
                limit_bytes = limit,
            },
            "memory watch started: {} in use, first snapshot at {}, then at {}; {heap}", Mb(counted), Mb(threshold), Mb(next)
        );
    }

    /// Reports, at the start, something that will not work.
    pub(super) fn finding(&self, finding: &dyn Display) {
        say!(self, WARN, {}, "as things are: {finding}");
    }

    pub(super) fn no_heap_profiles(&self, why: &str) {
        say!(self, WARN, {}, "no heap profiles, text reports instead: {why}");
    }

    pub(super) fn folder_refused(&self, error: &dyn Display) {
        say!(
            self,
            WARN,
            { error = tracing::field::display(error) },
            "snapshots cannot be written as things are: {error}"
        );
    }

    pub(super) fn near(&self, now: MemoryNow) {
        let MemoryNow { rss, counted, threshold } = now;
        say!(
            self, WARN,
            { rss_bytes = rss, counted_bytes = counted, threshold_bytes = threshold },
            "memory is near the threshold: {} of {}", Mb(counted), Mb(threshold)
        );
    }

    #[cfg(target_os = "linux")]
    pub(super) fn crowded(&self, now: MemoryNow, fill: Fill) {
        let MemoryNow { rss, counted, threshold } = now;
        say!(
            self, WARN,
            {
                rss_bytes = rss,
                counted_bytes = counted,
                threshold_bytes = threshold,
                limit_bytes = fill.limit,
                in_use_bytes = fill.in_use,
            },
            "memory is near the limit: {} of {} are in use where this process runs, {} of them by this process; look for \
             what else there is: other processes, files in a tmpfs", Mb(fill.in_use), Mb(fill.limit), Mb(counted)
        );
    }

    pub(super) fn unheard(&self, signal: i32, what: &str) {
        say!(
            self,
            WARN,
            { signal = i64::from(signal) },
            "the signal for memory snapshots does not arrive: {what}"
        );
    }

    pub(super) fn taken(&self, on: Occasion, folder: &Path, name: &str, kind: Kind, bytes: usize, next: u64) {
        let file = FileLink(folder, name);
        say!(
            self, WARN,
            {
                cause = on.cause.as_str(),
                kind = kind.as_str(),
                file = tracing::field::display(&file),
                file_bytes = bytes as u64,
                rss_bytes = on.rss,
                counted_bytes = on.counted,
                threshold_bytes = on.threshold,
                next_threshold_bytes = next,
                took_ms = millis(on.took),
            },
            "memory snapshot: {} in use, {file}; next at {}", Mb(on.counted), Mb(next)
        );
    }

    pub(super) fn refused(&self, on: Occasion, error: &dyn Display) {
        say!(
            self, WARN,
            {
                cause = on.cause.as_str(),
                rss_bytes = on.rss,
                counted_bytes = on.counted,
                threshold_bytes = on.threshold,
                took_ms = millis(on.took),
                error = tracing::field::display(error),
            },
            "no memory snapshot at {}: {error}", Mb(on.counted)
        );
    }

    pub(super) fn held_back(&self, cause: Cause, now: MemoryNow, per_hour_max: u32, until: Duration) {
        let (kept, at) = (
            if cause == Cause::Demand { ", the last one of an hour is the threshold's" } else { "" },
            Mb(now.counted),
        );
        say!(
            self, WARN,
            { cause = cause.as_str(), rss_bytes = now.rss, counted_bytes = now.counted },
            "no memory snapshot at {at}: {per_hour_max} within an hour were taken (snapshots_per_hour_max{kept}), the next is \
             possible in {} s", until.as_secs()
        );
    }

    pub(super) fn rearmed(&self, now: MemoryNow) {
        let MemoryNow { rss, counted, threshold } = now;
        say!(
            self, INFO,
            { rss_bytes = rss, counted_bytes = counted, threshold_bytes = threshold },
            "memory has come down to {}: the next snapshot is at {} again", Mb(counted), Mb(threshold)
        );
    }

    pub(super) fn unreadable(&self, error: &dyn Display) {
        say!(
            self,
            WARN,
            { error = tracing::field::display(error) },
            "the memory in use cannot be read: {error}"
        );
    }

    pub(super) fn tidied(&self, removed: usize) {
        say!(self, INFO, { removed = removed as u64 }, "{removed} old memory snapshots removed");
    }

    pub(super) fn untidy(&self, error: &dyn Display) {
        say!(
            self,
            WARN,
            { error = tracing::field::display(error) },
            "old memory snapshots could not be removed: {error}"
        );
    }

    pub(super) fn panicked(&self, what: &str) {
        say!(self, ERROR, {}, "{what} panicked; the watch goes on");
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
