//! A service under load: a process that emits, and reports its state five times a second.

use super::leaky::Leaky;
use super::load::{HEALTHY, Load, OUTAGE};
use super::{Arguments, Failure, Role};
use overspill::{Client, Stats};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What a service reports about itself. Bytes, events, nanoseconds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sample {
    pub emitted: u64,
    pub delivered: u64,
    pub spilled: u64,
    pub lost: u64,
    pub pending: u64,
    pub endpoint: String,
    pub held_bytes: u64,
    pub memory_bound: u64,
    pub rss_bytes: u64,
    /// p50 and p99.9 of `emit`, healthy and in the outage. Only in the last sample.
    pub emit_nanos: [[u64; 2]; 2],
    /// The stats as text. Only in the last sample.
    pub books: String,
}

/// The process's resident memory, where the system reports it.
fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

pub fn run(role: Role, arguments: &Arguments) -> Result<(), Failure> {
    let endpoint = arguments.endpoint.clone().ok_or("a service needs an endpoint")?;
    let load = Arc::new(Load::new()?);
    let listener = Arc::clone(&load);
    std::thread::spawn(move || listen(&listener));
    match role {
        Role::Overspill => with_overspill(&endpoint, arguments, &load),
        Role::Leaky => with_leak(endpoint, arguments, &load),
    }
}

/// Follows the conductor: `outage`, `healthy`, and the end of the input as the signal to stop.
fn listen(load: &Load) {
    for line in std::io::stdin().lock().lines() {
        let phase = match line.as_deref() {
            Ok("outage") => OUTAGE,
            Ok("healthy") => HEALTHY,
            _ => break,
        };
        load.phase.store(phase, Ordering::Relaxed);
    }
    load.stop.store(true, Ordering::Relaxed);
}

fn with_overspill(endpoint: &str, arguments: &Arguments, load: &Load) -> Result<(), Failure> {
    std::fs::create_dir_all(&arguments.out)?;
    let log = File::create(arguments.out.join("overspill.log"))?;
    tracing_subscriber::fmt().json().with_writer(log).init();
    let events = Client::builder(endpoint).post_timeout(Duration::from_secs(2)).build()?;
    let sample = |stats: Stats| Sample {
        emitted: stats.emitted,
        delivered: stats.delivered,
        spilled: stats.spilled,
        lost: stats.lost,
        pending: stats.pending,
        endpoint: stats.endpoint.to_string(),
        held_bytes: stats.pending_bytes as u64,
        memory_bound: events.memory_bound() as u64,
        rss_bytes: rss_bytes(),
        ..Sample::default()
    };
    under_load(arguments.rate, load, |request| _ = events.emit(request), || sample(events.stats()))?;
    let stats = events.shutdown_blocking(Duration::from_secs(5));
    say(&Sample { emit_nanos: load.percentiles(), books: stats.to_string(), ..sample(stats) })
}

fn with_leak(endpoint: String, arguments: &Arguments, load: &Load) -> Result<(), Failure> {
    let leaky = Arc::new(Leaky::new());
    let flusher = Arc::clone(&leaky);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || runtime.block_on(flusher.flush_for_ever(&endpoint)));
    let sample = || Sample {
        emitted: load.emitted(),
        delivered: leaky.delivered.load(Ordering::Relaxed),
        pending: leaky.waiting(),
        held_bytes: leaky.held_bytes.load(Ordering::Relaxed),
        rss_bytes: rss_bytes(),
        ..Sample::default()
    };
    under_load(arguments.rate, load, |request| leaky.emit(request), sample)?;
    say(&Sample { emit_nanos: load.percentiles(), ..sample() })
}

/// Emits until the conductor stops it, and prints a sample every 200 ms.
fn under_load(
    rate: u64,
    load: &Load,
    emit: impl Fn(&super::load::Request<'_>) + Sync,
    sample: impl Fn() -> Sample,
) -> Result<(), Failure> {
    std::thread::scope(|scope| {
        scope.spawn(|| load.run(rate, &emit));
        while !load.stop.load(Ordering::Relaxed) {
            say(&sample())?;
            // The sleep sets the interval of the samples. It does not wait for a condition.
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    })
}

fn say(sample: &Sample) -> Result<(), Failure> {
    let mut line = serde_json::to_vec(sample)?;
    line.push(b'\n');
    std::io::stdout().write_all(&line)?;
    Ok(())
}
