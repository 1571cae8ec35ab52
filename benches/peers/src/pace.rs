//! The pace of calls: bursts of a batch with rests between them, or a trickle. The same for floors and systems.

use crate::corpus::{self, EVENTS, Event};
use crate::statistics::at;
use crate::systems::{Caller, System};
use crate::timer::Timer;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Calls per producer between two rests: a batch.
pub const BURST: usize = 500;
/// Half a batch: it is sent because of its age, so the next burst finds an empty queue.
pub const HALF_BURST: usize = 256;
/// A rest; longer if the consumer needs longer.
const REST: Duration = Duration::from_millis(1);
/// The longest rest that a consumer may need before it counts as overwhelmed.
const REST_MAX: Duration = Duration::from_secs(2);
/// Gaps up to this are spent in a busy loop: no timer is that precise.
const SPIN_MAX: Duration = Duration::from_micros(50);

/// What calls took, in ns.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Calls {
    pub mean: f64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// A barrier without the kernel: the threads start within a hundred ns of each other.
struct Line {
    threads: usize,
    arrived: AtomicUsize,
}

impl Line {
    fn wait(&self) {
        if self.threads > 1 {
            let mine = self.arrived.fetch_add(1, Ordering::AcqRel) / self.threads;
            let mut turns = 0_u32;
            while self.arrived.load(Ordering::Acquire) < (mine + 1) * self.threads {
                turns += 1;
                // On a busy machine the other thread may not be running.
                if turns.is_multiple_of(4096) { thread::yield_now() } else { std::hint::spin_loop() }
            }
        }
    }
}

/// What a rest waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The consumer has room for the next burst.
    ThereIsRoom,
    /// Nothing is left in the queue.
    ItIsEmpty,
}

/// How much is emitted at once, and what comes between.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub producers: usize,
    pub burst: usize,
    pub until: Until,
}

/// Rests, and waits for the consumer.
fn rest(system: &dyn System, until: Until, emitted: &AtomicU64) {
    let give_up = Instant::now() + REST_MAX;
    thread::sleep(REST);
    let goes_on = |emitted| match until {
        Until::ThereIsRoom => system.keeps_up(emitted),
        Until::ItIsEmpty => system.is_empty(emitted),
    };
    while !goes_on(emitted.load(Ordering::Relaxed)) && Instant::now() < give_up {
        thread::sleep(REST / 10);
    }
}

/// Measures the mean of a call from whole bursts, then the percentiles from single calls, in the same number of bursts.
pub fn bursts(system: &dyn System, timer: &Timer, pace: Pace, bursts: usize, emitted: &AtomicU64) -> Calls {
    let Pace { producers, burst: size, until } = pace;
    let line = Line { threads: producers, arrived: AtomicUsize::new(0) };
    let produce = |nth: usize| {
        let mut caller = system.caller();
        let mut events = corpus::cycle(nth * EVENTS / producers);
        let mut whole = Duration::ZERO;
        let mut burst = |timed: &mut dyn FnMut(&mut Caller<'_>, &Event)| {
            line.wait();
            let begin = Instant::now();
            for event in events.by_ref().take(size) {
                timed(&mut caller, event);
            }
            let took = begin.elapsed();
            emitted.fetch_add(size as u64, Ordering::Relaxed);
            rest(system, until, emitted);
            took
        };
        for _ in 0..bursts {
            whole += burst(&mut |caller, event| caller(black_box(event)));
        }
        let mut singles = Vec::with_capacity(bursts * size);
        for _ in 0..bursts {
            burst(&mut |caller, event| singles.push(timer.time(|| caller(black_box(event)))));
        }
        (whole.as_nanos() as f64 / (bursts * size) as f64, singles)
    };
    let produce = &produce;
    let results: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..producers).map(|nth| scope.spawn(move || produce(nth))).collect();
        let mine = produce(0);
        others.into_iter().filter_map(|thread| thread.join().ok()).chain([mine]).collect()
    });
    let mean = results.iter().map(|(mean, _)| mean).sum::<f64>() / results.len() as f64;
    Calls { mean, ..of_singles(results.into_iter().flat_map(|(_, singles)| singles).collect()) }
}

/// An event every `gap`, single calls timed.
pub fn trickle(system: &dyn System, timer: &Timer, gap: Duration, calls: usize) -> Calls {
    let mut caller = system.caller();
    let mut next = Instant::now();
    let mut singles = Vec::with_capacity(calls);
    for event in corpus::cycle(0).take(calls) {
        next += gap;
        if gap > SPIN_MAX {
            thread::sleep(next.saturating_duration_since(Instant::now()));
        } else {
            while Instant::now() < next {
                std::hint::spin_loop();
            }
        }
        singles.push(timer.time(|| caller(black_box(event))));
        // A late call does not catch up: that would be a burst.
        next = next.max(Instant::now());
    }
    of_singles(singles)
}

fn of_singles(mut singles: Vec<f64>) -> Calls {
    let mean = singles.iter().sum::<f64>() / singles.len() as f64;
    singles.sort_by(f64::total_cmp);
    Calls { mean, p50: at(&singles, 0.5), p99: at(&singles, 0.99), p999: at(&singles, 0.999) }
}
