//! Watches the service's memory and writes a snapshot when it crosses a
//! threshold, so that a leak leaves a series of snapshots that names it.
//!
//! At least every [`INTERVAL`](limits::INTERVAL) the service's memory is compared with a
//! threshold. On a crossing a snapshot is written and the threshold goes up, so a growing heap
//! leaves an escalating series, and one that swings leaves one snapshot. `kill -USR2` takes one on
//! demand, if enabled. Linux only; elsewhere [`Builder::start`] says so, and everything compiles.
//!
//! ```
//! use overspill::memory_watch::{Appetite, MemoryWatch};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("overspill-doc-{}", std::process::id()));
//! let events = overspill::Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let watch = MemoryWatch::builder("checkout", &folder) // the service, and a folder only for its snapshots
//!     .client(&events)                                  // its books go into the reports
//!     .appetite_on_crossing(Appetite::LogOnly)          // events go to the log while memory is short
//!     .snapshot_on_sigusr2()
//!     .start();
//! # if cfg!(target_os = "linux") {
//! let watch = watch?;                                   // dropping it stops the watch
//! watch.ask_for_snapshot();                             // the baseline, once the service is warm
//! watch.stop();
//! # std::fs::remove_dir_all(folder)?;
//! # }
//! # Ok(()) }
//! ```
//!
//! `tests/lab/run memory_watch` shows all of this, and what it costs.
//!
//! # What counts
//!
//! Anonymous memory ([`Counted::Anonymous`]): heap and stacks, including what is swapped out. Files that the service
//! has mapped do not count, because the kernel drops their pages when it needs room. With [`Counted::Resident`],
//! [`Builder::counts`] compares the resident set instead; so do kernels that do not report anonymous memory.
//!
//! The limit is the smallest one of the service's cgroup and its ancestors (version
//! 1 or 2; `memory.high` counts like `memory.max`), or the machine's memory. Memory
//! that the kernel can reclaim counts as left: clean file pages, reclaimable slabs.
//!
//! # When snapshots are taken
//!
//! In a container, without any setting, the first snapshot comes halfway to the limit, and each next one a
//! third of the remaining distance further. The distance ends where [`HEADROOM_BYTES`](limits::HEADROOM_BYTES)
//! are left, plus a sixteenth of the limit for what else the kernel holds. In MB:
//!
//! | limit | heap profiles at | short reports at |
//! |---|---|---|
//! | 256 MiB | 93 125 145 159 169 177 187 | 228 |
//! | 512 MiB | 219 292 341 374 395 412 439 | 488 |
//! | 1 GiB | 471 628 733 802 849 883 942 | 1,008 |
//! | 4 GiB | 1,981 2,641 3,081 3,375 3,571 3,705 3,962 | 4,128 |
//!
//! A comparison needs three, and whatever the service's normal level, three fit before its limit. Memory is looked at again before a
//! leak of a sixteenth of the limit per second could have passed a threshold, at most four times a second; a faster leak may leave
//! fewer. What others in the container use when the watch is built is subtracted from the limit, if it is more than a sixteenth. If
//! several processes grow together in one container, each counts all that is left as its own: give each a threshold for its share.
//!
//! If no cgroup limits memory, snapshots come at [`THRESHOLD_BYTES`](limits::THRESHOLD_BYTES) and every [`STEP_BYTES`](limits::STEP_BYTES)
//! above it, if the machine has room for three. [`threshold`](Builder::threshold) and [`step`](Builder::step) set other levels; if these
//! leave fewer than three before the limit, a notice at the start says so, and names levels that would leave three.
//!
//! Two warnings come first: memory is near the first threshold; or the
//! container, or the machine, is nine tenths full, whichever process fills it.
//!
//! # What is written
//!
//! `SERVICE-TIME-MEMORY-PID`, as in `checkout-20261124T021530.123Z-812MB-4711.pb.gz`: UTC, the memory that
//! counts in MB of 1,000,000 bytes, the process id. The folder is created with mode 0700, files with 0600.
//!
//! | ending | what | when |
//! |---|---|---|
//! | `.pb.gz` | a heap profile in pprof format: objects and bytes in use by call stack, with names | feature `memory-watch-jemalloc`, jemalloc is the allocator and profiles |
//! | `.report.txt` | process, cgroup, allocator, the books of the clients and what they hold at most | otherwise |
//! | `.short.txt` | the numbers alone, written from a block allocated at the start | less than [`HEADROOM_BYTES`](limits::HEADROOM_BYTES) are left |
//!
//! A heap profile needs jemalloc as the `#[global_allocator]` (`tikv-jemallocator` with its feature `profiling`) and
//! `_RJEM_MALLOC_CONF=prof:true,prof_active:true,lg_prof_sample:19` in the environment; with tikv-jemallocator's feature
//! `unprefixed_malloc_on_supported_platforms` the variable is `MALLOC_CONF`. The library sets neither. If there are no heap profiles,
//! one notice at the start says why. `go tool pprof -top FILE` opens one, `go tool pprof -comments FILE` shows the numbers of the
//! short report, and two more for comparisons: `overspill.process`, which no other process has, whatever its pid, and
//! `overspill.uptime_ns`, the time since the process started, by a clock that cannot be set. jemalloc writes its dump
//! as text into the snapshots' folder, to a file without a name, which disappears with its writer even if the writer
//! is killed. Functions are named from the program's symbol table, which is read in small pieces: a stripped program
//! has addresses instead. Tools that have the program name the inlined functions; the profile contains its build id.
//!
//! # Signals, fork, the end
//!
//! - Before the watch starts, SIGUSR2 ends the process. Start the service with the signal blocked, `env
//!   --block-signal=USR2 SERVICE` (GNU coreutils 8.31), and an early signal waits for the watch. Its
//!   thread receives the signal even if all others block it, as they may have inherited from a parent.
//! - A notice reports a signal that is reset to its default action, or ignored, after the watch has
//!   started. A handler that another library installs in place of all others cannot be detected: start
//!   the watch after such libraries, or use [`ask_for_snapshot`](MemoryWatch::ask_for_snapshot).
//! - A real-time signal that is blocked when the watch starts stays blocked, which a notice reports.
//! - A child made by fork does not have the watch's thread. There a handle does nothing, a
//!   signal is lost, and the parent's watch goes on. To watch a child, start a watch there;
//!   its profiles have another `overspill.process`. Start the watch after daemonizing.
//! - [`stop`](MemoryWatch::stop) first takes any requested snapshot. The next
//!   start over the same folder removes what a killed process left half-written.
//!
//! # What the operator sees
//!
//! Log target [`MEMORY_WATCH_TARGET`], one record per change, each with `service`:
//!
//! | message begins | level | fields |
//! |---|---|---|
//! | `memory watch started` | INFO | `rss_bytes` `counted_bytes` `counts` (`anonymous`, `resident`) `threshold_bytes` `next_threshold_bytes` `limit_bytes` |
//! | `memory is near the threshold` | WARN | `rss_bytes` `counted_bytes` `threshold_bytes` |
//! | `memory is near the limit` | WARN | the same, and `limit_bytes` `in_use_bytes`, of the container or the machine |
//! | `memory snapshot:` | WARN | `cause` (`threshold`, `demand`) `kind` (`heap`, `report`, `short_report`) `file` `file_bytes` `rss_bytes` `counted_bytes` `threshold_bytes` `next_threshold_bytes` `took_ms` |
//! | `no memory snapshot at` | WARN | `cause` `rss_bytes` `counted_bytes`; where one was tried, `threshold_bytes` `took_ms` `error` |
//! | `no heap profiles` | WARN | |
//! | `snapshots cannot be written as things are` | WARN | `error`: at the start, the folder fails its checks, or no file can be written |
//! | `as things are:` | WARN | at the start: what will not work, and what to do |
//! | `the signal for memory snapshots does not arrive` | WARN | `signal` |
//! | `the memory in use cannot be read` | WARN | `error` |
//! | `old memory snapshots could not be removed` | WARN | `error` |
//! | `memory has come down`, `N old memory snapshots removed` | INFO | `rss_bytes` `counted_bytes` `threshold_bytes`; `removed` |
//! | `... panicked; the watch goes on` | ERROR | |
//!
//! Besides the settings, building the watch checks: whether the folder meets the requirements, accepts
//! a file, and has room; whether jemalloc is the allocator, was built with profiling, is configured to
//! profile, and does; whether three heap profiles fit before the limit; whether that limit is visible;
//! which memory the kernel reports; how large files may be. So alert on `as things are` as well.
//!
//! Alert on `memory snapshot:`; then fetch three snapshots of the series and compare them: what grew over both
//! intervals is the leak. If no subscriber reads them, WARN and above go to standard error as a JSON line of
//! `target` (there `overspill::notice`) and `message` (`memory watch of SERVICE: ...`), without the fields.
//!
//! # As metrics
//!
//! [`MemoryWatch::stats`] returns what the last look saw and what was done so far,
//! and [`MemoryStats::prometheus_text`] formats it for the page that Prometheus
//! scrapes; [`guide::prometheus`](crate::guide::prometheus) has the alert for it.
//!
//! # What it will not do
//!
//! It never writes into a folder that is a symbolic link, belongs to another user, or is writable by
//! others; never leaves less than [`DISK_FREE_BYTES`](limits::DISK_FREE_BYTES) on the disk; never leaves an
//! incomplete file; never replaces or deletes a file that is not a snapshot of this service. If a snapshot
//! cannot be written, the threshold stays, and the next attempt comes after the cool-down. Of the old
//! snapshots, the first of this process and the newest always stay. The root of a volume created by root,
//! such as a Kubernetes emptyDir, belongs to another user: name a folder below it, which the watch creates.
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | `counts` | anonymous memory |
//! | `interval` | 15 s, and sooner if a threshold that follows a limit is near |
//! | `threshold`, `step` | by the limit of the container, as above; without one 800 MB, 100 MB |
//! | `warning` | nine tenths of the threshold |
//! | `cool_down` | 60 s; none between thresholds that follow a limit |
//! | `rearm_after` | 10 min below nine tenths of the threshold |
//! | `snapshots_per_hour_max` | 12, the last of which is reserved for the threshold |
//! | `retained_files_max`, `retained_bytes_max` | 12, 256 MB |
//! | `disk_free_min`, `headroom_min` | 256 MB, 64 MB (at most half of the limit) |
//! | `appetite_on_crossing`, `on_crossing`, signal | unchanged, nothing, none |
//!
//! They are constants in [`limits`], each with its argument. The appetite is lowered at the threshold
//! you set; at the third if it follows the limit, because halfway to the limit memory is not short.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "the watch runs on Linux only")
)]

