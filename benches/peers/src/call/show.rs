//! The rounds as two tables, two pictures and the goals P1, P2, P3, P5.

use super::Measured;
use super::one::{Beside, GAPS, Off, Sample};
use crate::Failure;
use crate::output::{Goal, Page, Table, median, quartiles, short, version};
use crate::pace::Calls;
use crate::statistics::{Spread, spread};
use crate::systems::{JSON_LAYER, Kind};
use crate::wire;

const MEAN: fn(&Calls) -> f64 = |calls| calls.mean;
const P50: fn(&Calls) -> f64 = |calls| calls.p50;
const P99: fn(&Calls) -> f64 = |calls| calls.p99;
const P999: fn(&Calls) -> f64 = |calls| calls.p999;

impl Measured {
    fn over(&self, figure: impl Fn(&Sample) -> f64) -> Option<Spread> {
        spread(self.samples.iter().map(figure))
    }

    fn ratio(&self, pace: fn(&Sample) -> &Beside, figure: fn(&Calls) -> f64) -> Option<Spread> {
        self.over(|sample| pace(sample).ratio(figure))
    }

    /// Events that were dropped, in all rounds.
    fn missed(&self) -> String {
        let missed: Option<u64> = self.samples.iter().map(|sample| sample.missed).sum();
        missed.map_or_else(|| "-".to_owned(), |missed| short(missed as f64))
    }
}

const ONE: fn(&Sample) -> &Beside = |sample| &sample.one;
const TWO: fn(&Sample) -> &Beside = |sample| &sample.two;

pub fn show(measured: &[Measured]) -> Result<(), Failure> {
    let mut page = Page::of("call");
    let rounds = measured.first().map_or(0, |of| of.samples.len());
    let clock = spread(measured.iter().flat_map(|of| &of.samples).map(|sample| sample.clock_ns));
    page.say(&format!(
        "{rounds} rounds, interleaved; bursts of 500 calls with rests of at least 1 ms. Medians of the rounds, quartiles in \
         brackets; × is the ratio to the floor measured in the same process just before and after, under the same pace. Single \
         calls for the percentiles are timed with a clock that costs {} ns, which is subtracted.",
        median(clock)
    ));
    page.table(&bursts(measured));
    page.picture("call.png", "What a call costs, as a multiple of the floor");
    page.say("The trickle: an event every 10, 50 or 200 µs (a loop waits for the first two, a timer for the third).");
    page.table(&trickles(measured));
    page.say(&format!("Versions: {}.", versions()));
    for goal in goals(measured) {
        page.goal(goal);
    }
    if let Some(off) = measured.iter().find(|of| of.kind == Kind::Ours).and_then(off_spread) {
        page.say(&format!(
            "Switched off: `emit` {} ns, `emit_with` {} ns, the empty loop {} ns, a million calls each.",
            median(off[0]),
            median(off[1]),
            median(off[2])
        ));
    }
    page.keep(&measured)?;
    let full = measured
        .iter()
        .filter(|of| of.kind == Kind::Ours)
        .any(|of| of.samples.iter().any(|sample| sample.missed != Some(0)));
    if full {
        Err("overspill's queue was full: these are not the figures of accepted events".into())
    } else {
        Ok(())
    }
}

