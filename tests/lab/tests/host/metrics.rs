//! A fork of a process with a metrics recorder while its threads record: whatever locks they held, the macros keep working in the
//! child, and nothing of the parent is emitted twice.

use crate::child::{Part, Start};
use crate::support::LONG;
use fork::{Fork, fork, waitpid};
use metrics::{counter, gauge, histogram};
use overspill::Client;
use overspill::metrics_recorder::{FlushError, MetricsRecorder};
use overspill::testkit::Spilled;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub const PARTS: &[Part] = &[("metrics: fork", a_fork_among_threads)];

/// Uses more series than are allowed: threads insert, are refused, and write to a few histograms all the time.
fn record(nth: u64) {
    counter!("values_total", "n" => (nth % 300).to_string()).increment(1);
    histogram!("seconds").record(nth as f64);
    gauge!("level").set(nth as f64);
}

fn a_fork_among_threads() {
    let log = Spilled::default();
    let client = Client::builder("http://127.0.0.1:9/").spill_sink(log.clone()).build().unwrap();
    let recorder = MetricsRecorder::builder(&client)
        .interval(Duration::from_millis(100))
        .idle_max(Duration::from_millis(100))
        .series_max(100)
        .install()
        .unwrap();
    let (done, recorded) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut recorder = Some(recorder);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (done, recorded) = (&done, &recorded);
            scope.spawn(move || {
                for nth in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    record(nth * 3 + thread);
                    recorded.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..60 {
            let child = match fork().unwrap() {
                Fork::Child => {
                    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        (0..200).for_each(record);
                        let recorder = recorder.take().unwrap();
                        assert_eq!(recorder.flush(), Err(FlushError::InChild));
                        drop(recorder);
                        (0..200).for_each(record);
                        let stats = client.shutdown_blocking(LONG);
                        assert_eq!(stats.emitted, 0, "{stats}");
                    }));
                    std::process::exit(i32::from(ended.is_err()))
                }
                Fork::Parent(pid) => pid,
            };
            assert_eq!(waitpid(child).unwrap(), 0, "how the child ended");
        }
        done.store(true, Ordering::Relaxed);
    });
    let told = recorder.take().unwrap().stop();
    let stats = client.shutdown_blocking(LONG);
    assert_eq!((stats.spilled, stats.lost, stats.pending), (told.events, 0, 0), "{stats}");
    let (mut counted, mut surplus, mut values) = (0, 0, 0);
    for event in log.events() {
        let event: serde_json::Value = serde_json::from_str(&event.event).unwrap();
        let number = |member: &str| event.get(member).map_or(0, |number| number.as_u64().unwrap());
        match event["metric"].as_str().unwrap() {
            "values_total" => counted += number("delta"),
            "seconds" => values += number("count"),
            "overspill_metrics_surplus_total" => surplus += number("delta"),
            _ => {}
        }
    }
    let recorded = recorded.into_inner();
    assert!(recorded > 1_000 && surplus > 0, "{recorded}, {surplus}");
    // The histogram and the gauge may have been among the surplus; the counter's series take turns.
    assert!(values <= recorded && counted <= recorded);
    assert!(
        (recorded..=3 * recorded).contains(&(counted + values + surplus)),
        "{counted} {values} {surplus} of {recorded}"
    );
    assert_eq!(surplus, told.surplus);
}

#[test]
fn a_child_of_a_recording_process_keeps_working_and_emits_nothing_of_its_parents() {
    Start::of("metrics: fork", "http://127.0.0.1:9/").within(Duration::from_secs(120)).start().succeed();
}
