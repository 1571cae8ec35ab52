//! The law under a flag that flips ten thousand times: each event that was emitted is at the endpoint or in the log.

use crate::memory::{Flags, MemoryProvider};
use crate::support::*;
use open_feature::OpenFeature;
use overspill::toggle::Toggle;
use overspill::{Emitted, Sample};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const FLIPS: u64 = 10_000;
const THREADS: u64 = 2;

#[test]
fn flipped_ten_thousand_times_under_load_each_event_is_at_the_endpoint_or_in_the_log() {
    let world = World::new();
    let endpoint = world.endpoint(|_| Act::Status(200));
    let client = quick(endpoint.url()).build().unwrap();
    let (flags, sample) = (Flags::default(), Arc::new(Sample::one_in(NonZeroU32::MIN)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut api = OpenFeature::default();
    runtime.block_on(api.set_provider(MemoryProvider::new(&flags)));
    let toggle = Toggle::builder(&client, api.create_client())
        .mode_flag("mode")
        .queue_share_flag("share")
        .sample_flag("one-in", Arc::clone(&sample));
    let mut toggle = toggle.build().unwrap();
    let (stop, left_out, off) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let events: BTreeSet<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (client, stop, sample, left_out, off) = (&client, &stop, &sample, &left_out, &off);
                scope.spawn(move || {
                    let (mut ids, mut id) = (Vec::new(), thread);
                    while !stop.load(Ordering::Relaxed) {
                        if !sample.keeps() {
                            left_out.fetch_add(1, Ordering::Relaxed);
                        } else if client.emit(&Numbered::of(id)) == Emitted::Off {
                            off.fetch_add(1, Ordering::Relaxed);
                        } else {
                            ids.push(id);
                        }
                        id += THREADS;
                        // A load whose events are compared as sets in memory at the end.
                        std::thread::park_timeout(Duration::from_micros(50));
                    }
                    ids
                })
            })
            .collect();
        runtime.block_on(async {
            for flip in 0..FLIPS {
                // Every valid value of each flag, and now and then an invalid value.
                flags.set("mode", ["on", "log_only", "off", "on", "maybe"][flip as usize % 5].to_owned());
                flags.set("share", ["whole", "half", "quarter", "eighth"][flip as usize % 4].to_owned());
                flags.set("one-in", [1_i64, 3, 2, 0][flip as usize % 4]);
                toggle.look().await;
            }
        });
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let stats = client.shutdown_blocking(LONG);
    assert_settled(&stats, &world.taken, &world.log);
    assert_eq!((stats.emitted, stats.lost, stats.pending), (events.len() as u64, 0, 0), "{stats}");
    let mut found = ids_taken(&world.taken);
    found.extend(ids_spilled(&world.log));
    assert_eq!(found, events, "{stats}");
    assert_eq!(sample.left_out(), left_out.into_inner());
    assert!(
        stats.delivered > 0 && stats.spilled > 0 && off.into_inner() > 0,
        "each mode had its share: {stats}"
    );
    // Not each flip is logged: at most two kinds of lines a minute for each of three flags, and the start.
    let told = world.log.text().lines().filter(|line| line.contains("overspill::toggle")).count();
    assert!(told <= 60, "{told} lines");
}
