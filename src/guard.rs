//! A guard whose drop shuts the client down: for the end of `main`.

use crate::client::Client;
use std::fmt;
use std::time::Duration;

/// Shuts its client down when dropped. Made by [`Client::shutdown_on_drop`].
#[must_use = "dropped at once it shuts the client down at once: bind it, `let _guard = ...`"]
pub struct ShutdownGuard {
    client: Client,
    within: Duration,
}

impl Client {
    /// Returns a guard that shuts the client down when it is dropped: at the end of `main`, on an early return, while a panic unwinds. Hold
    /// it where the program ends. Dropping it calls [`shutdown_blocking`](Client::shutdown_blocking): what can be delivered within this
    /// time is delivered, and the rest goes to the log.
    ///
    /// ```
    /// # fn main() -> Result<(), overspill::BuildError> {
    /// # let url = "http://127.0.0.1:9/";
    /// let events = overspill::Client::builder(url).build()?;
    /// let _guard = events.shutdown_on_drop(std::time::Duration::from_secs(2));
    /// # Ok(()) }
    /// ```
    ///
    /// Give it a name: `let _ = ...` drops it at once. `std::process::exit` and `abort` do not drop it; shut down before you call them.
    ///
    /// # Blocking
    /// Dropping it waits, even on an async runtime's thread, until everything pending is settled: at most this time plus 200 ms. Do not
    /// drop it on a thread that runs the [`Sender`](crate::Sender) of [`build_with_sender`](crate::Builder::build_with_sender).
    pub fn shutdown_on_drop(&self, within: Duration) -> ShutdownGuard {
        ShutdownGuard { client: self.clone(), within }
    }
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        self.client.shutdown_blocking(self.within);
    }
}

impl fmt::Debug for ShutdownGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownGuard").field("client", &self.client).field("within", &self.within).finish()
    }
}
