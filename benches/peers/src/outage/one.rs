//! One system under one fault, in one process.

use super::{Fault, SHUTDOWN, SHUTDOWN_MAX};
use crate::sink::{Addresses, Order};
use crate::statistics::slope;
use crate::systems::{self, Ended, Kind, Overspill, System, builder_like_the_others};
use crate::timer::Timer;
use crate::{Failure, corpus, usage};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const THREADS: u64 = 4;
/// A thread emits the events that are due, then sleeps this long.
const TICK: Duration = Duration::from_millis(1);
const WARM: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    name: String,
    #[arg(long, value_enum)]
    fault: Fault,
    #[arg(long)]
    seconds: u64,
    #[arg(long)]
    rate: u64,
    /// Where the application log goes.
    #[arg(long)]
    log: PathBuf,
    #[command(flatten)]
    sink: Addresses,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Phase {
    pub p50_us: f64,
    pub p999_us: f64,
    pub cpu_percent: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    pub healthy: Phase,
    pub out: Phase,
    pub rss_mb: Vec<(f64, f64)>,
    pub slope_mb_per_second: f64,
    pub grown_mb: f64,
    pub emitted: u64,
    pub arrived: u64,
    pub ended_spilled: Option<u64>,
    pub memory_bound_mb: Option<f64>,
    pub shutdown_seconds: Option<f64>,
}

impl Sample {
    /// Neither at the endpoint nor in the log. A duplicate would hide a lost event, but none of the systems retries an answered request.
    pub fn gone(&self) -> u64 {
        self.emitted.saturating_sub(self.arrived + self.ended_spilled.unwrap_or(0))
    }
}

const WARMING: u8 = 0;
const HEALTHY: u8 = 1;
const OUT: u8 = 2;
const OVER: u8 = 3;

pub fn one(arguments: &Arguments) -> Result<Sample, Failure> {
    let mut memory_bound_mb = None;
    let entry = systems::by_name(&arguments.name)?;
    let system: Box<dyn System> = if entry.kind == Kind::Ours {
        log_into(&arguments.log)?;
        let client = builder_like_the_others(&arguments.sink.http).build()?;
        memory_bound_mb = Some(client.memory_bound() as f64 / 1e6);
        Box::new(Overspill::of(client))
    } else {
        entry.make(&arguments.sink)?
    };
    let (phase, emitted) = (AtomicU8::new(WARMING), AtomicU64::new(0));
    let lasts = Duration::from_secs(arguments.seconds);
    let (mut rss_mb, mut cpu) = (Vec::new(), Vec::new());
    let histograms = thread::scope(|scope| -> Result<_, Failure> {
        let threads: Vec<_> = (0..THREADS)
            .map(|nth| {
                let (system, phase, emitted) = (&*system, &phase, &emitted);
                scope.spawn(move || produce(system, arguments.rate / THREADS, nth, phase, emitted))
            })
            .collect();
        thread::sleep(WARM);
        let mut watch = || -> Result<(), Failure> {
            let start = Instant::now();
            for (now, until) in [(HEALTHY, lasts), (OUT, 2 * lasts)] {
                if now == OUT {
                    arguments.sink.tell(arguments.fault.order())?;
                }
                phase.store(now, Ordering::Relaxed);
                let before = usage::cpu()?;
                while start.elapsed() < until {
                    rss_mb.push((start.elapsed().as_secs_f64(), usage::rss_bytes()? as f64 / 1e6));
                    thread::sleep(Duration::from_millis(200));
                }
                cpu.push((usage::cpu()? - before).as_secs_f64() / lasts.as_secs_f64() * 100.0);
            }
            Ok(())
        };
        let watched = watch();
        // Set even after an error, because the threads wait for it.
        phase.store(OVER, Ordering::Relaxed);
        watched?;
        Ok(threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>())
    })?;
    let (ended, shutdown_seconds) = shut_down(system);
    let out_at = lasts.as_secs_f64();
    let later: Vec<_> = rss_mb.iter().copied().filter(|(at, _)| *at > out_at * 4.0 / 3.0).collect();
    let before = rss_mb.iter().filter(|(at, _)| *at <= out_at).fold(0.0, |most: f64, (_, mb)| most.max(*mb));
    let after = rss_mb.iter().fold(0.0, |most: f64, (_, mb)| most.max(*mb));
    let phase = |nth: usize| -> Result<Phase, Failure> {
        let mut all = Histogram::<u64>::new(3)?;
        for histogram in &histograms {
            all.add(&histogram[nth])?;
        }
        let us = |share| all.value_at_quantile(share) as f64 / 1000.0;
        Ok(Phase { p50_us: us(0.5), p999_us: us(0.999), cpu_percent: cpu[nth] })
    };
    let arrived = arguments.sink.tell(Order::Say)?.events;
    let _ = std::fs::remove_file(&arguments.log);
    Ok(Sample {
        healthy: phase(0)?,
        out: phase(1)?,
        slope_mb_per_second: slope(&later),
        grown_mb: after - before,
        rss_mb,
        emitted: emitted.into_inner(),
        arrived,
        ended_spilled: ended.spilled,
        memory_bound_mb,
        shutdown_seconds,
    })
}

