//! Locates the files of this process's groups.
//!
//! In: `/proc/self/cgroup`, `/proc/self/mountinfo`, and the folders that they name. Out: our group and its
//! ancestors. There may be several mounts, for example when a container also has the host's: the right mount is
//! the one whose folder for our group lists this process; a folder that lists other processes is not ours. CF1:
//! a path that leads out of what a mount shows (`/../x`) is followed only in a mount that also begins there.

use super::{Cgroup, CgroupLevel, Sight, V1, V2, Version};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Maximum bytes read of a group's list of processes: a hundred thousand of them.
const PROCESSES_BYTES_MAX: u64 = 1 << 20;

/// How certain it is that a folder is our group's; the most certain one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FolderEvidence {
    /// There is no evidence.
    None,
    /// It has the files of a group that may be limited.
    Files,
    /// It lists this process.
    Listed,
}

/// The folders of our group and its ancestors, as a mount shows them.
struct Candidate {
    version: &'static Version,
    folders: Vec<PathBuf>,
    evidence: FolderEvidence,
}

/// Version 1 if the memory controller has its own hierarchy, else version 2.
pub(super) fn find(groups: &str, mounts: &str, root: &Path) -> Cgroup {
    let mut candidates = Vec::new();
    let mut limited = false;
    for version in [&V1, &V2] {
        let Some(path) = path_in(groups, version) else { continue };
        limited |= path != "/";
        for mount in mounts.lines().filter_map(Mount::parse).filter(|mount| mount.holds(version)) {
            candidates.extend(mount.candidate(version, path, root));
        }
        // Only one version has the memory controller, even if the process is listed in both.
        if !candidates.is_empty() {
            break;
        }
    }
    // Among equally certain mounts, prefers the one that shows more groups
    // above ours; then the later mount, which hides an earlier one.
    let best = candidates.into_iter().max_by_key(|it| (it.evidence, it.folders.len()));
    // A bare root, as on a machine without a container, limits nothing.
    let sight = match &best {
        None if limited => Sight::Hidden,
        _ => Sight::Clear,
    };
    let Some(Candidate { version, folders, .. }) = best else {
        return Cgroup { version: &V2, levels: Vec::new(), sight };
    };
    let levels = folders.into_iter().map(|folder| CgroupLevel {
        limits: version.limits.map(|name| name.map(|name| folder.join(name))),
        usage: folder.join(version.usage),
        stat: folder.join("memory.stat"),
    });
    Cgroup { version, levels: levels.collect(), sight }
}

/// The path of our group in the hierarchy of this version that has the memory controller.
fn path_in<'a>(groups: &'a str, version: &Version) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let holds = match version.number {
            1 => controllers.split(',').any(|name| name == "memory"),
            _ => controllers.is_empty(),
        };
        holds.then_some(path)
    })
}

/// A line of mountinfo: `35 31 0:32 /docker/4f /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`.
struct Mount<'a> {
    /// The group visible at `point`.
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

    fn holds(&self, version: &Version) -> bool {
        match version.number {
            1 => self.kind == "cgroup" && self.options.split(',').any(|option| option == "memory"),
            _ => self.kind == "cgroup2",
        }
    }

    /// The folders of the group and its ancestors that this mount shows; a container sees its own group as the top.
    fn candidate(&self, version: &'static Version, group: &str, system: &Path) -> Option<Candidate> {
        let at = |folder: &Path| system.join(folder.strip_prefix("/").unwrap_or(folder));
        let below = Path::new(group).strip_prefix(&self.root).ok();
        let below = below.filter(|it| it.components().all(|part| matches!(part, Component::Normal(_))));
        let mut folder = Path::new(&self.point).join(below.unwrap_or(Path::new("")));
        let evidence = match lists_us(&at(&folder)) {
            Some(true) => FolderEvidence::Listed,
            // It belongs to another process; or the path does not lead
            // here, and nothing supports the guess that it is ours.
            Some(false) => return None,
            None if at(&folder).join(version.usage).exists() => FolderEvidence::Files,
            None if below.is_some() || self.root == "/" => FolderEvidence::None,
            None => return None,
        };
        let mut folders = vec![at(&folder)];
        while folder != Path::new(&self.point) && folder.pop() {
            folders.push(at(&folder));
        }
        Some(Candidate { version, folders, evidence })
    }
}

/// Whether this process is in the group with this folder; `None` if unknown.
fn lists_us(folder: &Path) -> Option<bool> {
    let mut text = String::new();
    let file = File::open(folder.join("cgroup.procs")).ok()?;
    let read = file.take(PROCESSES_BYTES_MAX).read_to_string(&mut text).ok()? as u64;
    let pid = std::process::id().to_string();
    let listed = text.lines().any(|line| line == pid);
    (listed || read < PROCESSES_BYTES_MAX).then_some(listed)
}

/// mountinfo writes blank, tab, newline and backslash as three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}
