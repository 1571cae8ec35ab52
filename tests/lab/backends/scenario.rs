//! The scenarios, each run on a server that is up.

use crate::Failure;
use crate::backend::{Backend, BodyLimit, Keeps, Packed, Poison, event};
use crate::flow::{Flow, Pace};
use crate::judge::{Expected, Seen};
use serde_json::Value;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
pub enum Scenario {
    Healthy,
    Poisoned,
    Gzip,
    Zstd,
    TooLarge,
    WrongCredentials,
    /// Last: its ids are above those of the odd events.
    Killed = 100,
}

pub const WHILE_IT_LIVES: [Scenario; 6] = [
    Scenario::Healthy,
    Scenario::Poisoned,
    Scenario::Gzip,
    Scenario::Zstd,
    Scenario::TooLarge,
    Scenario::WrongCredentials,
];

const EVENTS: u64 = 1_000;
const BATCH_EVENTS_MAX: usize = 10_000;
/// The maximum number of runs of a scenario during which the machine stands still.
pub const ROUNDS_MAX: u64 = 3;
/// Keeps the ids of the scenarios apart.
const IDS_APART: u64 = 1_000_000;
const BEFORE_THE_KILL: Duration = Duration::from_millis(1_500);
/// Less than the timeout of a post: the server is processing the post when it is killed.
const STOPPED: Duration = Duration::from_millis(700);
const DEAD: Duration = Duration::from_secs(1);

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Healthy => "healthy",
            Scenario::Poisoned => "poisoned",
            Scenario::Gzip => "gzip",
            Scenario::Zstd => "zstd",
            Scenario::TooLarge => "too large",
            Scenario::WrongCredentials => "credentials",
            Scenario::Killed => "killed",
        }
    }

    /// `Err` with the reason if the server has no such feature. Each round has its own ids.
    pub fn play(
        self,
        backend: &mut dyn Backend,
        round: u64,
    ) -> Result<Result<(Seen, Expected), &'static str>, Failure> {
        let first = (self as u64 + 1) * IDS_APART + round * IDS_APART / ROUNDS_MAX;
        let nature = backend.nature();
        Ok(Ok(match self {
            Scenario::Healthy => {
                let flow = Flow::new(backend.client(), first)?;
                flow.emit_all(EVENTS);
                (flow.end(backend, Vec::new())?, Expected::AllDelivered)
            }
            Scenario::Poisoned => {
                let flow = Flow::new(backend.client().batch_events_max(EVENTS as usize), first)?;
                flow.emit_all(EVENTS / 3);
                let poison = flow.emit(|id| backend.poison(id));
                flow.emit_all(EVENTS - EVENTS / 3 - 1);
                let expected = match nature.poison {
                    Poison::Refused(words) => Expected::Refused(vec![poison], words),
                    Poison::Taken | Poison::Altered(_) => Expected::AllDelivered,
                };
                (flow.end(backend, Vec::new())?, expected)
            }
            Scenario::Gzip | Scenario::Zstd => {
                let (becomes, client) = match self {
                    Scenario::Gzip => (nature.gzip, backend.client().gzip()),
                    _ => (nature.zstd, backend.client().zstd()),
                };
                let expected = match becomes {
                    Packed::Unpacked => Expected::AllDelivered,
                    Packed::Refused(words) => Expected::NoneStored(words),
                    Packed::NotOffered => return Ok(Err("it cannot decompress, and `build` says so")),
                };
                let flow = Flow::new(client, first)?;
                flow.emit_all(EVENTS);
                (flow.end(backend, Vec::new())?, expected)
            }
            Scenario::TooLarge => match nature.body_limit {
                BodyLimit::At(bytes, words) => {
                    let (seen, huge) = too_large(backend, bytes, first)?;
                    (seen, Expected::Refused(vec![huge], words))
                }
                BodyLimit::Full(bytes) => (full(backend, bytes, first)?, Expected::AllDelivered),
                BodyLimit::None(why) => return Ok(Err(why)),
            },
            Scenario::WrongCredentials => match backend.impostor() {
                Some((client, words)) => {
                    let flow = Flow::new(client, first)?;
                    flow.emit_all(EVENTS);
                    (flow.end(backend, Vec::new())?, Expected::Denied(words))
                }
                None => return Ok(Err("it asks for no credentials")),
            },
            Scenario::Killed => (killed(backend, nature.keeps, first)?, Expected::Mixed),
        }))
    }
}

/// Batches above the limit, and a single event above it.
fn too_large(backend: &mut dyn Backend, limit: usize, first: u64) -> Result<(Seen, u64), Failure> {
    let client = backend.client().event_bytes_max(2 * limit).batch_bytes_max(8 * limit);
    let flow = Flow::new(client.batch_events_max(BATCH_EVENTS_MAX), first)?;
    let bytes = limit / 64;
    (0..100).for_each(|_| _ = flow.emit(|id| padded(id, bytes)));
    let huge = flow.emit(|id| padded(id, 3 * limit / 2));
    (0..100).for_each(|_| _ = flow.emit(|id| padded(id, bytes)));
    Ok((flow.end(backend, Vec::new())?, huge))
}

/// Batches up to the limit.
fn full(backend: &mut dyn Backend, limit: usize, first: u64) -> Result<Seen, Failure> {
    const EVENT_BYTES: usize = 60_000;
    let client = backend.client().batch_bytes_max(limit).batch_events_max(BATCH_EVENTS_MAX);
    let client = client.queue_bytes_max(4 * limit).batch_age_max(Duration::from_secs(2));
    let flow = Flow::new(client, first)?;
    (0..2 * limit / EVENT_BYTES).for_each(|_| _ = flow.emit(|id| padded(id, EVENT_BYTES)));
    flow.end(backend, Vec::new())
}

fn padded(id: u64, bytes: usize) -> Value {
    let mut event = event(id);
    event["text"] = "x".repeat(bytes).into();
    event
}

/// Kills the server while it processes requests. If it stores nothing, its events are read first.
fn killed(backend: &mut dyn Backend, keeps: Keeps, first: u64) -> Result<Seen, Failure> {
    let flow = Flow::impatient(backend.client(), first)?;
    let earlier = flow.beside(|| {
        // Healthy for this long.
        std::thread::sleep(BEFORE_THE_KILL);
        let mut earlier = Vec::new();
        if keeps == Keeps::Nothing {
            flow.rest()?;
            earlier = backend.read(first, usize::try_from(flow.client.stats().delivered)?)?;
            backend.stop()?;
            flow.set(Pace::Go);
        } else {
            backend.stop()?;
        }
        // The length of the fault.
        std::thread::sleep(STOPPED);
        backend.kill();
        // The length of the fault.
        std::thread::sleep(DEAD);
        backend.start()?;
        flow.recover()?;
        Ok(earlier)
    })?;
    flow.end(backend, earlier)
}
