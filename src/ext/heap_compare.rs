//! Compares three heap profiles of one process, taken an interval apart, and ranks what keeps growing: something
//! that grew once is a cache or a warm-up; something that grew in both intervals is where to look for a leak.
//!
//! In: profiles in pprof format, gzipped or not, with `inuse_space`: jemalloc's as written by the memory watch or
//! `jemalloc_pprof`, Go's `/debug/pprof/heap`, and others; and jemalloc's own dumps (`heap_v2`). Out: what grew, the
//! worst first, with bytes and objects per interval, a confidence that takes the sampling error into account, and
//! the frame of your own code under which it happened; the verdict on the heap as a whole; and the growth as folded
//! stacks, from which any flame graph tool draws a picture. The command is `overspill heap FIRST SECOND THIRD`.
//!
//! ```no_run
//! use overspill::heap_compare::{Profile, compare};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profiles = [Profile::read_file("1.pb.gz")?, Profile::read_file("2.pb.gz")?, Profile::read_file("3.pb.gz")?];
//! let comparison = compare(&profiles)?;
//! for stack in comparison.persistent() {
//!     let [first, second] = stack.growth().intervals;
//!     println!("{}: {} bytes, then {} bytes: {}", stack.name(), first.bytes, second.bytes, stack.culprit());
//! }
//! # Ok(()) }
//! ```
//!
//! # Growth is reported by what it has in common
//!
//! A leak need not be one call stack. A recursive function leaks at each depth, a generic one in each instance, a shared function
//! under each of its callers, a crate in each of its functions: each stack's share may be below the sampling error while the sum is
//! not. So growth is tested at five [levels](Level), each with its own error: single stacks; functions, with all their lines, type
//! parameters and closures; functions with what they call; modules, crates and packages; the whole. The most specific explanation is
//! reported, and each stack's growth is reported once. The allowance for chance is corrected for the number of candidates tested: of
//! [`COMPARISONS_PER_FALSE_ALARM`] comparisons of a heap in which nothing grows, only one names something, even with 20,000 stacks.
//! [`Comparison::whole`] is tested separately: if the whole grew, [`Comparison::persistent`] or [`Comparison::once`] is never empty.
//!
//! `tests/lab/leak_experiment/GUIDE.md`, the way from an alert to the culprit, explains the ranking and what counts
//! as noise. A guest: it uses nothing of the crate except its macro for names. Time and memory are linear in the
//! size of a profile: stacks share their callers. Nothing here takes profiles, starts a thread or sets an allocator.

mod compare;
mod error;
mod frame;
mod heap_v2;
mod identity;
mod joint;
mod levels;
mod parts;
mod pprof;
mod profile;
mod rank;
mod source;
mod suspects;
mod tree;

pub use compare::{Comparing, Comparison, Grown, compare};
pub use error::{CompareError, ProfileError, Warning};
pub use frame::{Frame, Owner};
pub use profile::{Held, Profile, Stack};
pub use rank::{
    COMPARISONS_PER_FALSE_ALARM, FORECAST_INTERVALS, Growth, Interval, SIGMAS, SIGMAS_ONCE, Verdict,
};
pub use suspects::Level;

/// The longest profile that is read, decompressed. One of a
/// large service (20,000 stacks of 60 frames) has about 10 MiB.
pub const PROFILE_BYTES_MAX: u64 = 256 << 20;
