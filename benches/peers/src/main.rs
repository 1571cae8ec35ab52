//! The commands: each prints one table and saves Markdown, raw data and pictures in target/peers.

use clap::{Parser, Subcommand};
use overspill_peers::{Failure, adopt, call, formats, outage, report, sink, spill, sweep, wire};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "peers", about = "Measures what overspill costs, compared with its floors and its peers")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What a call costs its caller: P1, P2, P3, P5 (15 minutes)
    Call(call::Arguments),
    /// What a tracing event costs its caller, through each layer (9 minutes)
    Layers(call::Arguments),
    /// From emit to the 2xx, end to end: P6, P7 (2 minutes)
    Wire(wire::Arguments),
    /// Each format compared with the JSON array, from emit to the 2xx (1 minute)
    Formats(formats::Arguments),
    /// A refusing endpoint and a tarpit: P4, P9, P10 (4 minutes)
    Outage(outage::Arguments),
    /// Spilling through a JSON log to a file: P8 (1 minute)
    Spill(spill::Arguments),
    /// Cost by event size, producers, clients and batch size: P13 (2 minutes)
    Sweep(sweep::Arguments),
    /// The cost of the dependency: P12 (8 minutes)
    Adopt(adopt::Arguments),
    /// Writes benches/COSTS.md and its pictures from the last run of each command; the chapters of other commands stay as they are
    Report(report::Arguments),
    #[command(hide = true)]
    Sink,
    #[command(hide = true)]
    OneCall(call::OneArguments),
    #[command(hide = true)]
    OneWire(wire::OneArguments),
    #[command(hide = true)]
    OneFormat(formats::OneArguments),
    #[command(hide = true)]
    OneOutage(outage::OneArguments),
    #[command(hide = true)]
    OneFull(outage::FullArguments),
    #[command(hide = true)]
    OneSpill(spill::OneArguments),
    #[command(hide = true)]
    OneSweep(sweep::OneArguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("peers: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Call(arguments) => call::run(&arguments),
        Command::Layers(arguments) => call::layers(&arguments),
        Command::Wire(arguments) => wire::run(&arguments),
        Command::Formats(arguments) => formats::run(&arguments),
        Command::Outage(arguments) => outage::run(&arguments),
        Command::Spill(arguments) => spill::run(&arguments),
        Command::Sweep(arguments) => sweep::run(&arguments),
        Command::Adopt(arguments) => adopt::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Sink => sink::serve(),
        Command::OneCall(arguments) => say(&call::one(&arguments)?),
        Command::OneWire(arguments) => say(&wire::one(&arguments)?),
        Command::OneFormat(arguments) => say(&formats::one(&arguments)?),
        Command::OneOutage(arguments) => say(&outage::one(&arguments)?),
        Command::OneFull(arguments) => say(&outage::full(&arguments)?),
        Command::OneSpill(arguments) => say(&spill::one(&arguments)?),
        Command::OneSweep(arguments) => say(&sweep::one(&arguments)?),
    }
}

/// Prints the result for the parent process, then exits at once, even if clients are still waiting.
fn say(answer: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(answer)?);
    std::process::exit(0);
}
