//! Which process this is: a fork copies the memory of its parent, and of its threads the one that called it.
//!
//! In: nothing. Out: a [`Process`] that knows in a child that it was made in its parent, for two loads and a comparison. The C library
//! calls the handler behind it in each child before `fork` returns there, so nothing of ours runs earlier. A child that was made by the
//! system call alone, without the C library, is not seen; nor is one elsewhere than on Unix, where there are none.

/// The process in which it was made.
#[derive(Clone, Debug)]
pub(crate) struct Process(#[cfg(unix)] forkguard::atfork::Guard);

impl Process {
    /// # Errors
    /// If there is not even the memory to ask the C library to tell of a fork.
    #[cfg(unix)]
    pub(crate) fn this() -> std::io::Result<Process> {
        let guard = forkguard::atfork::Guard::try_new();
        guard.map(Process).map_err(|error| std::io::Error::from_raw_os_error(error.code().get()))
    }

    /// Whether that is this one.
    #[cfg(unix)]
    #[inline]
    pub(crate) fn is_this(&self) -> bool {
        // Of a copy: asked once more, a guard forgets.
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
