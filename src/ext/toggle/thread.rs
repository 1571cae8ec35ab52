//! A thread that follows the flags, for applications without a runtime, and its end.
//!
//! In: a toggle. Out: a guard. TT1: dropping the guard takes bounded time, whatever the
//! provider does: a thread that a provider blocks is left behind, and sets nothing more (LK2
//! in `look.rs`). TT2: a child made by fork has no such thread: there the guard does nothing.

use super::error::StartError;
use super::limits::STOP_WAIT;
use super::look::Toggle;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::Poll;
use tokio::sync::oneshot;
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

/// Follows the flags until it is dropped: made by [`start`](super::Builder::start). The values set last stay.
///
/// # Blocking
/// Dropping it waits until a running poll has ended, at most [`STOP_WAIT`]; microseconds, unless the provider blocks the thread.
#[must_use = "dropping it stops the toggle: bind it, `let _toggle = ...`"]
pub struct ToggleGuard {
    following: Arc<AtomicBool>,
    stop: Option<oneshot::Sender<()>>,
    /// In a lock that is never contended, so that threads can share the guard.
    ended: Mutex<mpsc::Receiver<()>>,
    /// The process that has the thread.
    pid: u32,
}

impl Toggle {
    /// Polls at once and then every [`interval`](super::Builder::interval), on its own thread with its own runtime.
    ///
    /// # Errors
    /// [`StartError::Thread`] if it cannot get a thread or a file descriptor.
    pub fn start(self) -> Result<ToggleGuard, StartError> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Thread)?;
        let following = Arc::clone(&self.following);
        let (stop, mut stopped) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        // A subscriber that is current only in some scope, as in a test, is not visible on
        // another thread; if there is none yet, the thread will see one installed later.
        let home = dispatcher::get_default(Dispatch::clone);
        let home = Some(home).filter(|home| !home.is::<NoSubscriber>());
        let life = move || {
            let following = async {
                let mut running = pin!(self.run());
                poll_fn(|cx| match Pin::new(&mut stopped).poll(cx) {
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => running.as_mut().poll(cx),
                })
                .await;
            };
            runtime.block_on(following);
            // Dropping the runtime would wait for what a provider does on a blocking thread.
            runtime.shutdown_background();
        };
        std::thread::Builder::new()
            .name("overspill-toggle".to_owned())
            .spawn(move || {
                block_sigpipe();
                match home {
                    Some(home) => dispatcher::with_default(&home, life),
                    None => life(),
                }
                // No receiver waits any more, which is fine.
                let _ = end.send(());
            })
            .map_err(StartError::Thread)?;
        Ok(ToggleGuard { following, stop: Some(stop), ended: Mutex::new(ended), pid: std::process::id() })
    }
}

/// Blocks SIGPIPE on this thread. A notice to a log whose reader is gone is
/// then an error; with SIGPIPE at its default action, it would end the process.
#[cfg(unix)]
fn block_sigpipe() {
    use nix::sys::signal::{SigSet, Signal};
    // Fails only for an invalid argument.
    let _ = SigSet::from(Signal::SIGPIPE).thread_block();
}

#[cfg(not(unix))]
fn block_sigpipe() {}

impl Drop for ToggleGuard {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            // TT2: not even dropped, because another thread may have been changing its memory at the fork.
            std::mem::forget(self.stop.take());
            return;
        }
        // Release: pairs with the look's load.
        self.following.store(false, Ordering::Release);
        drop(self.stop.take());
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        // Ended, or held by its provider: either way there is nothing left to do.
        let _ = ended.recv_timeout(STOP_WAIT);
    }
}

impl fmt::Debug for ToggleGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToggleGuard").finish_non_exhaustive()
    }
}
