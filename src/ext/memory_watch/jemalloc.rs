//! jemalloc, if it is this program's allocator: its statistics, and its heap profile.
//!
//! Nothing is set here, neither the allocator nor its options: a program that wants heap profiles uses
//! jemalloc as its `#[global_allocator]` and starts with `prof:true`. In: nothing. Out: a profile as
//! gzipped pprof, or the reason why there is none. JE1: the text of a dump goes into the snapshots' folder,
//! not the temporary one, and has no name: it disappears with its writer, however the writer ends.

use super::error::SnapshotError;
use super::pprof;
use super::text::FixedText;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::os::fd::AsRawFd;
use std::time::SystemTime;
use tikv_jemalloc_ctl::{Access, AsName, epoch, profiling, stats, thread};

const OPTIONS: &str = "prof:true,prof_active:true,lg_prof_sample:19";
/// The variable that jemalloc reads as tikv-jemallocator builds it, and the one it reads with that
/// crate's feature `unprefixed_malloc_on_supported_platforms`. A running jemalloc does not reveal which.
const VARIABLES: [&str; 2] = ["_RJEM_MALLOC_CONF", "MALLOC_CONF"];

/// What is kept for dumps.
#[derive(Debug)]
pub(super) struct Jemalloc {
    /// jemalloc's interface accepts only texts that live as long as the process. There
    /// is one for each descriptor that a dump ever had, which is nearly always the same.
    paths: Vec<&'static str>,
}

/// Whether there are heap profiles.
pub(super) fn availability() -> Result<Jemalloc, String> {
    let [prefixed, plain] = VARIABLES.map(|name| std::env::var(name).unwrap_or_default());
    let enable = enable(&prefixed, &plain);
    if !is_the_allocator() {
        let make = "make it that (tikv-jemallocator with its feature profiling)";
        return Err(format!("jemalloc is not this program's allocator: {make}, and {enable}"));
    }
    match profiling::prof::read() {
        Ok(true) => Ok(Jemalloc { paths: Vec::new() }),
        Ok(false) => Err(format!("jemalloc's profiling is off: {enable}")),
        Err(error) => Err(format!(
            "jemalloc was built without profiling ({error}): give tikv-jemallocator its feature profiling, and {enable}"
        )),
    }
}

/// How to enable profiling, depending on the values of the two variables.
fn enable(prefixed: &str, plain: &str) -> String {
    let [prefixed_name, plain_name] = VARIABLES;
    let asks = |options: &str| options.contains("prof:true");
    match (asks(prefixed), asks(plain)) {
        (true, false) => format!(
            "{prefixed_name} is set, which this program's jemalloc does not heed: set {plain_name} to the same, which it reads \
             with tikv-jemallocator's feature unprefixed_malloc_on_supported_platforms"
        ),
        (false, true) => format!(
            "{plain_name} is set, which this program's jemalloc does not heed: set {prefixed_name} to the same, which it reads without \
             tikv-jemallocator's feature unprefixed_malloc_on_supported_platforms"
        ),
        _ => format!(
            "start with {prefixed_name}={OPTIONS}, or with {plain_name}={OPTIONS} if tikv-jemallocator has its feature \
             unprefixed_malloc_on_supported_platforms"
        ),
    }
}

/// Whether jemalloc can profile but samples nothing now.
pub(super) fn is_asleep() -> bool {
    // No answer is no reason to warn.
    Access::<bool>::read(b"prof.active\0".name()).is_ok_and(|active| !active)
}

/// If jemalloc counts an allocation, jemalloc made it.
fn is_the_allocator() -> bool {
    let Ok(allocated) = thread::allocatedp::read() else { return false };
    let before = allocated.get();
    drop(black_box(Vec::<u8>::with_capacity(black_box(64))));
    allocated.get() > before
}

impl Jemalloc {
    /// A dump of the memory now in use, as gzipped pprof that includes
    /// `comment`. The dump's text is written to `file`, which is empty.
    pub(super) fn profile(
        &mut self,
        file: File,
        comment: &str,
        time: SystemTime,
    ) -> Result<Vec<u8>, SnapshotError> {
        let failed = |error: &dyn std::fmt::Display| SnapshotError::Profile(error.to_string());
        // Names the file by its descriptor: its name in the folder may refer to another file by now.
        let path = self.path(format!("/proc/self/fd/{}\0", file.as_raw_fd()));
        Access::<&'static str>::write(b"prof.dump\0".name(), path).map_err(|error| {
            failed(&format_args!(
                "jemalloc could not write its dump ({error}): is the disk full, or /proc not there?"
            ))
        })?;
        let stacks = pprof::Stacks::read(BufReader::new(file)).map_err(|error| failed(&error))?;
        if stacks.is_empty() {
            return Err(SnapshotError::Profile(
                "it has no samples: jemalloc's profiling is not active (prof_active:true)".to_owned(),
            ));
        }
        pprof::encode(&stacks, time, comment).map_err(|error| failed(&error))
    }

    fn path(&mut self, path: String) -> &'static str {
        if let Some(known) = self.paths.iter().find(|known| **known == path) {
            return known;
        }
        let path: &'static str = path.leak();
        self.paths.push(path);
        path
    }
}

/// Bytes, as jemalloc counts them.
pub(super) fn statistics(out: &mut FixedText) {
    if !is_the_allocator() {
        out.push(format_args!("unknown: jemalloc is not this program's allocator\n"));
        return;
    }
    // The numbers are from the last epoch.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_the_variable_that_is_not_set_yet() {
        let on = "prof:true,prof_active:true";
        let table = [
            ("", "", ["start with _RJEM_MALLOC_CONF=prof:true", "or with MALLOC_CONF=prof:true"]),
            (on, "", ["_RJEM_MALLOC_CONF is set", "set MALLOC_CONF to the same"]),
            ("", on, ["MALLOC_CONF is set", "set _RJEM_MALLOC_CONF to the same"]),
            (on, on, ["start with _RJEM_MALLOC_CONF", "or with MALLOC_CONF"]),
            ("prof:false", "narenas:2", ["start with _RJEM_MALLOC_CONF", "or with MALLOC_CONF"]),
        ];
        for (prefixed, plain, expected) in table {
            let advice = enable(prefixed, plain);
            assert!(expected.iter().all(|part| advice.contains(part)), "{prefixed:?} {plain:?}: {advice}");
        }
    }

    #[test]
    fn one_text_is_kept_for_each_descriptor() {
        let mut jemalloc = Jemalloc { paths: Vec::new() };
        for _ in 0..100 {
            for fd in [7, 9] {
                assert_eq!(jemalloc.path(format!("/proc/self/fd/{fd}\0")), format!("/proc/self/fd/{fd}\0"));
            }
        }
        assert_eq!(jemalloc.paths.len(), 2);
    }
}
