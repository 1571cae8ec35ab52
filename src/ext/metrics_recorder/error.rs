//! Why no recorder was installed, and why nothing was flushed. Every text says what to do.

use std::fmt;
use std::io;

/// Why no recorder was installed or started. Nothing of it remains.
#[non_exhaustive]
pub enum InstallError {
    /// A setting is out of range.
    #[non_exhaustive]
    Setting {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The process already has a recorder; the `metrics` crate takes only one, once.
    AlreadySet,
    /// The recorder's thread could not be started.
    Thread(io::Error),
}

impl InstallError {
    pub(super) fn setting(
        name: &'static str,
        problem: impl Into<String>,
        remedy: &'static str,
    ) -> InstallError {
        InstallError::Setting { name, problem: problem.into(), remedy }
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InstallError::Setting { name, problem, remedy } => write!(f, "{name} {problem}: {remedy}"),
            InstallError::AlreadySet => f.write_str(
                "this process has a metrics recorder already, and it takes one only: install this one first, or give both to a \
                 fanout (metrics-util) by Builder::start",
            ),
            InstallError::Thread(error) => write!(
                f,
                "the thread of the metrics recorder could not be started ({error}): raise the limit of threads"
            ),
        }
    }
}

/// The same sentence as `Display`, because a `main` that returns the error prints it.
impl fmt::Debug for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for InstallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InstallError::Thread(error) => Some(error),
            InstallError::Setting { .. } | InstallError::AlreadySet => None,
        }
    }
}

/// Why [`flush`](super::MetricsGuard::flush) did not end an interval. The recorded values are still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlushError {
    /// This is a child made by fork, and the recorder belongs to its parent.
    InChild,
    /// Another thread is emitting an interval, and did not finish within [`STOP_WAIT`](super::limits::STOP_WAIT).
    Busy,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FlushError::InChild => {
                "this is a child made by fork, and the metrics recorder is its parent's: install one after the fork"
            }
            FlushError::Busy => {
                "an interval is being emitted and does not end: look at what the application log waits for"
            }
        })
    }
}

impl std::error::Error for FlushError {}
