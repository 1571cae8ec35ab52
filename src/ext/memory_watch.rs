//! A watch over the memory of the service: a snapshot when it crosses a threshold, so that a leak leaves a series behind that names
//! it.
//!
//! Every [`INTERVAL`](limits::INTERVAL) the resident set is compared with a threshold. On a crossing a snapshot is written and the
//! threshold goes up by a step, so a heap that grows leaves an escalating series, and one that swings leaves one snapshot.
//! `kill -USR2` takes one on demand, if asked for. Linux only; elsewhere [`Builder::start`] says so, and everything compiles.
//!
//! ```
//! use overspill::memory_watch::{Appetite, Level, MemoryWatch};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("overspill-doc-{}", std::process::id()));
//! let events = overspill::Client::builder("http://127.0.0.1:9/v1/events").build()?;
//! let watch = MemoryWatch::builder("checkout", &folder) // the service, and a folder of its own for its snapshots
//!     .client(&events)                                  // its books go into the reports
//!     .threshold(Level::ShareOfLimit(0.7))              // of the container's limit; default 800 MB
//!     .step(Level::Bytes(100_000_000))
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
//! # What is written
//!
//! `SERVICE-TIME-MEMORY-PID`, as in `checkout-20261124T021530.123Z-812MB-4711.pb.gz`: UTC, the resident set in MB of 1,000,000
//! bytes, the process id. The folder is made with mode 0700, files have 0600.
//!
//! | ending | what | when |
//! |---|---|---|
//! | `.pb.gz` | a heap profile in pprof format: objects and bytes in use by call stack, with names | feature `memory-watch-jemalloc`, jemalloc is the allocator and profiles |
//! | `.report.txt` | process, cgroup, allocator, the books of the clients and what they hold at most | otherwise |
//! | `.short.txt` | the numbers alone, written from a block allocated at the start | less than [`HEADROOM_BYTES`](limits::HEADROOM_BYTES) are left |
//!
//! A heap profile needs jemalloc as the `#[global_allocator]` (`tikv-jemallocator` with its feature `profiling`) and
//! `_RJEM_MALLOC_CONF=prof:true,prof_active:true,lg_prof_sample:19` in the environment; the library sets neither. If it
//! cannot be had, one notice says why. `go tool pprof -top FILE` opens it, `go tool pprof -comments FILE` shows the
//! numbers of the short report. jemalloc writes its dump as text into the temporary folder (`TMPDIR`), mode 0600, from where it is
//! removed at once; where that is a tmpfs, it counts as memory for a moment. Functions are named by the program's symbol table, which
//! is read in small pieces: a program that was stripped has addresses instead. Functions that the compiler has inlined
//! are named by tools that have the program at hand; the profile has its build id.
//!
//! # What the operator sees
//!
//! Log target [`MEMORY_WATCH_TARGET`], one record an edge, each with `service`:
//!
//! | message begins | level | fields |
//! |---|---|---|
//! | `memory watch started` | INFO | `rss_bytes` `threshold_bytes` `limit_bytes` |
//! | `memory is near the threshold` | WARN | `rss_bytes` `threshold_bytes` |
//! | `memory snapshot:` | WARN | `cause` (`threshold`, `demand`) `kind` (`heap`, `report`, `short_report`) `file` `file_bytes` `rss_bytes` `threshold_bytes` `next_threshold_bytes` `took_ms` |
//! | `no memory snapshot at` | WARN | `cause` `rss_bytes`; where one was tried, `threshold_bytes` `took_ms` `error` |
//! | `no heap profiles` | WARN | |
//! | `snapshots cannot be written as things are` | WARN | `error`: at the start, when the folder is not as it should be |
//! | `the memory in use cannot be read` | WARN | `error` |
//! | `old memory snapshots could not be removed` | WARN | `error` |
//! | `memory has come down`, `N old memory snapshots removed` | INFO | `rss_bytes` `threshold_bytes`; `removed` |
//! | `... panicked; the watch goes on` | ERROR | |
//!
//! Alert on `memory snapshot:`; then fetch three snapshots of the series and compare them: what grew over both intervals is the
//! leak. Where no subscriber reads them, WARN and above go to standard error as a JSON line of `target` (there
//! `overspill::notice`) and `message` (`memory watch of SERVICE: ...`), without the fields.
//!
//! # What it will not do
//!
//! Write into a folder that is a symbolic link, somebody else's, or open to others' writing; leave less than
//! [`DISK_FREE_BYTES`](limits::DISK_FREE_BYTES) on the disk; leave a file that is not whole; replace or delete a file that is not a
//! snapshot of this service. A snapshot that could not be written leaves the threshold where it is, and is tried again after
//! the cool-down. Of old ones the first of this process and the newest always stay.
//!
//! # Defaults
//!
//! | setting | default |
//! |---|---|
//! | `interval` | 15 s |
//! | `threshold`, `step`, `warning` | 800 MB, 100 MB, nine tenths of the threshold |
//! | `cool_down`, `rearm_after` | 60 s, 10 min below nine tenths of the threshold |
//! | `snapshots_per_hour_max` | 12 |
//! | `retained_files_max`, `retained_bytes_max` | 12, 256 MB |
//! | `disk_free_min`, `headroom_min` | 256 MB, 64 MB |
//! | `appetite_on_crossing`, `on_crossing`, signal | unchanged, nothing, none |
//!
//! They are constants in [`limits`], each with its argument.
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
pub use watch::{Looked, MemoryWatch, Snapshot, Watch};

impl MemoryWatch {
    /// Begins to configure a watch for `service`, whose snapshots go into `folder`. Of the folder's path only the last part is
    /// made if it is missing; each service has best a folder of its own.
    pub fn builder(service: impl Into<String>, folder: impl Into<std::path::PathBuf>) -> Builder {
        Builder::new(service, folder)
    }
}
