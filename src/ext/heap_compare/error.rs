//! What can be wrong with a profile, or with several together. Each error says what to do about it.

use super::PROFILE_BYTES_MAX;
use std::error::Error;
use std::fmt;
use std::io;

/// Why a file is not a heap profile that can be compared.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// Neither a pprof profile nor a gzipped one; what it looks like instead.
    NotAProfile(&'static str),
    /// A known file of another kind.
    OtherFile {
        /// What it is.
        what: &'static str,
        /// What to do with it.
        remedy: &'static str,
    },
    /// Decompressed, it is longer than [`PROFILE_BYTES_MAX`].
    TooLarge,
    /// A profile that contradicts itself or is incomplete; where.
    Damaged(&'static str),
    /// A profile, but not of memory in use; the sample types that it has.
    NotOfTheHeap(Vec<String>),
    /// No samples.
    Empty,
    /// A stack holds less than nothing: the file is a difference of profiles.
    Difference,
    /// It does not say when it was taken.
    NoTime,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileError::Unreadable(error) => write!(out, "cannot be read: {error}"),
            ProfileError::NotAProfile(what) => {
                write!(out, "not a pprof profile but {what}: give the file that the snapshot wrote, *.pb.gz")
            }
            ProfileError::OtherFile { what, remedy } => {
                write!(out, "not a heap profile but {what}: {remedy}")
            }
            ProfileError::TooLarge => {
                write!(out, "longer than {} MiB unpacked, which no heap profile is", PROFILE_BYTES_MAX >> 20)
            }
            ProfileError::Damaged(place) => write!(
                out,
                "a damaged profile ({place}): was it copied while it was being written? Copy it again"
            ),
            ProfileError::NotOfTheHeap(types) => not_of_the_heap(out, types),
            ProfileError::Empty => write!(
                out,
                "a heap profile without samples: is profiling on (jemalloc: prof:true,prof_active:true), and does the \
                 process hold more than one sample period?"
            ),
            ProfileError::Difference => {
                write!(out, "a difference of two profiles (pprof -base): give the profiles themselves")
            }
            ProfileError::NoTime => write!(
                out,
                "a profile that does not say when it was taken: growth over time cannot be told from it; give the \
                 time yourself (Profile::read_taken), or a file, whose own time is then used"
            ),
        }
    }
}

fn not_of_the_heap(out: &mut fmt::Formatter<'_>, types: &[String]) -> fmt::Result {
    let has = |name: &str| types.iter().any(|kind| kind == name);
    if types.is_empty() {
        return write!(
            out,
            "a profile of nothing, not of what is held: one with inuse_space is needed, a heap profile"
        );
    }
    let all = types.join(", ");
    if has("alloc_space") || has("alloc_objects") {
        write!(
            out,
            "a profile of {all}: of all that was ever allocated, not of what is held; one with inuse_space is needed \
             (Go: /debug/pprof/heap)"
        )
    } else if has("cpu") || has("samples") || has("wall") {
        write!(
            out,
            "a profile of {all}: of time (a CPU profile), not of what is held; a heap profile is needed"
        )
    } else {
        write!(
            out,
            "a profile of {all}, not of what is held: one with inuse_space, in bytes, is needed, a heap profile"
        )
    }
}

impl Error for ProfileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ProfileError::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// Why profiles cannot be compared with each other. Profiles are counted from 1, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompareError {
    /// Fewer than three.
    TooFew(usize),
    /// The second of two neighbours was not taken after the first; the order by time.
    NotInOrder {
        /// The one that was not taken after its predecessor.
        profile: usize,
        /// The order in which they were taken.
        by_time: Vec<usize>,
    },
    /// Two were taken at the same moment.
    SameMoment {
        /// The one that was given first.
        first: usize,
        /// The other.
        second: usize,
    },
    /// Two are of different processes, according to what the memory watch wrote into them.
    TwoProcesses {
        /// The one that differs from the first.
        profile: usize,
        /// The process of the first.
        first: String,
        /// Its process.
        other: String,
    },
    /// Two are of different programs, or of different builds of one.
    OtherProgram {
        /// The one that differs from the first.
        profile: usize,
        /// The program of the first.
        first: String,
        /// Its program.
        other: String,
    },
    /// Together they have more call stacks than can be counted.
    TooLarge,
}

