//! The text reports: what is known about memory, for a person.
//!
//! The short one is written near the limit: it reads a few lines and allocates no memory. The long
//! one adds the kernel's account of the mappings (`smaps_rollup`, which walks the page tables: some
//! ms per GB), the process's status, the allocator's statistics and the books of the clients in full.

use super::cgroup::{Fill, Tightest};
use super::counted::Counted;
use super::identity::ProcessIdentity;
use super::ladder::Cause;
use super::name::{Kind, Utc};
use super::system::{Memory, Scratch, Surroundings, System};
use super::text::FixedText;
use crate::Client;
use std::time::SystemTime;

/// The first lines of a report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heading<'a> {
    pub(super) service: &'a str,
    pub(super) time: SystemTime,
    pub(super) pid: u32,
    pub(super) cause: Cause,
    pub(super) identity: ProcessIdentity,
    pub(super) memory: Memory,
    pub(super) counts: Counted,
    pub(super) threshold: u64,
    pub(super) surroundings: Surroundings,
    pub(super) kind: Kind,
    /// Why the report is not of a better kind; empty for the best kind.
    pub(super) because: &'a str,
}

/// A number that may be unknown.
struct MaybeNumber(Option<u64>);

impl std::fmt::Display for MaybeNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "{bytes}"),
            None => f.write_str("unknown"),
        }
    }
}

impl Heading<'_> {
    fn write(&self, out: &mut FixedText) {
        let (limit, headroom) = (self.surroundings.limit(), self.surroundings.headroom());
        let (time, cause) = (Utc::of(self.time), self.cause.as_str());
        out.push(format_args!("overspill memory report 1\nservice {}\ntime {time}\n", self.service));
        out.push(format_args!("pid {}\ncause {cause}\nrss_bytes {}\n", self.pid, self.memory.resident));
        out.push(format_args!("threshold_bytes {}\nlimit_bytes {}\n", self.threshold, MaybeNumber(limit)));
        out.push(format_args!("headroom_bytes {}\n", MaybeNumber(headroom)));
        out.push(format_args!("counts {}\ncounted_bytes {}\n", self.counts.as_str(), self.memory.counted));
        out.push(format_args!("kind {}\n", self.kind.as_str()));
        self.identity.write(out);
        if !self.because.is_empty() {
            out.push(format_args!("because {}\n", self.because));
        }
    }
}

/// Heading and numbers only. Allocates no memory.
pub(super) fn short(out: &mut FixedText, heading: &Heading<'_>, clients: &[Client]) {
    heading.write(out);
    for (nth, client) in clients.iter().enumerate() {
        let stats = client.stats();
        out.push(format_args!(
            "\n[client {nth}]\nemitted {}\ndelivered {}\nspilled {}\nlost {}\npending {}\n",
            stats.emitted, stats.delivered, stats.spilled, stats.lost, stats.pending
        ));
        bytes_held(out, client, stats.pending_bytes);
        out.push(format_args!("endpoint {}\nmode {}\n", stats.endpoint.as_str(), stats.mode.as_str()));
    }
}

fn bytes_held(out: &mut FixedText, client: &Client, pending_bytes: usize) {
    out.push(format_args!("pending_bytes {pending_bytes}\nmemory_bound_bytes {}\n", client.memory_bound()));
}

/// The full report.
pub(super) fn full(
    out: &mut FixedText,
    heading: &Heading<'_>,
    clients: &[Client],
    system: &System,
    scratch: &mut Scratch,
) {
    heading.write(out);
    for (nth, client) in clients.iter().enumerate() {
        let stats = client.stats();
        out.push(format_args!("\n[client {nth}]\n{stats}\n"));
        bytes_held(out, client, stats.pending_bytes);
    }
    let Tightest { limit, fullest } = system.cgroup.tightest(scratch);
    out.push(format_args!(
        "\n[cgroup v{}]\nlimit_bytes {}\nin_use_bytes {}\nheadroom_bytes {}\n",
        system.cgroup.version(),
        MaybeNumber(limit),
        MaybeNumber(fullest.map(|fill| fill.in_use)),
        MaybeNumber(fullest.map(Fill::headroom))
    ));
    out.push(format_args!("\n[allocator]\n"));
    allocator(out);
    for (title, path) in [("status", &system.status), ("smaps_rollup", &system.smaps_rollup)] {
        match scratch.read(path) {
            Ok(text) => out.push(format_args!("\n[{title}]\n{text}")),
            Err(error) => out.push(format_args!("\n[{title}]\nunreadable: {error}\n")),
        }
    }
}

#[cfg(feature = "memory-watch-jemalloc")]
fn allocator(out: &mut FixedText) {
    super::jemalloc::statistics(out);
}

#[cfg(not(feature = "memory-watch-jemalloc"))]
fn allocator(out: &mut FixedText) {
    out.push(format_args!("unknown: overspill was built without its feature memory-watch-jemalloc\n"));
}
