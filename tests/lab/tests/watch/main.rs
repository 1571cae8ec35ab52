//! What the memory watch promises. A binary of its own: the allocator, signals and limits of the process are the fixture.
#![cfg(target_os = "linux")] // The watch reads /proc.
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test says what it means"
)]
#![allow(missing_docs, reason = "promises are named by their tests")]

mod appetite;
mod build;
#[path = "../../../it/figures.rs"]
mod figures;
mod folder;
mod heap;
mod report;
mod retention;
mod series;
mod signal;
mod world;

/// Heap profiles are of this allocator; it profiles only in the children that are started so.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Not a promise, the door for children: returns at once in a process that nobody started as one.
#[test]
fn child() {
    match std::env::var(world::PART).as_deref() {
        Ok(folder::PART) => folder::a_disk_that_ends(),
        Ok(heap::PART) => heap::a_leaking_service(),
        Ok(heap::PART_INACTIVE) => heap::a_service_whose_profiling_sleeps(),
        Ok(part) => panic!("no such part: {part}"),
        Err(_) => {}
    }
}