mod check;
mod counted;
mod error;
mod ladder;
mod level;
pub mod limits;
mod name;
mod notice;
mod plan;
mod settings;
mod stats;
mod text;

#[cfg(target_os = "linux")]
mod appetite;
#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod folder;
#[cfg(target_os = "linux")]
mod heap;
#[cfg(target_os = "linux")]
mod identity;
#[cfg(all(target_os = "linux", feature = "memory-watch-jemalloc"))]
mod jemalloc;
#[cfg(all(target_os = "linux", feature = "memory-watch-jemalloc"))]
mod pprof;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod retention;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod snapshot;
#[cfg(target_os = "linux")]
mod survey;
#[cfg(all(target_os = "linux", feature = "memory-watch-jemalloc"))]
mod symbols;
#[cfg(target_os = "linux")]
mod system;
#[cfg(target_os = "linux")]
mod thread;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(not(target_os = "linux"))]
#[path = "memory_watch/elsewhere.rs"]
mod watch;

pub use counted::Counted;
pub use error::{SnapshotError, StartError};
pub use ladder::Cause;
pub use level::Level;
pub use name::Kind;
pub use notice::MEMORY_WATCH_TARGET;
pub use settings::{Appetite, Builder, Crossing};
pub use stats::MemoryStats;
pub use watch::{Looked, MemoryWatch, Snapshot, Watch};

impl MemoryWatch {
    /// Starts to configure a watch for `service` that writes its snapshots into `folder`. Only the
    /// last part of the folder's path is created if missing; give each service a separate folder.
    pub fn builder(service: impl Into<String>, folder: impl Into<std::path::PathBuf>) -> Builder {
        Builder::new(service, folder)
    }
}
