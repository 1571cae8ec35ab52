//! The service under load: threads that emit and record how long each `emit` took, and a list that only ever grows.

use hdrhistogram::Histogram;
use overspill::Client;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(serde::Serialize)]
struct OrderPlaced {
    order: u64,
    items: [&'static str; 2],
    total_cents: u64,
}

/// How long `emit` took, in nanoseconds.
pub type Latencies = Histogram<u64>;

/// Two threads that emit about 10,000 events a second until this is dropped.
pub struct Load {
    latencies: Arc<Mutex<Latencies>>,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(events: &Client) -> Result<Load, Box<dyn std::error::Error>> {
        let latencies = Arc::new(Mutex::new(Histogram::new_with_bounds(1, 60_000_000_000, 3)?));
        let over = Arc::new(AtomicBool::new(false));
        let threads = (0..2).map(|_| {
            let (events, latencies, over) = (events.clone(), Arc::clone(&latencies), Arc::clone(&over));
            std::thread::spawn(move || {
                for burst in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let took: [u64; 5] = std::array::from_fn(|nth| {
                        let order = burst * 5 + nth as u64;
                        let event = OrderPlaced { order, items: ["tea", "cups"], total_cents: 1_999 };
                        let began = Instant::now();
                        events.emit(&event);
                        u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
                    });
                    let mut latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner);
                    took.iter().for_each(|&nanos| latencies.saturating_record(nanos));
                    drop(latencies);
                    // The pace.
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        });
        Ok(Load { threads: threads.collect(), latencies, over })
    }

    /// What was recorded since the last call.
    pub fn take(&self) -> Latencies {
        let mut latencies = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = latencies.clone();
        latencies.reset();
        taken
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // The thread's only result is what it recorded.
            let _ = thread.join();
        }
    }
}

/// The leak: orders that are kept and never removed.
#[derive(Default)]
pub struct OrderHistory(Vec<Vec<u8>>);

impl OrderHistory {
    #[inline(never)]
    pub fn remember(&mut self, bytes: usize) {
        for _ in 0..bytes / 4_000 {
            self.0.push(vec![1; 4_000]);
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
