//! A watch over the memory of the service: a snapshot when it crosses a threshold, so that a leak leaves a series behind that names
//! it.
//!
//! Every [`INTERVAL`](limits::INTERVAL) at least the service's memory is compared with a threshold. On a crossing a snapshot is written and
//! the threshold goes up, so a heap that grows leaves an escalating series, and one that swings leaves one snapshot.
//! `kill -USR2` takes one on demand, if asked for. Linux only; elsewhere [`Builder::start`] says so, and everything compiles.
//!
//! ```
//! use overspill::memory_watch::{Appetite, MemoryWatch};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("overspill-doc-{}", std::process::id()));
//! let events = overspill::Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let watch = MemoryWatch::builder("checkout", &folder) // the service, and a folder of its own for its snapshots
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
//! `tests/lab/run memory_watch` shows all of it, and what it costs.
//!
//! # What counts
//!
//! Anonymous memory ([`Counted::Anonymous`]): heap and stacks, what of them is swapped out included. Files that the service has mapped do
//! not count, for the kernel drops their pages when it needs room. [`Builder::counts`] with [`Counted::Resident`] compares the
//! resident set instead, as do kernels that do not tell the difference.
//!
//! The limit is the smallest one of the service's cgroup and those above it (version 1 or 2; `memory.high` counts as `memory.max`
//! does), or the machine's memory. What is left below it is counted without what the kernel gives back: clean pages of files, reclaimable slabs.
//!
//! # When snapshots are taken
//!
//! In a container, with no setting at all: the first at half of the way to its limit, and each next one a third of the rest of the way further.
//! The way ends where [`HEADROOM_BYTES`](limits::HEADROOM_BYTES) are left, and a sixteenth of the limit for what the kernel holds
//! besides. In MB:
//!
//! | limit | heap profiles at | short reports at |
//! |---|---|---|
//! | 256 MiB | 93 125 145 159 169 177 187 | 228 |
//! | 512 MiB | 219 292 341 374 395 412 439 | 488 |
//! | 1 GiB | 471 628 733 802 849 883 942 | 1,008 |
//! | 4 GiB | 1,981 2,641 3,081 3,375 3,571 3,705 3,962 | 4,128 |
//!
//! Three make a comparison, and wherever the service lives below its limit there are three ahead of it. Memory is looked at again before a leak
//! of a sixteenth of the limit a second could have passed a threshold, four times a second at most; a faster leak may leave fewer. What others
//! in the container have when the watch is built is left out of the limit, if it is more than a sixteenth. Several processes that grow together in one container each take the rest
//! for theirs: give each a threshold of its share.
//!
//! Where no cgroup limits memory, at [`THRESHOLD_BYTES`](limits::THRESHOLD_BYTES) and every [`STEP_BYTES`](limits::STEP_BYTES), as far as the
//! machine has room for three. [`threshold`](Builder::threshold) and [`step`](Builder::step) set other levels; where these leave fewer than three
//! before the limit, the start says so, and which would leave three.
//!
//! Two warnings come before: memory is near the first threshold; or the container, or the machine, is nine tenths full, whoever fills it.
//!
//! # What is written
//!
//! `SERVICE-TIME-MEMORY-PID`, as in `checkout-20261124T021530.123Z-812MB-4711.pb.gz`: UTC, the memory that counts in MB of 1,000,000
//! bytes, the process id. The folder is made with mode 0700, files have 0600.
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
//! short report, with two for comparisons: `overspill.process`, which no other process has, whatever its pid, and
//! `overspill.uptime_ns`, the time since the process began, by a clock that nobody sets. jemalloc writes its dump as text into the snapshots'
//! folder, into a file without a name, which is gone with its writer, also if that is killed. Functions are named by the
//! program's symbol table, which is read in small pieces: a program that was stripped has addresses instead. Functions that the compiler
//! has inlined are named by tools that have the program at hand; the profile has its build id.
//!
//! # Signals, fork, the end
//!
//! - Before the watch starts, SIGUSR2 ends the process. Start the service with the signal blocked, `env --block-signal=USR2 SERVICE`
//!   (GNU coreutils 8.31), and what comes early waits for the watch. Its thread takes the signal even where all others block it, as a parent may
//!   have left them.
//! - A signal that something sets back to its own action or to be ignored, after the watch has started, is told. A handler that another library
//!   puts in the place of all others cannot be seen: start the watch after such libraries, or use
//!   [`ask_for_snapshot`](MemoryWatch::ask_for_snapshot).
//! - A real-time signal that is blocked when the watch starts stays blocked, which is told.
//! - A child made by fork has no thread of the watch. There a handle does nothing, a signal is lost, and the parent's watch goes on; a
//!   child that is to be watched starts one of its own, whose profiles have another `overspill.process`. Start the watch after daemonizing.
//! - [`stop`](MemoryWatch::stop) takes first what was asked for. What a killed process leaves half written, the next start over the same
//!   folder removes.
//!
//! # What the operator sees
//!
//! Log target [`MEMORY_WATCH_TARGET`], one record an edge, each with `service`:
//!
//! | message begins | level | fields |
//! |---|---|---|
//! | `memory watch started` | INFO | `rss_bytes` `counted_bytes` `counts` (`anonymous`, `resident`) `threshold_bytes` `next_threshold_bytes` `limit_bytes` |
//! | `memory is near the threshold` | WARN | `rss_bytes` `counted_bytes` `threshold_bytes` |
//! | `memory is near the limit` | WARN | the same, and `limit_bytes` `in_use_bytes`, of the container or the machine |
//! | `memory snapshot:` | WARN | `cause` (`threshold`, `demand`) `kind` (`heap`, `report`, `short_report`) `file` `file_bytes` `rss_bytes` `counted_bytes` `threshold_bytes` `next_threshold_bytes` `took_ms` |
//! | `no memory snapshot at` | WARN | `cause` `rss_bytes` `counted_bytes`; where one was tried, `threshold_bytes` `took_ms` `error` |
//! | `no heap profiles` | WARN | |
//! | `snapshots cannot be written as things are` | WARN | `error`: at the start, when the folder is not as it should be, or takes no file |
//! | `as things are:` | WARN | at the start: what will not work, and what to do |
//! | `the signal for memory snapshots is not heard` | WARN | `signal` |
//! | `the memory in use cannot be read` | WARN | `error` |
//! | `old memory snapshots could not be removed` | WARN | `error` |
//! | `memory has come down`, `N old memory snapshots removed` | INFO | `rss_bytes` `counted_bytes` `threshold_bytes`; `removed` |
//! | `... panicked; the watch goes on` | ERROR | |
//!
//! What is looked at when the watch is built, besides the settings: whether the folder is as it should be, takes a file, and has room; whether jemalloc
//! is the allocator, was built with profiling, is told to profile, and does; whether three heap profiles fit before the limit; whether that limit can be
//! seen; which memory the kernel tells; how large files may be. So alert on `as things are` as well.
//!
//! Alert on `memory snapshot:`; then fetch three snapshots of the series and compare them: what grew over both intervals is the
//! leak. Where no subscriber reads them, WARN and above go to standard error as a JSON line of `target` (there
//! `overspill::notice`) and `message` (`memory watch of SERVICE: ...`), without the fields.
//!
//! # As metrics
//!
//! [`MemoryWatch::stats`] tells what the last look saw and what was done so far, and [`MemoryStats::prometheus_text`] puts it on the page that
//! Prometheus scrapes; [`guide::prometheus`](crate::guide::prometheus) has the alert for it.
//!
//! # What it will not do
//!
//! Write into a folder that is a symbolic link, somebody else's, or open to others' writing; leave less than
//! [`DISK_FREE_BYTES`](limits::DISK_FREE_BYTES) on the disk; leave a file that is not whole; replace or delete a file that is not a
//! snapshot of this service. A snapshot that could not be written leaves the threshold where it is, and is tried again after
//! the cool-down. Of old ones the first of this process and the newest always stay. The folder of a volume that root has made, as
//! an emptyDir of Kubernetes, is somebody else's: name one below it, which the watch makes.
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | `counts` | anonymous memory |
//! | `interval` | 15 s, and sooner where a threshold that follows a limit is near |
//! | `threshold`, `step` | by the limit of the container, as above; without one 800 MB, 100 MB |
//! | `warning` | nine tenths of the threshold |
//! | `cool_down` | 60 s; none between thresholds that follow a limit |
//! | `rearm_after` | 10 min below nine tenths of the threshold |
//! | `snapshots_per_hour_max` | 12, the last of which is no wish's |
//! | `retained_files_max`, `retained_bytes_max` | 12, 256 MB |
//! | `disk_free_min`, `headroom_min` | 256 MB, 64 MB (at most half of the limit) |
//! | `appetite_on_crossing`, `on_crossing`, signal | unchanged, nothing, none |
//!
//! They are constants in [`limits`], each with its argument. An appetite is lowered at the threshold that is set; at the third where it follows
//! the limit, for at half of the way to it memory is not short.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "nothing is started elsewhere")
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
    /// Begins to configure a watch for `service`, whose snapshots go into `folder`. Of the folder's path only the last part is
    /// made if it is missing; each service has best a folder of its own.
    pub fn builder(service: impl Into<String>, folder: impl Into<std::path::PathBuf>) -> Builder {
        Builder::new(service, folder)
    }
}
