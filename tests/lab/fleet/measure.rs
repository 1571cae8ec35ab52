//! Evaluates the notes: the load of each trouble against the live rate, how the fleet recovered, and the law.
//!
//! *Live rate*: requests per 100 ms at the endpoint, mean over the healthy time before the first trouble.
//! *Recovery*: from the first request after the endpoint has healed until the last client is healthy. Before the first
//! request all clients may obey Retry-After for seconds; counting that silence would only lower the mean.
//! *Peak/mean*: the highest 100 ms of the recovery over the mean of its 100 ms, all requests counted, probes and others.

use super::chronicle::{Edge, TICK, Tick};
use super::ids::Compared;
use super::simulation::{Outcome, TROUBLES, Trouble, live_rate};
use std::collections::BTreeSet;
use std::time::Duration;

/// Row 10 of the table of faults.
pub const PEAK_OVER_MEAN_MAX: f64 = 3.0;
/// Refused attempts to connect cost the endpoint nothing. A client that loses its endpoint makes one more than usual.
const ATTEMPTS_MAX: f64 = 2.0;
/// How far above the live rate chance alone may put the highest of some hundred spans, in standard deviations of
/// independent arrivals. Five: spans with some twenty requests have a longer tail than the normal distribution.
const CHANCE: f64 = 5.0;

/// How one trouble went. Loads are multiples of the live rate.
#[derive(Debug, Clone)]
pub struct Recovery {
    pub trouble: Trouble,
    /// Clients that went out.
    pub out: usize,
    /// The highest second of requests that reached the endpoint and of probes, from the start of the trouble until all clients are healthy.
    pub highest_second: f64,
    /// The highest 100 ms in the same time.
    pub highest_tick: f64,
    /// The highest second of all requests, including attempts to connect by clients that have just lost their endpoint.
    pub highest_attempts: f64,
    /// The highest 100 ms of probes alone, in the same time.
    pub highest_probes: f64,
    /// Since the healing, like `all_healthy`.
    pub first_request: Duration,
    pub all_healthy: Duration,
    pub peak_over_mean: f64,
    /// Requests above the endpoint's limit after the healing.
    pub turned_away: u64,
    /// How often a client that was healthy again went out again.
    pub out_again: usize,
    /// Clients that never recovered.
    pub still_out: usize,
}

/// The figures of the whole fleet.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Requests per 100 ms.
    pub live_rate: f64,
    pub recoveries: Vec<Recovery>,
    pub emitted: u64,
    pub delivered: u64,
    pub spilled: u64,
    pub lost: u64,
    pub pending: u64,
    pub compared: Compared,
}

impl Figures {
    pub fn of(outcome: &Outcome) -> Figures {
        let live_rate = live_rate(&outcome.notes);
        let sum = |of: fn(&overspill::Stats) -> u64| outcome.stats.iter().map(of).sum();
        Figures {
            live_rate,
            recoveries: TROUBLES.iter().map(|&trouble| recovery(outcome, trouble, live_rate)).collect(),
            emitted: sum(|stats| stats.emitted),
            delivered: sum(|stats| stats.delivered),
            spilled: sum(|stats| stats.spilled),
            lost: sum(|stats| stats.lost),
            pending: sum(|stats| stats.pending),
            compared: outcome.notes.found.compare(outcome.emitted),
        }
    }

    /// The maximum load that chance allows for the highest of many spans of this many ticks, as a multiple of the live rate.
    pub fn load_max(&self, ticks: f64) -> f64 {
        1.0 + CHANCE / (self.live_rate * ticks).sqrt()
    }

