//! The memory of this process, asserted.

use std::io;

/// The resident set of this process at one moment, in bytes, to compare with a later one. Linux only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rss(u64);

impl Rss {
    /// Measures it now. Call it after a warm-up, when buffers and threads exist.
    ///
    /// # Errors
    /// If there is no `/proc/self/status`.
    pub fn now() -> io::Result<Rss> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let kibibytes = status
            .lines()
            .find_map(|line| {
                line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
            })
            .ok_or_else(|| io::Error::other("no VmRSS in /proc/self/status"))?;
        Ok(Rss(kibibytes << 10))
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// By how many bytes it has grown since `before`; zero if it has shrunk.
    pub fn growth_since(self, before: Rss) -> u64 {
        self.0.saturating_sub(before.0)
    }

    /// Asserts that the process has grown by at most this many bytes since then, and returns by how many.
    ///
    /// # Panics
    /// If it has grown by more, or if the resident set cannot be read.
    #[track_caller]
    pub fn assert_grown_at_most(self, bytes: usize) -> u64 {
        let now = Rss::now().unwrap_or_else(|error| panic!("the resident set cannot be read: {error}"));
        let growth = now.growth_since(self);
        assert!(growth <= bytes as u64, "the process has grown by {growth} bytes, more than {bytes}");
        growth
    }
}
