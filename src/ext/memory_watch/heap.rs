//! Whether heap profiles are available, and why not.

#[cfg(feature = "memory-watch-jemalloc")]
use super::jemalloc::{self, Jemalloc};

/// Whether there are heap profiles.
pub(super) enum Heap {
    #[cfg(feature = "memory-watch-jemalloc")]
    Available(Jemalloc),
    /// Why not; reported at the start.
    Unavailable(String),
}

impl Heap {
    #[cfg(feature = "memory-watch-jemalloc")]
    pub(super) fn look() -> Heap {
        match jemalloc::availability() {
            Ok(jemalloc) => Heap::Available(jemalloc),
            Err(why) => Heap::Unavailable(why),
        }
    }

    #[cfg(not(feature = "memory-watch-jemalloc"))]
    pub(super) fn look() -> Heap {
        Heap::Unavailable("heap profiles need overspill's feature memory-watch-jemalloc".to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            #[cfg(feature = "memory-watch-jemalloc")]
            Heap::Available(_) => "heap profiles by jemalloc",
            Heap::Unavailable(why) => why,
        }
    }

    /// Whether profiles would have no samples, because nothing is sampled now.
    pub(super) fn is_asleep(&self) -> bool {
        match self {
            #[cfg(feature = "memory-watch-jemalloc")]
            Heap::Available(_) => jemalloc::is_asleep(),
            Heap::Unavailable(_) => false,
        }
    }
}
