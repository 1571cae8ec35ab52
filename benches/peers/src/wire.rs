//! From emit to the 2xx, against a fast sink in another process: throughput, and the CPU time of the whole process.
//!
//! Batches of 500 and four requests in flight, for each system that has these settings. Each case has its own process in each
//! round. Only events that arrive at the sink count.

mod floors;

use crate::child;
use crate::output::{Goal, Page, Table, median, quartiles, version};
use crate::sink::{Addresses, Order, Sink};
use crate::statistics::{Spread, spread};
use crate::systems::{self, Kind};
use crate::{Failure, corpus, usage};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

const ONE_MAX: Duration = Duration::from_secs(120);

/// Events emitted before the clock starts.
const WARM_EVENTS: u64 = 5_000;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Rounds over all cases
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Thousands of events per case; a peer gets a quarter
    #[arg(long, default_value_t = 2000)]
    thousands: u64,
}

#[derive(Debug, clap::Args)]
pub struct OneArguments {
    name: String,
    #[arg(long)]
    events: u64,
    #[command(flatten)]
    sink: Addresses,
}

/// What one process reports.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sample {
    pub emitted: u64,
    pub arrived: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
}

impl Sample {
    fn thousand_per_second(&self) -> f64 {
        self.arrived as f64 / self.seconds / 1000.0
    }

    /// In seconds per million events, which equals µs per event.
    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu_seconds / self.arrived as f64 * 1e6
    }
}

/// The cases that are not a [`systems::System`], because they have no call.
const READY: &str = "ready-post";
const BY_HAND: &str = "encode-post";
const QUEUED: &str = "overspill-queued";
const OURS: &str = "overspill";

fn cases() -> Vec<(&'static str, &'static str, Kind)> {
    let floors = [
        (READY, "*least*: ready bodies, posted by reqwest", Kind::Floor),
        (BY_HAND, "*by hand*: encode and post in one thread", Kind::Floor),
        (QUEUED, "**overspill**, the sender alone, events queued beforehand", Kind::Ours),
    ];
    let on_the_wire = systems::ALL.iter().filter(|entry| entry.wire);
    floors.into_iter().chain(on_the_wire.map(|entry| (entry.name, entry.what, entry.kind))).collect()
}

pub fn one(arguments: &OneArguments) -> Result<Sample, Failure> {
    let seen = || arguments.sink.tell(Order::Say).map(|seen| seen.events);
    let before = seen()?;
    let endpoint = &arguments.sink.http;
    let measured = match arguments.name.as_str() {
        READY => floors::post(endpoint, arguments.events, floors::Bodies::Ready),
        BY_HAND => floors::post(endpoint, arguments.events, floors::Bodies::EncodedHere),
        QUEUED => floors::queued(endpoint, arguments.events),
        name => system(name, &arguments.sink, arguments.events),
    }?;
    // All events from before the clock started have arrived by then.
    let arrived = (seen()? - before).saturating_sub(measured.warm);
    Ok(Sample {
        emitted: arguments.events,
        arrived,
        seconds: measured.took.as_secs_f64(),
        cpu_seconds: measured.cpu.as_secs_f64(),
    })
}

pub(crate) struct Measured {
    pub warm: u64,
    pub took: Duration,
    pub cpu: Duration,
}

/// Emits as fast as the system keeps up. Two of the peers silently drop what they cannot take, and one of those looks at its queue
/// only now and then. They get rests, just long enough for everything to arrive.
fn system(name: &str, sink: &Addresses, events: u64) -> Result<Measured, Failure> {
    drive(name, systems::by_name(name)?.make(sink)?, sink, events)
}

/// The same for any system.
pub(crate) fn drive(
    name: &str,
    system: Box<dyn systems::System>,
    sink: &Addresses,
    events: u64,
) -> Result<Measured, Failure> {
    let (burst, rest, window) = match name {
        "loki" => (400, Duration::from_micros(300), 20_000),
        "sentry" | "sentry-layer" => (500, Duration::ZERO, 2_000),
        _ => (500, Duration::ZERO, u64::MAX),
    };
    let start = sink.tell(Order::Say)?.events;
    let mut emitted = 0;
    let mut caller = system.caller();
    let mut corpus = corpus::cycle(0);
    let mut emit = |until: u64| -> Result<(), Failure> {
        while emitted < until {
            let now = burst.min(until - emitted);
            corpus.by_ref().take(now as usize).for_each(&mut caller);
            emitted += now;
            std::thread::sleep(rest);
            let patience = Instant::now() + Duration::from_secs(2);
            while !system.keeps_up(emitted) && Instant::now() < patience {
                // Half the queue lasts longer than this.
                std::thread::sleep(Duration::from_micros(200));
            }
            while window != u64::MAX
                && start + emitted > sink.tell(Order::Say)?.events + window
                && Instant::now() < patience
            {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    };
    emit(WARM_EVENTS)?;
    // Waits for the warm-up events, so that they are not counted. The few that a peer holds back for a batch arrive later.
    let patience = Instant::now() + Duration::from_millis(600);
    while sink.tell(Order::Say)?.events < start + WARM_EVENTS && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(10));
    }
    let warm = sink.tell(Order::Say)?.events - start;
    let (cpu, begin) = (usage::cpu()?, Instant::now());
    emit(WARM_EVENTS + events)?;
    drop(caller);
    system.finish(Duration::from_secs(30));
    Ok(Measured { warm, took: begin.elapsed(), cpu: usage::cpu()? - cpu })
}

