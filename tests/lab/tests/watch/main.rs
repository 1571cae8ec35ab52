//! The memory watch's promises. A separate binary, because it sets the allocator, signals and limits of the process.
#![cfg(target_os = "linux")] // The watch reads /proc.
#![expect(unreachable_pub, reason = "a test binary has no public API")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

mod appetite;
mod build;
mod counted;
mod defaults;
#[path = "../../../it/figures.rs"]
mod figures;
mod folder;
mod heap;
mod limit;
mod lives;
mod report;
mod retention;
mod series;
mod signal;
mod start;
mod world;

/// Heap profiles come from this allocator; it profiles only in children that are started with profiling on.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Not a promise but the entry point of children: returns at once in a process that was not started as a child.
#[test]
fn child() {
    match std::env::var(world::PART).as_deref() {
        Ok(folder::PART) => folder::a_disk_that_ends(),
        Ok(heap::PART) => heap::a_leaking_service(),
        Ok(heap::PART_INACTIVE) => heap::a_service_whose_profiling_sleeps(),
        Ok(limit::PART) => limit::a_service_that_leaks_to_its_limit(),
        Ok(lives::PART_FORK) => lives::a_service_that_forks(),
        Ok(lives::PART_BLOCKED) => lives::a_service_whose_parent_blocks_the_signal(),
        Ok(lives::PART_MOVES) => lives::a_service_that_changes_its_folder(),
        Ok(lives::PART_KILLED) => lives::a_service_that_is_killed_while_it_dumps(),
        Ok(start::PART) => start::a_service_that_starts(),
        Ok(part) => panic!("no such part: {part}"),
        Err(_) => {}
    }
}
