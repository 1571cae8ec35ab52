//! Identifies this process. A fork copies the parent's memory, but only one of its threads: the one that called `fork`.
//!
//! In: nothing. Out: a [`Process`] that knows, in a child, that it was made in the parent,
//! for two loads and a comparison. The C library calls our fork handler in each child before
//! `fork` returns there, so none of our code runs earlier. A child made by the bare system
//! call, without the C library, is not detected. Systems other than Unix do not fork.

/// The process in which the value was made.
#[derive(Clone, Debug)]
pub(crate) struct Process(#[cfg(unix)] forkguard::atfork::Guard);

impl Process {
    /// # Errors
    /// If the C library has no memory left to register the fork handler.
    #[cfg(unix)]
    pub(crate) fn this() -> std::io::Result<Process> {
        let guard = forkguard::atfork::Guard::try_new();
        guard.map(Process).map_err(|error| std::io::Error::from_raw_os_error(error.code().get()))
    }

    /// Whether this is that process.
    #[cfg(unix)]
    #[inline]
    pub(crate) fn is_this(&self) -> bool {
        // Asks a copy: a guard that was asked forgets the fork.
        !self.0.clone().detected_fork()
    }

    #[cfg(not(unix))]
    pub(crate) fn this() -> std::io::Result<Process> {
        Ok(Process())
    }

    #[cfg(not(unix))]
    pub(crate) fn is_this(&self) -> bool {
        true
    }
}
