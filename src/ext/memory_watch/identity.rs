//! Identifies the writer of a snapshot: an identity of this
//! process that is not its pid, and a clock that never goes back.
//!
//! Two containers both have a process 1, and a wall clock may be set: neither shows whether two profiles
//! come from one process, nor how far apart they are. In: what the kernel reports about this process. Out:
//! two lines for a profile. ID1: all watches of a process have one identity, and no two processes share
//! one: it consists of the boot, the pid namespace, the pid, the start time, and the addresses of program
//! and stack, which the kernel randomizes at each start. A child made by fork differs by pid and start.

use super::text::FixedText;
use rustix::time::{ClockId, clock_gettime};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// This process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessIdentity {
    pid: u32,
    process: u64,
    /// When it started, counted from the machine's boot.
    began: Duration,
}

impl ProcessIdentity {
    /// Reads it from the kernel; allocates memory.
    pub(super) fn read() -> ProcessIdentity {
        let read = |path| std::fs::read(path).unwrap_or_default();
        let began = ticks_at_start(&String::from_utf8_lossy(&read("/proc/self/stat"))).unwrap_or_default();
        let pid = std::process::id();
        // Equal input gives equal hashes, which is what we want here.
        let mut hash = DefaultHasher::new();
        read("/proc/sys/kernel/random/boot_id").hash(&mut hash);
        std::fs::read_link("/proc/self/ns/pid").unwrap_or_default().hash(&mut hash);
        read("/proc/self/auxv").hash(&mut hash);
        (pid, began).hash(&mut hash);
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let began = Duration::from_millis(began.saturating_mul(1_000) / per_second);
        ProcessIdentity { pid, process: hash.finish(), began }
    }

    /// The same identity, or that of the child that this process has become.
    pub(super) fn current(self) -> ProcessIdentity {
        if self.pid == std::process::id() { self } else { ProcessIdentity::read() }
    }

    /// How long ago this process started, by a clock that cannot be set. It keeps running while the machine sleeps.
    fn uptime(self) -> Duration {
        let now = clock_gettime(ClockId::Boottime);
        let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default());
        now.saturating_sub(self.began)
    }

    pub(super) fn write(self, out: &mut FixedText) {
        out.push(format_args!("overspill.process={:016x}\n", self.process));
        out.push(format_args!("overspill.uptime_ns={}\n", self.uptime().as_nanos()));
    }
}

/// When the process started, in ticks after the boot: the 22nd word of its
/// `stat`. The second word is a name that may contain blanks and brackets.
fn ticks_at_start(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_found_behind_any_name() {
        let stat = "4711 (a ) b (c) S 1 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 2 3 4 5";
        assert_eq!(ticks_at_start(stat), Some(987_654));
        assert_eq!(ticks_at_start("4711 (a"), None);
        assert_eq!(ticks_at_start(""), None);
    }

    #[test]
    fn a_process_has_one_identity_and_its_clock_only_moves_forward() {
        let (one, other) = (ProcessIdentity::read(), ProcessIdentity::read());
        assert_eq!((one, one.current()), (other, one));
        let early = one.uptime();
        assert!(early < Duration::from_secs(86_400), "{early:?} since the start of this test's process");
        assert!(one.uptime() >= early);
        let mut text = FixedText::with_capacity(200);
        one.write(&mut text);
        let lines: Vec<_> = text.as_str().lines().collect();
        let process = lines[0].strip_prefix("overspill.process=").unwrap();
        assert!(process.len() == 16 && process.bytes().all(|byte| byte.is_ascii_hexdigit()), "{process}");
        let nanos: u128 = lines[1].strip_prefix("overspill.uptime_ns=").unwrap().parse().unwrap();
        assert!(nanos >= early.as_nanos());
    }

    #[test]
    fn a_child_made_by_fork_has_another_identity() {
        let parent = ProcessIdentity { pid: 0, ..ProcessIdentity::read() };
        assert_eq!(parent.current(), ProcessIdentity::read(), "read anew, for the pid is another");
    }
}