/// The layers side by side. The goal covers the layers that send; the one that only formats is not compared.
pub fn layers(measured: &[Measured], whole: &[(&str, wire::Sample)]) -> Result<(), Failure> {
    let mut page = Page::of("layers");
    let rounds = measured.first().map_or(0, |of| of.samples.len());
    page.say(&format!(
        "The same eight fields in `tracing::info!`, through one layer each, in the Registry as the subscriber of the process. {rounds} rounds, as above: \
         what is timed is the macro. × is the ratio to serde_json encoding a struct of these fields."
    ));
    page.table(&bursts(measured));
    page.say(&format!(
        "Versions: {}.",
        [
            "tracing-subscriber",
            "opentelemetry-appender-tracing",
            "opentelemetry-otlp",
            "sentry",
            "tracing-loki"
        ]
        .map(|name| format!("{name} {}", version(name)))
        .join(", ")
    ));
    let of = |name: &str, figure: fn(&wire::Sample) -> f64| {
        spread(whole.iter().filter(|(this, _)| *this == name).map(|(_, sample)| figure(sample)))
    };
    let arrived: fn(&wire::Sample) -> f64 = |sample| 100.0 * sample.arrived as f64 / sample.emitted as f64;
    let mut table = Table::of(&["from the macro to the 2xx", "CPU µs per event, whole process", "arrived %"]);
    let senders: Vec<&Measured> = measured.iter().filter(|layer| layer.name != JSON_LAYER).collect();
    for layer in &senders {
        table.row(vec![
            layer.what.to_owned(),
            quartiles(of(layer.name, wire::Sample::cpu_per_million)),
            median(of(layer.name, arrived)),
        ]);
    }
    page.say("The total cost of an event to the process includes encoding, sending and wake-ups: a call that only copies leaves the rest to another thread.");
    page.table(&table);
    let whole = |layer: &Measured| of(layer.name, wire::Sample::cpu_per_million).map(|cpu| cpu.median);
    let cpu: Vec<_> = senders.iter().map(|layer| (layer.name, layer.kind, whole(layer))).collect();
    let ours = cpu.iter().find(|(_, kind, _)| *kind == Kind::Ours).and_then(|(.., cpu)| *cpu);
    let best = cpu
        .iter()
        .filter(|(_, kind, _)| *kind == Kind::Peer)
        .filter_map(|(name, _, cpu)| Some(((*cpu)?, *name)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let (Some(ours), Some((best, name))) = (ours, best) {
        let what = format!(
            "a tracing event, CPU to the 2xx: the cheapest layer with an exporter ({name}) over ours"
        );
        page.goal(Goal::at_least("layers", &what, best / ours, 3.0, " x"));
    }
    page.keep(&(measured, cpu.iter().map(|(name, _, cpu)| (name, cpu)).collect::<Vec<_>>()))
}

fn bursts(measured: &[Measured]) -> Table {
    let mut table = Table::of(&[
        "a call, one producer",
        "mean ns",
        "× floor",
        "p50 ns",
        "p99 ns",
        "p99.9 ns",
        "p99.9 × floor",
        "two producers, × floor",
        "two producers, p99.9 × floor",
        "allocations",
        "bytes allocated",
        "not delivered",
    ]);
    for of in measured {
        let allocated = |figure: fn(&super::Allocated) -> f64| {
            of.allocated.as_ref().map_or_else(|| "-".to_owned(), |allocated| short(figure(allocated)))
        };
        table.row(vec![
            of.what.to_owned(),
            median(of.over(|sample| sample.one.system.mean)),
            quartiles(of.ratio(ONE, MEAN)),
            median(of.over(|sample| P50(&sample.one.system))),
            median(of.over(|sample| P99(&sample.one.system))),
            median(of.over(|sample| P999(&sample.one.system))),
            median(of.ratio(ONE, P999)),
            quartiles(of.ratio(TWO, MEAN)),
            median(of.ratio(TWO, P999)),
            allocated(|allocated| allocated.blocks),
            allocated(|allocated| allocated.bytes),
            of.missed(),
        ]);
    }
    table
}

fn trickles(measured: &[Measured]) -> Table {
    let mut heads = vec!["a call in a trickle".to_owned()];
    for gap in GAPS {
        for what in ["mean ns", "× floor", "p99.9 × floor"] {
            heads.push(format!("{gap:?}: {what}"));
        }
    }
    let mut table = Table::of(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for of in measured {
        let mut row = vec![of.what.to_owned()];
        for nth in 0..GAPS.len() {
            row.push(median(of.over(|sample| sample.trickles[nth].system.mean)));
            row.push(quartiles(of.over(|sample| sample.trickles[nth].ratio(MEAN))));
            row.push(median(of.over(|sample| sample.trickles[nth].ratio(P999))));
        }
        table.row(row);
    }
    table
}

fn versions() -> String {
    [
        "serde_json",
        "crossbeam-channel",
        "tracing-subscriber",
        "tracing-appender",
        "opentelemetry_sdk",
        "opentelemetry-otlp",
        "cadence",
        "sentry",
        "tracing-loki",
    ]
    .map(|name| format!("{name} {}", version(name)))
    .join(", ")
}

fn off_spread(ours: &Measured) -> Option<[Option<Spread>; 3]> {
    let off = |figure: fn(&Off) -> f64| {
        spread(ours.samples.iter().filter_map(|sample| sample.off.as_ref()).map(figure))
    };
    let spreads = [off(|off| off.emit), off(|off| off.emit_with), off(|off| off.loop_alone)];
    spreads[0].is_some().then_some(spreads)
}

/// P2, in the order of [`GAPS`]: after a longer rest the caches are colder.
const TRICKLE_MAX: [f64; 3] = [1.3, 1.3, 1.45];

fn goals(measured: &[Measured]) -> Vec<Goal> {
    let Some(ours) = measured.iter().find(|of| of.kind == Kind::Ours) else { return Vec::new() };
    let value = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.median);
    let halves = ours.samples.iter().filter_map(|sample| sample.half.as_ref());
    let mut goals = vec![
        Goal::at_most(
            "P1",
            "emit, one producer, mean over the floor",
            value(ours.ratio(ONE, MEAN)),
            0.85,
            " x",
        ),
        Goal::at_most(
            "P1",
            "emit, two producers, mean over the floor",
            value(ours.ratio(TWO, MEAN)),
            1.0,
            " x",
        ),
        Goal::at_most(
            "P1",
            "emit, one producer, p99.9 over the floor's",
            value(ours.ratio(ONE, P999)),
            2.0,
            " x",
        ),
        Goal::at_most(
            "P1",
            "emit, two producers, p99.9 over the floor's",
            value(ours.ratio(TWO, P999)),
            2.0,
            " x",
        ),
        Goal::at_most(
            "P1",
            "emit, bursts of 256 into an empty queue, mean over the floor",
            value(spread(halves.map(|half| half.ratio(MEAN)))),
            0.95,
            " x",
        ),
    ];
    let best = measured
        .iter()
        .filter(|of| of.kind == Kind::Peer)
        .filter_map(|of| Some((of.ratio(ONE, MEAN)?.median, of.name)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((ratio, name)) = best {
        let share = value(ours.ratio(ONE, MEAN)) / ratio;
        goals.push(Goal::at_most("P1", &format!("emit over the cheapest peer ({name})"), share, 1.0, " x"));
    }
    for (nth, gap) in GAPS.iter().enumerate() {
        let of = |figure| value(ours.over(|sample| sample.trickles[nth].ratio(figure)));
        goals.push(Goal::at_most(
            "P2",
            &format!("an event every {gap:?}, mean over the floor"),
            of(MEAN),
            TRICKLE_MAX[nth],
            " x",
        ));
        goals.push(Goal::at_most(
            "P2",
            &format!("an event every {gap:?}, p99.9 over the floor's"),
            of(P999),
            2.0,
            " x",
        ));
    }
    if let Some([emit, emit_with, alone]) = off_spread(ours) {
        goals.push(Goal::at_most(
            "P3",
            "emit, Off, beyond the loop around it",
            value(emit) - value(alone),
            2.0,
            " ns",
        ));
        let with = value(emit_with) - value(alone);
        goals.push(Goal::at_most("P3", "emit_with, Off, beyond the loop around it", with, 2.0, " ns"));
    }
    if let Some(allocated) = &ours.allocated {
        goals.push(Goal::at_most("P5", "allocations per accepted event", allocated.blocks, 0.0, ""));
    }
    goals
}
