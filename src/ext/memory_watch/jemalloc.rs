//! jemalloc, where it is this program's allocator: its statistics, and its heap profile.
//!
//! Nothing is set here, neither the allocator nor its options: a program that wants heap profiles has jemalloc for its
//! `#[global_allocator]` and starts with `prof:true` ([`ENABLE`]). In: nothing. Out: a profile as gzipped pprof, or why
//! there is none.

use super::error::SnapshotError;
use super::folder::free_at;
use super::pprof;
use super::text::Text;
use jemalloc_pprof::PROF_CTL;
use std::hint::black_box;
use std::io::BufReader;
use std::time::SystemTime;
use tikv_jemalloc_ctl::{epoch, profiling, stats, thread};

/// What to do for heap profiles.
const ENABLE: &str = "make jemalloc the allocator (tikv-jemallocator with its feature profiling) and start with \
                      _RJEM_MALLOC_CONF=prof:true,prof_active:true,lg_prof_sample:19";

/// Whether heap profiles are to be had.
pub(super) fn availability() -> Result<(), String> {
    if !is_the_allocator() {
        return Err(format!("jemalloc is not this program's allocator: {ENABLE}"));
    }
    // Before PROF_CTL, which takes it for granted that jemalloc was built with profiling.
    match profiling::prof::read() {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("jemalloc's profiling is off: {ENABLE}")),
        Err(error) => Err(format!("jemalloc was built without profiling ({error}): {ENABLE}")),
    }
}

/// An allocation that jemalloc counts is one that it has made.
fn is_the_allocator() -> bool {
    let Ok(allocated) = thread::allocatedp::read() else { return false };
    let before = allocated.get();
    drop(black_box(Vec::<u8>::with_capacity(black_box(64))));
    allocated.get() > before
}

/// A dump of what is in use now, as gzipped pprof with `comment` in it.
///
/// jemalloc writes the dump's text into a file of mode 0600 in the temporary folder (`TMPDIR`), which is removed at once. In
/// a container where that is a tmpfs the text counts as memory for a moment.
pub(super) fn profile(comment: &str, time: SystemTime, disk_free_min: u64) -> Result<Vec<u8>, SnapshotError> {
    let failed = |error: &dyn std::fmt::Display| SnapshotError::Profile(error.to_string());
    if let Some(free) = free_at(&std::env::temp_dir()).filter(|&free| free < disk_free_min) {
        return Err(SnapshotError::TemporaryFolderShort { free, needed: disk_free_min });
    }
    let Some(control) = PROF_CTL.as_ref() else {
        return Err(SnapshotError::Profile("jemalloc's profiling is off".to_owned()));
    };
    // Never on a thread of a runtime: the watch has its own, and `Watch::look` says so.
    let dump = control.blocking_lock().dump().map_err(|error| failed(&error))?;
    let stacks = pprof::Stacks::read(BufReader::new(dump)).map_err(|error| failed(&error))?;
    if stacks.is_empty() {
        return Err(SnapshotError::Profile(
            "it has no samples: jemalloc's profiling is not active (prof_active:true)".to_owned(),
        ));
    }
    pprof::encode(&stacks, time, comment).map_err(|error| failed(&error))
}

/// Bytes, as jemalloc counts them.
pub(super) fn statistics(out: &mut Text) {
    if !is_the_allocator() {
        out.push(format_args!("unknown: jemalloc is not this program's allocator\n"));
        return;
    }
    // The numbers are those of the last epoch.
    let advanced = epoch::advance();
    let numbers = [
        ("allocated_bytes", stats::allocated::read()),
        ("active_bytes", stats::active::read()),
        ("metadata_bytes", stats::metadata::read()),
        ("resident_bytes", stats::resident::read()),
        ("mapped_bytes", stats::mapped::read()),
        ("retained_bytes", stats::retained::read()),
    ];
    out.push(format_args!(
        "jemalloc{}\n",
        if advanced.is_ok() { "" } else { ", numbers of an earlier moment" }
    ));
    for (name, number) in numbers {
        match number {
            Ok(bytes) => out.push(format_args!("{name} {bytes}\n")),
            Err(error) => out.push(format_args!("{name} unknown: {error}\n")),
        }
    }
}
