//! The limits of this process's cgroup and of its ancestors; versions 1 and 2.
//!
//! The files are located once, when the watch is built (`cgroup/find.rs`); a process that is moved later is not followed. Memory
//! that the kernel reclaims before it kills does not count as in use: clean file pages, active or not, and reclaimable slabs. CG1:
//! a group without a limit limits nothing; each version writes that in its own way. CG2: for version 2 the smaller of `memory.max`
//! and `memory.high` is the limit: above `high` a process is not killed, but slowed down so much that it makes no difference.

use super::system::{Scratch, least};
use std::path::{Path, PathBuf};

mod find;

/// One of the groups from ours up to the mount.
#[derive(Debug, PartialEq, Eq)]
struct CgroupLevel {
    limits: [Option<PathBuf>; 2],
    usage: PathBuf,
    stat: PathBuf,
}

/// The names a version uses.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    number: u32,
    limits: [Option<&'static str>; 2],
    usage: &'static str,
    /// The lines of `memory.stat` that count reclaimable memory, of the group and its
    /// descendants. Shared and locked memory is not in them: the kernel keeps it in other lists.
    given_back: &'static [&'static str],
    /// The lines that count the part of it that must be written to a disk first.
    unwritten: &'static [&'static str],
}

static V1: Version = Version {
    number: 1,
    limits: [Some("memory.limit_in_bytes"), None],
    usage: "memory.usage_in_bytes",
    given_back: &["total_inactive_file", "total_active_file"],
    unwritten: &["total_dirty", "total_writeback"],
};
static V2: Version = Version {
    number: 2,
    limits: [Some("memory.max"), Some("memory.high")],
    usage: "memory.current",
    given_back: &["inactive_file", "active_file", "slab_reclaimable"],
    unwritten: &["file_dirty", "file_writeback"],
};

/// Version 1 writes "no limit" as the largest number of pages there is, in bytes.
const NO_LIMIT: u64 = 1 << 60;

/// The tightest of a process's groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tightest {
    pub(super) limit: Option<u64>,
    /// The group with the least left below its limit.
    pub(super) fullest: Option<Fill>,
}

/// How full a limited resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) limit: u64,
    /// Excludes what the kernel can reclaim.
    pub(super) in_use: u64,
}

impl Fill {
    pub(super) fn headroom(self) -> u64 {
        self.limit.saturating_sub(self.in_use)
    }

    /// The one that has less left.
    pub(super) fn fuller(one: Option<Fill>, other: Option<Fill>) -> Option<Fill> {
        one.into_iter().chain(other).min_by_key(|fill| fill.headroom())
    }
}

/// The groups of this process, its own first.
#[derive(Debug)]
pub(super) struct Cgroup {
    version: &'static Version,
    levels: Vec<CgroupLevel>,
    sight: Sight,
}

/// Whether the group of this process can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// It is visible, or there are no cgroups.
    Clear,
    /// The process is in a group that no mount shows: limits may apply that cannot be seen from here.
    Hidden,
}

impl Cgroup {
    pub(super) fn below(root: &Path) -> Cgroup {
        let read = |path| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        find::find(&read("proc/self/cgroup"), &read("proc/self/mountinfo"), root)
    }

    /// 1 or 2.
    pub(super) fn version(&self) -> u32 {
        self.version.number
    }

    pub(super) fn sight(&self) -> Sight {
        self.sight
    }

    pub(super) fn tightest(&self, scratch: &mut Scratch) -> Tightest {
        let mut tightest = Tightest::default();
        for level in &self.levels {
            let mut limit = None;
            // A group at the root of a hierarchy has no such files, and "max" is not a number.
            for path in level.limits.iter().flatten() {
                let number = scratch.read(path).ok().and_then(|text| text.trim().parse().ok());
                limit = least(limit, number.filter(|&it: &u64| it < NO_LIMIT));
            }
            let Some(limit) = limit else { continue };
            tightest.limit = least(tightest.limit, Some(limit));
            let usage = scratch.read(&level.usage).ok().and_then(|text| text.trim().parse().ok());
            let Some(usage) = usage else { continue };
            let stat = scratch.read(&level.stat).unwrap_or_default();
            let in_use = self.version.in_use(usage, stat);
            tightest.fullest = Fill::fuller(tightest.fullest, Some(Fill { limit, in_use }));
        }
        tightest
    }
}

impl Version {
    /// The part of `usage` that the kernel cannot reclaim, by the group's `memory.stat`.
    fn in_use(&self, usage: u64, stat: &str) -> u64 {
        let sum = |names: &[&str]| {
            let lines = stat.lines().filter_map(|line| line.split_once(' '));
            let numbers = lines
                .filter(|(name, _)| names.contains(name))
                .filter_map(|(_, number)| number.trim().parse().ok());
            numbers.fold(0, |sum: u64, number: u64| sum.saturating_add(number))
        };
        usage.saturating_sub(sum(self.given_back).saturating_sub(sum(self.unwritten)))
    }
}

#[cfg(test)]
mod tests;
