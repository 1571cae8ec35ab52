//! Three heap profiles of one process, taken an interval apart, become a ranking of what keeps growing: what grew once is a
//! cache or a warm-up, what grew in both intervals is where a leak is looked for.
//!
//! In: profiles in pprof format, gzipped or not, with `inuse_space`: jemalloc's as `jemalloc_pprof` writes them, Go's
//! `/debug/pprof/heap`, others'. Out: call stacks that grew, the worst first, with bytes and objects per interval, a confidence that
//! knows the sampling error, and the frame of one's own code under which it happened; and the growth as folded stacks, of
//! which any flame graph tool draws a picture. `tests/lab/run heap FIRST SECOND THIRD` is the command.
//!
//! ```no_run
//! use overspill::heap_compare::{Profile, compare};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profiles = [Profile::read_file("1.pb.gz")?, Profile::read_file("2.pb.gz")?, Profile::read_file("3.pb.gz")?];
//! let comparison = compare(&profiles)?;
//! for stack in comparison.persistent() {
//!     let [first, second] = stack.growth().intervals;
//!     println!("{} bytes, then {} bytes: {}", first.bytes, second.bytes, stack.culprit());
//! }
//! # Ok(()) }
//! ```
//!
//! How it ranks, and what it takes for noise, is told in `tests/lab/leak_experiment/GUIDE.md`, which is the way from an alert to the
//! culprit. A guest: it uses nothing of the crate but its
//! way to give names. Nothing here takes profiles, starts a thread or
//! sets an allocator.

mod compare;
mod error;
mod frame;
mod profile;
mod rank;

pub use compare::{Comparison, Grown, compare};
pub use error::{CompareError, ProfileError};
pub use frame::{Frame, Owner};
pub use profile::{Held, Profile, Stack};
pub use rank::{FORECAST_INTERVALS, Growth, Interval, SIGMAS, SIGMAS_ONCE, Verdict};

/// The longest profile that is read, unpacked. One of a large service (20,000 stacks of 60 frames) has about 10 MiB.
pub const PROFILE_BYTES_MAX: u64 = 256 << 20;
