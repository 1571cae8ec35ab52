//! What the kernel reports about this process: CPU time and resident memory.

use crate::Failure;
use nix::sys::resource::{UsageWho, getrusage};
use std::time::Duration;

/// CPU time of all threads of this process, user and system, by getrusage.
pub fn cpu() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default()
    };
    Ok(Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time())))
}

/// Resident memory of this process now, in bytes.
pub fn rss_bytes() -> Result<u64, Failure> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split(' ').nth(1).ok_or("statm is short")?.parse()?;
    Ok(pages * 4096)
}
