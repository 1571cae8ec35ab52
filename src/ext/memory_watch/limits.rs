//! Defaults and limits of the watch's settings, and what an operator has to know, each with its argument. MB are 1,000,000 bytes, as dashboards have it.

use std::time::Duration;

/// A megabyte: 1,000,000 bytes.
pub const MB: u64 = 1_000_000;

/// Default of `interval`: a leak of 1 MB/s is then noticed within 15 MB, and looking costs 240 wake-ups an hour. Where thresholds follow
/// a limit it is the longest: memory is looked at again before a fast leak could have passed a threshold.
pub const INTERVAL: Duration = Duration::from_secs(15);
/// Least that `interval` may be: looking takes a tenth of a millisecond.
pub const INTERVAL_MIN: Duration = Duration::from_millis(10);
/// By default memory is never looked at more often than this: four looks a second, a tenth of a millisecond each, and this only while a
/// threshold is near.
pub const LOOK_EVERY_MIN: Duration = Duration::from_millis(250);
/// Cgroups, the machine and the signal are looked at no more often than this: they are half of a look's cost, and what they tell is not urgent.
pub(super) const LOOK_AROUND_EVERY: Duration = Duration::from_secs(1);
/// Most that an interval or a cool-down may be: a day is a watch that is off.
pub const TIME_MAX: Duration = Duration::from_secs(86_400);

/// Default of `threshold` where no cgroup limits memory: under 1 GB, where a small service is seldom.
pub const THRESHOLD_BYTES: u64 = 800 * MB;
/// Default of `step` where no cgroup limits memory: between two snapshots of a series a leak has grown by this, far beyond the sampling error.
pub const STEP_BYTES: u64 = 100 * MB;
/// Least that `step` may be: below it, a series tells noise.
pub const STEP_BYTES_MIN: u64 = MB;
/// So many heap profiles a comparison needs; by default as many are taken before the limit.
pub const PROFILES_TO_COMPARE: usize = 3;
/// The smallest step between thresholds that follow a limit, as a share of it: 8 MB of 256 MiB, which is five times the sampling error of a leak
/// of this size at one sample in 512 KiB, and ten snapshots until the limit at most.
pub(super) const STEP_SHARE_MIN: f64 = 1.0 / 32.0;
/// What the kernel holds for a process besides its anonymous memory and cannot give back, as a share of the limit: page tables, sockets,
/// stacks in the kernel, files in a tmpfs.
pub(super) const OVERHEAD_SHARE: f64 = 1.0 / 16.0;
/// Default of `warning`, as a share of the threshold, and of the limit: time for a person to look.
pub const WARNING_SHARE: f64 = 0.9;
/// Memory must stay this far below the first threshold before the series begins anew, as a share of the threshold.
pub const HYSTERESIS_SHARE: f64 = 0.1;
/// ... and for this long: a service that breathes in and out of a threshold makes one series, not one a breath.
pub const REARM_AFTER: Duration = Duration::from_secs(600);
/// Default of `cool_down`: between two snapshots of the series, and between two attempts when one was refused.
pub const COOL_DOWN: Duration = Duration::from_secs(60);
/// Default of `snapshots_per_hour_max`, those on demand included: a series from 800 MB to 2 GB.
pub const SNAPSHOTS_PER_HOUR: u32 = 12;
/// Most that `snapshots_per_hour_max` may be: one a second is a profiler, not a watch.
pub const SNAPSHOTS_PER_HOUR_LIMIT: u32 = 3_600;
/// Snapshots on demand are at least this far apart; what is asked for in between is one snapshot, at the end of it.
pub const DEMAND_EVERY: Duration = Duration::from_secs(5);

/// Default of `retained_files_max`: an hour of the default rate.
pub const RETAINED_FILES: usize = 12;
/// Least that `retained_files_max` may be: the first, the last, and one between them to compare.
pub const RETAINED_FILES_MIN: usize = 3;
/// Default of `retained_bytes_max`. A heap profile is some 10 KB to a few MB.
pub const RETAINED_BYTES: u64 = 256 * MB;
/// Default of `disk_free_min`: what a snapshot leaves free, for the log that matters more.
pub const DISK_FREE_BYTES: u64 = 256 * MB;
/// A folder that has no room for so many bytes besides what is left free is told at the start: three heap profiles of a large program, with the text
/// that each is made of.
pub(super) const FOLDER_ROOM_BYTES: u64 = 32 * MB;
/// At most so many names of the folder are looked at when old snapshots are removed; it is meant for snapshots alone.
pub(super) const FOLDER_NAMES_MAX: usize = 10_000;

/// Default of `headroom_min`, where that is not more than half of the limit: with less than this left below the limit of a cgroup, or available on the machine, only the
/// short report is written. A heap profile takes the dump's text, what it is made of, and the profile: some MB.
pub const HEADROOM_BYTES: u64 = 64 * MB;
/// Most of a text report, allocated when the watch is built.
pub(super) const REPORT_BYTES_MAX: usize = 16 << 10;
/// Most that is read of one file below `/proc` or `/sys`, allocated when the watch is built.
pub(super) const SOURCE_BYTES_MAX: usize = 16 << 10;
/// So many names, a millisecond apart, are tried for a snapshot until one is free.
pub(super) const NAMES_TRIED_MAX: u64 = 10;
/// At most so many different addresses of a profile get their function's name; the rest keep their address.
#[cfg(feature = "memory-watch-jemalloc")]
pub(super) const SYMBOLS_MAX: usize = 50_000;
/// At most so many sections of a program's file are looked at for its symbols; a program has some forty.
#[cfg(feature = "memory-watch-jemalloc")]
pub(super) const SYMBOL_SECTIONS_MAX: u32 = 1_000;
/// Most that is read of a symbol's mangled name.
#[cfg(feature = "memory-watch-jemalloc")]
pub(super) const SYMBOL_NAME_BYTES_MAX: usize = 1_024;
/// Most characters of a service's name.
pub const SERVICE_CHARS_MAX: usize = 64;
/// Longest path of a folder in bytes: what is opened without an allocation.
pub const FOLDER_BYTES_MAX: usize = 240;
/// `MemoryWatch::stop` waits this long for a snapshot that is being written.
pub const STOP_WAIT: Duration = Duration::from_secs(5);
