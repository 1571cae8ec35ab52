//! The part of this process's memory that is compared with the thresholds.
//!
//! Anonymous memory, which heaps consist of: `RssAnon` of `/proc/self/status`, and `VmSwap`, because a leak that
//! is swapped out is still a leak, and is swapped out first. Not included: file pages, which the kernel drops
//! when it needs room, and shared memory (`RssShmem`), which no heap profile explains and several processes
//! count at once; the group's usage includes it. `smaps_rollup` would be exact, but walks the page tables, which
//! takes some milliseconds per GB at each look; these lines cost microseconds and are off by some hundred KB.

/// Which of the process's memory counts: it is compared with thresholds, and named in notices and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Counted {
    /// Anonymous memory, including what is swapped out: heap and stacks, which the
    /// kernel cannot reclaim. If the kernel does not report it (before Linux 4.5, some
    /// sandboxes), this becomes [`Resident`](Counted::Resident), and a notice says so.
    #[default]
    Anonymous,
    /// The resident set, including pages of mapped files, which the kernel may drop at any time.
    Resident,
}

crate::names::names!(Counted, "what counts", { Anonymous = "anonymous", Resident = "resident", });

/// The anonymous memory that a `/proc/self/status` reports, in bytes.
#[cfg(any(target_os = "linux", test))]
pub(super) fn anonymous(status: &str) -> Option<u64> {
    let swapped = super::text::kib(status, "VmSwap:").unwrap_or_default();
    Some(super::text::kib(status, "RssAnon:")?.saturating_add(swapped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_swapped_out_counts_and_pages_of_files_do_not() {
        let table = [
            (
                "VmRSS:\t 900 kB\nRssAnon:\t     116 kB\nRssFile:\t 784 kB\nRssShmem:\t 0 kB\nVmSwap:\t 4 kB\n",
                Some(120 << 10),
            ),
            ("RssAnon: 1 kB\n", Some(1 << 10)),
            // A kernel before 4.5, or a text that cannot be parsed.
            ("VmRSS:\t 900 kB\nVmSwap:\t 4 kB\n", None),
            ("RssAnon: many kB\n", None),
            ("RssAnon: 18446744073709551615 kB\n", None),
            ("", None),
        ];
        for (status, expected) in table {
            assert_eq!(anonymous(status), expected, "{status}");
        }
    }
}
