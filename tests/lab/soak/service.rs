//! The service's process: emits, and reports its state four times a second.

use super::load::Load;
use super::{Arguments, Failure};
use overspill::spill::WriteSink;
use overspill::{Client, LostReason, Stats};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A quarter of a second shows every outage long enough to matter.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);

/// What the service reports about itself. Bytes and events.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Since the service started.
    pub seconds: f64,
    pub rss_bytes: u64,
    pub held_bytes: u64,
    pub emitted: u64,
    pub delivered: u64,
    pub spilled: u64,
    pub lost: u64,
    /// Lost because one write to the log took longer than a caller may wait.
    pub log_stalled: u64,
    pub pending: u64,
    pub maybe_delivered: u64,
    pub endpoint: String,
    pub memory_bound: u64,
    /// Only in the first sample.
    pub allocator: String,
    /// The counters as text; only in the last sample.
    pub books: String,
}

/// The log of spilled events, and the file for notices and for what the log would not accept.
pub fn log_paths(out: &Path) -> [PathBuf; 2] {
    [out.join("spilled.log"), out.join("notices.log")]
}

/// The maximum bytes of events that the client may hold: small, so that bursts fill it and the first minute includes the
/// worst case.
pub const QUEUE_BYTES_MAX: usize = 2 << 20;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let endpoint = arguments.endpoint.clone().ok_or("a service needs an endpoint")?;
    let [spilled, notices] = log_paths(&arguments.out);
    let events = Client::builder(endpoint)
        .queue_events_max(4_096)
        .queue_bytes_max(QUEUE_BYTES_MAX)
        .post_timeout(Duration::from_secs(2))
        .probe_interval_max(Duration::from_secs(5))
        .spill_sink(WriteSink::append(spilled)?)
        .spill_fallback(WriteSink::append(notices)?)
        .build()?;
    let began = Instant::now();
    let sample = |stats: Stats| Sample {
        seconds: began.elapsed().as_secs_f64(),
        rss_bytes: rss_bytes(),
        held_bytes: stats.pending_bytes as u64,
        emitted: stats.emitted,
        delivered: stats.delivered,
        spilled: stats.spilled,
        lost: stats.lost,
        log_stalled: stats.lost_by(LostReason::LogStalled),
        pending: stats.pending,
        maybe_delivered: stats.maybe_delivered,
        endpoint: stats.endpoint.to_string(),
        memory_bound: events.memory_bound() as u64,
        ..Sample::default()
    };
    say(&Sample { allocator: allocator().to_owned(), ..sample(events.stats()) })?;
    let load = Arc::new(Load::new());
    let listener = Arc::clone(&load);
    std::thread::spawn(move || {
        // The end of the input, for any reason, means stop: a service must not outlive its driver.
        let _ = std::io::stdin().lock().lines().last();
        listener.stop.store(true, Ordering::Relaxed);
    });
    std::thread::scope(|scope| {
        scope.spawn(|| load.run(arguments.seed, arguments.rate, |event| _ = events.emit(event)));
        let mut sampled = Ok(());
        while sampled.is_ok() && !load.stop.load(Ordering::Relaxed) {
            // The sampling interval, not a wait for a condition.
            std::thread::sleep(SAMPLE_EVERY);
            sampled = say(&sample(events.stats()));
        }
        load.stop.store(true, Ordering::Relaxed);
        sampled
    })?;
    let stats = events.shutdown_blocking(Duration::from_secs(5));
    say(&Sample { books: stats.to_string(), ..sample(stats) })
}

/// The process's resident memory, where the system reports it.
fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

/// Which malloc is in use: a preloaded allocator shows among the mapped files.
fn allocator() -> &'static str {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    if maps.contains("jemalloc") { "jemalloc" } else { "the system's malloc" }
}

fn say(sample: &Sample) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(sample)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line)?;
    out.flush()?;
    Ok(())
}
