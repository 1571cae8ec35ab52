//! What a seed decides: the settings, the weather, the actors, and the end.

use fastrand::Rng;
use overspill::spill::SpillPacking;
use std::time::Duration;

/// How the client's life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Shutdown(Duration),
    /// The future of the first shutdown is dropped in the middle.
    ShutdownTwice(Duration, Duration),
    /// All handles are dropped.
    Dropped,
    /// The future of the sender is dropped after this many polls.
    SenderDropped(u32),
}

/// Whether the log accepts what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Good,
    /// It fails and panics now and then, and the fallback does not.
    Fickle,
    /// Both do: events may be lost.
    Lossy,
}

/// Whether the user's hooks panic now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hooks {
    Calm,
    Panicking,
}

/// Whether a batch is encoded for each request, or is itself the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    Encoded,
    Framed,
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub queue_events_max: usize,
    pub queue_bytes_max: usize,
    pub event_bytes_max: usize,
    pub batch_events_max: usize,
    pub batch_bytes_max: usize,
    pub batch_age_max: Duration,
    pub posts_in_flight_max: usize,
    pub post_timeout: Duration,
    pub probe_interval_max: Duration,
    pub shutdown_timeout: Duration,
    pub spill_packing: SpillPacking,
    pub log: Log,
    pub hooks: Hooks,
    pub bodies: Bodies,
    pub emitters: usize,
    pub events_per_emitter: usize,
    /// How long the emitters take.
    pub horizon: Duration,
    pub end: End,
}

impl Plan {
    pub fn draw(rng: &mut Rng) -> Plan {
        let event_bytes_max = [300, 1_000, 20_000][rng.usize(..3)];
        let batch_bytes_max = event_bytes_max + 100 + rng.usize(..50_000);
        let horizon = match rng.u32(..20) {
            0 => Duration::from_secs(rng.u64(86_400..200_000)),
            _ => log_uniform(rng, Duration::from_millis(50), Duration::from_secs(7_200)),
        };
        Plan {
            queue_events_max: 1 + rng.usize(..100),
            // The largest event needs a block whose size is a power of two.
            queue_bytes_max: batch_bytes_max.next_power_of_two() + rng.usize(..100_000),
            event_bytes_max,
            batch_events_max: 1 + rng.usize(..40),
            batch_bytes_max,
            batch_age_max: log_uniform(rng, Duration::from_millis(1), Duration::from_secs(2)),
            posts_in_flight_max: 1 + rng.usize(..4),
            post_timeout: log_uniform(rng, Duration::from_millis(50), Duration::from_secs(20)),
            probe_interval_max: log_uniform(rng, Duration::from_millis(200), Duration::from_secs(30)),
            shutdown_timeout: log_uniform(rng, Duration::from_millis(1), Duration::from_secs(10)),
            // Drawn from a copy, so that it does not change what the seeds decide.
            spill_packing: [SpillPacking::OneByOne, SpillPacking::Packed][rng.clone().usize(..2)],
            log: [Log::Good, Log::Good, Log::Fickle, Log::Lossy][rng.usize(..4)],
            bodies: [Bodies::Encoded, Bodies::Framed][usize::from(rng.clone().u32(..) > u32::MAX / 2)],
            hooks: [Hooks::Calm, Hooks::Panicking][rng.usize(..2)],
            emitters: 1 + rng.usize(..3),
            events_per_emitter: 20 + rng.usize(..300),
            horizon,
            end: match rng.u32(..8) {
                0 | 1 => End::ShutdownTwice(
                    Duration::from_secs(rng.u64(..5)),
                    Duration::from_millis(rng.u64(..2_000)),
                ),
                2 => End::Dropped,
                3 => End::SenderDropped(rng.u32(..400)),
                _ => End::Shutdown(log_uniform(rng, Duration::from_millis(1), Duration::from_secs(20))),
            },
        }
    }
}

/// A duration between 1 and 10 is as likely as one between 10 and 100.
pub fn log_uniform(rng: &mut Rng, from: Duration, to: Duration) -> Duration {
    let (from, to) = (from.as_secs_f64().ln(), to.as_secs_f64().ln());
    Duration::from_secs_f64((from + rng.f64() * (to - from)).exp())
}
