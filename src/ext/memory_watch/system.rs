//! What `/proc` says about this process and the machine, read into a block that was allocated beforehand.
//!
//! In: nothing. Out: bytes. The location of `/proc` and `/sys` is a setting, so that tests
//! can supply the system. Y1: reading allocates no memory. Not here: cgroups (`cgroup.rs`).

use super::cgroup::{Cgroup, Fill, Tightest};
use super::counted::{self, Counted};
use super::limits::SOURCE_BYTES_MAX;
use super::signals::{self, Caught};
use super::text::kib;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// This process's memory at a moment, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) resident: u64,
    /// What is compared with the thresholds.
    pub(super) counted: u64,
}

/// What is known about the memory around this process. `None`: the system does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// The cgroup and its ancestors.
    pub(super) group: Tightest,
    /// The machine's memory.
    pub(super) machine: Option<u64>,
    /// The group or the machine, whichever has least left.
    pub(super) fullest: Option<Fill>,
}

impl Surroundings {
    /// The smallest limit: of the cgroup and its ancestors, and of the machine.
    pub(super) fn limit(self) -> Option<u64> {
        least(self.group.limit, self.machine)
    }

    /// The least that is left.
    pub(super) fn headroom(self) -> Option<u64> {
        self.fullest.map(Fill::headroom)
    }

    /// Whether so little is left that allocating memory would be unwise.
    pub(super) fn is_near(self, headroom_min: u64) -> bool {
        self.headroom().is_some_and(|headroom| headroom < headroom_min)
    }
}

/// A block to read files into.
#[derive(Debug)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch(vec![0; SOURCE_BYTES_MAX])
    }

    /// The start of a file, as much as fits in the block; invalid UTF-8 ends it.
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
    pub(super) status: PathBuf,
    pub(super) smaps_rollup: PathBuf,
    pub(super) limits: PathBuf,
    pub(super) cgroup: Cgroup,
    page: u64,
}

impl System {
    /// The system below `root`, which is `/` except in tests.
    pub(super) fn below(root: &Path) -> System {
        let process = root.join("proc/self");
        System {
            statm: process.join("statm"),
            meminfo: root.join("proc/meminfo"),
            status: process.join("status"),
            smaps_rollup: process.join("smaps_rollup"),
            limits: process.join("limits"),
            cgroup: Cgroup::below(root),
            page: rustix::param::page_size() as u64,
        }
    }

    /// The part that counts, as far as the kernel reports it: the
    /// resident set if it does not report the anonymous part.
    pub(super) fn countable(&self, wanted: Counted, scratch: &mut Scratch) -> Counted {
        let told = scratch.read(&self.status).ok().and_then(counted::anonymous).is_some();
        if told { wanted } else { Counted::Resident }
    }

    /// This process's memory. The kernel's quick figures: they may be off by some hundred KB.
    pub(super) fn memory(&self, counts: Counted, scratch: &mut Scratch) -> io::Result<Memory> {
        let missing = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        let text = scratch.read(&self.statm)?;
        let pages: Option<u64> = text.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok());
        let resident = pages.map(|pages| pages.saturating_mul(self.page));
        let resident = resident.ok_or_else(|| missing("statm has no resident set"))?;
        let counted = match counts {
            Counted::Resident => resident,
            Counted::Anonymous => counted::anonymous(scratch.read(&self.status)?)
                .ok_or_else(|| missing("status has no anonymous memory"))?,
        };
        Ok(Memory { resident, counted })
    }

    pub(super) fn surroundings(&self, scratch: &mut Scratch) -> Surroundings {
        let group = self.cgroup.tightest(scratch);
        let text = scratch.read(&self.meminfo).unwrap_or_default();
        let machine = kib(text, "MemTotal:");
        let fill = machine.zip(kib(text, "MemAvailable:"));
        let fill = fill.map(|(limit, available)| Fill { limit, in_use: limit.saturating_sub(available) });
        Surroundings { group, machine, fullest: Fill::fuller(group.fullest, fill) }
    }

    /// What happens to a signal sent to this process, as far as the kernel reports it.
    pub(super) fn caught(&self, signal: i32, scratch: &mut Scratch) -> Option<Caught> {
        signals::caught(scratch.read(&self.status).ok()?, signal)
    }
}

/// The smaller of two values that may be unknown.
pub(super) fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
