//! Standard input, and the signals that end it.
//!
//! I1: what was read before a signal is given out; after it nothing more is read. So no line is taken from the pipe and then forgotten.

use std::io;

/// What there is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// So many bytes were read.
    Bytes(usize),
    End,
    /// SIGTERM, SIGINT or SIGHUP.
    Signal,
}

#[cfg(unix)]
mod waiting {
    use super::Next;
    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use std::io::{self, Read, Stdin};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(crate) struct Input {
        stdin: Stdin,
        /// Has a byte once a signal has come.
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

        /// Waits for the first of bytes, the end and a signal.
        pub(crate) fn next(&mut self, into: &mut [u8]) -> io::Result<Next> {
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
                    return Ok(Next::Signal);
                }
                // The standard library's buffer is passed by, for `into` is larger.
                match self.stdin.lock().read(into) {
                    Ok(0) => return Ok(Next::End),
                    Ok(bytes) => return Ok(Next::Bytes(bytes)),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod waiting {
    use super::Next;
    use std::io::{self, Read};

    /// Without signals.
    #[derive(Debug)]
    pub(crate) struct Input;

    impl Input {
        pub(crate) fn new() -> io::Result<Input> {
            Ok(Input)
        }

        pub(crate) fn next(&mut self, into: &mut [u8]) -> io::Result<Next> {
            Ok(match io::stdin().lock().read(into)? {
                0 => Next::End,
                bytes => Next::Bytes(bytes),
            })
        }
    }
}

pub(crate) use waiting::Input;

/// What is read at once: more than a pipe gives.
pub(crate) const READ_BYTES: usize = 64 << 10;

/// A buffer for it.
pub(crate) fn buffer() -> io::Result<(Input, Vec<u8>)> {
    Ok((Input::new()?, vec![0; READ_BYTES]))
}
