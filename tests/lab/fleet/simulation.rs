//! The fleet and its day: clients that emit, and an endpoint with two kinds of trouble.
//!
//! Needs a current-thread runtime whose clock is paused: three simulated minutes take as long as the work in them. The
//! test of row 10 of the table of faults (tests/it/fleet.rs) runs the same files.

use super::chronicle::{Chronicle, Notes, TICK, Witness};
use super::endpoint::{Endpoint, Line, Weather};
use super::random::SplitMix64 as Random;
use overspill::{BuildError, Client, Sender, Stats};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Before this the fleet is still spreading its first batches.
pub const STEADY: Duration = Duration::from_secs(5);
/// The end of the simulation.
pub const END: Duration = Duration::from_secs(186);
/// The Retry-After that the gateway sends to all clients.
pub const RETRY_AFTER: Duration = Duration::from_secs(20);
/// How long the gateway holds requests before it gives up on its backend.
const STUCK: Duration = Duration::from_secs(4);

/// A period in which the endpoint does not serve.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    pub name: &'static str,
    pub from: Duration,
    pub healed: Duration,
    /// Until the next trouble, or the end.
    pub until: Duration,
    /// No request may come earlier than this after the healing, because Retry-After forbids it.
    pub not_before: Duration,
    /// All clients must be healthy this long after the healing: the last jitter, plus 2 s in which an event comes along that can be sent.
    pub back_within: Duration,
}

pub const TROUBLES: [Trouble; 2] = [
    // Long enough that the intervals between probes have reached their maximum.
    Trouble {
        name: "refused",
        from: Duration::from_secs(20),
        healed: Duration::from_secs(80),
        until: Duration::from_secs(110),
        not_before: Duration::ZERO,
        // The interval between probes is at most 1.5 s, or twice the age of a batch, which is at most 2 s here.
        back_within: Duration::from_secs(4 + 2),
    },
    // Healed before any client may retry: all wait for the same moment.
    Trouble {
        name: "503, Retry-After",
        from: Duration::from_secs(110),
        healed: Duration::from_secs(126),
        until: END,
        // All get their answer at 114 s, with a Retry-After of 20 s; jitter adds half of that.
        not_before: Duration::from_secs(8),
        back_within: Duration::from_secs(18 + 2),
    },
];

#[derive(Debug, Clone)]
pub struct Plan {
    pub clients: usize,
    pub seed: u64,
    /// Per client, on average.
    pub events_per_second: f64,
    pub batch_age: Duration,
    /// The endpoint's capacity, as a multiple of the fleet's live rate.
    pub capacity: f64,
}

/// What the simulation found.
pub struct Outcome {
    pub notes: Notes,
    pub stats: Vec<Stats>,
    pub emitted: u64,
}

#[derive(Serialize)]
struct Beat {
    id: u64,
    client: usize,
    event: &'static str,
}

/// Runs the day.
///
/// # Errors
/// If the plan asks for a client that cannot be built.
pub async fn run(plan: &Plan) -> Result<Outcome, BuildError> {
    let chronicle = Chronicle::of(plan.clients);
    let endpoint = Endpoint::new(Arc::clone(&chronicle));
    let (mut seeds, ids) = (Random::of(plan.seed), Arc::new(AtomicU64::new(0)));
    let (mut clients, mut running, mut emitting) = (Vec::new(), JoinSet::new(), JoinSet::new());
    for nth in 0..plan.clients {
        let line = Line { endpoint: Arc::clone(&endpoint), client: nth };
        let witness = Witness { chronicle: Arc::clone(&chronicle), client: nth };
        let (client, sender) = build(plan, line, witness, seeds.next())?;
        running.spawn(sender.run());
        let until = chronicle.began() + END;
        emitting.spawn(emit(
            client.clone(),
            nth,
            plan.clone(),
            Random::of(seeds.next()),
            Arc::clone(&ids),
            until,
        ));
        clients.push(client);
    }
    conduct(&endpoint, &chronicle, plan).await;
    while emitting.join_next().await.is_some() {}
    let mut stats = Vec::new();
    for client in clients {
        stats.push(client.shutdown(Duration::from_secs(5)).await);
    }
    while running.join_next().await.is_some() {}
    let notes = chronicle.note(std::mem::take);
    Ok(Outcome { notes, stats, emitted: ids.load(Ordering::Relaxed) })
}

/// A small client, because memory must hold all of them.
fn build(plan: &Plan, line: Line, witness: Witness, seed: u64) -> Result<(Client, Sender), BuildError> {
    Client::builder(format!("simulated, client {}", line.client))
        .transport(line)
        .jitter_seed(seed)
        .observer(witness.clone())
        .spill_fallback(witness.clone())
        .spill_sink(witness)
        .queue_events_max(64)
        .queue_bytes_max(16 << 10)
        .event_bytes_max(1 << 10)
        .batch_events_max(64)
        .batch_bytes_max(8 << 10)
        .batch_age_max(plan.batch_age)
        .build_with_sender()
}

/// Emits with gaps between 0.5 and 1.5 times the mean. Each client starts at a different time: services of a fleet do not
/// start in step, so neither do their batches.
async fn emit(
    client: Client,
    nth: usize,
    plan: Plan,
    mut random: Random,
    ids: Arc<AtomicU64>,
    until: Instant,
) {
    let gap = Duration::from_secs_f64(1.0 / plan.events_per_second);
    // Each client starts at a different time; all time here is simulated.
    sleep((plan.batch_age + gap).mul_f64(random.share())).await;
    while Instant::now() < until {
        // One thread takes and uses the number, so the ids are those from 0 to the counter's final value.
        client.emit(&Beat { id: ids.fetch_add(1, Ordering::Relaxed), client: nth, event: "beat" });
        // The pace.
        sleep(gap.mul_f64(0.5 + random.share())).await;
    }
}

/// Takes the endpoint away and brings it back.
async fn conduct(endpoint: &Endpoint, chronicle: &Chronicle, plan: &Plan) {
    let at = |after: Duration| chronicle.began() + after;
    let [refused, gateway] = TROUBLES;
    // The schedule of the faults, here and below.
    sleep_until(at(refused.from)).await;
    let live = chronicle.note(|notes| live_rate(notes));
    endpoint.set_limit(live / TICK.as_secs_f64() * plan.capacity);
    endpoint.set_weather(Weather::Refused);
    // The length of the fault.
    sleep_until(at(refused.healed)).await;
    endpoint.set_weather(Weather::Up);
    // The time between two faults.
    sleep_until(at(gateway.from)).await;
    endpoint.set_weather(Weather::Stuck { until: at(gateway.from + STUCK), retry_after: RETRY_AFTER });
    // The length of the fault.
    sleep_until(at(gateway.from + STUCK)).await;
    endpoint.set_weather(Weather::Unavailable { retry_after: RETRY_AFTER });
    // The length of the fault.
    sleep_until(at(gateway.healed)).await;
    endpoint.set_weather(Weather::Up);
    // The end of the run.
    sleep_until(at(END)).await;
}

/// Requests per 100 ms of the healthy fleet, before the first trouble.
pub fn live_rate(notes: &Notes) -> f64 {
    let steady = notes.span(STEADY, TROUBLES[0].from);
    steady.iter().map(|tick| tick.requests).sum::<u64>() as f64 / steady.len().max(1) as f64
}
