//! Watches a service whose memory grows: a warning, a series of heap profiles, one more on SIGUSR2, and the cost of it all.
//!
//! `tests/lab/run memory_watch` takes half a minute and leaves the snapshots in `target/memory_watch`.
#![allow(missing_docs, reason = "a program has no public API")]
#![allow(unreachable_pub, reason = "a program has no public API")]
#![allow(clippy::print_stdout, reason = "prints for people to read")]

#[cfg(target_os = "linux")]
mod cost;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod stage;

/// Heap profiles need jemalloc. The library never sets the allocator; a service that wants them does.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::os::unix::process::CommandExt;

    // jemalloc reads its options before `main`. A service has them in its environment; this program restarts itself with them.
    const OPTIONS: (&str, &str) = ("_RJEM_MALLOC_CONF", "prof:true,prof_active:true,lg_prof_sample:19");
    if std::env::var(OPTIONS.0).is_err() {
        let failed = std::process::Command::new(std::env::current_exe()?).env(OPTIONS.0, OPTIONS.1).exec();
        return Err(failed.into());
    }
    stage::play()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The memory watch needs /proc, so it runs only on Linux.");
}