/// One case in its own process.
pub(crate) fn of_one(name: &str, events: u64, sink: &Addresses) -> Result<Sample, Failure> {
    let mut ask = vec!["one-wire".to_owned(), name.to_owned()];
    ask.extend(["--events".to_owned(), events.to_string()]);
    ask.extend(sink.arguments());
    child::ask(&ask, ONE_MAX)
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sink = Sink::start()?;
    let mut samples: Vec<(&str, &str, Kind, Vec<Sample>)> =
        cases().into_iter().map(|(name, what, kind)| (name, what, kind, Vec::new())).collect();
    for round in 0..arguments.rounds {
        for (name, _, kind, samples) in &mut samples {
            let thousands =
                if *kind == Kind::Peer { arguments.thousands.div_ceil(4) } else { arguments.thousands };
            let sample = of_one(name, thousands * 1000, &sink.addresses)?;
            if *kind != Kind::Peer && sample.arrived != sample.emitted {
                return Err(format!("{name}: {} of {} events arrived", sample.arrived, sample.emitted).into());
            }
            samples.push(sample);
        }
        eprintln!("round {} of {}", round + 1, arguments.rounds);
    }
    show(arguments, &samples)
}

fn show(arguments: &Arguments, samples: &[(&str, &str, Kind, Vec<Sample>)]) -> Result<(), Failure> {
    let of = |name: &str, figure: fn(&Sample) -> f64| -> Vec<f64> {
        samples
            .iter()
            .filter(|(this, ..)| *this == name)
            .flat_map(|(.., samples)| samples.iter().map(figure))
            .collect()
    };
    // Adjacent cases of one round.
    let ratio = |name: &str, to: &str, figure: fn(&Sample) -> f64| -> Option<Spread> {
        spread(of(name, figure).into_iter().zip(of(to, figure)).map(|(over, under)| over / under))
    };
    let mut page = Page::of("wire");
    page.say(&format!(
        "{} rounds, interleaved, {} thousand events each (a peer: a quarter), in a process of its own; the sink is another \
         process and its CPU time is not counted. CPU by getrusage, all threads, user and system. Medians, quartiles in \
         brackets; × is the ratio to encoding and posting by hand in the same round.",
        arguments.rounds, arguments.thousands
    ));
    let mut table =
        Table::of(&["emit to 2xx", "k events/s", "× by hand", "CPU s per million", "× by hand", "arrived"]);
    for (name, what, _, samples) in samples {
        let share = samples.iter().map(|sample| sample.arrived).sum::<u64>() as f64
            / samples.iter().map(|sample| sample.emitted).sum::<u64>() as f64;
        table.row(vec![
            (*what).to_owned(),
            quartiles(spread(of(name, Sample::thousand_per_second))),
            median(ratio(name, BY_HAND, Sample::thousand_per_second)),
            quartiles(spread(of(name, Sample::cpu_per_million))),
            median(ratio(name, BY_HAND, Sample::cpu_per_million)),
            format!("{:.1} %", 100.0 * share),
        ]);
    }
    page.table(&table);
    page.picture("wire.png", "CPU time from emit to the 2xx");
    let versions = ["reqwest", "opentelemetry-otlp", "sentry", "tracing-loki"];
    page.say(&format!("Versions: {}.", versions.map(|name| format!("{name} {}", version(name))).join(", ")));
    let value = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
    let (cpu, rate) = (Sample::cpu_per_million, Sample::thousand_per_second);
    page.goal(Goal::at_most(
        "P6",
        "CPU over encode-and-post by hand",
        value(ratio(OURS, BY_HAND, cpu)),
        0.8,
        " x",
    ));
    page.goal(Goal::at_least("P6", "throughput over by hand", value(ratio(OURS, BY_HAND, rate)), 1.7, " x"));
    let best = samples
        .iter()
        .filter(|(.., kind, _)| *kind == Kind::Peer)
        .map(|(name, ..)| (value(ratio(OURS, name, rate)), name))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((ratio, name)) = best {
        page.goal(Goal::at_least(
            "P6",
            &format!("throughput over the best peer ({name})"),
            ratio,
            10.0,
            " x",
        ));
    }
    page.goal(Goal::at_most(
        "P7",
        "the sender alone, CPU over ready bodies",
        value(ratio(QUEUED, READY, cpu)),
        1.3,
        " x",
    ));
    let raw: Vec<_> = samples.iter().map(|(name, what, _, samples)| (name, what, samples)).collect();
    page.keep(&raw)
}
