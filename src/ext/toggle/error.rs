//! Why no toggle was started. Every text says what to do.

use std::fmt;
use std::io;

/// Why no toggle was started.
#[non_exhaustive]
pub enum StartError {
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
    /// The toggle's thread, or its runtime, could not be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Setting { name, problem, remedy } => write!(f, "{name} {problem}: {remedy}"),
            StartError::Thread(error) => write!(
                f,
                "the thread of the toggle could not be started ({error}): raise the limit of threads or open files, or spawn \
                 `Toggle::run` on a runtime of your own"
            ),
        }
    }
}

/// The same sentence as `Display`, because a `main` that returns the error prints it.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Thread(error) => Some(error),
            StartError::Setting { .. } => None,
        }
    }
}
