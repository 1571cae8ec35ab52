//! The load: four threads, an even pace, every call timed.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// About 300 bytes of JSON, like an entry of a request log.
#[derive(Serialize)]
pub struct Request<'a> {
    pub id: u64,
    pub event: &'a str,
    pub route: &'a str,
    pub session: String,
    pub status: u16,
    pub bytes: u64,
    pub latency_ms: f64,
    pub user_agent: &'a str,
    pub cached: bool,
}

impl Request<'_> {
    pub fn of(id: u64) -> Request<'static> {
        const ROUTES: [&str; 4] = [
            "/api/v1/orders/{order}/items",
            "/healthz",
            "/static/assets/app.bundle.js",
            "/api/v2/accounts/{account}",
        ];
        // Multiplicative hashing makes numbers that look like traffic and are the same in every run.
        let mixed = (id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Request {
            id,
            event: "http.request.completed",
            route: ROUTES[(mixed >> 62) as usize],
            session: format!("{mixed:016x}"),
            status: [200, 200, 200, 204, 304, 404, 500, 503][(mixed >> 40) as usize % 8],
            bytes: mixed >> 46,
            latency_ms: (mixed >> 50) as f64 / 11.0,
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
            cached: mixed % 3 == 0,
        }
    }
}

/// Nanoseconds. A longer call is counted as this long.
const SLOWEST: u64 = 60_000_000_000;

/// The phase of the run, by which the callers' latencies are grouped.
pub const HEALTHY: usize = 0;
pub const OUTAGE: usize = 1;

/// State that the threads share.
pub struct Load {
    pub phase: AtomicUsize,
    pub stop: AtomicBool,
    next_id: AtomicU64,
    latencies: Mutex<[Histogram<u64>; 2]>,
}

impl Load {
    pub fn new() -> Result<Load, hdrhistogram::CreationError> {
        Ok(Load {
            phase: AtomicUsize::new(HEALTHY),
            stop: AtomicBool::new(false),
            next_id: AtomicU64::new(0),
            latencies: Mutex::new([
                Histogram::new_with_bounds(1, SLOWEST, 3)?,
                Histogram::new_with_bounds(1, SLOWEST, 3)?,
            ]),
        })
    }

    /// Calls `emit` `rate` times a second in all, from four threads, until told to stop.
    pub fn run(&self, rate: u64, emit: impl Fn(&Request<'_>) + Sync) {
        const THREADS: u64 = 4;
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (load, emit) = (&self, &emit);
                let share = rate / THREADS + u64::from(thread < rate % THREADS);
                scope.spawn(move || load.pace(share, emit));
            }
        });
    }

    fn pace(&self, rate: u64, emit: &impl Fn(&Request<'_>)) {
        let (began, mut done) = (Instant::now(), 0_u64);
        let mut nanos = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
            for _ in done..due {
                let request = Request::of(self.next_id.fetch_add(1, Ordering::Relaxed));
                let before = Instant::now();
                emit(&request);
                nanos.push(before.elapsed().as_nanos() as u64);
            }
            done = due.max(done);
            self.keep(&mut nanos);
            // The sleep sets the pace of the load. It does not wait for a condition.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn keep(&self, nanos: &mut Vec<u64>) {
        if let Ok(mut latencies) = self.latencies.lock() {
            let histogram = &mut latencies[self.phase.load(Ordering::Relaxed)];
            nanos.drain(..).for_each(|value| histogram.saturating_record(value));
        }
    }

    /// p50 and p99.9 in nanoseconds, healthy and in the outage.
    pub fn percentiles(&self) -> [[u64; 2]; 2] {
        self.latencies.lock().map_or([[0; 2]; 2], |latencies| {
            [HEALTHY, OUTAGE].map(|phase| {
                let histogram = &latencies[phase];
                [histogram.value_at_quantile(0.5), histogram.value_at_quantile(0.999)]
            })
        })
    }

    pub fn emitted(&self) -> u64 {
        self.next_id.load(Ordering::Relaxed)
    }
}
