//! The service, in its namespace: four threads that emit at a steady rate, a log in a file, and a report about itself twenty
//! times a second.

use super::conductor::{Said, Sample, say};
use super::load::{HEALTHY, Load, OUTAGE};
use super::{Arguments, CONNECT_TIMEOUT, Failure, POST_TIMEOUT, PROBE_INTERVAL};
use overspill::{Client, Observer, Signal};
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Reports when posts begin to fail and when something is delivered again.
#[derive(Default)]
struct Edges {
    failing: AtomicBool,
    timed_out: AtomicBool,
}

impl Observer for Edges {
    fn signal(&self, signal: &Signal<'_>) {
        if let Signal::PostEnded { status: None, took, .. } = signal {
            // A post that only failed to connect ends earlier.
            if *took >= POST_TIMEOUT && !self.timed_out.swap(true, Ordering::Relaxed) {
                say(&Said::TimedOut);
            }
        }
        match signal {
            Signal::PostEnded { status: None, .. } if !self.failing.swap(true, Ordering::Relaxed) => {
                say(&Said::Failed);
            }
            Signal::Delivered { .. } if self.failing.swap(false, Ordering::Relaxed) => say(&Said::Delivered),
            Signal::OutageBegan { detail, .. } => say(&Said::Out { detail: (*detail).to_owned() }),
            _ => {}
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let log = std::fs::File::create(arguments.out.join("service.log"))?;
    tracing_subscriber::fmt().json().with_writer(log).init();
    let events = Client::builder(&arguments.url)
        .connect_timeout(CONNECT_TIMEOUT)
        .post_timeout(POST_TIMEOUT)
        .probe_interval_max(PROBE_INTERVAL)
        .observer(Edges::default())
        .build()?;
    let load = Arc::new(Load::new()?);
    let listener = Arc::clone(&load);
    std::thread::spawn(move || listen(&listener));
    say(&Said::Ready);
    std::thread::scope(|scope| {
        scope.spawn(|| load.run(arguments.rate, |request| _ = events.emit(request)));
        while !load.stop.load(Ordering::Relaxed) {
            say(&Said::Sample(sample(&events, &load)));
            // The sampling interval, not a wait for a condition.
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let stats = events.shutdown_blocking(Duration::from_secs(5));
    say(&Said::Sample(Sample { books: stats.to_string(), ..sample(&events, &load) }));
    Ok(())
}

/// `cut` and `healed` assign the latencies to phases; the end of the input means stop.
fn listen(load: &Load) {
    for line in std::io::stdin().lock().lines() {
        match line.as_deref() {
            Ok("cut") => load.phase.store(OUTAGE, Ordering::Relaxed),
            Ok("healed") => load.phase.store(HEALTHY, Ordering::Relaxed),
            _ => break,
        }
    }
    load.stop.store(true, Ordering::Relaxed);
}

fn sample(events: &Client, load: &Load) -> Sample {
    let stats = events.stats();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Sample {
        emitted: stats.emitted,
        delivered: stats.delivered,
        spilled: stats.spilled,
        lost: stats.lost,
        pending: stats.pending,
        endpoint: stats.endpoint.to_string(),
        memory_bound: events.memory_bound() as u64,
        rss_bytes: field("VmRSS:") * 1024,
        threads: field("Threads:"),
        emit_nanos: load.percentiles(),
        books: String::new(),
    }
}
