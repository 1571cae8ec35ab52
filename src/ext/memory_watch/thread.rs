//! The watch's thread: it sleeps until the next look, a signal, a request, or the end.
//!
//! All of these arrive through one socket that it reads with a timeout: a byte is a request for a
//! snapshot, end of file is the end. So it wakes once per interval and never without need, and one read
//! absorbs a storm of signals. MT1: a requester never waits: a full socket already holds enough requests.
//! MT2: requests made before the end are served before the end. MT3: a child made by fork has the socket
//! but not the thread: it neither requests snapshots of its parent nor ends its parent's watch.

use super::error::StartError;
use super::signals::{Reach, block_sigpipe, take_here};
use super::stats::{MemoryStats, SharedStats};
use super::watch::Watch;
use signal_hook::SigId;
use signal_hook::{flag, low_level};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tracing::dispatcher::{self, Dispatch};
use tracing::subscriber::NoSubscriber;

/// More single bytes than the kernel holds: what arrived together is read together.
const WISHES_READ_MAX: usize = 4_096;
/// A read timeout of zero would mean forever.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// The byte that a call writes to request a snapshot; a signal writes another one.
const BY_CALL: u8 = b'w';

/// A watch that runs on its own thread. Dropping it ends the
/// watch, without waiting for a snapshot that is being written.
///
/// In a child made by fork there is no such thread, and it does nothing. To watch a child, start a watch there.
#[must_use = "dropping it stops the watch"]
pub struct MemoryWatch {
    wishes: UnixStream,
    /// Behind a lock, so that a handle can be shared with the page that shows its numbers.
    ended: Mutex<mpsc::Receiver<()>>,
    signal: Option<Signalled>,
    seen: Arc<SharedStats>,
    /// The process that has the thread.
    pid: u32,
}

/// A signal whose handlers are set.
#[derive(Debug)]
struct Signalled(Vec<SigId>);

impl Signalled {
    /// Sets them: what happened in this process is recorded, then the thread is woken.
    fn set(signal: i32, heard: &Arc<AtomicBool>, wishes: &UnixStream) -> io::Result<Signalled> {
        let wishes = wishes.try_clone()?;
        let noted = flag::register(signal, Arc::clone(heard))?;
        let mut set = Signalled(vec![noted]);
        set.0.push(low_level::pipe::register(signal, wishes)?);
        Ok(set)
    }
}

impl Drop for Signalled {
    fn drop(&mut self) {
        for id in self.0.drain(..) {
            low_level::unregister(id);
        }
    }
}

impl Watch {
    /// Looks at once and then every interval, on its own thread.
    ///
    /// # Errors
    /// [`StartError::Thread`] if no thread or file descriptor is available.
    pub fn start(mut self) -> Result<MemoryWatch, StartError> {
        let (heard, wishes) = UnixStream::pair().map_err(StartError::Thread)?;
        wishes.set_nonblocking(true).map_err(StartError::Thread)?;
        let (end, ended) = mpsc::channel();
        // A subscriber that is current only in some scope, as in a test, is not visible on
        // another thread; if there is none yet, the thread will see one installed later.
        let home = dispatcher::get_default(Dispatch::clone);
        let home = Some(home).filter(|home| !home.is::<NoSubscriber>());
        // The handlers are set before the thread starts: the thread takes the signal even if it is blocked
        // elsewhere, and one may be pending already. If the thread cannot start, they are dropped with this frame.
        let seen = Arc::clone(&self.seen);
        let signalled = Arc::new(AtomicBool::new(false));
        let set = self.signal.map(|signal| Signalled::set(signal, &signalled, &wishes));
        let signal = set.transpose().map_err(StartError::Thread)?;
        if signal.is_some() {
            self.expect_signal();
        }
        std::thread::Builder::new()
            .name("overspill-watch".to_owned())
            .spawn(move || {
                block_sigpipe();
                match home {
                    Some(home) => dispatcher::with_default(&home, || run(self, heard, &signalled)),
                    None => run(self, heard, &signalled),
                }
                // No receiver waits any more, which is fine.
                let _ = end.send(());
            })
            .map_err(StartError::Thread)?;
        Ok(MemoryWatch { wishes, ended: Mutex::new(ended), signal, seen, pid: std::process::id() })
    }
}

fn run(mut watch: Watch, mut heard: UnixStream, signalled: &AtomicBool) {
    if let Some(signal) = watch.signal.filter(|&signal| take_here(signal) == Reach::Blocked) {
        watch.notices.unheard(
            signal,
            "it is blocked in this process: unblock it before the watch starts, or choose SIGUSR2",
        );
    }
    let mut wishes = [0; WISHES_READ_MAX];
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        let wished = watch.wish_due_in(now) == Some(Duration::ZERO);
        if now >= due || wished {
            guarded(&mut watch, now, |watch| drop(watch.look(now)));
            // If a look took longer than the interval, the missed looks are skipped.
            due = Instant::now() + watch.until_next_look();
        }
        let now = Instant::now();
        let sleep = due.saturating_duration_since(now).min(watch.wish_due_in(now).unwrap_or(Duration::MAX));
        // With a timeout above zero this cannot fail.
        let _ = heard.set_read_timeout(Some(sleep.max(SLEEP_MIN)));
        match heard.read(&mut wishes) {
            // The end; everything requested before it has been read.
            Ok(0) => return guarded(&mut watch, now, |watch| watch.last_look(now)),
            // A signal received by a child made by fork wrote to the same socket, but was not
            // recorded here. Acquire: pairs with the handler's store, which comes before its byte.
            Ok(read) => {
                if wishes[..read].contains(&BY_CALL) || signalled.swap(false, Ordering::AcqRel) {
                    watch.ask_for_snapshot();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            // Our own socket does not fail; if it did, the watch must not become a busy loop.
            Err(_) => return,
        }
    }
}

/// Catches and reports a panic.
fn guarded(watch: &mut Watch, now: Instant, work: impl FnOnce(&mut Watch)) {
    if catch_unwind(AssertUnwindSafe(|| work(watch))).is_err() {
        watch.notices.panicked("a look at memory");
        watch.give_up(now);
    }
}

impl MemoryWatch {
    /// Requests a snapshot, as the signal does, and returns at once. All requests within
    /// [`DEMAND_EVERY`](super::limits::DEMAND_EVERY) give one snapshot. Does nothing in a child made by fork.
    pub fn ask_for_snapshot(&self) {
        if self.is_ours() {
            // A full socket already holds enough requests.
            let _ = (&self.wishes).write(&[BY_CALL]);
        }
    }

    /// What the last look saw, and what was done so far: for a page,
    /// a log line, a test. In a child made by fork, as of the fork.
    pub fn stats(&self) -> MemoryStats {
        self.seen.stats()
    }

    /// Ends the watch and waits for a snapshot that is being written. A requested snapshot is taken first.
    ///
    /// # Blocking
    /// At most [`STOP_WAIT`](super::limits::STOP_WAIT).
    pub fn stop(mut self) {
        self.end();
        if self.is_ours() {
            // Ended, or not in time: either way there is nothing left to do.
            let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
            let _ = ended.recv_timeout(super::limits::STOP_WAIT);
        }
    }

    /// Whether the thread is in this process.
    fn is_ours(&self) -> bool {
        self.pid == std::process::id()
    }

    fn end(&mut self) {
        drop(self.signal.take());
        if self.is_ours() {
            // Wakes it; if the thread has already ended, that is fine.
            let _ = self.wishes.shutdown(Shutdown::Both);
        }
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
