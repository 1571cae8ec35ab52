//! A check at the start: it reports what will not work, so that this does not first show at a crossing, when a snapshot is needed.
//!
//! In: facts that were found at the start. Out: a sentence for each thing that will not work, with what to do about
//! it. `Watch::survey` turns the kernel's texts into facts; a pure function decides which facts are worth a sentence.

use super::cgroup::Sight;
use super::counted::Counted;
use super::limits::{FOLDER_ROOM_BYTES, PROFILES_TO_COMPARE};
use super::notice::Mb;
use super::plan::Shortfall;
use std::fmt;

/// What was found at the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    pub(super) wanted: Counted,
    pub(super) counts: Counted,
    pub(super) sight: Sight,
    pub(super) shortfall: Option<Shortfall>,
    /// Whether heap profiles would be empty.
    pub(super) asleep: bool,
    /// Free bytes in the folder, and how many of them must stay free.
    pub(super) free: Option<u64>,
    pub(super) disk_free_min: u64,
    /// The largest file that this process may write.
    pub(super) file_bytes_max: Option<u64>,
}

/// What will not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    PagesOfFilesCount,
    GroupHidden,
    FewProfiles(Shortfall),
    Asleep,
    LittleRoom { room: u64, disk_free_min: u64 },
    SmallFiles { bytes: u64 },
}

impl Facts {
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let room = self.free.map(|free| free.saturating_sub(self.disk_free_min));
        let little = room.filter(|&room| self.free >= Some(self.disk_free_min) && room < FOLDER_ROOM_BYTES);
        let small = self.file_bytes_max.filter(|&bytes| bytes < FOLDER_ROOM_BYTES);
        [
            (self.counts != self.wanted).then_some(Finding::PagesOfFilesCount),
            (self.sight == Sight::Hidden).then_some(Finding::GroupHidden),
            self.shortfall.map(Finding::FewProfiles),
            self.asleep.then_some(Finding::Asleep),
            little.map(|room| Finding::LittleRoom { room, disk_free_min: self.disk_free_min }),
            small.map(|bytes| Finding::SmallFiles { bytes }),
        ]
        .into_iter()
        .flatten()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::PagesOfFilesCount => f.write_str(
                "the resident set counts, pages of mapped files included: /proc/self/status has no RssAnon here; where large \
                 files are mapped, choose thresholds above them",
            ),
            Finding::GroupHidden => f.write_str(
                "the memory limit of this process's cgroup cannot be seen, the machine's memory counts as the limit: mount the \
                 cgroup at /sys/fs/cgroup, read-only is enough, or give threshold and step in bytes",
            ),
            Finding::FewProfiles(shortfall) => shortfall.fmt(f),
            Finding::Asleep => f.write_str(
                "heap profiles would be empty: jemalloc's profiling is on but not active; start with prof_active:true, or \
                 activate it before memory grows: what was allocated earlier is never in a profile",
            ),
            Finding::LittleRoom { room, disk_free_min } => write!(
                f,
                "the snapshots' folder has room for {} besides the {} that stay free (disk_free_min): make room, or lower it; \
                 a heap profile and its dump take some MB",
                Mb(*room),
                Mb(*disk_free_min)
            ),
            Finding::SmallFiles { bytes } => write!(
                f,
                "this process may not write files of more than {bytes} bytes (ulimit -f): a heap profile and its dump take \
                 some MB; raise it"
            ),
        }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fit {
            0 => write!(f, "no heap profile fits before the limit of {}", Mb(self.limit))?,
            fit => write!(
                f,
                "only {fit} of the {PROFILES_TO_COMPARE} heap profiles that a comparison needs fit before the limit of {}",
                Mb(self.limit)
            )?,
        }
        if self.way.limit < self.limit {
            write!(f, ", of which others have {}", Mb(self.limit - self.way.limit))?;
        }
        write!(
            f,
            ": the first is due at {}, and with less than {} left (headroom_min) reports are short; ",
            Mb(self.first),
            Mb(self.way.headroom_min)
        )?;
        match self.instead {
            Some((threshold, step)) => write!(
                f,
                "leave threshold and step out, and they follow the limit, or set threshold(Level::Bytes({threshold})) and \
                 step(Level::Bytes({step}))"
            ),
            None => f.write_str("raise the limit, or lower headroom_min or what others have"),
        }
    }
}

/// The maximum file size, by `/proc/self/limits`; `None` if there is no limit.
pub(super) fn file_bytes_max(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max file size"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::plan::Allowance;
    use super::*;

    const GOOD: Facts = Facts {
        wanted: Counted::Anonymous,
        counts: Counted::Anonymous,
        sight: Sight::Clear,
        shortfall: None,
        asleep: false,
        free: Some(10_000_000_000),
        disk_free_min: 256_000_000,
        file_bytes_max: None,
    };

    #[test]
    fn what_will_not_work_is_a_sentence_with_a_remedy_and_the_rest_is_silence() {
        let way = Allowance { limit: 192_000_000, headroom_min: 64_000_000 };
        let few =
            |fit, instead| Some(Shortfall { fit, first: 134_000_000, limit: 192_000_000, way, instead });
        let table: [(Facts, &[&str]); 12] = [
            (GOOD, &[]),
            (Facts { free: None, ..GOOD }, &[]),
            (Facts { wanted: Counted::Resident, counts: Counted::Resident, ..GOOD }, &[]),
            (Facts { counts: Counted::Resident, ..GOOD }, &["no RssAnon", "choose thresholds above them"]),
            (Facts { sight: Sight::Hidden, ..GOOD }, &["cannot be seen", "mount the cgroup"]),
            (Facts { asleep: true, ..GOOD }, &["would be empty", "prof_active:true"]),
            (Facts { free: Some(257_000_000), ..GOOD }, &["has room for 1 MB", "make room"]),
            // Refused already, because the disk is short.
            (Facts { free: Some(255_000_000), ..GOOD }, &[]),
            (Facts { file_bytes_max: Some(1_024), ..GOOD }, &["1024 bytes", "raise it"]),
            (
                Facts { shortfall: few(0, Some((58_000_000, 19_000_000))), ..GOOD },
                &["no heap profile fits", "192 MB", "134 MB", "Level::Bytes(58000000)"],
            ),
            (
                Facts { shortfall: few(2, Some((58_000_000, 19_000_000))), ..GOOD },
                &["only 2 of the 3", "Level::Bytes(19000000)"],
            ),
            (Facts { shortfall: few(1, None), ..GOOD }, &["only 1 of the 3", "raise the limit"]),
        ];
        for (facts, words) in table {
            let told: Vec<String> = facts.findings().map(|finding| finding.to_string()).collect();
            assert_eq!(told.len(), usize::from(!words.is_empty()), "{told:?}");
            assert!(words.iter().all(|word| told[0].contains(word)), "{words:?}: {told:?}");
        }
    }

    #[test]
    fn a_limit_on_files_is_read_and_none_is_none() {
        let limits = |value| {
            format!(
                "Limit                     Soft Limit           Hard Limit           Units     \nMax cpu time              unlimited            unlimited            seconds   \nMax file size             {value}            unlimited            bytes     \n"
            )
        };
        assert_eq!(file_bytes_max(&limits("1024")), Some(1_024));
        assert_eq!(file_bytes_max(&limits("unlimited")), None);
        assert_eq!(file_bytes_max(""), None);
    }
}
