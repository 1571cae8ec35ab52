//! The watch's thread: it sleeps until the next look, a signal, a wish, or the end.
//!
//! All of these come through one socket that it reads with a timeout: a byte is a wish for a snapshot, its end is the end. So it
//! wakes once an interval and never for nothing, and a storm of signals is one read. T1: whoever wants something never
//! waits: a full socket holds wishes enough.

use super::error::StartError;
use super::watch::Watch;
use nix::sys::signal::{SigSet, Signal};
use signal_hook::SigId;
use signal_hook::low_level;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

/// More than the kernel holds of single bytes: what came together is read together.
const WISHES_READ_MAX: usize = 4_096;
/// A read timeout of nothing would be one of for ever.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// A watch that runs on a thread of its own. Dropping it ends the watch, without waiting for a snapshot that is being written.
#[must_use = "dropping it stops the watch"]
pub struct MemoryWatch {
    wishes: UnixStream,
    ending: Arc<AtomicBool>,
    ended: mpsc::Receiver<()>,
    signal: Option<SigId>,
}

impl Watch {
    /// Looks at once and then every interval, on a thread of its own.
    ///
    /// # Errors
    /// [`StartError::Thread`] if there is no thread or no file descriptor to be had.
    pub fn start(self) -> Result<MemoryWatch, StartError> {
        let (heard, wishes) = UnixStream::pair().map_err(StartError::Thread)?;
        wishes.set_nonblocking(true).map_err(StartError::Thread)?;
        let ending = Arc::new(AtomicBool::new(false));
        let (end, ended) = mpsc::channel();
        // A subscriber that is current only in some scope, as in a test, is not visible on another thread; where there is none
        // yet, the thread sees the one that comes.
        let home = dispatcher::get_default(Dispatch::clone);
        let home = Some(home).filter(|home| !home.is::<NoSubscriber>());
        // Before the signal: if there is no thread, nothing is to be undone.
        let (signal, handle_ending) = (self.signal, Arc::clone(&ending));
        std::thread::Builder::new()
            .name("overspill-watch".to_owned())
            .spawn(move || {
                // A notice into a log that nobody reads any more is an error, and not the end of a process that has SIGPIPE at its default
                // action. Fails for a wrong argument alone.
                let _ = SigSet::from(Signal::SIGPIPE).thread_block();
                match home {
                    Some(home) => dispatcher::with_default(&home, || run(self, heard, &ending)),
                    None => run(self, heard, &ending),
                }
                // Nobody waits any more: fine.
                let _ = end.send(());
            })
            .map_err(StartError::Thread)?;
        let mut watch = MemoryWatch { wishes, ending: handle_ending, ended, signal: None };
        if let Some(signal) = signal {
            let wishes = watch.wishes.try_clone().map_err(StartError::Thread)?;
            watch.signal = Some(low_level::pipe::register(signal, wishes).map_err(StartError::Thread)?);
        }
        Ok(watch)
    }
}

fn run(mut watch: Watch, mut heard: UnixStream, ending: &AtomicBool) {
    let mut wishes = [0; WISHES_READ_MAX];
    let mut due = Instant::now();
    // Acquire: pairs with the handle's Release; what was done before the end is seen here.
    while !ending.load(Ordering::Acquire) {
        let now = Instant::now();
        let wished = watch.wish_due_in(now) == Some(Duration::ZERO);
        if now >= due || wished {
            if catch_unwind(AssertUnwindSafe(|| drop(watch.look(now)))).is_err() {
                watch.notices.panicked("a look at memory");
                watch.give_up(now);
            }
            // A look that took longer than the interval is not made up for.
            due = Instant::now() + watch.interval;
        }
        let now = Instant::now();
        let sleep = due.saturating_duration_since(now).min(watch.wish_due_in(now).unwrap_or(Duration::MAX));
        // With a timeout above zero this cannot fail.
        let _ = heard.set_read_timeout(Some(sleep.max(SLEEP_MIN)));
        match heard.read(&mut wishes) {
            Ok(0) => return,
            Ok(_) => watch.ask_for_snapshot(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            // A socket of our own does not fail; if it did, the watch must not become a busy loop.
            Err(_) => return,
        }
    }
}

impl MemoryWatch {
    /// Asks for a snapshot, as the signal does, and returns at once. However often it is asked within
    /// [`DEMAND_EVERY`](super::limits::DEMAND_EVERY), it is one.
    pub fn ask_for_snapshot(&self) {
        // A socket that is full has wishes enough.
        let _ = (&self.wishes).write(b"w");
    }

    /// Ends the watch and waits for a snapshot that is being written.
    ///
    /// # Blocking
    /// At most [`STOP_WAIT`](super::limits::STOP_WAIT).
    pub fn stop(mut self) {
        self.end();
        // Ended, or not in time: either way there is nothing left to do.
        let _ = self.ended.recv_timeout(super::limits::STOP_WAIT);
    }

    fn end(&mut self) {
        if let Some(signal) = self.signal.take() {
            low_level::unregister(signal);
        }
        // Release: pairs with the thread's Acquire.
        self.ending.store(true, Ordering::Release);
        // Wakes it; if the thread is gone already, fine.
        let _ = self.wishes.shutdown(Shutdown::Both);
    }
}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for MemoryWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryWatch").field("signal", &self.signal).finish_non_exhaustive()
    }
}
