//! What a call costs its caller in each outage, and with each kind of log.

use crate::figures::report;
use crate::support::*;
use overspill::spill::{Record, SpillSink};
use overspill::{Client, Mode};
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// A log that takes this long for each record, one at a time, as under a subscriber's lock.
struct Log(Mutex<Duration>);

impl SpillSink for Log {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        let takes = self.0.lock().unwrap();
        let began = Instant::now();
        if *takes >= Duration::from_millis(1) {
            // The slowness is the fault under test.
            std::thread::sleep(*takes);
        }
        while began.elapsed() < *takes {
            std::hint::spin_loop();
        }
        Ok(())
    }
}

/// A log whose writes never return.
struct Stuck(Mutex<Receiver<()>>);

impl SpillSink for Stuck {
    fn write(&self, _: &Record<'_>) -> io::Result<()> {
        let _ = self.0.lock().unwrap().recv();
        Ok(())
    }
}

const THREADS: u64 = 4;

/// The median, the 99.9th percentile and the maximum of many calls at a steady rate, in microseconds.
fn calls(client: &Client, each: u64, pause: Duration) -> [f64; 3] {
    let next = AtomicU64::new(0);
    let mut took: Vec<u64> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let began = Instant::now();
                    (0..each)
                        .map(|nth| {
                            let due = pause * nth as u32;
                            // Sets the rate of the load.
                            std::thread::sleep(due.saturating_sub(began.elapsed()));
                            let event =
                                Numbered { id: next.fetch_add(1, Ordering::Relaxed), text: "x".repeat(200) };
                            let called = Instant::now();
                            client.emit(&event);
                            called.elapsed().as_nanos() as u64
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    });
    took.sort_unstable();
    let of = |share: usize| took[(took.len() * share / 1000).min(took.len() - 1)] as f64 / 1000.0;
    [of(500), of(999), of(1000)]
}

#[test]
fn the_duration_of_a_call_is_reported_for_each_outage_and_each_log() {
    const PAUSE: Duration = Duration::from_micros(500);
    let fast = || Log(Mutex::new(Duration::from_micros(10)));
    let told = |what: &str, client: &Client, each: u64, pause: Duration| {
        let [median, p999, max] = calls(client, each, pause);
        let stats = client.shutdown_blocking(Duration::from_millis(300));
        assert_eq!((stats.emitted, stats.pending), (THREADS * each, 0), "{stats}");
        report(
            29,
            &format!("emit {what}: median, p99.9, max, us"),
            format!("{median:.1} {p999:.0} {max:.0}"),
        );
    };
    let world = World::new();
    let url = "http://127.0.0.1:9/";
    let builder = |url: &str| quick(url).spill_sink(fast()).queue_events_max(2_000);
    let well = world.endpoint(|_| Act::Status(200));
    told("well", &builder(&well.url()).build().unwrap(), 3000, PAUSE);
    told("refused", &builder(url).build().unwrap(), 3000, PAUSE);
    let tarpit = world.endpoint(|_| Act::Hang);
    told("tarpit", &builder(&tarpit.url()).build().unwrap(), 3000, PAUSE);
    let unavailable = world.endpoint(|_| Act::Status(503));
    told("503", &builder(&unavailable.url()).build().unwrap(), 3000, PAUSE);
    told("log_only", &builder(url).mode(Mode::LogOnly).build().unwrap(), 3000, PAUSE);
    told("log_only, at once", &builder(url).mode(Mode::LogOnly).build().unwrap(), 5000, Duration::ZERO);
    let slow = || Log(Mutex::new(Duration::from_millis(5)));
    let client = quick(url).spill_sink(slow()).mode(Mode::LogOnly).build().unwrap();
    told("log_only, a log of 5 ms", &client, 100, PAUSE);
    let client = quick(url).spill_sink(slow()).queue_events_max(200).build().unwrap();
    told("refused, a log of 5 ms, a small queue", &client, 400, PAUSE);
    let (gate, shut): (SyncSender<()>, _) = sync_channel(0);
    let stuck = Stuck(Mutex::new(shut));
    let client = quick(url).spill_sink(stuck).queue_events_max(200).build().unwrap();
    told("refused, a log that is stuck", &client, 3000, PAUSE);
    drop(gate);
}
