//! Three heap profiles of one process, taken an interval apart, become a ranking of what keeps growing: what grew once is a
//! cache or a warm-up, what grew in both intervals is where a leak is looked for.
//!
//! In: profiles in pprof format, gzipped or not, with `inuse_space`: jemalloc's as the memory watch or `jemalloc_pprof` write them, Go's
//! `/debug/pprof/heap`, others'; and jemalloc's own dumps (`heap_v2`). Out: what grew, the worst first, with bytes and objects per
//! interval, a confidence that knows the sampling error, and the frame of one's own code under which it happened; the verdict on the
//! heap as a whole; and the growth as folded stacks, of which any flame graph tool draws a picture. `tests/lab/run heap FIRST SECOND
//! THIRD` is the command.
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
//! # What grew is told by what has it in common
//!
//! A leak need not be one call stack. A function that recurses leaks at each depth, a generic one in each instance, a helper under each
//! of its callers, a crate in each of its functions: each stack's share may be less than the sampling error, and the sum is not. So
//! growth is asked of five [levels](Level), each with its own error: single stacks; functions, with all their lines, type parameters
//! and closures; functions with what they call; modules, crates and packages; the whole. What explains growth most specifically is
//! told, and each stack's growth is told once. How far chance may go is corrected for how many candidates were asked: of
//! [`COMPARISONS_PER_FALSE_ALARM`] comparisons of a heap in which nothing grows, one names anything, be it 20,000 stacks.
//! [`Comparison::whole`] is asked alone: where the whole grew, [`Comparison::persistent`] or [`Comparison::once`] is never empty.
//!
//! How it ranks, and what it takes for noise, is told in `tests/lab/leak_experiment/GUIDE.md`, which is the way from an alert to the
//! culprit. A guest: it uses nothing of the crate but its way to give names. Time and memory are linear in the numbers of a profile:
//! stacks share their callers. Nothing here takes profiles, starts a thread or sets an allocator.

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

/// The longest profile that is read, unpacked. One of a large service (20,000 stacks of 60 frames) has about 10 MiB.
pub const PROFILE_BYTES_MAX: u64 = 256 << 20;
