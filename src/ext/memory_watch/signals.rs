//! The signal that asks for a snapshot: what the kernel says becomes of it, and what this thread does about that.
//!
//! In: a signal, the text of `/proc/self/status`. Out: [`Caught`]. S1: the watch's own thread takes its signal even where all others
//! block it, as their parent may have left them: a process that blocks a signal in all threads never gets it. S2: that is done only
//! once there is a handler, since one that waits already would end the process otherwise.

use nix::sys::signal::{SigSet, Signal};

/// What becomes of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caught {
    /// A handler gets it.
    Yes,
    /// The process ignores it.
    Ignored,
    /// Nobody has a handler: it ends the process, or does nothing, as the signal's own action is.
    No,
}

/// What a `/proc/self/status` says becomes of a signal.
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
    /// It is blocked here, and is one whose mask only `unsafe` code could change: a real-time signal.
    Blocked,
}

/// This thread takes the signal from now on, if anything can be done about it (S1).
pub(super) fn take_here(signal: i32) -> Reach {
    match Signal::try_from(signal) {
        Ok(signal) => {
            // Fails for a wrong argument alone.
            let _ = SigSet::from(signal).thread_unblock();
            Reach::Reached
        }
        Err(_) => {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
            if is_in(&status, "SigBlk:", signal) == Some(true) { Reach::Blocked } else { Reach::Reached }
        }
    }
}

/// A notice into a log that nobody reads any more is an error, and not the end of a process that has SIGPIPE at its default
/// action.
pub(super) fn block_sigpipe() {
    // Fails for a wrong argument alone.
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