    /// Describes the promises that do not hold.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut promise = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        for recovery in &self.recoveries {
            let name = recovery.trouble.name;
            promise(
                recovery.peak_over_mean <= PEAK_OVER_MEAN_MAX,
                format!("{name}: peak/mean {:.2} is above {PEAK_OVER_MEAN_MAX}", recovery.peak_over_mean),
            );
            for (what, load, ticks) in
                [("a second", recovery.highest_second, 10.0), ("100 ms", recovery.highest_tick, 1.0)]
            {
                promise(
                    load <= self.load_max(ticks),
                    format!(
                        "{name}: {what} had {load:.2} times the live rate; chance allows {:.2}",
                        self.load_max(ticks)
                    ),
                );
            }
            promise(
                recovery.highest_attempts <= ATTEMPTS_MAX * self.load_max(10.0),
                format!(
                    "{name}: a second had {:.2} times the live rate of attempts",
                    recovery.highest_attempts
                ),
            );
            promise(
                recovery.out_again == 0,
                format!("{name}: healthy clients went out again {} times", recovery.out_again),
            );
            promise(
                recovery.first_request >= recovery.trouble.not_before,
                format!("{name}: a request came {:?} after the healing", recovery.first_request),
            );
            promise(
                recovery.all_healthy <= recovery.trouble.back_within,
                format!("{name}: it took {:?} until all were healthy", recovery.all_healthy),
            );
            promise(
                recovery.still_out == 0,
                format!("{name}: {} clients did not come back", recovery.still_out),
            );
            promise(recovery.out > 0, format!("{name}: no client noticed"));
        }
        promise(
            self.lost + self.pending == 0 && self.emitted == self.delivered + self.spilled,
            "the law: the books are not even".to_owned(),
        );
        promise(self.compared.is_exact(), format!("the law: ids as sets: {:?}", self.compared));
        broken
    }
}

fn recovery(outcome: &Outcome, trouble: Trouble, live_rate: f64) -> Recovery {
    let notes = &outcome.notes;
    let during = notes.edges.iter().filter(|(at, ..)| (trouble.from..trouble.until).contains(at));
    let (mut out, mut ever_out, mut healthy, mut out_again) =
        (BTreeSet::new(), BTreeSet::new(), trouble.healed, 0);
    for &(at, client, edge) in during {
        match edge {
            Edge::Began => {
                out.insert(client);
                // An outage that begins before the healing belongs to the trouble; one that begins after it is one too many.
                out_again += usize::from(at >= trouble.healed);
                ever_out.insert(client);
            }
            Edge::Ended => {
                out.remove(&client);
                healthy = healthy.max(at);
            }
        }
    }
    let silent = notes.span(trouble.healed, trouble.until).iter().take_while(|tick| tick.requests == 0);
    let first_request = TICK * silent.count() as u32;
    let recovering = notes.span(trouble.healed + first_request, healthy + TICK);
    let troubled = notes.span(trouble.from, healthy + TICK);
    let highest = |ticks: &[Tick], of: fn(&Tick) -> u64| ticks.iter().map(of).max().unwrap_or(0) as f64;
    let sum = |ticks: &[Tick]| ticks.iter().map(|tick| tick.requests).sum::<u64>() as f64;
    let load = |ticks: &[Tick]| ticks.iter().map(|tick| tick.requests - tick.refused).sum::<u64>() as f64;
    let mean = sum(recovering) / recovering.len().max(1) as f64;
    Recovery {
        trouble,
        out: ever_out.len(),
        highest_second: troubled.windows(10).map(load).fold(0.0, f64::max) / 10.0 / live_rate,
        highest_attempts: troubled.windows(10).map(sum).fold(0.0, f64::max) / 10.0 / live_rate,
        highest_tick: highest(troubled, |tick| tick.requests - tick.refused) / live_rate,
        highest_probes: highest(troubled, |tick| tick.probes) / live_rate,
        first_request,
        all_healthy: healthy - trouble.healed,
        peak_over_mean: highest(recovering, |tick| tick.requests) / mean,
        turned_away: notes.span(trouble.healed, trouble.until).iter().map(|tick| tick.turned_away).sum(),
        out_again,
        still_out: out.len(),
    }
}
