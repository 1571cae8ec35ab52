//! Snapshots on demand: by a signal that others may handle too, or by a call, any number of times.

use crate::figures;
use crate::world::{MB, World, until};
use overspill::memory_watch::limits::DEMAND_EVERY;
use rustix::process::{Signal, getpid, kill_process};
use signal_hook::consts::{SIGHUP, SIGUSR1};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(3_600);

fn taken_on_demand(world: &World) -> usize {
    world.notices("memory snapshot:").iter().filter(|line| line["fields"]["cause"] == "demand").count()
}

#[test]
fn a_storm_of_signals_causes_one_snapshot_and_one_more_for_signals_that_arrive_during_it() {
    let world = World::new();
    let heard_before = Arc::new(AtomicBool::new(false));
    let before =
        signal_hook::flag::register(signal_hook::consts::SIGUSR2, Arc::clone(&heard_before)).unwrap();
    let watch = world.builder().interval(LONG).snapshot_on_sigusr2().start().unwrap();
    let (began, signals) = (Instant::now(), 10_000);
    for _ in 0..signals {
        kill_process(getpid(), Signal::USR2).unwrap();
    }
    let stormed = began.elapsed();
    until("a snapshot", || taken_on_demand(&world) > 0);
    // Long enough for the second snapshot, and for any that should not be taken.
    until("the time for another", || began.elapsed() > stormed + 2 * DEMAND_EVERY);
    watch.stop();
    let taken = taken_on_demand(&world);
    // One at once, and one at the end of each gap in which a signal arrived.
    let most = 2 + stormed.as_secs() / DEMAND_EVERY.as_secs();
    assert!((1..=most).contains(&(taken as u64)), "{taken} of {signals} signals in {stormed:?}");
    assert_eq!(world.files().len(), taken);
    assert!(heard_before.load(Ordering::Acquire), "the earlier handler is called too");
    signal_hook::low_level::unregister(before);
    figures::report(35, "snapshots after 10,000 signals, expected 1 or 2", taken);
}

#[test]
fn another_signal_can_be_chosen_and_does_not_kill_the_process_after_the_watch_has_ended() {
    let world = World::new();
    let watch = world.builder().interval(LONG).snapshot_on_signal(SIGUSR1).start().unwrap();
    kill_process(getpid(), Signal::USR1).unwrap();
    until("a snapshot", || taken_on_demand(&world) == 1);
    watch.stop();
    kill_process(getpid(), Signal::USR1).unwrap();
    assert_eq!(world.files().len(), 1);
}

#[test]
fn a_request_for_a_snapshot_does_not_wait_for_it() {
    let world = World::new();
    let watch = world.builder().interval(LONG).start().unwrap();
    for _ in 0..100_000 {
        watch.ask_for_snapshot();
    }
    until("a snapshot", || taken_on_demand(&world) >= 1);
    drop(watch);
}

#[test]
fn the_watch_has_its_own_thread_which_ends_with_it() {
    let world = World::new();
    let kept = Arc::new(());
    let hook = Arc::clone(&kept);
    let builder = world.builder().interval(Duration::from_millis(10)).snapshot_on_signal(SIGHUP);
    let watch = builder.on_crossing(move |_| drop(Arc::clone(&hook))).start().unwrap();
    world.resident(850 * MB);
    until("a snapshot", || world.files().len() == 1);
    watch.stop();
    assert_eq!(Arc::strong_count(&kept), 1, "the thread is gone, and everything it held");
    // If the watch is dropped, the thread ends too, and the drop does not wait for it.
    let hook = Arc::clone(&kept);
    let watch = world.builder().interval(LONG).on_crossing(move |_| drop(Arc::clone(&hook))).start().unwrap();
    drop(watch);
    until("the end of the thread", || Arc::strong_count(&kept) == 1);
}
