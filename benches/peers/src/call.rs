//! What a call costs its caller: overspill, its floors and its peers, interleaved in one run.
//!
//! In each round, each system has its own process, which measures the floor just before and just after the system, at
//! the same pace. Ratios are to the mean of the two.

mod one;
mod show;

pub use one::{Allocated, AllocationArguments, Arguments as OneArguments, allocations, one};

use crate::child;
use crate::sink::Sink;
use crate::systems::{self, Entry, Kind};
use crate::{Failure, corpus, wire};
use one::Sample;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// Events per layer from emit to the 2xx: the slowest takes a second.
const LAYER_EVENTS: u64 = 100_000;

/// A process that takes longer counts as broken.
const ONE_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Rounds over all systems
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Bursts of 500 calls in a slice
    #[arg(long, default_value_t = 40)]
    bursts: usize,
    /// Only these systems, by name, and the floor
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// The results of all rounds for one system.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    name: &'static str,
    what: &'static str,
    #[serde(skip)]
    kind: Kind,
    samples: Vec<Sample>,
    allocated: Option<Allocated>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    show::show(&measure(arguments, systems::ALL.iter().collect())?)
}

/// The same for a tracing event, through each layer.
pub fn layers(arguments: &Arguments) -> Result<(), Failure> {
    let entries = systems::LAYERS.iter().chain(systems::ALL.iter().filter(|entry| systems::is_layer(entry)));
    let measured = measure(arguments, entries.collect())?;
    let sink = Sink::start()?;
    let mut whole = Vec::new();
    for round in 0..arguments.rounds {
        for of in &measured {
            // That layer sends nothing.
            if of.name != systems::JSON_LAYER {
                whole.push((of.name, wire::of_one(of.name, LAYER_EVENTS, &sink.addresses)?));
            }
        }
        eprintln!("on the wire: round {} of {}", round + 1, arguments.rounds);
    }
    show::layers(&measured, &whole)
}

fn measure(arguments: &Arguments, all: Vec<&'static Entry>) -> Result<Vec<Measured>, Failure> {
    let entries: Vec<&Entry> = if arguments.only.is_empty() {
        all
    } else {
        arguments.only.iter().map(|name| systems::by_name(name)).collect::<Result<_, _>>()?
    };
    let mut measured: Vec<Measured> = entries
        .iter()
        .map(|entry| Measured {
            name: entry.name,
            what: entry.what,
            kind: entry.kind,
            samples: Vec::new(),
            allocated: None,
        })
        .collect();
    let sink = Sink::start()?;
    let events = corpus::events().len();
    eprintln!("{} rounds of {} systems, {events} different events", arguments.rounds, entries.len());
    for round in 0..arguments.rounds {
        for of in &mut measured {
            let mut ask = vec!["one-call".to_owned(), of.name.to_owned(), "--bursts".to_owned()];
            ask.push(arguments.bursts.to_string());
            ask.extend(sink.addresses.arguments());
            of.samples.push(child::ask(&ask, ONE_MAX)?);
        }
        eprintln!("round {} of {}", round + 1, arguments.rounds);
    }
    match allocations_program() {
        Some(program) => {
            for of in &mut measured {
                let mut ask = vec![of.name.to_owned()];
                ask.extend(sink.addresses.arguments());
                of.allocated = Some(child::ask_program(&program, &ask, ONE_MAX)?);
            }
        }
        None => eprintln!("!!! allocations are not counted: benches/peers/run builds the program that does"),
    }
    Ok(measured)
}

/// The companion program with a counting allocator. A counting allocator in this program would distort every time.
fn allocations_program() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("allocations");
    path.exists().then_some(path)
}
