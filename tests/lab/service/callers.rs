//! Callers that call the service at a steady rate and record how long each call takes.

use super::Failure;
use super::dashboard::Line;
use hdrhistogram::Histogram;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const CALLERS: u64 = 4;
/// Microseconds. A longer call counts as this long.
const SLOWEST: u64 = 60_000_000;
/// Orders per second of each caller.
const RATE: u64 = 50;

pub struct Callers {
    stop: Arc<AtomicBool>,
    calls: Calls,
    next_order: Arc<AtomicU64>,
    began: Instant,
}

/// When a call ended, in seconds since the start, how many microseconds it took, and whether it failed.
type Calls = Arc<Mutex<Vec<(f64, u64, Ended)>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    Failed,
}

/// The latency of the calls in a span, in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    pub calls: u64,
    pub failed: u64,
    pub median: u64,
    /// The 90th percentile.
    pub p90: u64,
    pub p99: u64,
}

impl Callers {
    pub fn start(service: &str) -> Callers {
        let callers = Callers {
            stop: Arc::default(),
            calls: Calls::default(),
            next_order: Arc::default(),
            began: Instant::now(),
        };
        for _ in 0..CALLERS {
            let (stop, calls, next) =
                (Arc::clone(&callers.stop), Arc::clone(&callers.calls), Arc::clone(&callers.next_order));
            let (service, began) = (service.to_owned(), callers.began);
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / RATE));
                while !stop.load(Ordering::Relaxed) {
                    tick.tick().await;
                    let order = next.fetch_add(1, Ordering::Relaxed);
                    let from = Instant::now();
                    let answer = client.post(format!("{service}/orders/{order}")).send().await;
                    let took = from.elapsed().as_micros() as u64;
                    let ended = match answer.is_ok_and(|answer| answer.status().is_success()) {
                        true => Ended::Well,
                        false => Ended::Failed,
                    };
                    let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
                    calls.push((began.elapsed().as_secs_f64(), took, ended));
                }
            });
        }
        callers
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn rate() -> u64 {
        CALLERS * RATE
    }

    /// The latency of the calls between these two moments, in seconds since the start.
    pub fn latency(&self, from: f64, to: f64) -> Result<Latency, Failure> {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, SLOWEST, 3)?;
        let mut failed = 0;
        for (at, took, ended) in self.calls.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if (from..to).contains(at) {
                histogram.saturating_record(*took);
                failed += u64::from(*ended == Ended::Failed);
            }
        }
        Ok(Latency {
            calls: histogram.len(),
            failed,
            median: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
        })
    }

    /// The median and the 90th percentile of each second. `from` is in seconds since the start; the lines' times are in seconds since
    /// `from`.
    pub fn lines(&self, from: f64, to: f64) -> Result<Vec<Line>, Failure> {
        let (mut median, mut p90) = (Vec::new(), Vec::new());
        let mut at = from;
        while at + 1.0 <= to {
            let latency = self.latency(at, at + 1.0)?;
            median.push((at + 1.0 - from, latency.median as f64 / 1e6));
            p90.push((at + 1.0 - from, latency.p90 as f64 / 1e6));
            at += 1.0;
        }
        let line = |name: &str, points| Line { name: name.to_owned(), points };
        Ok(vec![line("nine of ten calls, at most", p90), line("median", median)])
    }

    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}