/// The application's log: a file, through tracing-subscriber's JSON formatter.
fn log_into(path: &Path) -> Result<(), Failure> {
    let file = Mutex::new(File::create(path)?);
    tracing::subscriber::set_global_default(tracing_subscriber::fmt().json().with_writer(file).finish())?;
    Ok(())
}

/// Emits the events that are due at each tick. A slow call delays the next calls, but adds none.
fn produce(
    system: &dyn System,
    rate: u64,
    nth: u64,
    phase: &AtomicU8,
    emitted: &AtomicU64,
) -> [Histogram<u64>; 2] {
    let timer = Timer::calibrated();
    let mut caller = system.caller();
    let mut events = corpus::cycle(nth as usize * 256);
    let empty = || Histogram::new_with_bounds(1, 60_000_000_000, 3);
    let (Ok(healthy), Ok(out)) = (empty(), empty()) else { unreachable!("the bounds are those of a minute") };
    let mut histograms = [healthy, out];
    let mut due = 0.0;
    let mut last = Instant::now();
    loop {
        let now = phase.load(Ordering::Relaxed);
        if now == OVER {
            return histograms;
        }
        // At most a hundred ticks' worth: a delayed thread does not catch up.
        due += last.elapsed().as_secs_f64().min(0.1) * rate as f64;
        last = Instant::now();
        for event in events.by_ref().take(due as usize) {
            let ns = timer.time(|| caller(event)) as u64;
            if now > WARMING {
                let _ = histograms[usize::from(now - HEALTHY)].record(ns.max(1));
            }
        }
        emitted.fetch_add(due as u64, Ordering::Relaxed);
        due = due.fract();
        thread::sleep(TICK);
    }
}

/// Shuts down within [`SHUTDOWN`] and returns how long it took, or None if it did not return in time.
fn shut_down(system: Box<dyn System>) -> (Ended, Option<f64>) {
    let (done, is_done) = mpsc::channel();
    let begin = Instant::now();
    thread::spawn(move || done.send(system.finish(SHUTDOWN)));
    match is_done.recv_timeout(SHUTDOWN_MAX) {
        Ok(ended) => (ended, Some(begin.elapsed().as_secs_f64())),
        Err(_) => (Ended::default(), None),
    }
}

#[derive(Debug, clap::Args)]
pub struct FullArguments {
    #[arg(long)]
    log: PathBuf,
    #[command(flatten)]
    sink: Addresses,
}

/// The result of a shutdown right after the tarpit began, with a full queue.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Full {
    pub pending: u64,
    pub spilled: u64,
    pub gone: u64,
    pub shutdown_seconds: f64,
}

/// For overspill only: a connection that worked, an endpoint that hangs, a full queue of events, then an immediate shutdown.
pub fn full(arguments: &FullArguments) -> Result<Full, Failure> {
    log_into(&arguments.log)?;
    let client = builder_like_the_others(&arguments.sink.http).build()?;
    let emit = |events: usize| corpus::cycle(0).take(events).for_each(|event| _ = client.emit(event));
    emit(500);
    let until = Instant::now() + Duration::from_secs(5);
    while client.stats().delivered < 500 && Instant::now() < until {
        thread::sleep(TICK);
    }
    arguments.sink.tell(Order::Tarpit)?;
    emit(overspill::limits::QUEUE_EVENTS);
    let pending = client.stats().pending;
    let begin = Instant::now();
    let stats = client.shutdown_blocking(SHUTDOWN);
    let shutdown_seconds = begin.elapsed().as_secs_f64();
    let arrived = arguments.sink.tell(Order::Say)?.events;
    let _ = std::fs::remove_file(&arguments.log);
    let gone = stats.emitted.saturating_sub(arrived + stats.spilled);
    Ok(Full { pending, spilled: stats.spilled, gone, shutdown_seconds })
}
