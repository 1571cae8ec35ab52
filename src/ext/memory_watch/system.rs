//! What `/proc` says of this process and the machine, read into a block that was allocated beforehand.
//!
//! In: nothing. Out: bytes. Where `/proc` and `/sys` are is a setting, so that tests can be the system. Y1: reading asks for
//! no memory. Deliberately not here: cgroups (`cgroup.rs`).

use super::cgroup::Cgroup;
use super::limits::SOURCE_BYTES_MAX;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What is known of the memory of a moment. `None` is what the system does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// The smallest limit: of the cgroup and those above it, and of the machine.
    pub(super) limit: Option<u64>,
    /// The least that is left: below the limit of a cgroup, or available on the machine.
    pub(super) headroom: Option<u64>,
}

impl Surroundings {
    /// Whether so little is left that asking for memory would be unwise.
    pub(super) fn is_near(self, headroom_min: u64) -> bool {
        self.headroom.is_some_and(|headroom| headroom < headroom_min)
    }
}

/// A block to read files into.
#[derive(Debug)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch(vec![0; SOURCE_BYTES_MAX])
    }

    /// The beginning of a file, as far as the block reaches; what is not UTF-8 ends it.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<&str> {
        let mut file = File::open(path)?;
        let mut filled = 0;
        while filled < self.0.len() {
            match file.read(&mut self.0[filled..]) {
                Ok(0) => break,
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let text = &self.0[..filled];
        Ok(match std::str::from_utf8(text) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default(),
        })
    }
}

/// Where to look.
#[derive(Debug)]
pub(super) struct System {
    statm: PathBuf,
    meminfo: PathBuf,
    /// For the report.
    pub(super) status: PathBuf,
    pub(super) smaps_rollup: PathBuf,
    pub(super) cgroup: Cgroup,
    page: u64,
}

impl System {
    /// The system below `root`, which is `/` but for tests.
    pub(super) fn below(root: &Path) -> System {
        let process = root.join("proc/self");
        System {
            statm: process.join("statm"),
            meminfo: root.join("proc/meminfo"),
            status: process.join("status"),
            smaps_rollup: process.join("smaps_rollup"),
            cgroup: Cgroup::below(root),
            page: rustix::param::page_size() as u64,
        }
    }

    /// The resident set of this process, in bytes. The kernel's quick figure: it may be off by some hundred KB.
    pub(super) fn resident(&self, scratch: &mut Scratch) -> io::Result<u64> {
        let text = scratch.read(&self.statm)?;
        let pages: Option<u64> = text.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok());
        pages
            .map(|pages| pages.saturating_mul(self.page))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "statm has no resident set"))
    }

    pub(super) fn surroundings(&self, scratch: &mut Scratch) -> Surroundings {
        let group = self.cgroup.tightest(scratch);
        let machine = scratch.read(&self.meminfo).unwrap_or_default();
        let limit = least(group.limit, field(machine, "MemTotal:"));
        Surroundings { limit, headroom: least(group.headroom, field(machine, "MemAvailable:")) }
    }
}

/// The smaller one of two that may be unknown.
pub(super) fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// A line of meminfo: `MemTotal:       24684288 kB`, in bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1_024)
}
