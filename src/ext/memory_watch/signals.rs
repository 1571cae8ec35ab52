//! The signal that requests a snapshot: how the kernel will deliver it, and what this thread does about that.
//!
//! In: a signal, the text of `/proc/self/status`. Out: [`Caught`]. SG1: the watch's own thread
//! receives its signal even if all other threads block it, as they may have inherited from their
//! parent: a process that blocks a signal in all threads never gets it. SG2: the signal is unblocked
//! only after a handler is set, because a pending signal would otherwise end the process.

use nix::sys::signal::{SigSet, Signal};

/// What happens to a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caught {
    /// A handler gets it.
    Yes,
    /// The process ignores it.
    Ignored,
    /// No handler is set: the signal ends the process, or does nothing, according to its default action.
    No,
}

/// What happens to a signal, according to a `/proc/self/status`.
pub(super) fn caught(status: &str, signal: i32) -> Option<Caught> {
    Some(match (is_in(status, "SigCgt:", signal)?, is_in(status, "SigIgn:", signal)?) {
        (true, _) => Caught::Yes,
        (false, true) => Caught::Ignored,
        (false, false) => Caught::No,
    })
}

/// Whether a set of signals in a `/proc/.../status` has this one: `SigBlk: 0000000000000800`.
fn is_in(status: &str, set: &str, signal: i32) -> Option<bool> {
    let line = status.lines().find_map(|line| line.strip_prefix(set))?;
    let bits = u64::from_str_radix(line.trim(), 16).ok()?;
    Some(bits >> signal.checked_sub(1)? & 1 == 1)
}

/// Whether a signal reaches this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Reached,
    /// It is blocked here, and only `unsafe` code could change its mask: a real-time signal.
    Blocked,
}

/// Makes this thread receive the signal from now on, if possible (SG1).
pub(super) fn take_here(signal: i32) -> Reach {
    match Signal::try_from(signal) {
        Ok(signal) => {
            // Fails only for an invalid argument.
            let _ = SigSet::from(signal).thread_unblock();
            Reach::Reached
        }
        Err(_) => {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
            if is_in(&status, "SigBlk:", signal) == Some(true) { Reach::Blocked } else { Reach::Reached }
        }
    }
}

/// Blocks SIGPIPE on this thread. A notice to a log whose reader is gone is
/// then an error; with SIGPIPE at its default action, it would end the process.
pub(super) fn block_sigpipe() {
    // Fails only for an invalid argument.
    let _ = SigSet::from(Signal::SIGPIPE).thread_block();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_sets_are_read_bit_by_bit() {
        let status =
            "Name:\tshop\nSigBlk:\t0000000000000800\nSigIgn:\t0000000000001000\nSigCgt:\t8000000400000a00\n";
        let table = [
            (12, Caught::Yes),
            (10, Caught::Yes),
            (35, Caught::Yes),
            (64, Caught::Yes),
            (13, Caught::Ignored),
            (1, Caught::No),
        ];
        for (signal, expected) in table {
            assert_eq!(caught(status, signal), Some(expected), "{signal}");
        }
        assert_eq!(is_in(status, "SigBlk:", 12), Some(true));
        for (status, signal) in
            [("", 12), ("SigCgt:\tx\nSigIgn:\t0\n", 12), ("SigCgt:\t1\n", 1), (status, i32::MIN)]
        {
            assert_eq!(caught(status, signal), None, "{status} {signal}");
        }
    }
}
