//! The sender's own thread, and the runtime on it.

use crate::build_error::BuildError;
use crate::reentry;
use crate::sender::Sender;
use crate::sync::start_thread;
use std::io;
use std::sync::mpsc;

pub(super) fn drive_on_own_thread(sender: Sender) -> Result<(), BuildError> {
    // The runtime is built on the thread that drives it: here we may be inside another runtime, where one must not
    // be dropped if something goes wrong.
    let (up, is_up) = mpsc::sync_channel(1);
    start_thread("overspill", move || drive(sender, &up)).map_err(BuildError::Sender)?;
    match is_up.recv() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(BuildError::Sender(error)),
        Err(mpsc::RecvError) => Err(BuildError::Sender(io::Error::other("its thread ended at once"))),
    }
}

/// The body of the sender's thread.
fn drive(sender: Sender, up: &mpsc::SyncSender<io::Result<()>>) {
    let _sender = reentry::sender_thread();
    let runtime = room_for_a_runtime().and_then(|()| {
        // Names are resolved elsewhere (`transport/resolve.rs`): there is no blocking work.
        tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(1)
            .build()
    });
    match runtime {
        Ok(runtime) => {
            // Fails only if `build` itself has panicked, and then nobody waits.
            let _ = up.send(Ok(()));
            runtime.block_on(sender.run());
            // Does not wait, whatever a user's transport has started.
            runtime.shutdown_background();
        }
        Err(error) => {
            drop(sender);
            let _ = up.send(Err(error));
        }
    }
}

/// Opens as many file descriptors as a runtime needs, and closes them again. Without them tokio panics instead of failing, if
/// another crate has enabled its signals; and a panic runs the application's hook, which may well end it.
#[cfg(unix)]
fn room_for_a_runtime() -> io::Result<()> {
    // The same numbers on every Unix: too many open files, in the whole system and in this process.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    // epoll, its duplicate and its waker; the signals' pipe and its duplicate; two to spare.
    let pairs: io::Result<Vec<_>> = (0..4).map(|_| std::os::unix::net::UnixStream::pair()).collect();
    match pairs {
        Err(error) if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => Err(error),
        // Any other problem with pairs of sockets is no reason to fail.
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn room_for_a_runtime() -> io::Result<()> {
    Ok(())
}