impl fmt::Display for CompareError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompareError::TooFew(count) => write!(
                out,
                "{count} profiles: three are needed, for growth that goes on and growth that has ended look alike in two"
            ),
            CompareError::NotInOrder { profile, by_time } => {
                let order: Vec<String> = by_time.iter().map(usize::to_string).collect();
                write!(
                    out,
                    "profile {profile} was not taken after profile {}: give them in the order of time, which is {}",
                    profile - 1,
                    order.join(" ")
                )
            }
            CompareError::SameMoment { first, second } => write!(
                out,
                "profiles {first} and {second} are of the same moment, or one file twice: take three, an interval apart"
            ),
            CompareError::TwoProcesses { profile, first, other } => write!(
                out,
                "two processes: profile {profile} is of process {other}, the first of {first}; take all of one process, \
                 or say that it is meant (--allow-different-processes)"
            ),
            CompareError::OtherProgram { profile, first, other } => write!(
                out,
                "profile {profile} is of {other}, the first of {first}: take all of one process, or say that it is meant \
                 (--allow-different-processes)"
            ),
            CompareError::TooLarge => write!(out, "together they have more call stacks than can be counted"),
        }
    }
}

impl Error for CompareError {}

/// What may spoil a comparison without preventing it. Profiles are counted from 1, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// No profile says which process it belongs to: the memory watch did not write them.
    ProcessUnknown,
    /// Some profiles say which process they belong to; these do not.
    ProcessUnknownOf(Vec<usize>),
    /// Two processes are compared, as requested.
    TwoProcesses {
        /// The one that differs from the first.
        profile: usize,
    },
    /// Two programs or builds are compared, as requested.
    OtherProgram {
        /// The one that differs from the first.
        profile: usize,
    },
    /// The program has the same build but another path, or no build id to compare.
    OtherPath {
        /// The one that differs from the first.
        profile: usize,
        /// The path in the first.
        first: String,
        /// Its path.
        other: String,
    },
    /// The program is at another place in memory than in the first, which cannot happen within one process.
    OtherAddress {
        /// The one that differs from the first.
        profile: usize,
    },
    /// It does not say when it was taken; the time of its file, or the given time, is used.
    TimeGiven {
        /// The profile.
        profile: usize,
    },
    /// It does not state its sampling rate, which was guessed from its smallest stack.
    PeriodGuessed {
        /// The profile.
        profile: usize,
    },
    /// It was sampled at a different rate than the first.
    OtherPeriod {
        /// The one that differs from the first.
        profile: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::ProcessUnknown => {
                write!(out, "the profiles do not say of which process they are: make sure that it is one")
            }
            Warning::ProcessUnknownOf(profiles) => {
                let profiles: Vec<String> = profiles.iter().map(usize::to_string).collect();
                write!(out, "of which process these are is not known: profile {}", profiles.join(", "))
            }
            Warning::TwoProcesses { profile } => {
                write!(
                    out,
                    "profile {profile} is of another process than the first: what differs need not have grown"
                )
            }
            Warning::OtherProgram { profile } => {
                write!(out, "profile {profile} is of another program or build than the first")
            }
            Warning::OtherPath { profile, first, other } => {
                write!(out, "profile {profile} is of {other}, the first of {first}: is it one process?")
            }
            Warning::OtherAddress { profile } => write!(
                out,
                "in profile {profile} the program lies at another address than in the first: probably two processes"
            ),
            Warning::TimeGiven { profile } => {
                write!(out, "profile {profile} does not say when it was taken: the time of its file is used")
            }
            Warning::PeriodGuessed { profile } => {
                write!(
                    out,
                    "profile {profile} does not say how much was sampled: guessed from its smallest stack"
                )
            }
            Warning::OtherPeriod { profile } => {
                write!(out, "profile {profile} was sampled otherwise than the first: the coarser one counts")
            }
        }
    }
}
