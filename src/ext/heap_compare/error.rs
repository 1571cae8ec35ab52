//! What can be wrong with a profile, and with several of them together: each says what to do about it.

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
    /// Unpacked it is longer than [`PROFILE_BYTES_MAX`].
    TooLarge,
    /// A profile that contradicts itself; where.
    Damaged(&'static str),
    /// A profile, but not of what is held; the sample types that it has.
    NotOfTheHeap(Vec<String>),
    /// No samples.
    Empty,
    /// A stack holds less than nothing: a difference of profiles.
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
            ProfileError::TooLarge => {
                write!(out, "longer than {} MiB unpacked, which no heap profile is", PROFILE_BYTES_MAX >> 20)
            }
            ProfileError::Damaged(place) => {
                write!(out, "a damaged profile ({place}): was it copied while it was being written?")
            }
            ProfileError::NotOfTheHeap(types) => write!(
                out,
                "a profile of {}, not of what is held: one with inuse_space is needed, a heap profile",
                if types.is_empty() { "nothing".to_owned() } else { types.join(", ") }
            ),
            ProfileError::Empty => write!(
                out,
                "a heap profile without samples: is profiling on (jemalloc: prof:true,prof_active:true), and does the \
                 process hold more than one sample period?"
            ),
            ProfileError::Difference => {
                write!(out, "a difference of two profiles (pprof -base): give the profiles themselves")
            }
            ProfileError::NoTime => {
                write!(
                    out,
                    "a profile that does not say when it was taken: growth over time cannot be told from it"
                )
            }
        }
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

/// Why profiles cannot be compared with each other. Profiles are counted from 1, as they were given.
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
    /// Two were taken of different programs, or of different builds of one.
    OtherProgram {
        /// The one that differs from the first.
        profile: usize,
        /// The program of the first.
        first: String,
        /// Its program.
        other: String,
    },
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
            CompareError::OtherProgram { profile, first, other } => {
                write!(out, "profile {profile} is of {other}, the first of {first}: take all of one process")
            }
        }
    }
}

impl Error for CompareError {}
