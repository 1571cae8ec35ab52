//! Standard input, and the signals that end it.
//!
//! SI1: everything read before a signal is returned; nothing is read
//! after it. So no line is taken from the pipe and then forgotten.

use std::io;

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InputStep {
    /// This many bytes were read.
    Bytes(usize),
    End,
    /// SIGTERM, SIGINT or SIGHUP.
    Signal,
}

#[cfg(unix)]
mod waiting {
    use super::InputStep;
    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use std::io::{self, Read, Stdin};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(crate) struct Input {
        stdin: Stdin,
        /// Readable once a signal has arrived.
        signalled: UnixStream,
    }

    impl Input {
        pub(crate) fn new() -> io::Result<Input> {
            let (signalled, tell) = UnixStream::pair()?;
            for signal in [SIGTERM, SIGINT, SIGHUP] {
                signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
            }
            Ok(Input { stdin: io::stdin(), signalled })
        }

        /// Waits for the first of: bytes, the end, a signal.
        pub(crate) fn next(&mut self, into: &mut [u8]) -> io::Result<InputStep> {
            loop {
                let mut watched = [
                    PollFd::new(self.signalled.as_fd(), PollFlags::POLLIN),
                    PollFd::new(self.stdin.as_fd(), PollFlags::POLLIN),
                ];
                match poll(&mut watched, PollTimeout::NONE) {
                    Ok(_) => {}
                    Err(Errno::EINTR) => continue,
                    Err(error) => return Err(error.into()),
                }
                if watched[0].any().unwrap_or(false) {
                    return Ok(InputStep::Signal);
                }
                // Bypasses the standard library's buffer, because `into` is larger.
                match self.stdin.lock().read(into) {
                    Ok(0) => return Ok(InputStep::End),
                    Ok(bytes) => return Ok(InputStep::Bytes(bytes)),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod waiting {
    use super::InputStep;
    use std::io::{self, Read};

    /// Standard input, without signals.
    #[derive(Debug)]
    pub(crate) struct Input;

    impl Input {
        pub(crate) fn new() -> io::Result<Input> {
            Ok(Input)
        }

        pub(crate) fn next(&mut self, into: &mut [u8]) -> io::Result<InputStep> {
            Ok(match io::stdin().lock().read(into)? {
                0 => InputStep::End,
                bytes => InputStep::Bytes(bytes),
            })
        }
    }
}

pub(crate) use waiting::Input;

/// Bytes per read: more than a pipe returns.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// A buffer of that size.
pub(crate) fn buffer() -> io::Result<(Input, Vec<u8>)> {
    Ok((Input::new()?, vec![0; READ_BYTES]))
}
