//! One system in one process: a warm-up, then floor, system, floor at each pace.

use crate::pace::{BURST, Calls, HALF_BURST, Pace, Until, bursts, trickle};
use crate::sink::Addresses;
use crate::systems::{self, Ended, Kind, System};
use crate::timer::Timer;
use crate::{Failure, corpus};
use overspill::{Client, Mode};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The gaps of the trickles.
pub const GAPS: [Duration; 3] =
    [Duration::from_micros(10), Duration::from_micros(50), Duration::from_micros(200)];

/// Maximum calls of a trickle; fewer if a slice of bursts has fewer. Their p99.9 is the seventh slowest. With a thousand calls it would be
/// the slowest, which depends more on the machine than on the call.
const TRICKLE_CALLS: usize = 6_000;

/// Bursts before anything is measured, to warm up connections, block pools and caches.
const WARM: usize = 8;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    name: String,
    #[arg(long)]
    bursts: usize,
    #[command(flatten)]
    sink: Addresses,
}

/// A pace: the times of the system, and of the floor just before and just after.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Beside {
    pub system: Calls,
    pub before: Calls,
    pub after: Calls,
}

impl Beside {
    /// One figure of the floor, measured around the system.
    pub fn floor(&self, figure: fn(&Calls) -> f64) -> f64 {
        (figure(&self.before) + figure(&self.after)) / 2.0
    }

    pub fn ratio(&self, figure: fn(&Calls) -> f64) -> f64 {
        figure(&self.system) / self.floor(figure)
    }
}

/// What one process reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    pub one: Beside,
    pub two: Beside,
    /// Bursts of half a batch, each into an empty queue. Only for overspill, which knows when its queue is empty.
    pub half: Option<Beside>,
    /// In the order of [`GAPS`].
    pub trickles: Vec<Beside>,
    /// The cost of the clock, already subtracted.
    pub clock_ns: f64,
    pub emitted: u64,
    /// Events that were emitted but not delivered, as far as the system knows. With a full queue, the times would measure something else.
    pub missed: Option<u64>,
    pub off: Option<Off>,
}

/// The cost in ns of a call while switched off, with and without the loop around it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Off {
    pub emit: f64,
    pub emit_with: f64,
    pub loop_alone: f64,
}

pub fn one(arguments: &Arguments) -> Result<Sample, Failure> {
    let floor = systems::by_name(systems::FLOOR)?.make(&arguments.sink)?;
    let entry = systems::by_name(&arguments.name)?;
    let system = entry.make(&arguments.sink)?;
    let timer = Timer::calibrated();
    let (emitted, floors) = (AtomicU64::new(0), AtomicU64::new(0));
    let of = |producers| Pace { producers, burst: BURST, until: Until::ThereIsRoom };
    bursts(&*floor, &timer, of(1), WARM, &floors);
    bursts(&*system, &timer, of(1), WARM, &emitted);
    let in_bursts = |pace: Pace| {
        let measure = |system: &dyn System, emitted| bursts(system, &timer, pace, arguments.bursts, emitted);
        let before = measure(&*floor, &floors);
        let system = measure(&*system, &emitted);
        Beside { before, system, after: measure(&*floor, &floors) }
    };
    let (one, two) = (in_bursts(of(1)), in_bursts(of(2)));
    let half = (entry.kind == Kind::Ours)
        .then(|| in_bursts(Pace { producers: 1, burst: HALF_BURST, until: Until::ItIsEmpty }));
    let trickles = GAPS
        .iter()
        .map(|&gap| {
            let calls = (arguments.bursts * BURST).min(TRICKLE_CALLS);
            let before = trickle(&*floor, &timer, gap, calls);
            let of_system = trickle(&*system, &timer, gap, calls);
            emitted.fetch_add(calls as u64, Ordering::Relaxed);
            Beside { before, system: of_system, after: trickle(&*floor, &timer, gap, calls) }
        })
        .collect();
    let emitted = emitted.into_inner();
    let missed = missed(emitted, system.finish(Duration::from_secs(10)));
    let off = if entry.kind == Kind::Ours { Some(off()?) } else { None };
    Ok(Sample { one, two, half, trickles, clock_ns: timer.own_ns(), emitted, missed, off })
}

fn missed(emitted: u64, ended: Ended) -> Option<u64> {
    Some(emitted.saturating_sub(ended.delivered?))
}

/// No clock inside the loop: a million calls in a row, and the same loop without the call.
fn off() -> Result<Off, Failure> {
    const CALLS: usize = 1_000_000;
    let client = Client::builder("http://127.0.0.1:9/").mode(Mode::Off).build()?;
    fn each(mut call: impl FnMut(&corpus::Event)) -> f64 {
        let begin = Instant::now();
        for event in corpus::cycle(0).take(CALLS) {
            call(black_box(event));
        }
        begin.elapsed().as_nanos() as f64 / CALLS as f64
    }
    Ok(Off {
        loop_alone: each(|event| _ = black_box(event)),
        emit: each(|event| _ = black_box(client.emit(event))),
        emit_with: each(|event| _ = black_box(client.emit_with(|| event.clone()))),
    })
}

#[derive(Debug, clap::Parser)]
pub struct AllocationArguments {
    name: String,
    #[command(flatten)]
    sink: Addresses,
}

/// What a call allocates on its caller's thread, once warm.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Allocated {
    pub blocks: f64,
    pub bytes: f64,
}

/// `measure` returns the blocks and bytes that a closure allocates: it belongs to the program with the counting allocator.
pub fn allocations(
    arguments: &AllocationArguments,
    measure: impl Fn(&mut dyn FnMut()) -> (u64, u64),
) -> Result<Allocated, Failure> {
    const BURSTS: usize = 8;
    let system = systems::by_name(&arguments.name)?.make(&arguments.sink)?;
    let mut caller = system.caller();
    let mut events = corpus::cycle(0);
    let (mut blocks, mut bytes) = (0, 0);
    for burst in 0..WARM + BURSTS {
        let (more_blocks, more_bytes) = measure(&mut || events.by_ref().take(BURST).for_each(&mut caller));
        if burst >= WARM {
            (blocks, bytes) = (blocks + more_blocks, bytes + more_bytes);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let calls = (BURSTS * BURST) as f64;
    Ok(Allocated { blocks: blocks as f64 / calls, bytes: bytes as f64 / calls })
}
