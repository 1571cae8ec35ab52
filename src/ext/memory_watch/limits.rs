//! Defaults and limits of the watch's settings, and constants that operators need
//! to know, each with its argument. MB are 1,000,000 bytes, as in dashboards.

use std::time::Duration;

/// A megabyte: 1,000,000 bytes.
pub const MB: u64 = 1_000_000;

/// Default of `interval`: a leak of 1 MB/s is noticed within 15 MB, and looking
/// costs 240 wake-ups an hour. If thresholds follow a limit, this is the maximum:
/// the next look comes before a fast leak could have passed a threshold.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// Minimum of `interval`: looking takes a tenth of a millisecond.
pub const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// By default, looks at memory are at least this far apart: four looks a
/// second, a tenth of a millisecond each, and only while a threshold is near.
pub const LOOK_EVERY_MIN: Duration = Duration::from_millis(250);
/// Minimum time between looks at cgroups, the machine and the
/// signal: they are half of a look's cost, and are not urgent.
pub(super) const LOOK_AROUND_EVERY: Duration = Duration::from_secs(1);
/// Maximum of an interval or a cool-down: at a day the watch is as good as off.
pub const TIME_MAX: Duration = Duration::from_secs(86_400);

/// Default of `threshold` if no cgroup limits memory: below 1 GB, which a small service seldom reaches.
pub const THRESHOLD_BYTES: u64 = 800 * MB;
/// Default of `step` if no cgroup limits memory: between two snapshots of
/// a series a leak has grown by this much, far beyond the sampling error.
pub const STEP_BYTES: u64 = 100 * MB;
/// Minimum of `step`: below it, a series shows only noise.
pub const STEP_BYTES_MIN: u64 = MB;
/// The number of heap profiles that a comparison needs; by default this many are taken before the limit.
pub const PROFILES_TO_COMPARE: usize = 3;
/// The smallest step between thresholds that follow a limit, as a share of it: 8 MB of 256 MiB, which is five times
/// the sampling error of a leak of this size at one sample per 512 KiB, and at most ten snapshots until the limit.
pub(super) const STEP_SHARE_MIN: f64 = 1.0 / 32.0;
/// What the kernel holds for a process besides its anonymous memory and cannot reclaim,
/// as a share of the limit: page tables, sockets, kernel stacks, files in a tmpfs.
pub(super) const OVERHEAD_SHARE: f64 = 1.0 / 16.0;
/// Default of `warning`, as a share of the threshold, and of the limit: time for a person to look.
pub const WARNING_SHARE: f64 = 0.9;
/// Memory must stay this far below the first threshold before a new series begins, as a share of the threshold.
pub const HYSTERESIS_SHARE: f64 = 0.1;
/// Memory must stay there this long: a service that swings around a threshold makes one series, not one per swing.
pub const REARM_AFTER: Duration = Duration::from_secs(600);
/// Default of `cool_down`: the time between two snapshots of the series, and between two attempts if one failed.
pub const COOL_DOWN: Duration = Duration::from_secs(60);
/// Default of `snapshots_per_hour_max`, including those on demand: a series from 800 MB to 2 GB.
pub const SNAPSHOTS_PER_HOUR: u32 = 12;
/// Maximum of `snapshots_per_hour_max`: one a second is a profiler, not a watch.
pub const SNAPSHOTS_PER_HOUR_LIMIT: u32 = 3_600;
/// Snapshots on demand are at least this far apart; all requests in between give one snapshot, at the end of this time.
pub const DEMAND_EVERY: Duration = Duration::from_secs(5);

/// Default of `retained_files_max`: an hour of the default rate.
pub const RETAINED_FILES: usize = 12;
/// Minimum of `retained_files_max`: the first, the last, and one between them to compare.
pub const RETAINED_FILES_MIN: usize = 3;
/// Default of `retained_bytes_max`. A heap profile takes from about 10 KB to a few MB.
pub const RETAINED_BYTES: u64 = 256 * MB;
/// Default of `disk_free_min`: the space that a snapshot leaves free, for the log, which matters more.
pub const DISK_FREE_BYTES: u64 = 256 * MB;
/// If the folder has less room than this, besides what must stay free, a notice says so at
/// the start: three heap profiles of a large program, and the text that each is made from.
pub(super) const FOLDER_ROOM_BYTES: u64 = 32 * MB;
/// Maximum names in the folder that are examined when old
/// snapshots are removed; the folder is meant for snapshots alone.
pub(super) const FOLDER_NAMES_MAX: usize = 10_000;

/// Default of `headroom_min`, if that is not more than half of the limit: with less than this left
/// below the limit of a cgroup, or available on the machine, only the short report is written. A
/// heap profile takes the dump's text, the data it is made from, and the profile: a few MB.
pub const HEADROOM_BYTES: u64 = 64 * MB;
/// Maximum bytes of a text report, allocated when the watch is built.
pub(super) const REPORT_BYTES_MAX: usize = 16 << 10;
/// Maximum bytes read from one file below `/proc` or `/sys`, allocated when the watch is built.
pub(super) const SOURCE_BYTES_MAX: usize = 16 << 10;
/// How many names, a millisecond apart, are tried for a snapshot until one is free.
pub(super) const NAMES_TRIED_MAX: u64 = 10;
/// Maximum number of different addresses in a profile that get their function's name; the rest keep their address.
#[cfg(feature = "memory-watch-jemalloc")]
pub(super) const SYMBOLS_MAX: usize = 50_000;
/// Maximum number of sections in a program's file that are searched for symbols; a program has about forty.
#[cfg(feature = "memory-watch-jemalloc")]
pub(super) const SYMBOL_SECTIONS_MAX: u32 = 1_000;
/// Maximum bytes read of a symbol's mangled name.
#[cfg(feature = "memory-watch-jemalloc")]
pub(super) const SYMBOL_NAME_BYTES_MAX: usize = 1_024;
/// Maximum characters of a service's name.
pub const SERVICE_CHARS_MAX: usize = 64;
/// Maximum bytes of a folder's path: the longest that can be opened without an allocation.
pub const FOLDER_BYTES_MAX: usize = 240;
/// How long `MemoryWatch::stop` waits for a snapshot that is being written.
pub const STOP_WAIT: Duration = Duration::from_secs(5);
