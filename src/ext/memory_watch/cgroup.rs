//! The limits of the cgroup that this process is in, and of those above it; version 1 and 2.
//!
//! Where the files are is found once, when the watch is built; a process that is moved later is not followed. What is in
//! use counts without the inactive file cache, which the kernel gives back before it kills. G1: a group without a limit
//! limits nothing, whichever way its version writes that.

use super::system::{Scratch, least};
use std::path::{Path, PathBuf};

/// A group on the way from ours up to the mount.
#[derive(Debug, PartialEq, Eq)]
struct Level {
    limit: PathBuf,
    usage: PathBuf,
    stat: PathBuf,
}

/// How a version names things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    number: u32,
    limit: &'static str,
    usage: &'static str,
    /// The line of `memory.stat` that has the inactive file cache of the group and those below it.
    inactive: &'static str,
}

const V1: Version = Version {
    number: 1,
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive: "total_inactive_file ",
};
const V2: Version =
    Version { number: 2, limit: "memory.max", usage: "memory.current", inactive: "inactive_file " };

/// Version 1 writes "no limit" as the largest number of pages there is, in bytes.
const NO_LIMIT: u64 = 1 << 60;

/// The tightest of a process's groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tightest {
    pub(super) limit: Option<u64>,
    /// What is left below the limit of the group that has least left.
    pub(super) headroom: Option<u64>,
    /// What is in use in that group, without the inactive file cache.
    pub(super) in_use: Option<u64>,
}

/// The groups of this process, its own first.
#[derive(Debug)]
pub(super) struct Cgroup {
    version: Version,
    levels: Vec<Level>,
}

impl Cgroup {
    pub(super) fn below(root: &Path) -> Cgroup {
        let read = |path| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let (groups, mounts) = (read("proc/self/cgroup"), read("proc/self/mountinfo"));
        find(&groups, &mounts, root).unwrap_or(Cgroup { version: V2, levels: Vec::new() })
    }

    /// 1 or 2.
    pub(super) fn version(&self) -> u32 {
        self.version.number
    }

    pub(super) fn tightest(&self, scratch: &mut Scratch) -> Tightest {
        let mut tightest = Tightest::default();
        for level in &self.levels {
            let number = |text: &str| text.trim().parse::<u64>().ok();
            // A group at the root of a hierarchy has no such files, "max" is not a number.
            let Some(limit) = scratch.read(&level.limit).ok().and_then(number).filter(|&it| it < NO_LIMIT)
            else {
                continue;
            };
            tightest.limit = least(tightest.limit, Some(limit));
            let Some(usage) = scratch.read(&level.usage).ok().and_then(number) else { continue };
            let stat = scratch.read(&level.stat).unwrap_or_default();
            let inactive = stat.lines().find_map(|line| number(line.strip_prefix(self.version.inactive)?));
            let in_use = usage.saturating_sub(inactive.unwrap_or_default());
            let headroom = limit.saturating_sub(in_use);
            if tightest.headroom.is_none_or(|least| headroom < least) {
                (tightest.headroom, tightest.in_use) = (Some(headroom), Some(in_use));
            }
        }
        tightest
    }
}

/// Version 1 where the memory controller is in a hierarchy of its own, else version 2.
fn find(groups: &str, mounts: &str, root: &Path) -> Option<Cgroup> {
    let path_in = |controller: fn(&str) -> bool| {
        groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            controller(controllers).then_some(path)
        })
    };
    let v1 = path_in(|controllers| controllers.split(',').any(|name| name == "memory"));
    let (version, path) = match v1 {
        Some(path) => (V1, path),
        None => (V2, path_in(str::is_empty)?),
    };
    let mount = mounts.lines().find_map(|line| Mount::parse(line).filter(|mount| mount.holds(version)))?;
    let levels = mount.levels(path).into_iter().map(|group| {
        let folder = root.join(group.strip_prefix("/").unwrap_or(&group));
        Level {
            limit: folder.join(version.limit),
            usage: folder.join(version.usage),
            stat: folder.join("memory.stat"),
        }
    });
    Some(Cgroup { version, levels: levels.collect() })
}

/// A line of mountinfo: `35 31 0:32 /docker/4f /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`.
struct Mount<'a> {
    /// The group that is seen at `point`.
    root: String,
    point: String,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    fn parse(line: &str) -> Option<Mount<'_>> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (unescaped(mount.next()?), unescaped(mount.next()?));
        let mut filesystem = filesystem.split(' ');
        Some(Mount { root, point, kind: filesystem.next()?, options: filesystem.nth(1)? })
    }

    fn holds(&self, version: Version) -> bool {
        match version.number {
            1 => self.kind == "cgroup" && self.options.split(',').any(|option| option == "memory"),
            _ => self.kind == "cgroup2",
        }
    }

    /// The folders of the group and those above it that can be seen; a container sees its own group as the top.
    fn levels(&self, group: &str) -> Vec<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).unwrap_or(Path::new(""));
        // A name that leads out of a namespace ("/../x") is not walked.
        let inside = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        let mut folder = Path::new(&self.point).join(if inside { below } else { Path::new("") });
        let mut levels = vec![folder.clone()];
        while folder != Path::new(&self.point) && folder.pop() {
            levels.push(folder.clone());
        }
        levels
    }
}

/// mountinfo writes blank, tab, newline and backslash as three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

#[cfg(test)]
mod tests;
